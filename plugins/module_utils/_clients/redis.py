# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection to a Redis server that is inspected: the only module that knows redis-py where nothing is changed."""

from __future__ import annotations

import inspect
import socket
import ssl
from typing import Any

from .._core.about import CLOSED, DENIED, FULL, LOGIN, SILENT, STARTING, UNSAVED, UNWELL, Fault
from .._core.options import NOT_NEGATIVE, Given, Option, Options
from .._core.shared_options import NETWORK_OPTIONS, TLS_OPTIONS, port
from .._core.text import excerpt
from . import tls
from .network import Deadline, Unreachable, connect, connect_path
from .network import reason as lost

PORT = 6379

#: How a kind logs in.
LOGIN_OPTIONS: Options = {
    **NETWORK_OPTIONS,
    **TLS_OPTIONS,
    "port": port(PORT),
    "username": Option("str", "User to log in as. Without it, the server's default user."),
    "password": Option("str", "Password of the user.", secret=True),
    "database": Option("int", "Number of the database.", default=0, within=NOT_NEGATIVE),
    "tls": Option("bool", "Whether the server speaks TLS.", default=False),
}


def connected(driver: Any, given: Given) -> Any:
    """A client of one connection that sends nothing of its own accord and tries everything once.

    An address that begins with a slash is the path of a socket.
    """

    class Connection(driver.connection.Connection):
        """Connects as every probe does: one way to trust, one way to explain why not, with old and new redis-py."""

        def _connect(self) -> socket.socket:
            deadline = Deadline(given["timeout"])
            if given["tls"]:
                opened: socket.socket = tls.open_connection(given, tls.context(given), deadline)
            elif given["address"].startswith("/"):
                opened = connect_path(given["address"], deadline)
            else:
                opened = connect(given["address"], given["port"], deadline)
            opened.settimeout(given["timeout"])
            return opened

        def can_read(self, *arguments: Any, **options: Any) -> bool:
            """Whether something came before any command: a server that is full sends an error, and hangs up.

            The pool would drop that and complain that the connection is not ready. Reading it raises what it is.
            """
            if super().can_read(*arguments, **options):
                self.read_response()
            return False

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
        # The slow log repeats what clients sent, which need not be text.
        "encoding_errors": "replace",
        "protocol": 2,
    }
    makers = [cls.__dict__["__init__"] for cls in Connection.__mro__[:-1] if "__init__" in cls.__dict__]
    known = {name for maker in makers for name in inspect.signature(maker).parameters}
    # Send nothing about the library: where the user may not, each attempt would be a line in the server's ACL log.
    options.update(dict.fromkeys(["driver_info"] if "driver_info" in known else ["lib_name", "lib_version"]))
    pool = driver.ConnectionPool(Connection, **{name: value for name, value in options.items() if name in known})
    client = driver.Redis(connection_pool=pool)
    # The driver would turn one into true or false, and fail at the other where the reply is text already.
    for command in ("PING", "SLOWLOG GET"):
        client.set_response_callback(command, lambda reply, **_options: reply)
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
    """Why a command failed, in words that distinguish the usual causes."""
    message = excerpt(exc, 200)
    if isinstance(exc, Unreachable):
        return message
    if isinstance(exc, driver.TimeoutError):
        return f"no answer within {timeout:g} s (the server hangs, or is busy)"
    cause = exc.__cause__ or exc.__context__
    if isinstance(cause, ssl.SSLError):
        return tls.failure(cause, timeout)
    if isinstance(cause, OSError):
        return f"connection lost: {lost(cause, timeout)}"
    if message.startswith("WRONGPASS"):  # an error without a class of its own in redis-py 4
        return f"login refused: {message}"
    return next(f"{means}: {message}" for name, means in _MEANINGS if isinstance(exc, getattr(driver.exceptions, name)))


#: The same as data; more special ones first, and an error of Redis begins with a word of its own.
_FAULTS = (
    ("BusyLoadingError", STARTING),
    ("NoPermissionError", DENIED),
    ("AuthenticationError", LOGIN),
    ("AuthenticationWrongNumberOfArgsError", LOGIN),
    ("ConnectionError", CLOSED),
    ("RedisError", UNWELL),
)
_FIRST_WORDS = {"NOAUTH": LOGIN, "WRONGPASS": LOGIN, "NOPERM": DENIED, "LOADING": STARTING, "MISCONF": UNSAVED}


def fault(driver: Any, exc: Exception) -> Fault:
    """Why a command failed, as data."""
    if isinstance(exc, Unreachable):
        return exc.fault or Fault(CLOSED)
    if isinstance(exc, driver.TimeoutError):
        return Fault(SILENT)
    cause = exc.__cause__ or exc.__context__
    if isinstance(cause, OSError):
        return tls.failed(cause, {})
    return Fault(
        _of_reply(str(exc)) or next(met for name, met in _FAULTS if isinstance(exc, getattr(driver.exceptions, name)))
    )


def _of_reply(text: str) -> str:
    """What the first word of a reply means, where it has a meaning."""
    return FULL if "max number of clients" in text else _FIRST_WORDS.get(text.partition(" ")[0], "")
