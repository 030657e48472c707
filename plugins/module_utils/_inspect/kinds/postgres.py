# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``postgres``: a PostgreSQL server answers queries and has connections left."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

from ..._clients.postgres import LOGIN_OPTIONS, PORT, Session, fault, reason
from ..._core import drivers
from ..._core.about import DEPENDENCY, PROCESS, Fault
from ..._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, Finding
from ..._core.errors import RunbookError
from ..._core.options import Given, Option, Options, limits
from ..kind import Kind
from ..postgres_judge import THRESHOLDS, connections_used, writes
from ..postgres_queries import ROLE, WRITE, WRITES

OPTIONS: Options = {
    **LOGIN_OPTIONS,
    "user": Option("str", "Role to log in as; it needs no rights.", required=True),
    "writable": Option(
        "bool",
        "Whether the server must accept writes. The probe requests the number of a transaction then, which every write "
        "begins with; nothing is written.",
    ),
    "application_role": Option(
        "str",
        "Role that the application logs in as. With I(writable), what is set for it must not keep it from writing.",
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

#: The smallest query that a server can answer.
ALIVE = "SELECT 1"

_NONE_LEFT = re.compile(r"too many (clients|connections)|remaining connection slots", re.IGNORECASE)


def run(given: Given) -> Iterator[Finding]:
    """Log in, ask for one row, and count the connections."""
    driver = drivers.load("psycopg2")
    began = time.monotonic()
    try:
        session = Session(driver, given)
    except (driver.Error, socket.timeout) as exc:
        yield from _no_session(reason(exc, given["timeout"]), fault(exc, given), given)
        return
    with contextlib.closing(session):
        try:
            session.row(ALIVE)
        except (driver.Error, socket.timeout) as exc:
            why = f"logged in, but no answer to a query: {reason(exc, given['timeout'])}"
            yield Finding.failed("query", CRITICAL, why, fault(exc, given))
            for aspect in expected(given)[1:]:
                yield Finding(aspect, UNKNOWN, "not determined: queries are not answered")
            return
        spent = round((time.monotonic() - began) * 1000, 1)
        yield Finding("query", OK, f"PostgreSQL {session.version} answers a query", value=spent, unit="ms")
        if given.get("writable") is not None:
            yield _writes(driver, session, given)
        try:
            used, usable = session.row(CONNECTIONS)
        except (driver.Error, socket.timeout, RunbookError) as exc:
            yield Finding("connections", UNKNOWN, f"not determined: {reason(exc, given['timeout'])}")
        else:
            yield connections_used(used, usable, limits(OPTIONS, given, "connections_"))


def _writes(driver: Any, session: Session, given: Given) -> Finding:
    """Ask the server to begin a write, and what else keeps the application from one."""
    if not given["writable"]:
        return Finding("writes", NOT_APPLICABLE, "the server need not accept writes")
    role = given.get("application_role")
    try:
        (server,) = session.rows(WRITES)
        known = session.rows(ROLE, {"role": role}) if role else []
        found = writes(server, known[0] if known else None, given)
        if found.status == OK:
            session.rows(WRITE)
    except socket.timeout as exc:
        why = f"no answer to a write: {reason(exc, given['timeout'])}"
        return Finding.failed("writes", CRITICAL, why, fault(exc, given))
    except driver.Error as exc:
        return Finding("writes", CRITICAL, f"nothing can be written: {reason(exc, given['timeout'])}")
    return found


def _no_session(why: str, met: Fault | None, given: Given) -> Iterator[Finding]:
    yield Finding.failed("query", CRITICAL, f"no session: {why}", met)
    if given.get("writable") is not None:
        yield Finding("writes", UNKNOWN, "not determined: there is no session")
    if _NONE_LEFT.search(why):
        yield Finding.failed("connections", CRITICAL, f"none is left: {why}", met)
    else:
        yield Finding("connections", UNKNOWN, "not determined: there is no session")


def expected(given: Given) -> tuple[str, ...]:
    """The aspects that must arrive."""
    return ("query", *(["writes"] if given.get("writable") is not None else []), "connections")


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield what would not be checked."""
    if given.get("application_role") is not None and not given.get("writable"):
        yield "application_role", "is checked with writable: true only"


KIND = Kind(
    name="postgres",
    summary="A PostgreSQL server lets its user in, answers a query, and has connections left.",
    topic="health",
    options=OPTIONS,
    expected=expected,
    run=run,
    target=lambda given: str(given.get("port") or PORT),
    check=check,
    explained_by=frozenset({PROCESS, DEPENDENCY}),
)
