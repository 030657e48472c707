# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plots: true to their data, honest about what is missing, and in words for a reader who does not see them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Check
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.history import Past, PastRun, Sample, Trend
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import html, svg
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render.charts.charts import figures
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render.charts.parts import Figure
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report

from tests.support import sample_reports
from tests.support.sample_reports import assembled, check

NOW = datetime(2026, 11, 23, 3, 15, 3, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\"'><image href=x onerror=alert(1)>\u202e\x00"


def past(days: float, services: Mapping[str, str], *samples: Sample) -> Past:
    """An earlier run so many days ago."""
    moment = (NOW - timedelta(days=days)).isoformat().replace("+00:00", "Z")
    return Past(PastRun(1, "id", "xorb-demo", "daily", moment, "alex", "", 1, 1, 0, 1, {}), services, samples)


def latency(value: float, host: str = "web") -> Sample:
    """One answer of the API."""
    return Sample("api.rest.health", host, host, "ms", value)


def trend(*runs: Past) -> Trend:
    """What led up to a run, oldest first."""
    return Trend(runs, runs)


def api(status: str = OK, value: float | None = 12.5, host: str = "web") -> Check:
    """A check of an endpoint."""
    return check(host, "api", "rest", "health", status, value=value, unit="ms" if value else "")


def drawn(report: Report, led: Trend | None = None) -> dict[str, Figure]:
    """The figures by their anchors."""
    return {figure.anchor: figure for figure in figures(report, led or Trend())}


def test_first_run_says_so_instead_of_an_empty_plot() -> None:
    figure = drawn(sample_reports.quiet_morning())["over-time"]
    assert figure.rows == ()
    assert "This is the first run of daily in the ledger" in figure.lead


def test_unreadable_history_says_why() -> None:
    figure = drawn(sample_reports.quiet_morning(), Trend(problem="the ledger x is damaged"))["over-time"]
    assert figure.rows == () and "the ledger x is damaged" in figure.lead


def test_nothing_measured_draws_nothing_else() -> None:
    assert list(drawn(assembled([check("web", "api", "rest", "health")]))) == ["over-time"]


def test_over_time_has_a_column_a_run_and_says_since_when() -> None:
    led = trend(past(4, {"api": OK}), past(3, {"api": OK}), past(2, {"api": CRITICAL}), past(1, {}))
    (row,) = drawn(assembled([api(UNKNOWN)]), led)["over-time"].rows
    assert re.findall(r'class="cell (\w+)"', row.drawing) == [OK, OK, CRITICAL, "none", UNKNOWN]
    assert (row.figure, row.note) == ("2 of 4 runs ok", "not ok since 2026-11-21 03:15")
    assert "2026-11-22 03:15: not looked at" in row.drawing


def test_over_time_the_worse_the_taller() -> None:
    led = trend(*(past(9 - index, {"api": status}) for index, status in enumerate((OK, WARNING, UNKNOWN, CRITICAL))))
    (row,) = drawn(assembled([api()]), led)["over-time"].rows
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', row.drawing)]
    assert heights[:4] == sorted(set(heights[:4]))


def test_over_time_a_pause_is_a_gap() -> None:
    led = trend(*(past(days, {"api": OK}) for days in (24, 23, 22, 2, 1)))
    (row,) = drawn(assembled([api()]), led)["over-time"].rows
    lefts = [float(left) for left in re.findall(r'<rect [^>]*x="([\d.]+)%"', row.drawing)]
    steps = [later - earlier for earlier, later in pairwise(lefts)]
    assert steps.index(max(steps)) == 2
    assert max(steps) > 1.5 * min(steps)


def test_latency_percentiles_only_from_twenty_samples() -> None:
    few = trend(*(past(day, {}, latency(10)) for day in range(18, 0, -1)))
    (row,) = drawn(assembled([api()]), few)["latency"].rows
    assert (row.figure, row.note) == ("now 12.5 ms", "19 of 20 samples for percentiles")
    assert 'class="spread' not in row.drawing
    enough = trend(*(past(day, {}, latency(10)) for day in range(19, 0, -1)))
    (row,) = drawn(assembled([api()]), enough)["latency"].rows
    assert (row.figure, row.note) == ("p95 10 ms", "p50 10 ms, 20 samples")
    assert 'class="spread fast"' in row.drawing


def test_latency_above_the_goal_is_a_warning_in_words() -> None:
    slow = trend(*(past(day, {}, latency(300)) for day in range(30, 0, -1)))
    (row,) = drawn(assembled([api()]), slow)["latency"].rows
    assert row.status == WARNING
    assert row.note.endswith("over 200 ms")
    assert 'class="kpi"' in row.drawing


def test_latency_is_judged_by_how_long_it_took_and_by_nothing_else() -> None:
    limits = {"warning": 500, "critical": 2000}
    error = replace(api(CRITICAL, 41.0), **limits)  # type: ignore[arg-type]
    (row,) = drawn(assembled([error]))["latency"].rows
    assert (row.status, row.tone, row.figure) == (OK, OK, "now 41 ms")
    assert re.findall(r'class="dot (\w+)"', row.drawing) == [OK]
    led = trend(*(past(day, {}, latency(10)) for day in range(30, 0, -1)))
    slow = replace(api(CRITICAL, 2104.0), **limits)  # type: ignore[arg-type]
    (row,) = drawn(assembled([slow]), led)["latency"].rows
    assert (row.status, row.tone) == (CRITICAL, OK)
    assert (row.figure, row.note) == ("p95 10 ms", "p50 10 ms, 31 samples; now 2.1 s")
    assert re.findall(r'class="dot (\w+)"', row.drawing) == [CRITICAL]


def test_many_services_show_those_that_fail() -> None:
    services = {f"app{number:02}": OK for number in range(40)}
    led = trend(past(2, services), past(1, services | {"app33": WARNING}))
    checks = [check("web", name, "rest", "health", CRITICAL if name == "app39" else OK) for name in services]
    figure = drawn(assembled(checks), led)["over-time"]
    names = [row.name for row in figure.rows]
    assert len(names) == 12 and {"app33", "app39"} <= set(names)
    assert figure.lead.endswith("The 28 services that failed least are not shown.")


def test_dots_of_many_hosts_name_none() -> None:
    report = assembled(api(value=12.0, host=f"a{number * 7}") for number in range(300))
    (row,) = drawn(report)["latency"].rows
    assert "300 hosts: 12 ms" in row.drawing
    assert len(row.drawing) < 2000


def test_latency_endpoint_that_is_silent_keeps_its_row() -> None:
    led = trend(*(past(day, {}, latency(10)) for day in range(30, 0, -1)))
    (row,) = drawn(assembled([api(CRITICAL, None)]), led)["latency"].rows
    assert row.status == CRITICAL
    assert row.note == "p50 10 ms, 30 samples; no answer from web"


def test_capacity_names_who_is_closest_to_the_limit() -> None:
    figure = drawn(sample_reports.bad_night())["capacity"]
    assert "host root space on db: 97.6 %, with the limit at 90 %" in figure.lead
    assert (figure.rows[0].status, figure.rows[0].figure) == (CRITICAL, "97.6 % on db")
    assert "db: 97.6 %" in figure.rows[0].drawing


def test_capacity_of_many_hosts_counts_every_one() -> None:
    rows = drawn(sample_reports.large_platform())["capacity"].rows
    (disk,) = [row for row in rows if row.name == "host root space"]
    singles = len(re.findall(r'<g class="dot', disk.drawing)) - len(re.findall(r"<text ", disk.drawing))
    assert singles + sum(int(number) for number in re.findall(r"<text [^>]*>(\d+)</text>", disk.drawing)) == 39


def test_certificates_next_to_end_comes_first_and_expired_is_left_of_today() -> None:
    def certificate(point: str, days: float, status: str) -> Check:
        return check(
            "web",
            "proxy",
            point,
            "expiry",
            status,
            topic="certificates",
            value=days,
            unit="days",
            warning=28,
            critical=7,
        )

    rows = drawn(assembled([certificate("new", 300, OK), certificate("old", -3, CRITICAL)]))["certificates"].rows
    assert [row.name for row in rows] == ["proxy old expiry", "proxy new expiry"]
    assert rows[0].figure == "over for 3 days"
    ends = [float(re.findall(r'<circle cx="([\d.]+)%"', row.drawing)[0]) for row in rows]
    assert ends[0] < 7
    assert ends[1] > 90


def test_every_drawing_has_a_title_and_a_description() -> None:
    led = trend(past(2, {"host": OK}), past(1, {"host": CRITICAL}))
    source = html.render(sample_reports.bad_night(), led)
    plots = re.findall(r'<svg class="plot".*?</desc>', source, re.DOTALL)
    assert len(plots) > 8
    for plot in plots:
        title, description = re.findall(r'aria-labelledby="(\S+) (\S+)"', plot)[0]
        assert re.search(rf'<title id="{title}">[^<]+</title><desc id="{description}">[^<]+</desc>', plot)


def test_hostile_names_are_text_in_drawings() -> None:
    evil = replace(
        check("web", "api", "rest", "health", value=95.0, unit="%", warning=80, critical=90),
        id=HOSTILE, name=HOSTILE, host=HOSTILE, owner=HOSTILE, service=HOSTILE,
    )  # fmt: skip
    checks = [evil, replace(evil, unit="ms", id="ms"), replace(evil, unit="days", id="days", warning=28, critical=7)]
    led = trend(past(2, {HOSTILE: OK}, Sample(HOSTILE, HOSTILE, HOSTILE, "%", 5)), past(1, {HOSTILE: OK}))
    source = html.render(assembled(checks), led)
    assert "<script" not in source and "<image" not in source
    assert not set("\u202e\x00") & set(source)


def backup_set(days: float, **known: object) -> dict[str, object]:
    """A set that was taken so many days ago."""
    row = {"id": f"set-{days:g}", "begin": NOW.timestamp() - days * 86400, "fault": "", "size": 2048, "verified": False}
    return {**row, "receipt": {}, "keeps": "daily", "expires": "", **known}


def test_time_line_of_backups_says_of_each_set_what_is_known() -> None:
    receipt = {"at": NOW.timestamp(), "faults": []}
    sets = [
        backup_set(0.1),
        backup_set(5, verified=True, receipt=receipt),
        backup_set(20, verified=True, receipt=receipt, keeps="", expires="no day needs it"),
        backup_set(40, fault=HOSTILE),
    ]
    listed = {"host": "db", "service": "postgres", "backup": "main", "sets": sets}
    other = {"host": "web", "service": "nginx", "backup": "config", "sets": [backup_set(1)]}
    report = replace(assembled([]), backups=(other, listed, {**other, "backup": "none", "sets": []}))
    (found,) = (one for one in figures(report, Trend()) if one.anchor == "backups")
    assert [row.name for row in found.rows] == ["db postgres.main", "web nginx.config"]
    first = found.rows[0]
    assert (first.figure, first.note) == ("4 sets, 2 verified", "newest set-0.1, expires: set-20")
    assert str(first.drawing).count('class="limit warning"') == 1
    for words in (
        "set-0.1, 2 KiB, not verified, daily",
        "set-5, 2 KiB, verified 2026-11-23",
        "expires: no day needs it",
    ):
        assert words in first.drawing
    page = html.render(report)
    assert "<script>" not in page and "web nginx.config" in page


def drill_row(days: float, verdict: str = "passed", **known: object) -> dict[str, object]:
    """A drill that was held so many days ago."""
    row = {"at": NOW.timestamp() - days * 86400, "verdict": verdict, "set": f"set-{days:g}", "repository": "/copies"}
    return {**row, "seconds": 41.2, "rpo_seconds": 9000.0, "faults": [], "who": "alex", **known}


def test_time_line_of_drills_says_of_each_what_an_auditor_asks_for() -> None:
    names: dict[str, object] = {"service": "postgres", "backup": "main", "copy": "offsite", "owner": "db"}
    names["host"] = "spare"
    passed = {**names, "owner": "app", "drills": [drill_row(8), drill_row(1)]}
    failed = {**names, "drills": [drill_row(9), drill_row(2, "failed", faults=[HOSTILE], rpo_seconds=None)]}
    missed = {**names, "owner": "web", "drills": [drill_row(1, "no result", set="", faults=["cannot be reached"])]}
    report = replace(assembled([]), drills=(passed, missed, failed, {**names, "drills": []}))
    (found,) = (one for one in figures(report, Trend()) if one.anchor == "drills")
    assert [(row.name, row.status) for row in found.rows] == [
        ("db postgres.main.offsite on spare", "critical"),
        ("web postgres.main.offsite on spare", "unknown"),
        ("app postgres.main.offsite on spare", "ok"),
    ]
    assert found.rows[2].figure == "2 drills, 2 passed"
    assert "passed, set-1 out of /copies, RTO 41.2 s, RPO 2.5 h, by alex; 2026-11-15" in found.rows[2].note
    page = html.render(report)
    assert "<script>" not in page and "no result, /copies: cannot be reached, by alex" in page
    assert report.as_dict()["drills"][0]["owner"] == "app"


def test_spark_of_values_beyond_its_scale_stays_at_the_edge() -> None:
    drawn = str(svg.spark("spark", [0.0, 434.0, -20.0], least=0, most=100, height=20))
    heights = [float(point.split(",")[1]) for point in re.findall(r'points="([^"]+)"', drawn)[0].split()]
    assert heights == [19.0, 1.0, 19.0]
