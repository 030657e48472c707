# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock of a host and the journal of what is being done to it, shared by every procedure that changes something.

A procedure writes what it is about to do before it does it, so that the run after one that was killed knows what may be
half done. One that comes while another is at work is refused, and so is one that does not understand what was left: how
an operation ends that another version of this collection began is never guessed at.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

from .._core.errors import RunbookError
from .._core.time import timestamp

#: Where all of it is kept, unless a test gives another folder: one, or two runs would not see each other.
STATE = "/var/lib/xorb-runbook"

#: The mode of folders that only the user of the run has business in.
PRIVATE = 0o700

#: How many entries of operations that have ended are kept.
KEPT = 100

#: What entries mean. Whatever changes the name of a step, of a need, or of an option of a set that is written down
#: changes this number: an entry with another one is refused. (1: steps ``tell`` and ``take_back``,
#: and no number. 2: backups without the need ``container``.)
FORMAT = 3

#: The kinds of lines.
BEGIN, STEP, END = "begin", "step", "end"

#: What the lines of an operation that has not ended must have, with its type.
_SHAPES: Mapping[str, Mapping[str, type]] = {
    BEGIN: {"at": str, "procedure": str, "subject": str, "needs": dict},
    STEP: {"at": str, "step": str, "learned": dict},
}


class Busy(RunbookError):
    """Another run is changing this host right now; the message names it."""


class NotUnderstood(RunbookError):
    """An operation was left half done that this version cannot end; the message names it, and what to do."""


class Entry:
    """One operation: what it is about, the steps begun so far, and how it ended.

    Each line is on the disk before the step that it announces acts. So a step that is not in here was never begun, and
    the last one that is in here may be half done. Secrets have no place in any of it.
    """

    def __init__(self, path: Path, lines: list[dict[str, Any]]) -> None:
        """``lines`` are what the file holds; see `Journal.begin` and `Journal.unfinished`."""
        self._path = path
        self._lines = lines

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return self._path.stem

    @property
    def procedure(self) -> str:
        """The procedure that it belongs to."""
        return str(self._lines[0]["procedure"])

    @property
    def subject(self) -> str:
        """What it changes, as a message names it."""
        return str(self._lines[0]["subject"])

    @property
    def needs(self) -> dict[str, Any]:
        """What it takes to finish or to undo it."""
        return dict(self._lines[0]["needs"])

    @property
    def began_at(self) -> str:
        """When it was begun, UTC."""
        return str(self._lines[0]["at"])

    @property
    def summary(self) -> str:
        """What it is, in one line."""
        return f"{self.procedure} of {self.subject}, begun {self.began_at}"

    @property
    def steps(self) -> list[str]:
        """The steps begun so far, in their order."""
        return [str(line["step"]) for line in self._lines if line["line"] == STEP]

    @property
    def ended(self) -> bool:
        """Whether nothing is left to be done about it."""
        return str(self._lines[-1]["line"]) == END

    @property
    def learned(self) -> dict[str, Any]:
        """What became known on the way, by the steps begun so far."""
        return {key: value for line in self._lines for key, value in line.get("learned", {}).items()}

    def not_understood(self, why: str) -> NotUnderstood:
        """The error of a run that cannot know how this operation ends."""
        return _not_understood(self._path, self.summary, why)

    def step(self, name: str, **learned: Any) -> None:
        """Announce a step, with what finishing or undoing it takes and was not known before.

        Raises `RunbookError` where that cannot be written, and then the step must not be taken.
        """
        self._add({"line": STEP, "at": timestamp(), "step": name, "learned": learned})

    def end(self, outcome: str, message: str = "") -> None:
        """Write down that nothing is left to be done, and how it went."""
        self._add({"line": END, "at": timestamp(), "outcome": outcome, "message": message})

    def _add(self, line: dict[str, Any]) -> None:
        _append(self._path, line)
        self._lines.append(line)


