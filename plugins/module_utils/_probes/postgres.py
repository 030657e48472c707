# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``postgres``: a PostgreSQL server answers queries and has connections left."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils import _drivers
from ansible_collections.xorb.runbook.plugins.module_utils._checks import CRITICAL, OK, UNKNOWN, Finding
from ansible_collections.xorb.runbook.plugins.module_utils._kind import NETWORK_OPTIONS, TLS_OPTIONS, Given, Kind, port
from ansible_collections.xorb.runbook.plugins.module_utils._network import Deadline
from ansible_collections.xorb.runbook.plugins.module_utils._options import Option, Options, limits
from ansible_collections.xorb.runbook.plugins.module_utils._wording import excerpt

PORT = 5432

OPTIONS: Options = {
    **NETWORK_OPTIONS,
    **TLS_OPTIONS,
    "port": port(PORT),
    "user": Option("str", "Role to log in as; it needs no rights.", required=True),
    "database": Option("str", "Database to connect to.", required=True),
    "password": Option("str", "Password of the role.", secret=True),
    "sslmode": Option(
        "str",
        "How much TLS is demanded. Without it: C(verify-full) where I(ca) is given, else C(prefer).",
        choices=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    ),
    "connections_warning": Option("float", "Warn above this percentage of connections.", default=80.0, source="ours"),
    "connections_critical": Option("float", "Fail above this percentage of connections.", default=90.0, source="ours"),
}

#: Roles without rights see of foreign sessions neither kind nor state, but whose they are and in which database;
#: background processes have only one of the two.
CONNECTIONS = """
SELECT
  (SELECT count(*) FROM pg_stat_activity
    WHERE datid IS NOT NULL AND usesysid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'),
  current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0)
"""

_NONE_LEFT = re.compile(r"too many (clients|connections)|remaining connection slots", re.IGNORECASE)


def run(given: Given) -> Iterator[Finding]:
    """Log in, ask for one row, and count the connections."""
    driver = _drivers.load("psycopg2")
    began = time.monotonic()
    try:
        session = _Session(driver, given)
    except (driver.Error, socket.timeout) as exc:
        yield from _no_session(reason(exc, given["timeout"]))
        return
    with contextlib.closing(session):
        try:
            session.row("SELECT 1")
        except (driver.Error, socket.timeout) as exc:
            yield Finding("query", CRITICAL, f"logged in, but no answer to a query: {reason(exc, given['timeout'])}")
            yield Finding("connections", UNKNOWN, "not determined: queries are not answered")
            return
        spent = round((time.monotonic() - began) * 1000, 1)
        yield Finding("query", OK, f"PostgreSQL {session.version} answers a query", value=spent, unit="ms")
        try:
            used, usable = session.row(CONNECTIONS)
        except (driver.Error, socket.timeout) as exc:
            yield Finding("connections", UNKNOWN, f"not determined: {reason(exc, given['timeout'])}")
        else:
            yield connections(used, usable, given)


def _no_session(why: str) -> Iterator[Finding]:
    yield Finding("query", CRITICAL, f"no session: {why}")
    if _NONE_LEFT.search(why):
        yield Finding("connections", CRITICAL, f"none is left: {why}")
    else:
        yield Finding("connections", UNKNOWN, "not determined: there is no session")


def connections(used: int, usable: int, given: Given) -> Finding:
    """Judge how many of the connections that ordinary roles can have are taken."""
    percent = round(100 * used / usable, 1) if usable > 0 else 100.0
    return Finding.measured(
        "connections",
        f"{used} of {usable} connections are taken ({percent:g} %)",
        value=percent,
        unit="%",
        limits=limits(OPTIONS, given, "connections_"),
    )


#: What the kernel says where the host has no address of that family.
NO_SUCH_FAMILY = "Cannot assign requested address"


def reason(exc: Exception, timeout: float) -> str:
    """The server's or the driver's own reason, in one line and once, however many addresses were tried."""
    if isinstance(exc, socket.timeout):
        return f"no answer within {timeout:g} s (dropped by a firewall, or the server hangs)"
    # libpq 14 and later: connection to server at "localhost" (::1), port 5432 failed: FATAL:  ...
    # and then, indented, a hint. The driver takes the beginning off the first line of a connection that it polls.
    told = [line.split(" failed: ", 1)[-1] for line in str(exc).splitlines() if line[:1].strip()]
    reasons = dict.fromkeys(re.sub(r"^(FATAL|ERROR):\s*", "", line.strip()) for line in told)
    if len(reasons) > 1:
        # A name with two addresses on a host with one family: the other address says nothing about the server.
        reasons.pop(NO_SUCH_FAMILY, None)
    return excerpt(" / ".join(reasons), 200)


class _Session:
    """A session whose every wait ends: libpq itself has a time-out for connecting only, not for a server that froze."""

    def __init__(self, driver: Any, given: Given) -> None:
        self._driver = driver
        self._timeout = given["timeout"]
        self._connection = driver.connect(**connection_parameters(given), async_=1)
        try:
            self._wait()
        except BaseException:
            self._connection.close()
            raise

    @property
    def version(self) -> str:
        """The server's version as it gives it, without the packager's."""
        told = self._connection.get_parameter_status("server_version") or "of unknown version"
        return excerpt(told.partition(" (")[0])

    def row(self, query: str) -> tuple[Any, ...]:
        """The one row that a query gives."""
        cursor = self._connection.cursor()
        # Also ends the query in the server, where nobody would wait for it any more.
        cursor.execute("SET statement_timeout = %s", (int(self._timeout * 1000),))
        self._wait()
        cursor.execute(query)
        self._wait()
        row: tuple[Any, ...] = cursor.fetchone()
        return row

    def close(self) -> None:
        """End the session."""
        self._connection.close()

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
            select.select(reads, writes, [], deadline.left())


def connection_parameters(given: Given) -> dict[str, Any]:
    """What libpq is told; a file of passwords that the user who happens to run this has, has no say."""
    parameters = {
        **_where(given),
        "port": given["port"],
        "user": given["user"],
        "dbname": given["database"],
        "password": given.get("password"),
        "sslmode": given.get("sslmode") or ("verify-full" if given.get("ca") else "prefer"),
        "sslrootcert": given.get("ca"),
        "sslcert": given.get("client_cert"),
        "sslkey": given.get("client_key"),
        "passfile": "/nonexistent",
        "application_name": "xorb-runbook",
    }
    return {name: value for name, value in parameters.items() if value is not None}


def _where(given: Given) -> dict[str, str]:
    """Where to connect; a name that the certificate must carry goes with each address instead of the given one."""
    name = given.get("server_name")
    if not name:
        return {"host": given["address"]}
    found = socket.getaddrinfo(given["address"], given["port"], type=socket.SOCK_STREAM)
    addresses = [str(where[0]) for (_family, _type, _protocol, _name, where) in found]
    return {"host": ",".join([name] * len(addresses)), "hostaddr": ",".join(addresses)}


KIND = Kind(
    name="postgres",
    summary="A PostgreSQL server lets its user in, answers a query, and has connections left.",
    topic="health",
    options=OPTIONS,
    expected=lambda _given: ("query", "connections"),
    run=run,
    target=lambda given: str(given.get("port") or PORT),
)
