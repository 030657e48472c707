# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The terminal report: what fails is there once, what is fine is counted, within the width, and without colour, too."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    UNKNOWN,
    WARNING,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.actions import Action
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.diff import Change
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.onset import At, Onset
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import terminal
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import NoAnswer, Report, Suppression

from tests.support import sample_reports
from tests.support.sample_reports import assembled, check, sound

REPORTS = [
    sample_reports.quiet_morning(),
    sample_reports.bad_night(),
    sample_reports.large_platform(),
    sample_reports.rotation(),
    sample_reports.dead_databases(1000, 50),
]
FILES = {"json": "/state/reports/daily.json", "html": "/state/reports/daily.html"}


def shown(report: Report, *, width: int = 120, **given: Any) -> str:
    """The report as a terminal shows it."""
    return terminal.render(report, width=width, files=FILES, **{"colour": False, **given})


def words(text: str) -> str:
    """Text without its line breaks and columns."""
    return " ".join(text.split())


def sections(text: str) -> list[str]:
    """The first words of each section."""
    return [re.sub(r" \(.*", "", part.splitlines()[0]).split("  ")[0] for part in text.split("\n\n")]


def test_render_tells_what_was_done_to_the_hosts_first() -> None:
    text = shown(sample_reports.rotation())
    assert sections(text)[:3] == ["CRITICAL", "done to the hosts", "root causes"]
    assert re.search(r"web +proxy server +done +certificate 5e2a is in service", text)
    assert "because CN=demo.test expires in 6.2 days, incident INC-7" in words(text)
    assert re.search(r"db +postgres server +rolled_back +certificate 77aa was rolled back", text)


def test_render_first_line_says_it_all() -> None:
    assert shown(sample_reports.large_platform()).splitlines()[0] == (
        "CRITICAL  xorb-demo  daily  975 of 1000 expected checks received  3 critical  25 unknown  1 warning  972 ok"
        "  3.1 s"
    )


def test_render_sections_come_in_the_order_of_need() -> None:
    assert sections(shown(sample_reports.bad_night())) == [
        "CRITICAL", "root causes", "services", "not run", "ledger", "CRITICAL",
    ]  # fmt: skip
    assert sections(shown(sample_reports.quiet_morning())) == ["OK", "services", "not applicable", "ledger", "OK"]
    assert "ok" in sections(shown(sample_reports.quiet_morning(), verbose=True))


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
@pytest.mark.parametrize("report", REPORTS, ids=["quiet", "bad", "large", "rotation", "dead"])
def test_render_fits_and_loses_no_failure(report: Report, width: int, verbose: bool) -> None:
    text = shown(report, width=width, verbose=verbose)
    lines = text.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    # Commands, hashes and paths are there to be copied; everything else keeps within the width.
    assert [line for line in lines if len(line) > width and not re.search("to fix it|head |/state", line)] == []
    assert text.isascii()
    shown_words = words(text)
    for one in report.checks:
        if one.status in (CRITICAL, UNKNOWN, WARNING):
            assert one.message in shown_words
        if verbose:
            assert one.name.removeprefix(f"{one.service} ") in shown_words


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("length", [12, 40, 75, 120])
def test_render_no_name_is_split(width: int, length: int) -> None:
    host, service, aspect = (("name-with.hyphens-" * 8)[:length] + end for end in ("-h", "_s", "_a"))
    failing = check(host, service, "p", aspect, CRITICAL, target=f"{host}:5432", message=f"it is {host}")
    report = assembled([failing, check("two", service, "p", aspect), check("two", "other", "p", aspect)])
    text = shown(report, width=width, verbose=True)
    assert f"{host}:" in text
    assert f" {service} " in text
    assert f"it is {host}" in words(text)
    assert aspect.replace("_", " ") in text


def test_render_full_text_of_a_cause_stands_once() -> None:
    text = words(shown(sample_reports.bad_night()))
    for evidence in ("could not write lock file", "19.5 GiB of 20 GiB", "Connection timed out", "ends on 2026-12-05"):
        assert text.count(evidence) == 1


@pytest.mark.parametrize("width", [80, 160])
def test_render_of_many_hosts_is_a_screen_or_two(width: int) -> None:
    for report in (
        sample_reports.large_platform(40),
        sample_reports.large_platform(1000),
        sample_reports.dead_databases(1000, 50),
        sample_reports.dead_databases(1000, 1000),
        sample_reports.dead_databases(40, 40),
    ):
        assert len(shown(report, width=width).splitlines()) < 50


