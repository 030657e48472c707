# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expected against received: whatever did not arrive is unknown or named, and nothing is ever green by silence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    STATUSES,
    UNKNOWN,
    WARNING,
    Check,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import NoAnswer, Suppression, run_check

from tests.support import sample_reports
from tests.support.sample_reports import RUN, assembled, check

ONE = check("one", "api", "port", "connect")
TWO = check("two", "sql", "port", "connect")


def test_assemble_everything_arrived_is_as_it_was_seen() -> None:
    report = assembled([ONE, TWO])
    assert (report.expected, report.received, report.checks) == (2, 2, (ONE, TWO))
    assert (report.not_run, report.causes) == ((), ())


def test_assemble_what_did_not_arrive_is_unknown() -> None:
    report = assembled([ONE], expected=[ONE, TWO])
    assert (report.expected, report.received) == (2, 1)
    (missing,) = report.failing([UNKNOWN])
    assert (missing.address, missing.message) == (TWO.address, "expected, but no result arrived")


def test_assemble_silent_host_is_named_and_explains_its_checks() -> None:
    report = assembled([ONE], expected=[ONE, TWO], silent={"two": NoAnswer(CRITICAL, "unreachable: no route")})
    assert [(one.address, one.status, one.message) for one in report.checks[:2]] == [
        ("two/runbook.host.reachable", CRITICAL, "unreachable: no route"),
        ("two/sql.port.connect", UNKNOWN, "unreachable: no route"),
    ]
    assert [cause.check for cause in report.causes] == ["two/runbook.host.reachable"]


def test_assemble_silent_host_that_nothing_was_expected_of_is_named_too() -> None:
    report = assembled([ONE], silent={"three": NoAnswer(UNKNOWN, "no result")})
    assert "three/runbook.host.reachable" in {one.address for one in report.checks}


def test_assemble_host_outside_the_limit_is_not_run_and_no_failure() -> None:
    report = assembled([ONE], expected=[ONE, TWO], absent=["two"])
    assert (report.expected, report.received, report.not_run) == (2, 1, ("two/sql.port.connect",))
    assert report.counts[UNKNOWN] == 0


def test_assemble_result_of_a_host_outside_the_limit_is_still_a_result() -> None:
    report = assembled([ONE, replace(TWO, status=CRITICAL)], absent=["two"])
    assert (report.not_run, report.counts[CRITICAL]) == ((), 1)


def test_assemble_more_than_expected_is_kept_and_not_counted_as_expected() -> None:
    report = assembled([ONE, TWO], expected=[ONE])
    assert (report.expected, report.received, len(report.checks)) == (1, 1, 2)


def test_assemble_two_observers_of_one_owner_are_two_checks() -> None:
    seen = [replace(ONE, host=host) for host in ("one", "two")]
    owners = [replace(ONE, owner=owner) for owner in ("two", "three")]
    assert len(assembled([*seen, *owners]).checks) == 4


def test_assemble_nothing_expected_is_critical() -> None:
    report = assembled([], expected=[])
    assert [(one.id, one.status) for one in report.checks] == [("runbook.run.expected", CRITICAL)]


def test_assemble_nothing_expected_with_a_reason_needs_no_second_one() -> None:
    reason = run_check("api", CRITICAL, "group 'wep' has no hosts", point="description")
    assert assembled([], expected=[], about_run=[reason]).checks == (reason,)


def test_assemble_everything_outside_the_limit_is_no_green() -> None:
    report = assembled([], expected=[ONE, TWO], absent=["one", "two"])
    assert (report.received, len(report.not_run)) == (0, 2)
    assert report.counts[OK] == 0


def test_checks_come_worst_first_then_by_host_and_id() -> None:
    statuses = [OK, WARNING, CRITICAL, UNKNOWN]
    checks = [check(host, "api", "port", status, status) for host in ("two", "one") for status in statuses]
    assert [(one.status, one.host) for one in assembled(checks).checks] == [
        (status, host) for status in (CRITICAL, UNKNOWN, WARNING, OK) for host in ("one", "two")
    ]


