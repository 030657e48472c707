# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``redis``: a Redis server answers commands, keeps its data, and has memory left."""

from __future__ import annotations

import contextlib
import inspect
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils import _drivers, _tls
from ansible_collections.xorb.runbook.plugins.module_utils._checks import CRITICAL, OK, UNKNOWN, Finding
from ansible_collections.xorb.runbook.plugins.module_utils._kind import NETWORK_OPTIONS, TLS_OPTIONS, Given, Kind, port
from ansible_collections.xorb.runbook.plugins.module_utils._network import Deadline, Unreachable, connect
from ansible_collections.xorb.runbook.plugins.module_utils._network import reason as lost
from ansible_collections.xorb.runbook.plugins.module_utils._options import Option, Options, limits
from ansible_collections.xorb.runbook.plugins.module_utils._wording import excerpt, size

PORT = 6379

OPTIONS: Options = {
    **NETWORK_OPTIONS,
    **TLS_OPTIONS,
    "port": port(PORT),
    "username": Option("str", "User to log in as. Without it, the server's default user."),
    "password": Option("str", "Password of the user.", secret=True),
    "database": Option("int", "Number of the database.", default=0),
    "tls": Option("bool", "Whether the server speaks TLS.", default=False),
    "memory_warning": Option("float", "Warn above this percentage of the memory limit.", default=80.0, source="ours"),
    "memory_critical": Option("float", "Fail above this percentage of the memory limit.", default=90.0, source="ours"),
}

#: Redis says this word of everything that went well.
GOOD = "ok"


def run(given: Given) -> Iterator[Finding]:
    """Send PING, then INFO once for everything else."""
    driver = _drivers.load("redis")
    with contextlib.closing(_client(driver, given)) as client:
        try:
            yield ping(client.execute_command("PING"))
        except (driver.RedisError, Unreachable) as exc:
            yield Finding("ping", CRITICAL, reason(driver, exc, given["timeout"]))
            # A server that loads its data, or refuses this user a PING, may well answer INFO. Nothing else is tried
            # twice: a second wrong login would count as one more attack.
            if not isinstance(exc, (driver.BusyLoadingError, driver.ResponseError)):
                yield from _unseen("there is no session")
                return
        try:
            info = client.info()
        except (driver.RedisError, Unreachable) as exc:
            yield from _unseen(reason(driver, exc, given["timeout"]))
            return
    yield persistence(info)
    yield memory(info, given)
    yield replication(info)


def _unseen(why: str) -> Iterator[Finding]:
    for aspect in ("persistence", "memory", "replication"):
        yield Finding(aspect, UNKNOWN, f"not determined: {why}")


def _client(driver: Any, given: Given) -> Any:
    """A client of one connection that sends nothing of its own accord and tries everything once."""

    class Connection(driver.connection.Connection):
        """Connects as every probe does: one way to trust, one way to say why not, with old and new redis-py."""

        def _connect(self) -> socket.socket:
            deadline = Deadline(given["timeout"])
            if given["tls"]:
                opened: socket.socket = _tls.open_connection(given, _tls.context(given), deadline)
            else:
                opened = connect(given["address"], given["port"], deadline)
            opened.settimeout(given["timeout"])
            return opened

    options = {
        "host": given["address"],
        "port": given["port"],
        "username": given.get("username"),
        "password": given.get("password"),
        "db": given["database"],
        "socket_timeout": given["timeout"],
        "health_check_interval": 0,
        "retry": driver.retry.Retry(driver.backoff.NoBackoff(), 0),
        "decode_responses": True,
        "protocol": 2,
    }
    makers = [cls.__dict__["__init__"] for cls in Connection.__mro__[:-1] if "__init__" in cls.__dict__]
    known = {name for maker in makers for name in inspect.signature(maker).parameters}
    # Tell nothing about the library: where the user may not, each attempt would be a line in the server's ACL log.
    options.update(dict.fromkeys(["driver_info"] if "driver_info" in known else ["lib_name", "lib_version"]))
    pool = driver.ConnectionPool(Connection, **{name: value for name, value in options.items() if name in known})
    client = driver.Redis(connection_pool=pool)
    # The driver would turn the reply into true or false.
    client.set_response_callback("PING", lambda reply, **_options: reply)
    return client