def test_render_of_one_host_does_not_name_it() -> None:
    report = sample_reports.dead_databases(1, 1)
    text = shown(report)
    assert "postgres supervisor state, at" in text and "node0001:" in text
    assert not re.search(r"node0001[^:]", text)
    assert "\n!!  postgres  2 critical, 2 unknown\n" in text
    assert " 1. CRITICAL  postgres supervisor state" in text


def test_render_ends_in_the_verdict() -> None:
    page = "page /state/reports/daily.html"
    assert shown(sample_reports.quiet_morning()).splitlines()[-1] == f"OK  26 of 26 expected checks received  {page}"
    cause = "control: host reachable, and 4 more causes"
    assert shown(sample_reports.bad_night()).splitlines()[-1] == f"CRITICAL  {cause}  {page}"
    alone = terminal.render(sample_reports.dead_databases(40, 1), width=100, colour=False)
    assert alone.splitlines()[-1] == "CRITICAL  node0001: postgres supervisor state"


def test_render_causes_of_many_hosts_share_a_place() -> None:
    text = words(shown(sample_reports.dead_databases(1000, 50)))
    assert " 1. CRITICAL 50 hosts: postgres supervisor state" in text
    assert "on node0001, node0021, node0041, " in text
    assert "for example node0001: postgresql@17-main.service is failed" in text
    every = words(shown(sample_reports.dead_databases(1000, 50), verbose=True))
    assert "50. CRITICAL node0981: postgres supervisor state" in every


def test_render_consequences_that_name_their_hosts_share_a_row() -> None:
    report = sample_reports.dead_databases(1000, 50)
    checks = tuple(replace(one, message=f"{one.message} on {one.host}") for one in report.checks)
    text = words(shown(replace(report, checks=checks)))
    assert "critical 50 hosts api rest readiness; for example node0001: 59 ms: HTTP 503" in text
    assert "say something else" not in text


def test_render_causes_of_a_host_that_say_the_same_share_a_place() -> None:
    failing = [check("db", "redis", "access", f"way_{number}", UNKNOWN, message="no answer") for number in range(3)]
    text = words(shown(assembled([*failing, check("two", "redis", "access", "valid")])))
    assert "1. UNKNOWN db: redis access way 0 and 2 more, at db:access" in text
    assert "also redis access way 1, redis access way 2 no answer" in text


def test_render_limit_that_was_not_crossed_is_no_reason() -> None:
    slow = check("db", "api", "rest", "health", CRITICAL, value=59, unit="ms", warning=500, critical=3000,
                 message="HTTP 503")  # fmt: skip
    assert "59 ms: HTTP 503\n" in shown(assembled([slow]))


def test_render_time_that_is_not_known_is_left_out() -> None:
    report = assembled([], expected=[check("db", "api", "rest", "health")], silent={"db": NoAnswer(CRITICAL, "gone")})
    assert " 3.1 s" in shown(report).splitlines()[0]
    unknown = replace(report, finished_at=report.run.started_at)
    assert shown(unknown).splitlines()[0].endswith("1 critical  1 unknown")


def test_render_onset_stands_with_its_cause() -> None:
    was = check("db", "host", "root", "space", value=43, unit="%")
    was_12, is_60 = (check("db", "host", "memory", "used", value=value, unit="%") for value in (12, 60))
    action = Action("2026-11-21T04:00:00.000Z", "db", "certificate_rotate", "postgres server", "", "", "alex", "done")
    onset = Onset(
        good=At(40, "2026-11-21T03:15:02.000Z"), before=was, since=At(41, "2026-11-22T03:15:02.000Z"), failures=1,
        changes=(Change(was_12, is_60), Change(None, check("db", "redis", "cache", "ping"))), actions=(action,),
    )  # fmt: skip
    text = words(shown(sample_reports.bad_night(), onsets={"db/host.root.space": onset}))
    assert (
        "19.5 GiB of 20 GiB are in use (max 90 %) failing since run 41 of 2026-11-22 03:15 UTC, in 1 earlier run;"
        " last good in run 40 of 2026-11-21 03:15 UTC: 43 %"
        " changed on db since: host memory used 12 % -> 60 %; redis cache ping is new"
        " done to db since: certificate_rotate at 2026-11-21 04:00 UTC, postgres server done"
    ) in text


