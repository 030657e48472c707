# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock and the journal of a host: real files, real processes, killed wherever they can be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import (
    Busy,
    Entry,
    Journal,
    NotUnderstood,
    locked,
    recover,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE, ROLLED_BACK

from tests.support import crash
from tests.support.procedures import ROOT

#: Holds the lock until its input ends.
HOLDER = """
import sys
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import locked
with locked(sys.argv[1], what="certificate_rotate", operator="alice"):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def work(state: Path) -> None:
    """An operation of two steps, each of which leaves a file."""
    with locked(state, what="test", operator="bob") as journal:
        entry = journal.begin("copy", "a file", {"from": "here"})
        for name in ("one", "two"):
            entry.step(name)
            (state / name).touch()
        entry.end(DONE)


def hold(state: Path) -> subprocess.Popen[str]:
    """A process that has the lock."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state)],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".ansible/collections")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout and holder.stdout.readline() == "locked\n"
    return holder


def test_locked_refuses_a_second_run_and_names_the_first(state: Path) -> None:
    with hold(state) as holder:
        with pytest.raises(Busy) as caught, locked(state, what="lockdown", operator="bob"):
            pass
        assert "certificate_rotate by alice, since 20" in str(caught.value)
        assert f"process {holder.pid}" in str(caught.value)


def test_locked_after_the_holder_was_killed(state: Path) -> None:
    with hold(state) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with locked(state, what="lockdown", operator="bob"):
            pass


def test_lock_is_not_kept_by_what_was_started_under_it(state: Path) -> None:
    with locked(state, what="test", operator="bob"):
        left = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with locked(state, what="test", operator="bob"):
            pass
    finally:
        left.kill()
        left.wait()


def test_state_is_nobody_elses(state: Path) -> None:
    state.mkdir(mode=0o777)
    state.chmod(0o777)
    work(state)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (state, state / "lock", state / "journal")}
    assert modes == {"state": 0o700, "lock": 0o600, "journal": 0o700}
    assert {path.stat().st_mode & 0o777 for path in (state / "journal").iterdir()} == {0o600}


def test_state_that_is_a_link_is_refused(state: Path, tmp_path: Path) -> None:
    state.symlink_to(tmp_path)
    with pytest.raises(RunbookError, match="expected a folder of the user"), locked(state, what="x", operator="y"):
        pass


def test_unfinished_of_a_host_that_was_never_changed(state: Path) -> None:
    assert journals.unfinished(state) == []
    assert not state.exists()


def test_killed_anywhere_the_journal_knows_every_step_that_acted(state: Path) -> None:
    deaths = 0
    for _point in crash.every_point(lambda: work(state), prepare=lambda: shutil.rmtree(state, ignore_errors=True)):
        deaths += 1
        acted = {name for name in ("one", "two") if (state / name).exists()}
        ended = any('"end"' in path.read_text() for path in (state / "journal").glob("*"))
        known = {step for entry in journals.unfinished(state) for step in entry.steps}
        assert ended or acted <= known, "a step acted that the journal does not know"
        # And whoever comes next can go on.
        with locked(state, what="test", operator="bob") as journal:
            recovered, left = recover(journal, {"copy": lambda _entry: (ROLLED_BACK, "nothing is left of it")})
            assert len(recovered) <= 1 and not left and not journal.unfinished()
    assert deaths > 15


def test_line_that_was_torn_is_as_if_it_were_not_there(state: Path) -> None:
    with locked(state, what="test", operator="bob") as journal:
        journal.begin("copy", "a file", {}).step("one")
        (path,) = (state / "journal").iterdir()
        path.write_bytes(path.read_bytes() + b'{"line": "step", "st')
        (entry,) = journal.unfinished()
        assert entry.steps == ["one"]
        entry.step("two")
        (entry,) = journal.unfinished()
        assert entry.steps == ["one", "two"]


def test_entry_that_cannot_be_read_is_never_skipped(state: Path) -> None:
    with locked(state, what="test", operator="bob") as journal:
        journal.begin("copy", "a file", {})
        (path,) = (state / "journal").iterdir()
        path.write_bytes(b"\0\0\0\n" + path.read_bytes())
        with pytest.raises(RunbookError, match="cannot be read, so what was left half done is not known"):
            journal.unfinished()


def begun(state: Path) -> tuple[Path, list[dict[str, Any]]]:
    """The file of an operation that was cut off in its first step, and its lines."""
    with locked(state, what="test", operator="bob") as journal:
        journal.begin("copy", "a file", {"from": "here"}).step("one")
    (path,) = (state / "journal").iterdir()
    return path, [json.loads(line) for line in path.read_text().splitlines()]


