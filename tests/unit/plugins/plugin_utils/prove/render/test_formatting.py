# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Words for values: the same on the terminal and on the page."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import formatting

from tests.support.sample_reports import check


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.14159, "ms", "3.14 ms"),
        (37.25, "%", "37.2 %"),
        (1234.5, "ms", "1234 ms"),
        (0.04321, "s", "0.043 s"),
        (0.0, "s", "0 s"),
        (80, "%", "80 %"),
        (12345678, "", "12345678"),
        (1536, "B", "1.5 KiB"),
        (5 * 1024**4, "bytes", "5 TiB"),
        ("in_recovery", "", "in_recovery"),
        (None, "ms", ""),
        ("", "ms", ""),
    ],
)
def test_quantity(value: Any, unit: str, text: str) -> None:
    assert formatting.quantity(value, unit) == text


@pytest.mark.parametrize(
    ("given", "crossed", "both"),
    [
        ({"status": OK, "value": 43, "unit": "%", "warning": 80, "critical": 90}, "", "max 80 / 90 %"),
        ({"status": WARNING, "value": 85, "unit": "%", "warning": 80, "critical": 90}, "max 80 %", "max 80 / 90 %"),
        ({"status": CRITICAL, "value": 95, "unit": "%", "warning": 80, "critical": 90}, "max 90 %", "max 80 / 90 %"),
        (
            {"status": CRITICAL, "value": 5, "unit": "days", "warning": 28, "critical": 7, "falling": True},
            "min 7 days",
            "min 28 / 7 days",
        ),
        ({"status": CRITICAL, "value": 5, "unit": "%", "critical": 9, "falling": True}, "min 9 %", "min 9 %"),
        ({"status": OK, "value": 15, "unit": "%", "critical": 9, "falling": True}, "", "min 9 %"),
        ({"status": OK, "value": 5, "unit": "%", "critical": 9}, "", "max 9 %"),
        # Neither a value at its only threshold nor one that failed for another reason says which way is worse.
        ({"status": OK, "value": 0, "unit": "", "critical": 0}, "", "max 0"),
        ({"status": OK, "value": 9, "unit": "%", "critical": 9, "falling": True}, "", "min 9 %"),
        ({"status": UNKNOWN, "value": 59, "unit": "ms", "critical": 3000}, "", "max 3000 ms"),
        ({"status": WARNING, "value": 5, "unit": "%", "warning": 4}, "max 4 %", "max 4 %"),
        (
            {"status": CRITICAL, "value": 4096, "unit": "B", "warning": 1024, "critical": 2048},
            "max 2 KiB",
            "max 1 KiB / 2 KiB",
        ),
        ({"status": UNKNOWN, "value": None, "unit": "%", "warning": 80, "critical": 90}, "", "max 80 / 90 %"),
        ({"status": CRITICAL, "value": 3}, "", ""),
        # It fails, and for another reason than its value.
        ({"status": CRITICAL, "value": 59, "unit": "ms", "warning": 500, "critical": 3000}, "", "max 500 / 3000 ms"),
        ({"status": CRITICAL, "value": 600, "unit": "ms", "warning": 500, "critical": 3000}, "", "max 500 / 3000 ms"),
        ({"status": WARNING, "value": 59, "unit": "ms", "warning": 500, "critical": 3000}, "", "max 500 / 3000 ms"),
        (
            {"status": CRITICAL, "value": 40, "unit": "days", "warning": 28, "critical": 7, "falling": True},
            "",
            "min 28 / 7 days",
        ),
        ({"status": CRITICAL, "value": 90, "unit": "%", "warning": 80, "critical": 90}, "", "max 80 / 90 %"),
    ],
)
def test_limits(given: dict[str, Any], crossed: str, both: str) -> None:
    one = check("one", "api", "port", "aspect", **given)
    assert (formatting.limit_of(one), formatting.limits_of(one)) == (crossed, both)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["db"], "db"),
        (["web2", "web1"], "web1, web2"),
        (["web01", "web02", "web03", "db"], "db, web01-web03"),
        (["web1", "web2", "web3", "web5"], "web1-web3, web5"),
        (["web09", "web10", "web11", "web9"], "web9, web09-web11"),
        (["10.0.0.9", "10.0.0.10", "10.0.0.11"], "10.0.0.9, 10.0.0.10, 10.0.0.11"),
        (["b", "a", "a"], "a, b"),
    ],
)
def test_compact(names: list[str], text: str) -> None:
    assert formatting.compact(names) == text


def test_compact_items_count_what_is_left_out() -> None:
    names = ["db", "web01", "web02", "web03", "x", "y"]
    assert formatting.compact_items(names, 9) == ["db", "web01-web03", "x", "y"]
    assert formatting.compact_items(names, 1) == ["db", "and 5 more"]
    assert formatting.compact_items(names, 3) == ["db", "web01-web03", "x", "and 1 more"]


@pytest.mark.parametrize(
    ("values", "unit", "text"),
    [
        ([3.1, 12.4], "ms", "3.1-12.4 ms"),
        ([4, 4], "%", "4 %"),
        ([1024, 4096], "B", "1 KiB-4 KiB"),
        ([None, None], "", ""),
        (["on", "on"], "", "on"),
        (["on", "off"], "", ""),
        ([1, None], "", ""),
    ],
)
def test_spread(values: list[Any], unit: str, text: str) -> None:
    checks = [
        check(f"web{index}", "api", "port", "aspect", value=value, unit=unit) for index, value in enumerate(values)
    ]
    assert formatting.spread(checks) == text


def test_by_host_puts_hosts_with_the_same_ids_together() -> None:
    assert formatting.by_host(["web1/a.b", "web1/c", "web2/a.b", "web2/c", "db/x/y", "/runbook.z"]) == [
        ("web1, web2", ["a.b", "c"]),
        ("db", ["x/y"]),
        ("control node", ["runbook.z"]),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1 min 0 s"), (125.2, "2 min 5 s")]
)
def test_duration(seconds: float, text: str) -> None:
    assert formatting.duration(seconds) == text


def test_clean_keeps_letters_of_any_script() -> None:
    assert formatting.clean(" Grüße\t日本 \n ok\x1b[0m\u2028\ud800 ") == "Grüße 日本 ok\\x1b[0m \\ud800"
