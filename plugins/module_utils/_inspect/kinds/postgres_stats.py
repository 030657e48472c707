# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``postgres_stats``: the state of a PostgreSQL server, from its own statistics."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from ..._clients.postgres import LOGIN_OPTIONS, PORT, Session, fault, reason
from ..._core import drivers
from ..._core.about import DENIED, DEPENDENCY, PROCESS, Fault
from ..._core.checks import CRITICAL, UNKNOWN, Finding
from ..._core.errors import RunbookError
from ..._core.not_applicable import NOT_APPLICABLE_OPTION, left_out, left_out_problems
from ..._core.options import Given, Options
from ..kind import Kind
from ..postgres_judge import JUDGES, THRESHOLDS, availability
from ..postgres_queries import AVAILABILITY, QUESTIONS
from ..stats import Answer, findings, not_applicable

OPTIONS: Options = {**LOGIN_OPTIONS, **THRESHOLDS, "not_applicable": NOT_APPLICABLE_OPTION}

ASPECTS = ("availability", *QUESTIONS)

_NO_RIGHT = "the role sees its own sessions only; make it a member of pg_monitor (playbook xorb.runbook.prerequisites)"


def answers(given: Given) -> Iterator[Answer]:
    """Log in once and send one question for each aspect; one that fails costs only itself."""
    driver = drivers.load("psycopg2")
    # A ValueError is a text or a time that the driver cannot read.
    failures = (driver.Error, socket.timeout, RunbookError, ValueError)
    skipped = left_out(given)
    yield from (not_applicable(aspect, why) for aspect, why in skipped.items())
    try:
        session = Session(driver, given)
    except (driver.Error, socket.timeout) as exc:
        why = f"no session: {reason(exc, given['timeout'])}"
        yield from _cut_short(why, skipped, "there is no session", fault(exc, given))
        return
    with contextlib.closing(session):
        try:
            (server,) = session.rows(AVAILABILITY)
        except failures as exc:
            why = f"logged in, but no answer to a query: {reason(exc, given['timeout'])}"
            yield from _cut_short(why, skipped, "queries are not answered", fault(exc, given))
            return
        if "availability" not in skipped:
            yield Answer(availability(server, session.version), {"version": session.version, **server})
        for aspect, question in QUESTIONS.items():
            if aspect in skipped:
                continue
            if question.statistics and not server["statistics"]:
                yield _not_determined(aspect, _NO_RIGHT, Fault(DENIED))
                continue
            try:
                rows = question.rows(session)
            except failures as exc:
                yield _not_determined(aspect, reason(exc, given["timeout"]))
            else:
                yield Answer(JUDGES[aspect](rows, given), rows)


def _cut_short(why: str, skipped: Any, consequence: str, met: Fault | None) -> Iterator[Answer]:
    if "availability" not in skipped:
        yield Answer(Finding.failed("availability", CRITICAL, why, met))
    for aspect in QUESTIONS:
        if aspect not in skipped:
            yield _not_determined(aspect, consequence, met)


def _not_determined(aspect: str, why: str, met: Fault | None = None) -> Answer:
    return Answer(Finding.failed(aspect, UNKNOWN, f"not determined: {why}", met))


KIND = Kind(
    name="postgres_stats",
    summary="A PostgreSQL server in depth: load, replication, locks, indexes, sequences, and slow statements.",
    topic="database",
    options=OPTIONS,
    expected=lambda _given: ASPECTS,
    run=findings(answers),
    target=lambda given: str(given.get("port") or PORT),
    check=left_out_problems(ASPECTS),
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=("availability",),
)