#: What each error of the driver means; more special ones first, since they are errors of connecting too.
_MEANINGS = (
    ("BusyLoadingError", "the server is still loading its data"),
    ("NoPermissionError", "the user may not do this"),
    ("AuthenticationError", "login refused"),
    ("AuthenticationWrongNumberOfArgsError", "login refused"),
    ("ConnectionError", "the server refuses the connection"),
    ("RedisError", "the server refuses"),
)


def reason(driver: Any, exc: Exception, timeout: float) -> str:
    """Why a command failed, in words that tell the usual causes apart."""
    told = excerpt(exc, 200)
    if isinstance(exc, Unreachable):
        return told
    if isinstance(exc, driver.TimeoutError):
        return f"no answer within {timeout:g} s (the server hangs, or is busy)"
    cause = exc.__cause__ or exc.__context__
    if isinstance(cause, ssl.SSLError):
        return _tls.failure(cause, timeout)
    if isinstance(cause, OSError):
        return f"connection lost: {lost(cause, timeout)}"
    if told.startswith("WRONGPASS"):  # an error without a class of its own in redis-py 4
        return f"login refused: {told}"
    return next(f"{means}: {told}" for name, means in _MEANINGS if isinstance(exc, getattr(driver.exceptions, name)))


def ping(reply: Any) -> Finding:
    """Judge the reply to PING by its text, because every error is a reply too."""
    if reply == "PONG":
        return Finding("ping", OK, "PONG")
    return Finding("ping", CRITICAL, f"expected PONG, got {excerpt(reply)}")


def persistence(info: Mapping[str, Any]) -> Finding:
    """Judge whether the last attempts to write the data to disk went well."""
    if "rdb_last_bgsave_status" not in info:
        return Finding("persistence", UNKNOWN, "not determined: the server does not tell about its persistence")
    written = {"last background save": info["rdb_last_bgsave_status"]}
    if info.get("aof_enabled"):
        written["last append-only write"] = info.get("aof_last_write_status")
        written["last append-only rewrite"] = info.get("aof_last_bgrewrite_status")
    bad = [f"{what} is {excerpt(status)}" for what, status in written.items() if status != GOOD]
    if bad:
        return Finding("persistence", CRITICAL, "; ".join(bad))
    unsaved = info.get("rdb_changes_since_last_save", "unknown")
    return Finding("persistence", OK, f"{', '.join(written)} ok; {unsaved} changes since the last save")


def memory(info: Mapping[str, Any], given: Given) -> Finding:
    """Judge the memory against the limit that the server has."""
    if "used_memory" not in info or "maxmemory" not in info:
        return Finding("memory", UNKNOWN, "not determined: the server does not tell about its memory")
    used, limit = info["used_memory"], info["maxmemory"]
    if not limit:
        return Finding("memory", OK, f"{size(used)} used, no limit set")
    percent = round(100 * used / limit, 1)
    message = f"{size(used)} of {size(limit)} used ({percent:g} %), policy {info.get('maxmemory_policy', 'unknown')}"
    return Finding.measured("memory", message, value=percent, unit="%", limits=limits(OPTIONS, given, "memory_"))


def replication(info: Mapping[str, Any]) -> Finding:
    """Judge the link of a replica; a master is fine by itself."""
    role = info.get("role")
    if role == "master":
        return Finding("replication", OK, f"master with {info.get('connected_slaves', 0)} replicas")
    if role != "slave":
        return Finding("replication", UNKNOWN, f"not determined: the role is {excerpt(role)}")
    master = f"replica of {excerpt(info.get('master_host'))}:{info.get('master_port')}"
    if info.get("master_link_status") == "up":
        return Finding("replication", OK, f"{master}, link up")
    down = info.get("master_link_down_since_seconds", -1)
    since = f" for {down} s" if isinstance(down, int) and down >= 0 else ""
    syncing = ", first synchronisation is running" if info.get("master_sync_in_progress") else ""
    return Finding("replication", CRITICAL, f"{master}, link down{since}{syncing}")


KIND = Kind(
    name="redis",
    summary="A Redis server answers PONG, writes its data to disk, has memory left, and follows its master.",
    topic="health",
    options=OPTIONS,
    expected=lambda _given: ("ping", "persistence", "memory", "replication"),
    run=run,
    target=lambda given: str(given.get("port") or PORT),
)
