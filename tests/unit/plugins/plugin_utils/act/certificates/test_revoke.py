# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is decided for all hosts: one that registered nothing counts as having everything in service."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates import revoke


def one_set(serial: str) -> dict[str, Any]:
    return {
        "service": "api",
        "point": "server",
        "serial": serial,
        "common_name": "api.test",
        "targeted": True,
        "reads_lists": False,
        "sessions": "",
    }


def in_service(results: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], dict[str, str]]:
    """The serial numbers that the results of one host's steps have, and which host is silent."""
    context: Any = SimpleNamespace(
        inventory=SimpleNamespace(hosts=["one"]), result=lambda step, _host: results.get(step) or {}
    )
    sets, silent = revoke._all_in_service(context)
    return [one.serial for one in sets], silent


PLANNED = {"sets": [one_set("0A")]}


@pytest.mark.parametrize(
    ("replaced", "serial", "silent"),
    [
        (None, "0A", {}),
        ({"sets": [one_set("0B")]}, "0B", {}),
        # Some of it was refused, but what is in service is known.
        ({"sets": [one_set("0B")], "failed": True, "msg": "refused"}, "0B", {}),
        ({"sets": None, "failed": True, "msg": "it went away"}, "0A", {"one": "it went away"}),
        ({"failed": True, "msg": "timed\nout"}, "0A", {"one": "timed out"}),
        ({"unreachable": True, "msg": "no route"}, "0A", {"one": "no route"}),
    ],
)
def test_newest_result_counts_and_a_host_without_one_is_silent(
    replaced: dict[str, Any] | None, serial: str, silent: dict[str, str]
) -> None:
    assert in_service({"plan": PLANNED, "replace": replaced or {}}) == ([serial], silent)


def test_host_that_was_left_out_is_silent() -> None:
    assert in_service({}) == ([], {"one": "left out of this run"})
