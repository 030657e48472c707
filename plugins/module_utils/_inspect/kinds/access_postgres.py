# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``access_postgres``: a PostgreSQL server lets its user in over TLS with the right password, and no others."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..._access.attempt import (
    ACCEPTED,
    ACCESS_OPTIONS,
    HUNG_UP,
    REFUSED,
    SILENT,
    VALID,
    Attempt,
    Case,
    Matrix,
    check_access,
)
from ..._clients.postgres import LOGIN_OPTIONS, PORT, Session, fault, reason
from ..._core import drivers
from ..._core.about import DEPENDENCY, LOGIN, PROCESS, Fault
from ..._core.checks import Finding
from ..._core.not_applicable import left_out_problems
from ..._core.options import Given, Option, Options
from ..kind import Kind

OPTIONS: Options = {
    **LOGIN_OPTIONS,
    **ACCESS_OPTIONS,
    "password": Option("str", "Password of the role.", required=True, secret=True),
    "forbidden_database": Option("str", "A database that exists, and that the role must not enter."),
}

MATRIX = Matrix(("no_tls", "wrong_password", "unknown_user"), {"forbidden_database": ("wrong_database",)})

#: Protocol of the session; every role may see its own.
TLS = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"

#: What the server says to those it does not let in. Anything else is no refusal: it may be starting up or full.
_NO = re.compile(
    r"no pg_hba\.conf entry|pg_hba\.conf rejects|authentication failed|permission denied for database"
    r"|role \S+ does not exist|not permitted to log in|requires a valid client certificate|no password supplied",
    re.IGNORECASE,
)
_CUT = re.compile(r"closed the connection unexpectedly|reset by peer", re.IGNORECASE)


def run(given: Given) -> Iterator[Finding]:
    """Log in as the role that may, and then in every way that must not work."""
    driver = drivers.load("psycopg2")
    # One attempt each: the mode `prefer` would try again without TLS, and count as two failures.
    mode = given.get("sslmode") or ("verify-full" if given.get("ca") else "require")
    encrypted = {**given, "sslmode": mode}
    nonsense = secrets.token_urlsafe(24)
    stranger = f"stranger_{secrets.token_hex(4)}"
    changes: dict[str, tuple[str, dict[str, Any]]] = {
        "no_tls": ("a session without TLS", {"sslmode": "disable"}),
        "wrong_password": (f"{given['user']} with a wrong password", {"password": nonsense}),
        "unknown_user": ("a role that does not exist", {"user": stranger, "password": nonsense}),
    }
    if given.get("forbidden_database") is not None:
        other = given["forbidden_database"]
        changes["wrong_database"] = (f"{given['user']} in the database {other}", {"database": other})
    cases = {name: Case(client, _login(driver, {**encrypted, **more})) for name, (client, more) in changes.items()}
    yield from check_access(given, _login(driver, encrypted), cases)


def _login(driver: Any, given: Given) -> Any:
    return lambda: log_in(driver, given)


def log_in(driver: Any, given: Given) -> Attempt:
    """Log in and query what the session is encrypted with."""
    try:
        with contextlib.closing(Session(driver, given)) as session:
            protocol = session.rows(TLS)
    except (driver.Error, socket.timeout) as exc:
        met = judge(reason(exc, given["timeout"]))
        # A refusal is what most cases are for: nothing more has to be found out.
        return replace(met, fault=Fault(LOGIN) if met.met == REFUSED else fault(exc, given))
    return Attempt(ACCEPTED, f"a session over {protocol[0]['version']}" if protocol else "a session without TLS")


def judge(why: str) -> Attempt:
    """What the reason of a failed login means."""
    if _NO.search(why):
        return Attempt(REFUSED, why)
    return Attempt(HUNG_UP if _CUT.search(why) else SILENT, why)


KIND = Kind(
    name="access_postgres",
    summary="A PostgreSQL server lets its user in over TLS with the right password, and no others.",
    topic="access",
    options=OPTIONS,
    expected=MATRIX.expected,
    run=run,
    target=lambda given: str(given.get("port") or PORT),
    check=left_out_problems(MATRIX.aspects),
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=(VALID,),
)