class Journal:
    """The operations on this host. Only the process that holds the lock may write to it; see `locked`."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "journal"

    def begin(self, procedure: str, subject: str, needs: Mapping[str, Any]) -> Entry:
        """Write down an operation before anything of it is done; ``needs`` is what finishing or undoing it takes."""
        if not self._folder.exists():
            self._folder.mkdir(mode=PRIVATE)
            sync_folder(self._folder.parent)
        moment = timestamp()
        path = self._folder / f"{self._next():08}-{moment.translate(_NAME)}.jsonl"
        line = {"line": BEGIN, "format": FORMAT, "at": moment, "procedure": procedure, "subject": subject}
        line["needs"] = dict(needs)
        _append(path, line)
        sync_folder(self._folder)
        return Entry(path, [line])

    def unfinished(self) -> list[Entry]:
        """What was begun and has not ended, oldest first.

        A last line that is torn was being written when the run was killed: its step was never begun, so it is as if
        it were not there. Raises `RunbookError` where a line before it cannot be read, and `NotUnderstood` for an
        operation that another version began.
        """
        found = []
        for path in self._paths():
            lines = _read(path)
            if not _has_ended(lines):
                _refuse_unknown(path, lines)
                found.append(Entry(path, lines))
        return found

    def _paths(self) -> list[Path]:
        # The names begin with a number that counts up: two may begin in one moment, and a clock may be put back.
        return sorted(self._folder.glob("*.jsonl"), key=lambda path: (_number(path), path.name))

    def _next(self) -> int:
        return max(map(_number, self._paths()), default=0) + 1

    def prune(self) -> None:
        """Forget the oldest of what has ended."""
        ended = [path for path in self._paths() if _has_ended(_read(path))]
        for path in ended[: max(0, len(ended) - KEPT)]:
            path.unlink(missing_ok=True)


def _number(path: Path) -> int:
    """The number of an entry; a file with another name came before all of them."""
    number = path.name.partition("-")[0]
    return int(number) if number.isdecimal() else 0


_NAME = str.maketrans({":": None, "-": None, ".": None})


@dataclass(frozen=True)
class Recovery:
    """What became of an operation that a killed run left behind."""

    procedure: str
    subject: str
    began_at: str
    outcome: str
    message: str

    def __str__(self) -> str:
        return f"{self.procedure} of {self.subject}, begun {self.began_at} and cut off: {self.outcome}, {self.message}"


#: Finishes or undoes an operation: returns how it ended and a sentence about it, nothing where this run was given too
#: little to do that, and raises `RunbookError` where it cannot be done now.
Recover = Callable[[Entry], Optional[tuple[str, str]]]


def recover(journal: Journal, procedures: Mapping[str, Recover]) -> tuple[list[Recovery], list[Entry]]:
    """Finish or undo what killed runs left behind, by the procedures that know how.

    Returns what was ended, and the entries that are left: those of other procedures, and those that this run was given
    too little for. All of them are read before any is ended.
    """
    ended, left = [], []
    for entry in journal.unfinished():
        result = procedures[entry.procedure](entry) if entry.procedure in procedures else None
        if result is None:
            left.append(entry)
            continue
        outcome, message = result
        entry.end(outcome, message)
        ended.append(Recovery(entry.procedure, entry.subject, entry.began_at, outcome, message))
    return ended, left


@contextlib.contextmanager
def locked(state: str | Path, *, what: str, operator: str) -> Iterator[Journal]:
    """Keep every other run from changing this host; yields its journal.

    The kernel lets go of the lock when the process ends, however it ends. Raises `Busy` where another run has it, and
    `RunbookError` where the state folder is not safe to use.
    """
    folder = _state_folder(Path(state))
    # Never removed: a lock on a file that has gone is none. Not inherited by children, so that a service that is
    # started under it does not keep it.
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise Busy(_holder(descriptor)) from exc
        about = {"what": what, "operator": operator, "since": timestamp(), "process": os.getpid()}
        _overwrite(descriptor, json.dumps(about))
        journal = Journal(folder)
        try:
            yield journal
        finally:
            with contextlib.suppress(OSError, RunbookError):
                journal.prune()
            _overwrite(descriptor, "")
    finally:
        os.close(descriptor)


def unfinished(state: str | Path) -> list[Entry]:
    """What killed runs left behind, without the lock and without making anything; see `Journal.unfinished`."""
    return Journal(Path(state)).unfinished()


def _holder(descriptor: int) -> str:
    try:
        about = json.loads(os.pread(descriptor, 4096, 0))
        holder = f"{about['what']} by {about['operator']}, since {about['since']}, process {about['process']}"
    except (ValueError, KeyError, TypeError):
        holder = "its name cannot be read"
    return f"another run is changing this host ({holder}); try again when it has ended"


def _overwrite(descriptor: int, text: str) -> None:
    # The name of the holder only explains a refusal: a full disk is no reason not to have the lock.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _state_folder(folder: Path) -> Path:
    """The folder, made where it is missing; no other user may be able to write what recovery will believe."""
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as exc:
        raise RunbookError(f"{folder}: {exc.strerror}: the state of this host cannot be kept there") from exc
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise RunbookError(f"{folder}: expected a folder of the user that changes this host, uid {os.geteuid()}")
    if stat.S_IMODE(found.st_mode) != PRIVATE:
        folder.chmod(PRIVATE)
    return folder


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line and wait until it is on the disk; whatever cannot be written whole is not there at all."""
    data = json.dumps(line, sort_keys=True).encode() + b"\n"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # Past the last whole line: what a killed run left of one must not be glued to this one.
            end = os.pread(descriptor, os.fstat(descriptor).st_size, 0).rfind(b"\n") + 1
            os.ftruncate(descriptor, end)
            try:
                if os.pwrite(descriptor, data, end) != len(data):
                    raise RunbookError(f"{path}: no space left: what is to be done cannot be written down")
                os.fsync(descriptor)
            except BaseException:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise RunbookError(f"{path}: {exc.strerror}: what is to be done cannot be written down") from exc