@pytest.mark.parametrize("width", [80, 160])
def test_render_colour_changes_nothing_but_colour(width: int) -> None:
    report = sample_reports.bad_night()
    coloured = shown(report, width=width, colour=True)
    assert "\033[1;31mCRITICAL\033[0m" in coloured
    assert re.sub(r"\033\[[0-9;]*m", "", coloured) == shown(report, width=width)
    assert "\033" not in shown(report, width=width)


def test_render_cause_has_evidence_consequences_and_remedy() -> None:
    text = words(shown(sample_reports.bad_night(), width=200))
    assert "2. CRITICAL db: postgres supervisor state, at db:supervisor postgresql@17-main.service is failed:" in text
    assert (
        "explains 4 checks on 2 hosts critical db postgres sql query: connection refused on db:5432"
        " critical web api rest readiness: 2104 ms: HTTP 503, database is unavailable: expected 200 (max 2000 ms)"
        " unknown db postgres sql connections, postgres sql oldest transaction: connection refused on db:5432"
    ) in text
    assert "to fix it: ansible-playbook xorb.runbook.service_recover -e service=postgres" in text
    assert "97.6 %: 19.5 GiB of 20 GiB are in use (max 90 %)" in text
    assert "12.7 days: CN=demo.test ends on 2026-12-05 (min 28 days)" in text


def test_render_command_is_one_line_at_any_width() -> None:
    command = (
        "ansible-playbook xorb.runbook.service_recover -e service=postgres -e incident=2026-11-23 --limit db --diff"
    )
    report = assembled([check("db", "api", "port", "connect", CRITICAL, remedy=command)])
    assert f"    to fix it: {command}" in shown(report, width=80).splitlines()


def test_render_services_are_aligned_the_worst_first() -> None:
    lines = shown(sample_reports.bad_night()).splitlines()
    rows = lines[lines.index("services") + 1 :][:9]
    assert rows[0] == "!!  api              web      1 critical, 1 ok"
    assert rows[2] == "!!  postgres         db       2 critical, 2 unknown"
    assert rows[-1] == "ok  redis            db       3 ok"


def test_render_consequences_of_a_silent_host_say_its_reason_once() -> None:
    text = words(shown(sample_reports.bad_night(), width=200))
    assert (
        "unreachable: ssh: connect to host control port 22: Connection timed out explains 6 checks unknown control"
        " host cpu used, host memory used, host root inodes, host root space, proxy https certificate,"
        " proxy https health"
    ) in text


def test_render_many_names_are_counted() -> None:
    report = sample_reports.large_platform()
    counted = "explains 25 checks unknown node12 4 of host, 4 of postgres, 3 of proxy, 3 of redis, 11 of worker"
    assert counted in words(shown(report))
    assert "worker worker 11 health" in words(shown(report, verbose=True))


def test_render_every_fine_check_has_its_name_with_verbose() -> None:
    line = "ok  postgres  db       sql connections 4 %, sql oldest transaction 0 s, sql query 3.1 ms, supervisor state"
    assert line in shown(sample_reports.quiet_morning(), verbose=True).splitlines()
    assert "sql query" not in shown(sample_reports.quiet_morning())


def test_render_many_alike_hosts_share_a_line_with_their_range() -> None:
    report = sample_reports.large_platform()
    assert "ok postgres 39 hosts 156 ok" in words(shown(report))
    text = words(shown(report, verbose=True))
    assert "ok postgres 39 hosts sql connections 4 %, sql oldest transaction 0 s, sql query 3.1-5 ms" in text
    assert "on node01-node11, node13-node40" in text


def test_render_what_was_not_run_is_named() -> None:
    text = shown(sample_reports.bad_night())
    assert "4 not run (limited to db:web:control)" in text.splitlines()[0]
    assert "not run (limited to db:web:control): 4 checks" in text
    assert "  spare: host.root.space, host.root.inodes, host.memory.used, host.cpu.used" in text


def test_render_of_many_that_were_not_run_counts() -> None:
    expected = [found for number in range(5000) for found in sound(f"node{number:04}", {"host": sample_reports.HOST})]
    arrived = [one for one in expected if one.host < "node0010"]
    run = replace(sample_reports.RUN, limited_to="node000*")
    absent = {one.host for one in expected} - {one.host for one in arrived}
    text = shown(assembled(arrived, expected=expected, absent=absent, run=run))
    assert "  node0010-node4999: host.root.space, host.root.inodes, host.memory.used, host.cpu.used\n" in text
    long = shown(assembled(arrived, expected=expected, absent=absent, run=replace(run, limited_to="node0000:" * 10)))
    assert "19960 not run (limited)  40 ok" in long.splitlines()[0]