#: What another version, or a disk, may have made of the two lines of an operation.
FOREIGN: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "no format, as before formats were counted": lambda begin, _step: begin.pop("format"),
    "a later format": lambda begin, _step: begin.update(format=journals.FORMAT + 1),
    "a format that is none": lambda begin, _step: begin.update(format=[journals.FORMAT]),
    "no procedure": lambda begin, _step: begin.pop("procedure"),
    "needs of another type": lambda begin, _step: begin.update(needs=["here"]),
    "no moment": lambda begin, _step: begin.pop("at"),
    "a step without a name": lambda _begin, step: step.pop("step"),
    "a step that learned a list": lambda _begin, step: step.update(learned=[1]),
    "a line of an unknown kind": lambda _begin, step: step.update(line="pause"),
    "two beginnings": lambda begin, step: step.update(begin),
    "no beginning": lambda begin, step: begin.update(step),
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_operation_that_is_not_understood_is_refused_by_name(foreign: str, state: Path) -> None:
    path, lines = begun(state)
    FOREIGN[foreign](*lines)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    before = path.read_bytes()
    with locked(state, what="test", operator="bob") as journal, pytest.raises(NotUnderstood) as caught:
        recover(journal, {"copy": lambda _entry: (DONE, "guessed")})
    with pytest.raises(NotUnderstood):
        journals.unfinished(state)
    message = str(caught.value)
    assert str(path) in message and "Nothing of it was changed. End it by a run of the version that began it" in message
    for key, text in (("procedure", "copy of "), ("subject", "of a file"), ("at", "begun 20")):
        assert key not in lines[0] or text in message
    assert path.read_bytes() == before


def test_operation_of_another_version_is_refused_before_any_is_ended(state: Path) -> None:
    path, lines = begun(state)
    with locked(state, what="test", operator="bob") as journal:
        journal.begin("copy", "another file", {})
        lines[0]["format"] = journals.FORMAT + 1
        (state / "journal" / "00000003-later.jsonl").write_text(json.dumps(lines[0]) + "\n")
        ended: list[str] = []

        def finish(entry: Entry) -> tuple[str, str]:
            ended.append(entry.subject)
            return DONE, "copied"

        with pytest.raises(NotUnderstood):
            recover(journal, {"copy": finish})
        assert ended == [] and path.exists()


def test_operation_that_another_version_ended_is_no_obstacle(state: Path) -> None:
    path, lines = begun(state)
    del lines[0]["format"]
    lines.append({"line": "end", "at": lines[0]["at"], "outcome": "undone", "message": ""})
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert journals.unfinished(state) == []


@pytest.mark.parametrize("line", ["[]", '"begin"', "1", "null", "{}", '{"line": 1}', "[" * 100_000])
def test_line_that_is_none_is_never_skipped(line: str, state: Path) -> None:
    path, _lines = begun(state)
    path.write_text(f"{line}\n{path.read_text()}")
    with pytest.raises(RunbookError, match="cannot be read, so what was left half done is not known"):
        journals.unfinished(state)


def test_entries_are_in_order_though_the_clock_is_put_back(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with locked(state, what="test", operator="bob") as journal:
        for hour in (9, 9, 8):
            monkeypatch.setattr(journals, "timestamp", lambda hour=hour: f"2026-01-01T{hour:02}:00:00.000Z")
            journal.begin("copy", f"file at {hour}", {})
        (first, *_others) = sorted((state / "journal").iterdir())
        (state / "journal" / "20251231T090000000Z-0a1b2c.jsonl").write_bytes(first.read_bytes())
        journal.begin("copy", "the last one", {})
        names = ["file at 9", "file at 9", "file at 9", "file at 8", "the last one"]
        assert [entry.subject for entry in journal.unfinished()] == names


def test_recover_leaves_what_belongs_to_others(state: Path) -> None:
    with locked(state, what="test", operator="bob") as journal:
        for procedure in ("copy", "lockdown", "undecided"):
            journal.begin(procedure, "something", {"of": procedure})
        seen: list[dict[str, str]] = []

        def finish(entry: Entry) -> tuple[str, str]:
            seen.append(entry.needs)
            return DONE, "copied"

        recovered, left = recover(journal, {"copy": finish, "undecided": lambda _entry: None})
        assert seen == [{"of": "copy"}]
        assert [entry.procedure for entry in left] == ["lockdown", "undecided"]
        assert str(recovered[0]).startswith("copy of something, begun 20")
        assert str(recovered[0]).endswith("and cut off: done, copied")
        assert [entry.procedure for entry in journal.unfinished()] == ["lockdown", "undecided"]


def test_recovery_that_fails_is_tried_again_by_the_next_run(state: Path) -> None:
    def fail(_entry: Entry) -> tuple[str, str]:
        raise RunbookError("the service does not start")

    with locked(state, what="test", operator="bob") as journal:
        journal.begin("copy", "something", {})
        with pytest.raises(RunbookError, match="does not start"):
            recover(journal, {"copy": fail})
        assert len(journal.unfinished()) == 1


def test_ended_entries_are_pruned_and_others_never(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "KEPT", 3)
    with locked(state, what="test", operator="bob") as journal:
        journal.begin("copy", "never ended", {})
        for _number in range(6):
            journal.begin("copy", "a file", {}).end(DONE)
    assert len(list((state / "journal").iterdir())) == 4
    assert [entry.subject for entry in Journal(state).unfinished()] == ["never ended"]


def test_step_that_cannot_be_written_is_not_announced(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with locked(state, what="test", operator="bob") as journal:
        entry = journal.begin("copy", "a file", {})
        real = os.pwrite
        monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[: len(data) // 2], at))
        with pytest.raises(RunbookError, match="no space left"):
            entry.step("one")
        monkeypatch.undo()
        assert entry.steps == [] and journal.unfinished()[0].steps == []
        entry.end(ROLLED_BACK)
        assert not journal.unfinished()
