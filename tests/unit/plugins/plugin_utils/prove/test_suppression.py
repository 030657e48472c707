# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is silenced, acknowledged or waited for keeps its status, and nothing else is let off with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.fail_after import AT_ONCE, FailAfter
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import html, terminal, textfile
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import junit as junit_xml
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import NoAnswer, Report, run_check
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.silences import (
    ACKNOWLEDGEMENT,
    SILENCE,
    Silence,
    expiring,
    standing,
    without_groups,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.suppression import suppressed

from tests.support.sample_reports import assembled, check

LATER, EARLIER, LONG_AGO = "2026-11-23T04:00:00Z", "2026-11-23T03:00:00Z", "2026-11-01T00:00:00Z"

SQL = check("db", "postgres", "sql", "query", CRITICAL)
API = check("web", "api", "rest", "health", CRITICAL)
FINE = check("web", "proxy", "https", "health")


def silence(kind: Any = SILENCE, **given: Any) -> Silence:
    """A silence that is in force, unless said otherwise."""
    return Silence(**{"kind": kind, "reason": "upgrade", "by": "alex", "until": LATER, "id": 7, **given})


class Remembered:
    """The same statuses of every check, newest first, and what they were when something was acknowledged."""

    def __init__(self, *statuses: str, then: str = CRITICAL, known: Iterable[Check] = ()) -> None:
        self.known = [(1, check) for check in known]
        self._statuses = list(statuses)
        self._then = [then] if then else []

    def statuses(self, check: Check, *, limit: int = 0, since: int = 0, until: int = 0) -> list[str]:
        del check, since
        if until:
            return self._then
        return self._statuses[:limit] if limit else self._statuses

    def failures(self) -> list[tuple[int, Check]]:
        return self.known


def judged(
    checks: Iterable[Check],
    *silences: Silence,
    after: FailAfter = AT_ONCE,
    past: Remembered | None = None,
    described: Iterable[Check] = (),
    **given: Any,
) -> Report:
    """A report with its suppressions."""
    return suppressed(
        assembled(checks, **given),
        silences=silences,
        fail_after=lambda _check: after,
        past=past or Remembered(),
        described=lambda: described,
    )


def test_silenced_check_keeps_its_status_and_is_no_root_cause() -> None:
    report = judged([SQL, FINE], silence(services=("postgres",)))
    assert report.counts[CRITICAL] == 1 and report.checks[0] == SQL
    assert report.suppressions[SQL.address].sentence == "silenced until 2026-11-23 04:00 UTC by alex: upgrade"
    assert (report.decisive, report.causes, report.suppressed) == ([], (), {"silence": 1})


def test_silenced_cause_of_what_is_not_silenced_stays_a_cause() -> None:
    report = judged([SQL, API], silence(services=("postgres",)))
    assert [cause.check for cause in report.causes] == [SQL.address]
    assert [one.address for one in report.decisive] == [API.address]


@pytest.mark.parametrize(
    ("patterns", "matches"),
    [
        ({"hosts": ("d*",)}, True),
        ({"hosts": ("db",), "checks": ("postgres.sql.*",)}, True),
        ({"hosts": ("db",), "services": ("api",)}, False),
        ({"hosts": ("web",)}, False),
        ({"checks": ("postgres.sql",)}, False),
        ({"checks": ("*.query",), "hosts": ("web", "db")}, True),
    ],
)
def test_patterns(patterns: dict[str, tuple[str, ...]], matches: bool) -> None:
    assert silence(**patterns).matches(SQL) is matches


def test_host_that_is_looked_at_matches_like_the_one_that_looks() -> None:
    assert silence(hosts=("db",)).matches(replace(SQL, host="monitor"))


@pytest.mark.parametrize(
    "patterns", [{"checks": ("*",)}, {"services": ("runbook",)}, {"checks": ("runbook.ledger.written",)}]
)
def test_what_a_run_says_of_itself_is_never_silenced(patterns: dict[str, tuple[str, ...]]) -> None:
    about_run = run_check("written", CRITICAL, "the disk is full", point="ledger")
    report = judged([FINE], silence(**patterns), about_run=[about_run])
    assert report.decisive == [about_run]


def test_silent_host_is_silenced_only_where_that_is_written_out() -> None:
    silent = {"db": NoAnswer(CRITICAL, "unreachable")}
    everything = judged([FINE], silence(hosts=("db",)), expected=[FINE, SQL], silent=silent)
    assert [one.id for one in everything.decisive] == ["runbook.host.reachable"]
    named = silence(hosts=("db",), checks=("*", "runbook.host.reachable"))
    assert judged([FINE], named, expected=[FINE, SQL], silent=silent).decisive == []


def test_ended_silence_suppresses_nothing_and_is_noted() -> None:
    report = judged([SQL], silence(services=("postgres",), until=LONG_AGO))
    assert report.suppressions == {}
    assert report.notes[0].startswith("ended, and 1 of its checks fails: silence 7 of services postgres")
    assert judged([FINE], silence(until=LONG_AGO, services=("postgres",))).notes == ()
    assert judged([FINE], silence(until=EARLIER, services=("postgres",))).notes[0].startswith("ended: silence 7")


def test_silence_that_matches_nothing_is_said_but_not_what_another_topic_has() -> None:
    assert judged([FINE], silence(services=("postgres",))).notes[0].startswith("matches nothing: silence 7")
    assert judged([FINE], silence(services=("postgres",)), described=[SQL]).notes == ()


@pytest.mark.parametrize("then", [OK, ""])
def test_acknowledgement_covers_nothing_that_was_fine_when_it_was_made(then: str) -> None:
    mine = silence(ACKNOWLEDGEMENT, services=("postgres",))
    assert judged([SQL], mine, past=Remembered(then=then)).decisive == [SQL]


def test_acknowledgement_ends_when_the_check_was_fine() -> None:
    mine = silence(ACKNOWLEDGEMENT, services=("postgres",))
    assert judged([SQL], mine, past=Remembered(CRITICAL, UNKNOWN)).suppressed == {"acknowledgement": 1}
    over = judged([SQL], mine, past=Remembered(CRITICAL, OK, CRITICAL))
    assert over.decisive == [SQL]
    assert over.notes[0].startswith("over, since db/postgres.sql.query was fine meanwhile")


#: Redis hangs, which others run into at another port, and the API fails with it.
HUNG = check("db", "redis", "main", "ping", CRITICAL, about="by=process marks=opens met=silent endpoint=db:6379")
LOGIN = check("db", "redis", "access", "valid", UNKNOWN, topic="access", about="by=process met=silent endpoint=db:6380")
UNREADY = check("web", "api", "rest", "readiness", CRITICAL, about="by=dependency met=unwell endpoint=web:80")
MINE = silence(ACKNOWLEDGEMENT, checks=("redis.main.ping",))


def test_acknowledgement_of_a_cause_covers_what_it_explains() -> None:
    full = check("db", "host", "root", "space", CRITICAL, topic="capacity")
    report = judged([HUNG, LOGIN, UNREADY, full], MINE)
    assert report.decisive == [full]
    assert report.suppressions[UNREADY.address].sentence == (
        "db/redis.main.ping is acknowledged until 2026-11-23 04:00 UTC by alex: upgrade"
    )
    assert {suppression.silence for suppression in report.suppressions.values()} == {7}
    assert [cause.check for cause in report.causes] == [full.address]


def test_silence_of_a_cause_does_not() -> None:
    report = judged([HUNG, LOGIN, UNREADY], replace(MINE, kind=SILENCE))
    assert len(report.decisive) == 2


def test_acknowledgement_that_is_over_covers_no_consequences() -> None:
    report = judged([HUNG, LOGIN, UNREADY], MINE, past=Remembered(CRITICAL, OK))
    assert len(report.decisive) == 3
    assert len(report.notes) == 1 and report.notes[0].startswith("over, since db/redis.main.ping was fine meanwhile")


def test_acknowledgement_covers_the_same_fault_where_a_procedure_does_not_look_at_its_cause() -> None:
    assert judged([LOGIN], MINE, past=Remembered(known=[HUNG])).decisive == []
    assert judged([LOGIN], MINE, past=Remembered()).decisive == [LOGIN]
    elsewhere = replace(LOGIN, host="db2", owner="db2", about="by=process met=silent endpoint=db2:6380")
    assert judged([elsewhere], MINE, past=Remembered(known=[HUNG])).decisive == [elsewhere]


def test_acknowledgement_covers_what_was_explained_by_its_cause_and_has_failed_since() -> None:
    explained = replace(UNREADY, blocked_by=HUNG.address)
    assert judged([UNREADY], MINE, past=Remembered(CRITICAL, known=[HUNG, explained])).decisive == []
    assert judged([UNREADY], MINE, past=Remembered(known=[HUNG, UNREADY])).decisive == [UNREADY]
    fine_meanwhile = Remembered(known=[HUNG, explained])
    fine_meanwhile.statuses = lambda one, **_given: [OK] if one.id == UNREADY.id else [CRITICAL]  # type: ignore[method-assign]
    assert judged([UNREADY], MINE, past=fine_meanwhile).decisive == [UNREADY]


@pytest.mark.parametrize(
    ("earlier", "fails"),
    [((), False), ((OK, OK), False), ((CRITICAL, OK), True), ((OK, UNKNOWN), True), ((OK, OK, CRITICAL), False),
     ((WARNING, WARNING), False)],
)  # fmt: skip
def test_fail_after_counts_the_last_runs(earlier: tuple[str, ...], fails: bool) -> None:
    report = judged([SQL], after=FailAfter(2, 3), past=Remembered(*earlier))
    assert bool(report.decisive) is fails
    assert report.counts[CRITICAL] == 1


def test_fail_after_never_waits_for_what_a_run_says_of_itself() -> None:
    about_run = run_check("written", CRITICAL, "the disk is full", point="ledger")
    assert judged([FINE], after=FailAfter(2, 3), about_run=[about_run]).decisive == [about_run]


@pytest.mark.parametrize("text", ["", "2", "0 of 3", "4 of 3", "2 of 999", "2/3", None])
def test_fail_after_refuses_nonsense(text: object) -> None:
    with pytest.raises(RunbookError, match="expected how often"):
        FailAfter.parse(text)


def test_standing_leaves_out_what_was_taken_back() -> None:
    def run(sequence: int) -> dict[str, Any]:
        return {"sequence": sequence, "who": "alex", "finished_at": EARLIER}

    first, second = silence(id=1, hosts=("db",)), silence(id=2, checks=("a.*",))
    recorded = [(run(1), first.as_action()), (run(2), second.as_action()), (run(3), expiring(first, ""))]
    assert standing(recorded) == [replace(second, at=EARLIER)]


def test_groups_are_written_out() -> None:
    assert without_groups(silence(hosts=("web", "x*")), {"web": ["a", "b"]}).hosts == ("a", "b", "x*")


def test_every_output_shows_it() -> None:
    report = judged([SQL, FINE], silence(services=("postgres",)), silence(services=("gone",), id=8))
    text = terminal.render(report, width=120, colour=False)
    assert text.startswith("CRITICAL") and "1 silenced: nothing fails the run" in text
    assert "suppressed (1): failing, but not failing the run" in text and "silences to look after (1)" in text
    page = html.render(report)
    assert "1 silenced: nothing fails the run." in page and "by alex: upgrade" in page and "services gone" in page
    junit = junit_xml.render(report)
    assert 'failures="0"' in junit and "critical, silenced until" in junit
    assert 'kind="silence"} 1' in textfile.render(report)
    assert report.as_dict()["suppressed"][0]["silence"] == 7


def test_hostile_reason_is_harmless() -> None:
    report = judged([SQL], silence(services=("postgres",), reason="<script>\x1b[2J"))
    assert "<script>" not in html.render(report)
    assert "\x1b" not in terminal.render(report, width=120, colour=False)
