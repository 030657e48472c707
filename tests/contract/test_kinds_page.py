# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""docs/platform.md lists the kinds, their topics and their options as they are."""

from __future__ import annotations

import re

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS

from tests.pages import kinds

PAGE = kinds.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(kinds.tables()))
def test_table_is_what_the_code_says(name: str) -> None:
    assert kinds.tables()[name] in PAGE, "run python -m tests.pages"


def test_renewing_changes_nothing() -> None:
    assert kinds.renewed(PAGE) == PAGE


def test_every_kind_is_listed_with_what_it_checks() -> None:
    table = PAGE.split("| Kind | Checks | Aspects |", 1)[1].split("\n\n", 1)[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == KINDS.keys() - {"certificate"}


def test_every_option_of_a_kind_is_on_the_page() -> None:
    for name, kind in KINDS.items():
        for option in (name for name, option in kind.options.items() if not option.computed):
            assert f"`{option}`" in PAGE, f"{name}.{option}"
