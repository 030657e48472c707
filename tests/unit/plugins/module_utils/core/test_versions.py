# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions are compared as ``packaging`` compares them, on whatever can be written down for one."""

from __future__ import annotations

import re

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core import versions
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

_NUMBER = st.integers(min_value=0, max_value=120).map(str)
_SEPARATOR = st.sampled_from(["", ".", "-", "_"])
_PHASE = st.sampled_from(["a", "alpha", "b", "beta", "c", "rc", "pre", "preview", "RC", "post", "rev", "r", "dev", "x"])
_SUFFIX = st.tuples(_SEPARATOR, _PHASE, _SEPARATOR, st.one_of(st.just(""), _NUMBER)).map("".join)
_LOCAL = st.sampled_from(["", "+deb12u1", "+dfsg.1", "+1", "+ubuntu-2", "+1.a"])
_TEXT = st.tuples(
    st.sampled_from(["", "v", "1!", " "]),
    st.lists(_NUMBER, min_size=1, max_size=4).map(".".join),
    st.lists(_SUFFIX, max_size=3).map("".join),
    st.sampled_from(["", "", "-1", ".0"]),
    _LOCAL,
).map("".join)


def authority(text: str) -> Version | None:
    """What ``packaging`` makes of it."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(_TEXT, _TEXT)
def test_older_agrees_with_packaging(left: str, right: str) -> None:
    ours, theirs = authority(left), authority(right)
    assert (versions.key(left) is None) == (ours is None)
    if ours is not None and theirs is not None:
        assert versions.older(left, right) is (ours < theirs)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(_TEXT)
def test_suffix_finds_the_whole_public_version(text: str) -> None:
    """What a tool prints is cut where its version ends, not in front of the word that makes it an early one."""
    found = re.search(rf"\d+(?:\.\d+)+{versions.SUFFIX}", f"tool {text} (built today)")
    version = authority(text)
    if found and version and version.is_prerelease and "!" not in text and "+" not in text:
        assert authority(found[0]) is None or authority(found[0]).is_prerelease  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("version", "minimum", "old"),
    [
        ("3.9.1", "3.10", True),
        ("3.10.0rc1", "3.10", True),
        ("2.10", "2.10.0", False),
        ("9.2p1", "9.2", False),
        ("9.1p1", "9.2", True),
        ("9.2p0", "9.2p1", None),
        ("1.1.1w", "1.1.1w", False),
        ("2.4.57-2+deb12u1", "2.4.57", False),
        ("r2024", "2000", None),
    ],
)
def test_older_of_what_tools_print(version: str, minimum: str, old: bool | None) -> None:
    assert versions.older(version, minimum) is old