def _read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of an entry; none where even the first was cut off, and then nothing was begun."""
    whole, _newline, _torn = path.read_bytes().rpartition(b"\n")
    try:
        lines = [json.loads(line) for line in whole.splitlines()]
    except (ValueError, RecursionError):
        lines = [None]
    if all(isinstance(line, dict) and isinstance(line.get("line"), str) for line in lines):
        return lines
    raise RunbookError(
        f"{path}: cannot be read, so what was left half done is not known; look into it, then move it away"
    )


def _has_ended(lines: list[dict[str, Any]]) -> bool:
    """Whether nothing is left to be done, whatever version began it: an end means the same in all of them."""
    return not lines or lines[-1]["line"] == END


def _refuse_unknown(path: Path, lines: list[dict[str, Any]]) -> None:
    """Raise `NotUnderstood` for an operation that may mean something else than it would mean here."""
    first = lines[0]
    summary = f"{first.get('procedure')} of {first.get('subject')}, begun {first.get('at')}"
    if first.get("format") != FORMAT:
        why = f"it is written in format {first.get('format', 1)}, and this version reads {FORMAT}"
        raise _not_understood(path, summary, why)
    for number, line in enumerate(lines, start=1):
        shape = _SHAPES.get(line["line"]) if (line["line"] == BEGIN) == (number == 1) else None
        if shape is None or any(not isinstance(line.get(key), kind) for key, kind in shape.items()):
            raise _not_understood(path, summary, f"line {number} is none that this version writes")


def _not_understood(path: Path, summary: str, why: str) -> NotUnderstood:
    return NotUnderstood(
        f"left half done by a run that was killed, and not understood: {summary}: {why}. Nothing of it was changed. End"
        f" it by a run of the version that began it; or check by hand that what it names is whole, and then move {path}"
        " away"
    )


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
