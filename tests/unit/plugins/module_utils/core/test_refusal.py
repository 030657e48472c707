# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A body that comes with a refusal is shown by its reasons."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.refusal import reasons_in
from hypothesis import given, settings
from hypothesis import strategies as st

_LONG = {"status": "healthy", "message": "fine", "counts": list(range(100))}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            {"status": "unhealthy", "checks": {"cache": _LONG, "database": {"status": "down", "message": "no route"}}},
            "database: no route",
        ),
        (
            {"components": [_LONG, {"name": "queue", "healthy": False, "status": "failing", "error": "full"}]},
            "queue: full",
        ),
        ({"status": "not_ready", "message": "migrations run"}, "migrations run"),
        ({"detail": "Service Unavailable"}, "Service Unavailable"),
        ({"error": {"code": 7, "message": "quota"}}, "quota"),
        ({"status": "fail", "a": {"status": "fail"}}, '{"status": "fail", "a": {"status": "fail"}}'),
        ([1, 2], "[1, 2]"),
        ("plain", '"plain"'),
        ({}, "{}"),
    ],
)
def test_reasons_are_those_of_what_fails(body: Any, shown: str) -> None:
    assert reasons_in(json.dumps(body)) == shown


def test_many_reasons_are_short() -> None:
    body = {f"part{number}": {"status": "down", "message": "m" * 1000} for number in range(50)}
    assert reasons_in(json.dumps(body)).endswith("and 47 more") and len(reasons_in(json.dumps(body))) < 700


def test_reason_of_no_json_is_its_beginning() -> None:
    assert reasons_in("<html>Bad Gateway</html>") == "<html>Bad Gateway</html>"
    assert reasons_in("[" * 100000) == "[" * 80 + "..."


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["status", "message", "name", "a", "error"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(_JSON)
def test_reasons_of_anything_are_one_line(body: Any) -> None:
    assert reasons_in(json.dumps(body)).isprintable()
