# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The terminal report: everything is there, the worst first, within the width, and without colour, too."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    UNKNOWN,
    WARNING,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import terminal
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report

from tests.support import sample_reports
from tests.support.sample_reports import assembled, check, sound

REPORTS = [
    sample_reports.quiet_morning(),
    sample_reports.bad_night(),
    sample_reports.large_platform(),
    sample_reports.rotation(),
]
FILES = {"json": "/state/reports/daily.json", "html": "/state/reports/daily.html"}


def shown(report: Report, *, width: int = 120, colour: bool = False) -> str:
    """The report as a terminal shows it."""
    return terminal.render(report, width=width, colour=colour, files=FILES)


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
    assert "because CN=demo.test expires in 6.2 days, incident INC-7" in text
    assert re.search(r"db +postgres server +undone +certificate 77aa was taken back", text)


def test_render_first_line_says_it_all() -> None:
    assert shown(sample_reports.large_platform()).splitlines()[0] == (
        "CRITICAL  xorb-demo  daily  975 of 1000 expected checks received  3 critical  25 unknown  1 warning  972 ok"
        "  3.1 s"
    )


def test_render_sections_come_in_the_order_of_need() -> None:
    assert sections(shown(sample_reports.bad_night())) == [
        "CRITICAL", "root causes", "not ok", "ok", "not run", "ledger",
    ]  # fmt: skip
    assert sections(shown(sample_reports.quiet_morning())) == ["OK", "ok", "not applicable", "ledger"]


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
@pytest.mark.parametrize("report", REPORTS, ids=["quiet", "bad", "large", "rotation"])
def test_render_fits_and_loses_nothing(report: Report, width: int) -> None:
    text = shown(report, width=width)
    lines = text.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    # Commands, hashes and paths are there to be copied; everything else keeps within the width.
    assert [line for line in lines if len(line) > width and not re.search("to mend it|head |/state", line)] == []
    assert text.isascii()
    said = set(re.findall(r"[^\s,;()]+", text))
    for one in report.checks:
        assert set(re.findall(r"[^\s,;()]+", one.name)) <= said
        if one.status in (CRITICAL, UNKNOWN, WARNING):
            assert set(re.findall(r"[^\s,;()]+", one.message)) <= said


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
        "explains 4 checks: db: postgres.sql.query, postgres.sql.connections, postgres.sql.oldest_transaction; web:"
        in text
    )
    assert "to mend it: ansible-playbook xorb.runbook.service_recover -e service=postgres" in text
    assert "97.6 %: 19.5 GiB of 20 GiB are in use (max 90 %)" in text
    assert "12.7 days: CN=demo.test ends on 2026-12-05 (min 28 days)" in text


def test_render_command_is_one_line_at_any_width() -> None:
    command = (
        "ansible-playbook xorb.runbook.service_recover -e service=postgres -e incident=2026-11-23 --limit db --diff"
    )
    report = assembled([check("db", "api", "port", "connect", CRITICAL, remedy=command)])
    assert f"    to mend it: {command}" in shown(report, width=80).splitlines()


def test_render_table_is_aligned() -> None:
    lines = shown(sample_reports.bad_night(), width=140).splitlines()
    head = next(line for line in lines if line.startswith("HOST"))
    row = next(line for line in lines if line.startswith("db") and "host root space" in line)
    for title, cell in (
        ("CHECK", "host root space"),
        ("STATUS", "!! critical"),
        ("VALUE", "97.6 %"),
        ("MESSAGE", "19.5"),
    ):
        assert head.index(title) == row.index(cell)


def test_render_consequences_that_say_the_same_share_a_row() -> None:
    text = words(shown(sample_reports.bad_night(), width=200))
    assert (
        "control 6 checks ?? unknown unreachable: ssh: connect to host control port 22: Connection timed out"
        " host cpu used, host memory used, host root inodes, host root space, proxy https certificate, proxy https"
        " health blocked by control/runbook.host.reachable"
    ) in text


def test_render_many_consequences_are_counted_at_the_cause_and_named_below() -> None:
    text = words(shown(sample_reports.large_platform()))
    assert "explains 25 checks on node12, named below" in text
    assert "worker worker 11 health" in text


def test_render_every_fine_check_is_visible_by_name() -> None:
    lines = shown(sample_reports.quiet_morning()).splitlines()
    assert (
        "ok  db       postgres  sql connections 4 %, sql oldest transaction 0 s, sql query 3.1 ms, supervisor state"
        in lines
    )


def test_render_many_alike_hosts_share_a_line_with_their_range() -> None:
    text = words(shown(sample_reports.large_platform()))
    assert "ok 39 hosts postgres sql connections 4 %, sql oldest transaction 0 s, sql query 3.1-5 ms" in text
    assert "on node01-node11, node13-node40" in text


def test_render_what_was_not_run_is_named() -> None:
    text = shown(sample_reports.bad_night())
    assert "4 not run (limited to db:web:control)" in text.splitlines()[0]
    assert "not run (limited to db:web:control): 4 checks" in text
    assert "  spare: host.root.space, host.root.inodes, host.memory.used, host.cpu.used" in text


def test_render_not_applicable_has_its_reason() -> None:
    report = assembled([check("web", "ui", "service", "available", NOT_APPLICABLE, message="no image")])
    assert "--  web  ui service available  no image" in shown(report)


def test_render_ledger_and_files_close_the_report() -> None:
    report = sample_reports.quiet_morning()
    assert shown(report).splitlines()[-4:] == [
        f"ledger  run 42, head {report.ledger['sha256']}",
        "        /var/lib/state/ledger.sqlite",
        "json    /state/reports/daily.json",
        "html    /state/reports/daily.html",
    ]
    unrecorded = terminal.render(replace(report, ledger={}), width=100, colour=False)
    assert unrecorded.splitlines()[-1] == "ledger  this run is not recorded"


def test_render_hostile_text_reaches_no_terminal() -> None:
    evil = "\033[2J\033]0;owned\007 one\r\ntwo \u202eright \x9b31m"
    report = assembled([check("one", "api", "port", "connect", CRITICAL, message=evil, name=evil, remedy=evil)])
    text = shown(report)
    assert not set("\033\007\r\u202e\x9b") & set(text)
    assert "\\x1b[2J" in text


def test_render_other_observer_and_run_level_check_are_told_apart() -> None:
    seen = replace(check("control", "api", "port", "connect"), owner="one")
    silent = sample_reports.large_platform()
    assert "port connect (of one)" in shown(assembled([*sound("one", {"host": sample_reports.HOST}), seen]))
    nothing = assembled([], expected=[])
    assert "control node: run expected" in shown(nothing)
    assert "node12: host reachable" in shown(silent)
