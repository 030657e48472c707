# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a service is told that its files have changed: by systemd, at run time, by a signal, or by a command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Callable, NamedTuple

from .._clients import commands, docker, systemd
from .._core import drivers
from .._core.errors import RunbookError
from .._core.text import excerpt

#: Options of how a service is told.
Told = Mapping[str, Any]

#: Seconds that a service may take to be told: a restart waits until it is up.
TIMEOUT = 60.0

#: The first version of Redis that takes several settings in one command.
REDIS_AT_RUN_TIME = 7


def is_running(told: Told, files: Mapping[str, str]) -> bool:
    """Whether there is a process that has to be told; raises `RunbookError` where that cannot be found out."""
    return _WAYS[told["kind"]].is_running(told, files)


def tell(told: Told, files: Mapping[str, str]) -> None:
    """Make the service read its files again; raises `RunbookError` with its own words where it refuses.

    ``files`` are the paths of the certificate's files by their role.
    """
    _WAYS[told["kind"]].tell(told, files)


def about(told: Told | None) -> str:
    """How the service is told, for people."""
    return _WAYS[told["kind"]].about(told) if told else "nobody has to be told"


def _run(argv: list[str], what: str) -> None:
    outcome = commands.run(argv, timeout=TIMEOUT)
    if outcome.status != 0:
        raise RunbookError(f"{what} failed: {excerpt(outcome.stderr or outcome.stdout, 300)}")


def _unit_is_running(told: Told, _files: Mapping[str, str]) -> bool:
    unit = told["unit"]
    (shown,) = systemd.show([unit], ["LoadState", "ActiveState"], timeout=TIMEOUT)
    if shown.get("LoadState") in systemd.NOT_LOADED:
        raise RunbookError(f"{unit} {systemd.NOT_LOADED[shown['LoadState']]}")
    return shown["ActiveState"] in ("active", "reloading", "activating")


def _tell_unit(told: Told, _files: Mapping[str, str]) -> None:
    # Once here, systemctl waits until it is done.
    _run(["systemctl", told["action"], "--", told["unit"]], f"systemctl {told['action']} {told['unit']}")


@contextlib.contextmanager
def _redis(told: Told) -> Iterator[Any]:
    driver = drivers.load("redis")
    secure = {
        "ssl": True,
        "ssl_ca_certs": told.get("ca"),
        "ssl_certfile": told.get("client_cert"),
        "ssl_keyfile": told.get("client_key"),
        # Who is asked to take another certificate may have one that has expired: who it is, its address says.
        "ssl_cert_reqs": "none",
        "ssl_check_hostname": False,
    }
    connection = driver.Redis(
        host="localhost",
        port=told["port"],
        username=told.get("username"),
        password=told.get("password"),
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        decode_responses=True,
        **(secure if told.get("tls") else {}),
    )
    try:
        yield connection
    except driver.RedisError as exc:
        raise RunbookError(f"redis at port {told['port']}: {exc}") from exc
    finally:
        connection.close()


def _redis_is_running(told: Told, _files: Mapping[str, str]) -> bool:
    if told.get("unit"):
        return _unit_is_running(told, _files)
    with _redis(told) as connection:
        connection.ping()
    return True


def _tell_redis(told: Told, files: Mapping[str, str]) -> None:
    """Let Redis load certificate and key by one command where it can; else restart it where it is said how."""
    with _redis(told) as connection:
        version = str(connection.info("server")["redis_version"])
        at_run_time = int(version.split(".", 1)[0]) >= REDIS_AT_RUN_TIME
        if at_run_time:
            settings = connection.config_get("tls-*-file")
            pair = {name: settings.get(name, "") for name in ("tls-cert-file", "tls-key-file")}
            others = [f"{name} {value!r}" for name, value in pair.items() if value not in files.values()]
            if others:
                where = f"redis at port {told['port']}"
                raise RunbookError(f"{where} reads {' and '.join(others)}, not the files of this set")
            words = [word for setting in pair.items() for word in setting]
            connection.execute_command("CONFIG SET", *words)
            return
    if not told.get("unit"):
        raise RunbookError(f"redis {version} cannot change its certificate at run time: give the unit to restart")
    _run(["systemctl", "restart", "--", told["unit"]], f"systemctl restart {told['unit']}")


def _containers(told: Told) -> list[str]:
    selection = docker.Selection.of({**told, "compose_service": told["service"], "timeout": TIMEOUT})
    return [row["ID"] for row in docker.containers(selection, timeout=TIMEOUT, running=True)]


def _tell_containers(told: Told, _files: Mapping[str, str]) -> None:
    words = ["restart"] if told["action"] == "restart" else ["kill", f"--signal={told['signal']}"]
    _run(["docker", *words, *_containers(told)], f"docker {words[0]} of {told['service']}")


class _Way(NamedTuple):
    is_running: Callable[[Told, Mapping[str, str]], bool]
    tell: Callable[[Told, Mapping[str, str]], None]
    about: Callable[[Told], str]


_WAYS: Mapping[str, _Way] = {
    "systemd": _Way(_unit_is_running, _tell_unit, lambda told: f"systemctl {told['action']} {told['unit']}"),
    "redis": _Way(_redis_is_running, _tell_redis, lambda told: f"redis at port {told['port']} loaded it"),
    "compose": _Way(
        lambda told, _files: bool(_containers(told)),
        _tell_containers,
        lambda told: f"{told['action']} of the containers of {told['service']}",
    ),
    "command": _Way(
        lambda _told, _files: True,
        lambda told, _files: _run(list(told["argv"]), f"{told['argv'][0]}"),
        lambda told: f"{told['argv'][0]} is run",
    ),
}
