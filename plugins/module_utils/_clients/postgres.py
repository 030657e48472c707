# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The session with a PostgreSQL server: the only module that knows psycopg2."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._core.about import CHAIN, CLOSED, FULL, LOGIN, NAMES, SILENT, STARTING, UNWELL, Fault
from .._core.errors import RunbookError
from .._core.options import Given, Option, Options
from .._core.shared_options import NETWORK_OPTIONS, SSL_MODE, TLS_OPTIONS, port
from .._core.surroundings import NOWHERE
from .._core.text import excerpt, lines
from . import tls
from .network import Deadline, Unreachable, connect

PORT = 5432

#: How a kind logs in.
LOGIN_OPTIONS: Options = {
    **NETWORK_OPTIONS,
    **TLS_OPTIONS,
    "port": port(PORT),
    "user": Option("str", "Role to log in as.", required=True),
    "database": Option("str", "Database to connect to.", required=True),
    "password": Option("str", "Password of the role.", secret=True),
    "sslmode": SSL_MODE,
}

#: The server gives up this much earlier than we do, so that a slow query costs itself and not the session.
_SERVERS_SHARE = 0.9

Row = Mapping[str, Any]


def login_spec() -> dict[str, Any]:
    """Options of every module that logs in to PostgreSQL; in step with the doc fragment ``postgres``."""
    return {
        "login_host": {"type": "str", "default": "localhost"},
        "login_port": {"type": "int", "default": PORT},
        "login_user": {"type": "str", "required": True},
        "login_password": {"type": "str", "no_log": True},
        "login_db": {"type": "str", "required": True},
        "login_timeout": {"type": "float", "default": 5.0},
        "sslmode": {"type": "str", "choices": list(SSL_MODE.choices)},
        "ca": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "server_name": {"type": "str"},
    }


def login_given(login: Mapping[str, Any]) -> dict[str, Any]:
    """What a kind is given where a module's user wrote ``login``."""
    return {
        "address": login["login_host"],
        "port": login["login_port"],
        "user": login["login_user"],
        "password": login["login_password"],
        "database": login["login_db"],
        "timeout": login["login_timeout"],
        **{name: login[name] for name in ("sslmode", "ca", "client_cert", "client_key", "server_name")},
    }


#: The kernel's error where the host has no address of that family.
NO_SUCH_FAMILY = "Cannot assign requested address"


def reason(exc: Exception, timeout: float) -> str:
    """The server's or the driver's own reason, in one line and once, however many addresses were tried."""
    if isinstance(exc, socket.timeout):
        return f"no answer within {timeout:g} s (dropped by a firewall, or the server hangs)"
    # libpq 14 and later: connection to server at "localhost" (::1), port 5432 failed: FATAL:  ...
    # and then, indented, a hint. The driver removes the beginning of the first line of a connection that it polls.
    messages = [line.split(" failed: ", 1)[-1] for line in lines(str(exc)) if line[:1].strip()]
    reasons = dict.fromkeys(re.sub(r"^(FATAL|ERROR):\s*", "", line.strip()) for line in messages)
    if len(reasons) > 1:
        # A name with two addresses on a host with one family: the other address is no evidence about the server.
        reasons.pop(NO_SUCH_FAMILY, None)
    return excerpt(" / ".join(reasons), 200)


class Session:
    """A session whose every wait ends: libpq itself has a time-out for connecting only, not for a server that froze."""

    def __init__(self, driver: Any, given: Given) -> None:
        self._driver = driver
        self._timeout = given["timeout"]
        self._lost = False
        self._connect(given)
        self._any_bytes = self._connection.get_parameter_status("server_encoding") == _ANY_BYTES
        if self._any_bytes:
            self._connection.close()
            self._connect(given, client_encoding=_EVERY_BYTE)

    def _connect(self, given: Given, **more: str) -> None:
        self._connection = self._driver.connect(**{**connection_parameters(given), **more}, async_=1)
        try:
            self._wait()
        except BaseException:
            self._connection.close()
            raise

    @property
    def version(self) -> str:
        """The server's version as it gives it, without the packager's."""
        version = self._connection.get_parameter_status("server_version") or "of unknown version"
        return excerpt(version.partition(" (")[0])

    def row(self, query: str) -> tuple[Any, ...]:
        """The one row that a query gives."""
        row: tuple[Any, ...] = self._answered(query).fetchone()
        return row

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """Every row that a query gives, by the names of its columns; ``values`` are those of its placeholders."""
        cursor = self._answered(query, values)
        names = [column[0] for column in cursor.description]
        read = _plain if self._any_bytes else lambda value: value
        return [dict(zip(names, map(read, values))) for values in cursor.fetchall()]

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def _answered(self, query: str, values: Mapping[str, Any] | None = None) -> Any:
        """The cursor of a query that was answered.

        Raises `socket.timeout` when it was not, and `RunbookError` for every query after that: the connection still
        waits for the answer to the first.
        """
        if self._lost:
            raise RunbookError("an earlier query got no answer")
        cursor = self._connection.cursor()
        # Sent as one: it holds for this query only, even where a pooler gives the session to another client next. The
        # time-out ends the query in the server, and no user's function is called in place of the server's own.
        limit = int(self._timeout * 1000 * _SERVERS_SHARE)
        cursor.execute(f"SET LOCAL statement_timeout = {limit}; SET LOCAL search_path = pg_catalog; {query}", values)
        self._wait()
        return cursor

    def _wait(self) -> None:
        """Wait until the connection is through with what it does; raises `socket.timeout` at the end of the step."""
        deadline = Deadline(self._timeout)
        extensions = self._driver.extensions
        while True:
            state = self._connection.poll()
            if state == extensions.POLL_OK:
                return
            waits = [self._connection.fileno()]
            reads, writes = (waits, []) if state == extensions.POLL_READ else ([], waits)
            try:
                select.select(reads, writes, [], deadline.left())
            except socket.timeout:
                self._lost = True
                raise


