# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a service is reloaded once its files have changed: by systemd, at run time, by a signal, or by a command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Callable, NamedTuple

from .._clients import commands, docker, systemd
from .._core import drivers
from .._core.errors import RunbookError
from .._core.text import excerpt

#: Options of how a service is reloaded.
ReloadOptions = Mapping[str, Any]

#: Seconds that a reload may take: a restart waits until the service is up.
TIMEOUT = 60.0

#: The first version of Redis that takes several settings in one command.
REDIS_AT_RUN_TIME = 7


def is_running(options: ReloadOptions, files: Mapping[str, str]) -> bool:
    """Whether there is a process that has to be reloaded; raises `RunbookError` where that cannot be found out."""
    return _WAYS[options["kind"]].is_running(options, files)


def perform(options: ReloadOptions, files: Mapping[str, str]) -> None:
    """Make the service read its files again; raises `RunbookError` with its own message where it refuses.

    ``files`` are the paths of the certificate's files by their role.
    """
    _WAYS[options["kind"]].perform(options, files)


def description(options: ReloadOptions | None) -> str:
    """How the service is reloaded, in a few words."""
    return _WAYS[options["kind"]].description(options) if options else "no service has to be reloaded"


def _run(argv: list[str], what: str) -> None:
    outcome = commands.run(argv, timeout=TIMEOUT)
    if outcome.status != 0:
        raise RunbookError(f"{what} failed: {excerpt(outcome.stderr or outcome.stdout, 300)}")


def _unit_is_running(options: ReloadOptions, _files: Mapping[str, str]) -> bool:
    unit = options["unit"]
    (shown,) = systemd.show([unit], ["LoadState", "ActiveState"], timeout=TIMEOUT)
    if shown.get("LoadState") in systemd.NOT_LOADED:
        raise RunbookError(f"{unit} {systemd.NOT_LOADED[shown['LoadState']]}")
    return shown["ActiveState"] in ("active", "reloading", "activating")


def _reload_unit(options: ReloadOptions, _files: Mapping[str, str]) -> None:
    # Once here, systemctl waits until it is done.
    _run(["systemctl", options["action"], "--", options["unit"]], f"systemctl {options['action']} {options['unit']}")


@contextlib.contextmanager
def _redis(options: ReloadOptions) -> Iterator[Any]:
    driver = drivers.load("redis")
    secure = {
        "ssl": True,
        "ssl_ca_certs": options.get("ca"),
        "ssl_certfile": options.get("client_cert"),
        "ssl_keyfile": options.get("client_key"),
        # A server that is to take another certificate may have one that has expired; its address says which it is.
        "ssl_cert_reqs": "none",
        "ssl_check_hostname": False,
    }
    connection = driver.Redis(
        host="localhost",
        port=options["port"],
        username=options.get("username"),
        password=options.get("password"),
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        decode_responses=True,
        **(secure if options.get("tls") else {}),
    )
    try:
        yield connection
    except driver.RedisError as exc:
        raise RunbookError(f"redis at port {options['port']}: {exc}") from exc
    finally:
        connection.close()


def _redis_is_running(options: ReloadOptions, _files: Mapping[str, str]) -> bool:
    if options.get("unit"):
        return _unit_is_running(options, _files)
    with _redis(options) as connection:
        connection.ping()
    return True


def _reload_redis(options: ReloadOptions, files: Mapping[str, str]) -> None:
    """Let Redis load certificate and key by one command where it can; else restart its unit where it is given."""
    with _redis(options) as connection:
        version = str(connection.info("server")["redis_version"])
        at_run_time = int(version.split(".", 1)[0]) >= REDIS_AT_RUN_TIME
        if at_run_time:
            settings = connection.config_get("tls-*-file")
            pair = {name: settings.get(name, "") for name in ("tls-cert-file", "tls-key-file")}
            others = [f"{name} {value!r}" for name, value in pair.items() if value not in files.values()]
            if others:
                where = f"redis at port {options['port']}"
                raise RunbookError(f"{where} reads {' and '.join(others)}, not the files of this set")
            words = [word for setting in pair.items() for word in setting]
            connection.execute_command("CONFIG SET", *words)
            return
    if not options.get("unit"):
        raise RunbookError(f"redis {version} cannot change its certificate at run time: give the unit to restart")
    _run(["systemctl", "restart", "--", options["unit"]], f"systemctl restart {options['unit']}")


def _containers(options: ReloadOptions) -> list[str]:
    selection = docker.Selection.of({**options, "compose_service": options["service"], "timeout": TIMEOUT})
    return [row["ID"] for row in docker.containers(selection, timeout=TIMEOUT, running=True)]


def _reload_containers(options: ReloadOptions, _files: Mapping[str, str]) -> None:
    words = ["restart"] if options["action"] == "restart" else ["kill", f"--signal={options['signal']}"]
    _run(["docker", *words, *_containers(options)], f"docker {words[0]} of {options['service']}")


class _Way(NamedTuple):
    is_running: Callable[[ReloadOptions, Mapping[str, str]], bool]
    perform: Callable[[ReloadOptions, Mapping[str, str]], None]
    description: Callable[[ReloadOptions], str]


_WAYS: Mapping[str, _Way] = {
    "systemd": _Way(_unit_is_running, _reload_unit, lambda options: f"systemctl {options['action']} {options['unit']}"),
    "redis": _Way(_redis_is_running, _reload_redis, lambda options: f"redis at port {options['port']} loaded it"),
    "compose": _Way(
        lambda options, _files: bool(_containers(options)),
        _reload_containers,
        lambda options: f"{options['action']} of the containers of {options['service']}",
    ),
    "command": _Way(
        lambda _options, _files: True,
        lambda options, _files: _run(list(options["argv"]), f"{options['argv'][0]}"),
        lambda options: f"{options['argv'][0]} is run",
    ),
}