def test_counts_name_every_status_worst_first() -> None:
    assert list(assembled([ONE]).counts.items()) == [
        ("critical", 0), ("unknown", 0), ("warning", 0), ("ok", 1), ("not_applicable", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
def test_well_is_only_where_there_is_nothing_to_judge(status: str) -> None:
    well = status in (OK, NOT_APPLICABLE)
    assert assembled([ONE, replace(TWO, status=status)]).all_ok is well
    assert assembled([ONE, TWO]).with_check(run_check("written", status, "said")).all_ok is well


def test_all_ok_counts_what_is_suppressed_and_what_did_not_arrive() -> None:
    bad = replace(TWO, status=CRITICAL)
    suppression = Suppression(bad.address, "silence", "silenced by alex: being replaced")
    assert not replace(assembled([ONE, bad]), suppressions={bad.address: suppression}).all_ok
    assert not assembled([ONE], expected=[ONE, TWO]).all_ok
    assert not assembled([ONE], expected=[ONE, TWO], silent={"two": NoAnswer(CRITICAL, "unreachable")}).all_ok


def test_with_check_failing_one_is_the_first_cause() -> None:
    report = sample_reports.bad_night()
    more = report.with_check(run_check("written", CRITICAL, "the disk is full", point="ledger"))
    assert more.counts[CRITICAL] == report.counts[CRITICAL] + 1
    assert more.causes[0].check == "/runbook.ledger.written"
    assert more.causes[1:] == report.causes
    assert [STATUSES.index(one.status) for one in more.checks] == sorted(
        (STATUSES.index(one.status) for one in more.checks), reverse=True
    )


def test_with_check_fine_one_is_no_cause() -> None:
    report = sample_reports.quiet_morning()
    assert report.with_check(run_check("written", OK, "written", point="ledger")).causes == ()


def test_hosts_are_those_that_were_looked_from() -> None:
    report = assembled([TWO, ONE], about_run=[run_check("x", CRITICAL, "no host")])
    assert report.hosts == ("one", "two")


@pytest.mark.parametrize("finished_at", ["2026-11-23T03:15:03.100Z", "2026-11-23T04:15:03.100+01:00"])
def test_duration_in_any_spelling_of_time(finished_at: str) -> None:
    assert replace(assembled([ONE]), finished_at=finished_at).duration_s == 3.1


def test_as_dict_is_json_and_complete() -> None:
    report = sample_reports.bad_night()
    data = json.loads(json.dumps(report.as_dict()))
    assert data["run"]["limited_to"] == "db:web:control"
    assert data["run"]["topics"] == list(RUN.topics)
    assert [Check.from_dict(one) for one in data["checks"]] == list(report.checks)
    assert [one["check"] for one in data["causes"]] == [cause.check for cause in report.causes]
    assert (data["expected"], data["received"], data["not_run"]) == (30, 20, list(report.not_run))
    assert data["ledger"] == report.ledger


HOSTS = ["one", "two", "three"]


def test_judged_by_has_the_lines_of_the_hosts_that_fail_or_warn_alone() -> None:
    dead = replace(TWO, status=CRITICAL, message="refused")
    report = assembled([replace(ONE, status=WARNING), dead, check("three", "api", "port", "connect")])
    assert report.judged_by(HOSTS) == {
        "one": [{"id": ONE.id, "address": ONE.address, "status": WARNING, "blocked_by": "", "suppressed": False}],
        "two": [{"id": TWO.id, "address": TWO.address, "status": CRITICAL, "blocked_by": "", "suppressed": False}],
    }


def test_judged_by_the_run_is_every_host_whatever_was_expected_of_it() -> None:
    wrong = run_check("api", CRITICAL, "group 'wep' has no hosts", point="description")
    report = assembled([ONE, replace(TWO, status=UNKNOWN)], about_run=[wrong])
    lines = {host: [line["id"] for line in found] for host, found in report.judged_by(HOSTS).items()}
    assert lines == {"one": [wrong.id], "two": [wrong.id, TWO.id], "three": [wrong.id]}


def test_judged_by_nothing_is_the_first_host_for_all() -> None:
    assert assembled([ONE, TWO]).judged_by(HOSTS) == {"one": []}


def test_judged_by_says_what_is_suppressed_and_never_suppresses_the_run() -> None:
    wrong = run_check("written", CRITICAL, "it is full", point="ledger")
    report = assembled([replace(ONE, status=CRITICAL)], about_run=[wrong])
    suppressions = {address: Suppression(address, "silence", "silenced") for address in (ONE.address, wrong.address)}
    (lines,) = replace(report, suppressions=suppressions).judged_by(["one"]).values()
    assert {line["id"]: line["suppressed"] for line in lines} == {ONE.id: True, wrong.id: False}