#: The encoding of a database that stores whatever bytes it is given. As Latin-1 each of them arrives, and is read here.
_ANY_BYTES, _EVERY_BYTE = "SQL_ASCII", "LATIN1"


def _plain(value: Any) -> Any:
    """A value of a database in no encoding: UTF-8 where it is that, and what else there is written out."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.encode("latin-1").decode("utf-8", "backslashreplace") if isinstance(value, str) else value


#: What libpq would read from the home folder of the user who happens to run this: passwords, certificates, and lists
#: of revocations. A Kerberos ticket in it would be tried first.
HOMELESS = {
    **dict.fromkeys(("passfile", "sslrootcert", "sslcert", "sslcrl"), NOWHERE),
    "gssencmode": "disable",
}

#: Where distributions keep the certificates that the system trusts.
_SYSTEM_TRUST = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def connection_parameters(given: Given) -> dict[str, Any]:
    """What libpq is given: everything, so that it searches for nothing by itself (see `surroundings` for the rest)."""
    mode = given.get("sslmode") or ("verify-full" if given.get("ca") else "prefer")
    certificate = given.get("client_cert")
    parameters = {
        **HOMELESS,
        **_where(given),
        "port": given["port"],
        "user": given["user"],
        "dbname": given["database"],
        "password": given.get("password"),
        "sslmode": mode,
        "sslrootcert": given.get("ca") or (_system_trust() if mode.startswith("verify") else NOWHERE),
        "sslcert": certificate or NOWHERE,
        "sslkey": given.get("client_key") or certificate,
        "application_name": "xorb-runbook",
        "client_encoding": "UTF8",
    }
    return {name: value for name, value in parameters.items() if value is not None}


def _system_trust() -> str:
    """The file of certificates that the system trusts; TLS without a ``ca`` means those."""
    return next((path for path in _SYSTEM_TRUST if Path(path).exists()), NOWHERE)


def _where(given: Given) -> dict[str, str]:
    """Where to connect; a name that the certificate must carry goes with each address instead of the given one."""
    name = given.get("server_name")
    if not name:
        return {"host": given["address"]}
    found = socket.getaddrinfo(given["address"], given["port"], type=socket.SOCK_STREAM)
    # Written out with its zone, where it has one.
    addresses = [socket.getnameinfo(where, socket.NI_NUMERICHOST)[0] for (*_rest, where) in found]
    return {"host": ",".join([name] * len(addresses)), "hostaddr": ",".join(addresses)}


#: The messages of a server that is there and does not go on, by what they mean; the driver has no codes for sessions
#: that never came to be.
_MEANINGS = (
    (re.compile(r"too many (clients|connections)|remaining connection slots", re.IGNORECASE), FULL),
    (re.compile(r"(starting up|shutting down|recovery mode|not yet accepting)", re.IGNORECASE), STARTING),
    (re.compile(r"authentication failed|pg_hba\.conf|password|role \S+ |permission denied", re.IGNORECASE), LOGIN),
    (re.compile(r"does not match host name", re.IGNORECASE), NAMES),
    (re.compile(r"certificate verify failed|certificate", re.IGNORECASE), CHAIN),
    (re.compile(r"closed the connection|reset by peer|terminat", re.IGNORECASE), CLOSED),
)
#: Seconds to find out whether anything listens at all.
_CONNECTING = 1.0


def fault(exc: Exception, given: Given) -> Fault | None:
    """Why there is no session or no answer, as data.

    The kernel knows whether anything listens, and OpenSSL what is wrong with a certificate: libpq only has words for
    it.
    """
    if isinstance(exc, RunbookError):
        return exc.fault
    try:
        connect(given["address"], given["port"], Deadline(min(given["timeout"], _CONNECTING))).close()
    except Unreachable as unreachable:
        return unreachable.fault
    except OSError:
        return None
    if isinstance(exc, socket.timeout):
        return Fault(SILENT)
    met = next((met for words, met in _MEANINGS if words.search(str(exc))), UNWELL)
    return (_untrusted(given) if met in (CHAIN, NAMES) else None) or Fault(met)


def _untrusted(given: Given) -> Fault | None:
    """OpenSSL's verdict on the certificate that the server shows; nothing where it has no objection."""
    try:
        context = tls.context(given)
        context.check_hostname = not str(given.get("sslmode") or "").endswith("-ca")
        tls.open_connection({**given, "starttls": tls.POSTGRES}, context, Deadline(given["timeout"])).close()
    except RunbookError as exc:
        return exc.fault
    return None
