# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Evidence in one printable line, and lists that stay short, and sizes in readable units."""

from __future__ import annotations

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import excerpt, size, some_of


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "(empty)"),
        (" \n\t ", "(empty)"),
        ("a\r\nb\tc", "a b c"),
        ("\x1b[31mred\x00", "[31mred"),
        ("é\u202e", "é"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80 + "..."),
        (7, "7"),
    ],
)
def test_excerpt(text: object, line: str) -> None:
    assert excerpt(text) == line


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (5 * 1024**3, "5.0 GiB"), (2**55, "32768.0 TiB")],
)
def test_size(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("items", "line"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a; b"),
        (["a", "b", "c"], "a; b and 1 more"),
        (list("abcde"), "a; b and 3 more"),
    ],
)
def test_some_of(items: list[str], line: str) -> None:
    assert some_of(iter(items), 2, "; ") == line
