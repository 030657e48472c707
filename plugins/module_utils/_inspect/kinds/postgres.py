# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``postgres``: a PostgreSQL server answers queries and has connections left."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator

from ..._clients.postgres import LOGIN_OPTIONS, PORT, Session, fault, reason
from ..._core import drivers
from ..._core.about import DEPENDENCY, PROCESS, Fault
from ..._core.checks import CRITICAL, OK, UNKNOWN, Finding
from ..._core.options import Given, Option, Options, limits
from ..kind import Kind
from ..postgres_judge import THRESHOLDS, connections_taken

OPTIONS: Options = {
    **LOGIN_OPTIONS,
    "user": Option("str", "Role to log in as; it needs no rights.", required=True),
    "writable": Option(
        "bool", "Whether the server must accept writes; one that only reads, as a standby does, fails then."
    ),
    "connections_warning": THRESHOLDS["connections_warning"],
    "connections_critical": THRESHOLDS["connections_critical"],
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

#: Whether the server is a standby, and whether sessions only read unless they ask for more.
STATE = "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'"

_NONE_LEFT = re.compile(r"too many (clients|connections)|remaining connection slots", re.IGNORECASE)


def run(given: Given) -> Iterator[Finding]:
    """Log in, ask for one row, and count the connections."""
    driver = drivers.load("psycopg2")
    began = time.monotonic()
    try:
        session = Session(driver, given)
    except (driver.Error, socket.timeout) as exc:
        yield from _no_session(reason(exc, given["timeout"]), fault(exc, given))
        return
    with contextlib.closing(session):
        try:
            standby, read_only = session.row(STATE)
        except (driver.Error, socket.timeout) as exc:
            why = f"logged in, but no answer to a query: {reason(exc, given['timeout'])}"
            yield Finding.failed("query", CRITICAL, why, fault(exc, given))
            yield Finding("connections", UNKNOWN, "not determined: queries are not answered")
            return
        spent = round((time.monotonic() - began) * 1000, 1)
        yield _answered(session.version, spent, refuses=_refusal(standby, read_only) if given.get("writable") else "")
        try:
            used, usable = session.row(CONNECTIONS)
        except (driver.Error, socket.timeout) as exc:
            yield Finding("connections", UNKNOWN, f"not determined: {reason(exc, given['timeout'])}")
        else:
            yield connections_taken(used, usable, limits(OPTIONS, given, "connections_"))


def _refusal(standby: bool, read_only: bool) -> str:
    """Why nothing can be written, or nothing."""
    if standby:
        return "is a standby in recovery"
    return "is set to read only (default_transaction_read_only)" if read_only else ""


def _answered(version: str, spent: float, *, refuses: str) -> Finding:
    if refuses:
        message = f"PostgreSQL {version} answers a query, but {refuses}: nothing can be written"
        return Finding("query", CRITICAL, message, value=spent, unit="ms")
    return Finding("query", OK, f"PostgreSQL {version} answers a query", value=spent, unit="ms")


def _no_session(why: str, met: Fault | None) -> Iterator[Finding]:
    yield Finding.failed("query", CRITICAL, f"no session: {why}", met)
    if _NONE_LEFT.search(why):
        yield Finding.failed("connections", CRITICAL, f"none is left: {why}", met)
    else:
        yield Finding("connections", UNKNOWN, "not determined: there is no session")


KIND = Kind(
    name="postgres",
    summary="A PostgreSQL server lets its user in, answers a query, and has connections left.",
    topic="health",
    options=OPTIONS,
    expected=lambda _given: ("query", "connections"),
    run=run,
    target=lambda given: str(given.get("port") or PORT),
    explained_by=frozenset({PROCESS, DEPENDENCY}),
)
