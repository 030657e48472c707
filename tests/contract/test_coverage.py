# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every command of the runbook has a row, no row points at what does not exist, and the page says the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.traceability import page, rows, runbook
from tests.traceability.rows import Row

ROWS = rows.read()


def test_ids_are_unique() -> None:
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row_points_at_what_exists(row: Row) -> None:
    assert list(rows.faults(row)) == []


def test_no_row_was_lost_since_the_runbook_was_compared() -> None:
    assert runbook.summary(ROWS) == runbook.recorded()


@pytest.mark.skipif(not runbook.RUNBOOK.exists(), reason="the runbook itself is not beside the checkout")
def test_rows_are_the_commands_of_the_runbook() -> None:
    assert runbook.differences(ROWS, runbook.RUNBOOK.read_text(encoding="utf-8")) == []


def test_page_is_what_the_rows_say() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.render(ROWS), "stale: run python -m tests.traceability"


def test_every_peer_is_some_rows() -> None:
    assert set(rows.peers()) == {row.peer for row in ROWS if row.peer}


# --- that these tests can fail ----------------------------------------------------------------------------------

GOOD = Row(
    id="a.b",
    chapter="Chapter",
    section="First",
    command="curl -f localhost\n",
    playbook="daily",
    role="inspect",
    module="probe",
    tests=("tests/contract/test_coverage.py::test_ids_are_unique",),
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"playbook": "dayly"}, ["there is no playbook 'dayly'"]),
        ({"role": "health"}, ["there is no role 'health'"]),
        ({"module": "prob"}, ["there is no module 'prob'"]),
        ({"tests": ("tests/unit/test_gone.py::test_x",)}, ["there is no such file"]),
        ({"tests": ("tests/contract/test_coverage.py::test_gone",)}, ["the file has no such test"]),
        ({"tests": ("tests/contract/test_coverage.py",)}, ["a whole file proves nothing"]),
        ({"tests": ()}, ["a playbook without a test"]),
        ({"playbook": None}, ["a test without a playbook"]),
        ({"peer": "moon"}, ["has no peer 'moon'"]),
        ({"command": " "}, ["no command"]),
    ],
)
def test_faults_of_a_row_are_named(change: dict[str, object], said: list[str]) -> None:
    found = list(rows.faults(replace(GOOD, **change)))  # type: ignore[arg-type]
    assert len(found) == len(said)
    assert all(part in fault for part, fault in zip(said, found, strict=True))


def test_key_that_a_row_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a\.b: unknown playbok"):
        Row.from_yaml({"id": "a.b", "playbok": "daily", "test": None})


TEXT = """\
## Operational Overview
- **A principle**: no command
##   Chapter
###  First
```bash
# a comment
curl -f localhost

redis-cli ping | \\
  grep PONG  # of two lines
```
### Second
- **Uptime**: > 99.9%
- --
- closing words
"""
SECOND = replace(GOOD, id="c.d", command="redis-cli ping | \\\n  grep PONG  # of two lines\n")
THIRD = replace(GOOD, id="e.f", section="Second", command="**Uptime**: > 99.9%\n")


def test_runbook_with_a_row_for_each_command_has_no_difference() -> None:
    assert runbook.differences([GOOD, SECOND, THIRD], TEXT) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ([GOOD, SECOND], "Chapter / Second: no row has '**Uptime**: > 99.9%'"),
        ([SECOND, GOOD, THIRD], "Chapter / First: the rows are in another order"),
        ([GOOD, SECOND, THIRD, replace(GOOD, command="df")], "Chapter / First: a row has 'df', which the runbook"),
        ([GOOD, SECOND, THIRD, replace(GOOD, section="Third")], "Chapter / Third: a row has 'curl -f localhost'"),
    ],
)
def test_runbook_differences_are_named(changed: list[Row], said: str) -> None:
    (found,) = runbook.differences(changed, TEXT)
    assert found.startswith(said)


@pytest.mark.parametrize("changed", [[GOOD, THIRD], [SECOND, GOOD, THIRD], [GOOD, SECOND, replace(THIRD, section="x")]])
def test_summary_tells_a_lost_row_a_moved_one_and_another_order(changed: list[Row]) -> None:
    assert runbook.summary(changed) != runbook.summary([GOOD, SECOND, THIRD])


def test_page_says_not_yet_and_escapes_what_would_end_a_cell() -> None:
    uncovered = replace(SECOND, playbook=None, role=None, module=None, tests=())
    text = page.render([GOOD, uncovered])
    assert "**1 of 2 commands are covered.**" in text
    assert "| `redis-cli ping \\| \\`<br>`grep PONG  # of two lines` | not yet |  |  |  |" in text
    assert "[test_ids_are_unique](../tests/contract/test_coverage.py)" in text
