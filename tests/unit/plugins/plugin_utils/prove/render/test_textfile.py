# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The metrics: what node exporter's collector takes, whatever a host says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import STATUSES
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import textfile

from tests.support import sample_reports
from tests.support.sample_reports import assembled, check

#: One sample as the exposition format defines it; the collector refuses a file with any other line.
SAMPLE = re.compile(r'runbook_[a-z0-9_]+\{[a-z_0-9]+="(\\.|[^"\\\n])*"(,[a-z_0-9]+="(\\.|[^"\\\n])*")*\} \S+')
HOSTILE = 'a"} 1\nrunbook_check_status{} 0\n# \\ \x00\u202e{{ 7 * 7 }}'


def samples(text: str) -> list[str]:
    """The lines that are no comments."""
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("report", [sample_reports.bad_night(), sample_reports.large_platform(), assembled([])])
def test_render_is_well_formed_and_has_no_series_twice(report: object) -> None:
    text = textfile.render(report)  # type: ignore[arg-type]
    lines = samples(text)
    assert [line for line in lines if not SAMPLE.fullmatch(line)] == []
    series = [line.rpartition(" ")[0] for line in lines]
    assert len(series) == len(set(series))
    families = re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    assert len(families) == len(set(families))
    assert {line.partition("{")[0] for line in lines} <= set(families)
    assert text.endswith("\n")


def test_render_has_status_value_counts_and_head() -> None:
    text = textfile.render(sample_reports.bad_night())
    run = 'platform="xorb-demo",procedure="daily"'
    disk = f'{run},host="db",owner="db",service="host",topic="capacity",check="host.root.space"'
    assert f"runbook_check_status{{{disk}}} 2" in text
    assert f'runbook_check_value{{{disk},unit="%"}} 97.6' in text
    assert f'runbook_checks{{{run},status="unknown"}} 8' in text
    assert f"runbook_expected_checks{{{run}}} 30" in text
    assert f"runbook_received_checks{{{run}}} 20" in text
    assert f"runbook_not_run_checks{{{run}}} 4" in text
    assert f"runbook_ledger_sequence{{{run}}} 42" in text
    assert f'runbook_ledger_head_info{{{run},sha256="{"9f86d081" * 8}"}} 1' in text
    assert f"runbook_run_timestamp_seconds{{{run}}} 1795403703.1" in text


def test_render_hostile_values_stay_in_their_label() -> None:
    evil = replace(check("one", "api", "port", "connect"), id=HOSTILE, host=HOSTILE, value=float("inf"), unit=HOSTILE)
    lines = samples(textfile.render(assembled([evil])))
    assert [line for line in lines if not SAMPLE.fullmatch(line)] == []
    assert [line for line in lines if line.startswith("runbook_check_status")] == [
        line for line in lines if line.startswith("runbook_check_status{platform=")
    ]
    assert any(line.endswith(" +Inf") for line in lines)


def test_codes_every_status_has_one() -> None:
    assert set(textfile.CODES) == set(STATUSES)


def test_place_is_a_file_or_a_folder_and_never_leaves_it() -> None:
    report = sample_reports.quiet_morning()
    assert textfile.path_of("/metrics/own.prom", report) == Path("/metrics/own.prom")
    assert textfile.path_of("/metrics", report) == Path("/metrics/runbook-xorb-demo-daily.prom")
    odd = replace(report, run=replace(report.run, platform="../../etc/x"))
    assert textfile.path_of("/metrics", odd).parent == Path("/metrics")
