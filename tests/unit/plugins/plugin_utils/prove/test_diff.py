# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two runs compared: every check is in the one group that says most about it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
    Check,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.diff import Difference, compare
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.history import PastRun
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import diff_text
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import run_check

from tests.support import sample_reports
from tests.support.sample_reports import check

RUN = PastRun(
    sequence=41,
    run_id="20261122T031500-0f0f0f",
    platform="xorb-demo",
    procedure="daily",
    finished_at="2026-11-22T03:15:03.000000Z",
    who="alex",
    limited_to="",
    expected=26,
    received=26,
    not_run=0,
    records=26,
    counts={"ok": 26},
)


def disk(status: str = OK, value: Any = 43, **given: Any) -> Check:
    """The check that most tests compare."""
    return check("db", "host", "root", "space", status, value=value, unit="%", warning=80, critical=90, **given)


def groups(before: list[Check], after: list[Check], change: float = 10) -> dict[str, int]:
    """How many checks are in each group that has any."""
    found = compare(before, after, change=change)
    sizes = {
        one.name: value if isinstance(value := getattr(found, one.name), int) else len(value)
        for one in fields(Difference)
    }
    return {name: size for name, size in sizes.items() if size}


@pytest.mark.parametrize(
    ("before", "after", "group"),
    [
        (OK, CRITICAL, "new_failures"),
        (OK, WARNING, "new_failures"),
        (WARNING, CRITICAL, "new_failures"),
        (UNKNOWN, CRITICAL, "new_failures"),
        (NOT_APPLICABLE, UNKNOWN, "new_failures"),
        (CRITICAL, CRITICAL, "still_failing"),
        (CRITICAL, WARNING, "still_failing"),
        (CRITICAL, OK, "fixed"),
        (WARNING, NOT_APPLICABLE, "fixed"),
        (OK, OK, "unchanged"),
    ],
)
def test_compare_statuses(before: str, after: str, group: str) -> None:
    assert groups([disk(before)], [disk(after)]) == {group: 1}


def test_compare_checks_that_come_and_go() -> None:
    assert groups([], [disk()]) == {"appeared": 1}
    assert groups([], [disk(CRITICAL)]) == {"new_failures": 1}
    assert groups([disk()], []) == {"vanished": 1}
    assert groups([disk(CRITICAL)], []) == {"vanished": 1}


def test_compare_run_that_complains_no_more_is_fixed() -> None:
    silent = run_check("reachable", CRITICAL, "unreachable", host="db", point="host")
    assert groups([silent], []) == {"fixed": 1}


@pytest.mark.parametrize(
    ("before", "after", "group"),
    [
        (43, 51, "unchanged"),
        (43, 52, "changed"),
        (52, 43, "changed"),
        (43, None, "changed"),
        (None, None, "unchanged"),
        ("17.2", "17.3", "changed"),
    ],
)
def test_compare_values_by_their_threshold(before: Any, after: Any, group: str) -> None:
    assert groups([disk(value=before)], [disk(value=after)]) == {group: 1}


def test_compare_value_without_threshold_by_itself() -> None:
    bare = replace(disk(value=100), warning=None, critical=None)
    assert groups([bare], [replace(bare, value=110)]) == {"unchanged": 1}
    assert groups([bare], [replace(bare, value=111)]) == {"changed": 1}
    assert groups([replace(bare, value=0)], [replace(bare, value=1)]) == {"changed": 1}


def measured(value: float, unit: str, **given: Any) -> Check:
    """A check that is fine, whatever it measured."""
    return check("web", "api", "rest", "health", value=value, unit=unit, **given)


@pytest.mark.parametrize(
    ("before", "after", "given", "group"),
    [
        # There is no threshold of how long is too long, or how old: what is never the same twice is no news by itself.
        (35, 26, {"unit": "ms"}, "unchanged"),
        (4, 12, {"unit": "ms"}, "unchanged"),
        (100, 160, {"unit": "ms"}, "unchanged"),
        (100, 250, {"unit": "ms"}, "changed"),
        (0, 40, {"unit": "pages/s"}, "changed"),
        # Against a limit: near it, by a share of it, and times by a factor besides.
        (35, 26, {"unit": "ms", "warning": 50, "critical": 90}, "unchanged"),
        (35, 26, {"unit": "ms", "warning": 500, "critical": 2000}, "unchanged"),
        (20, 200, {"unit": "ms", "warning": 500}, "unchanged"),
        (100, 400, {"unit": "ms", "warning": 500}, "changed"),
        (400, 100, {"unit": "ms", "warning": 500}, "changed"),
        (8, 25, {"unit": "%", "warning": 80}, "unchanged"),
        (43, 60, {"unit": "%", "warning": 80}, "changed"),
        (99, 97, {"unit": "%", "warning": 90, "falling": True}, "unchanged"),
        (300, 110, {"unit": "files", "warning": 100, "falling": True}, "changed"),
        (3000, 1000, {"unit": "files", "warning": 100, "falling": True}, "unchanged"),
        # What the clock moves.
        (2, 20, {"unit": "h", "warning": 26}, "unchanged"),
        (20, 2, {"unit": "h", "warning": 26}, "unchanged"),
        (50, 43, {"unit": "days", "warning": 28, "critical": 7, "falling": True}, "unchanged"),
        (43, 90, {"unit": "days", "warning": 28, "critical": 7, "falling": True}, "changed"),
        # A limit of nothing.
        (0, 0, {"unit": "", "critical": 0}, "unchanged"),
    ],
)
def test_compare_numbers_that_are_news_and_those_that_are_noise(
    before: float, after: float, given: dict[str, Any], group: str
) -> None:
    assert groups([measured(before, **given)], [measured(after, **given)]) == {group: 1}


def test_compare_crossing_a_limit_is_news_however_small_the_step() -> None:
    limits: dict[str, Any] = {"unit": "ms", "warning": 50}
    over = replace(measured(51, **limits), status=WARNING)
    assert groups([measured(49, **limits)], [over]) == {"new_failures": 1}
    assert groups([over], [measured(49, **limits)]) == {"fixed": 1}


def test_compare_same_check_of_another_host_is_another_one() -> None:
    assert groups([disk()], [replace(disk(), host="web", owner="web")]) == {"appeared": 1, "vanished": 1}


def test_render_says_everything_that_changed() -> None:
    before, after = sample_reports.demo_checks(), [*sample_reports.bad_night().checks]
    now = replace(RUN, sequence=42, counts={"critical": 5}, limited_to="db:web:control", not_run=4)
    found = compare(before, after, change=10)
    text = diff_text.render(RUN, now, found)
    assert text.startswith("run 42 of daily, 2026-11-22 03:15:03 UTC, by alex: 5 critical\nagainst run 41 of daily")
    assert "careful: run 42 was limited to db:web:control, which left out 4 checks" in text
    assert "new failures (15)" in text
    assert "ok 43 % -> critical 97.6 %" in text
    assert "19.5 GiB of 20 GiB are in use" in text


def test_render_no_difference_says_so() -> None:
    found = compare([disk()], [disk()], change=10)
    assert diff_text.summary(found) == "no difference: 1 check as before"


def test_render_control_characters_do_not_reach_the_terminal() -> None:
    evil = disk(CRITICAL, message="\x1b[2J\nok", name="\x1b]0;owned")
    text = diff_text.render(RUN, replace(RUN, who="\x1b[31m"), compare([], [evil], change=10))
    assert "\x1b" not in text