def test_render_not_applicable_is_counted_by_reason() -> None:
    absent = [
        check(host, "ui", "service", f"aspect_{number}", NOT_APPLICABLE, message=reason)
        for host in ("one", "two")
        for number, reason in enumerate(["no image", "no image", "planned"])
    ]
    text = shown(assembled(absent))
    assert "not applicable (6)\n   4  no image\n   2  planned\n" in text
    assert "one, two: ui service aspect 0, ui service aspect 1" in words(shown(assembled(absent), verbose=True))
    many = [replace(one, id=f"a.b.{number}", message=f"reason {number}") for number, one in enumerate(absent * 5)]
    assert "  18  for 18 other reasons; the page and -v have them all" in shown(assembled(many))


def test_render_ledger_and_files_stand_before_the_verdict() -> None:
    report = sample_reports.quiet_morning()
    assert shown(report).split("\n\n")[-2].splitlines() == [
        "ledger    run 42, /var/lib/state/ledger.sqlite",
        f"head      {report.ledger['sha256']}",
        "files     /state/reports/daily.{json,html}",
    ]
    elsewhere = {"json": "/one/daily.json", "textfile": "/two/runbook.prom"}
    unrecorded = terminal.render(replace(report, ledger={}), width=100, colour=False, files=elsewhere)
    assert unrecorded.split("\n\n")[-2].splitlines() == [
        "ledger    this run is not recorded",
        "json      /one/daily.json",
        "textfile  /two/runbook.prom",
    ]


def test_render_suppressed_has_its_evidence() -> None:
    failing = check("db", "redis", "cache", "ping", CRITICAL, message="no answer", value=5, unit="s")
    suppression = Suppression(failing.address, "silence", "silenced until 2026-11-25 18:00 UTC by alex: upgrade")
    report = replace(
        assembled([failing, check("web", "api", "rest", "health")]), suppressions={failing.address: suppression}
    )
    text = words(shown(replace(report, causes=())))
    assert (
        "suppressed (1): failing, but not failing the run silenced until 2026-11-25 18:00 UTC by alex: upgrade" in text
    )
    assert "upgrade critical db redis cache ping: 5 s: no answer" in text
    assert "root causes" not in text
    assert text.endswith("CRITICAL 1 silenced: nothing fails the run page /state/reports/daily.html")


def test_render_failure_that_nothing_explains_is_there() -> None:
    first = check("db", "redis", "cache", "ping", CRITICAL, message="no answer")
    chain = replace(first, id="redis.cache.memory", name="redis cache memory", blocked_by=first.address)
    end = replace(first, id="redis.cache.keys", name="redis cache keys", message="not asked", blocked_by=chain.address)
    lost = replace(first, id="a.b.c", name="a b c", message="lost", blocked_by="nowhere/x.y.z")
    circle = replace(first, id="d.e.f", name="d e f", message="round", blocked_by="db/d.e.f")
    report = assembled([first])
    text = words(shown(replace(report, checks=(first, chain, end, lost, circle))))
    assert "explains 2 checks critical redis cache memory critical redis cache keys: not asked" in text
    assert "failing as well (2) critical a b c: lost critical d e f: round" in text


def test_render_hostile_text_reaches_no_terminal() -> None:
    evil = "\033[2J\033]0;owned\007 one\r\ntwo \u202eright \x9b31m"
    report = assembled([check("one", "api", "port", "connect", CRITICAL, message=evil, name=evil, remedy=evil)])
    text = shown(report)
    assert not set("\033\007\r\u202e\x9b") & set(text)
    assert "\\x1b[2J" in text


def test_render_other_observer_and_run_level_check_are_told_apart() -> None:
    seen = replace(check("control", "api", "port", "connect", CRITICAL), owner="one")
    silent = sample_reports.large_platform()
    assert "port connect (of one)" in shown(assembled([*sound("one", {"host": sample_reports.HOST}), seen]))
    nothing = assembled([], expected=[])
    assert " 1. CRITICAL  run expected" in shown(nothing)
    assert "node12: host reachable" in shown(silent)
