# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that hand bytes on to one another, without a shell: the status of each is looked at."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Union, cast

from ..._core import surroundings
from ..._core.errors import RunbookError
from ..._core.text import excerpt

#: Where something is read from or written to.
Stream = Union[IO[bytes], int]

#: Seconds between two looks at how far a pipeline has come.
_STEP = 0.2


@dataclass(frozen=True)
class Ended:
    """A program that has ended: its status (negative: the signal that killed it), and what it complained about."""

    name: str
    status: int
    complaint: str


def run(
    commands: Sequence[list[str]],
    *,
    cwd: Path,
    source: Stream = subprocess.DEVNULL,
    target: Stream = subprocess.DEVNULL,
    accepted: Mapping[str, tuple[int, ...]] | None = None,
    watch: Callable[[], None] = lambda: None,
) -> None:
    """Run programs, each reading what the one before it prints, until all have ended.

    ``accepted`` are statuses other than 0 that are no failure, by the name of the program. Raises `RunbookError` for
    any other, and where a program cannot be run. ``watch`` is called while they run.
    """
    with _started(commands, cwd=cwd, source=source, target=target) as running:
        for one in running.processes:
            while True:
                try:
                    one.wait(_STEP)
                    break
                except subprocess.TimeoutExpired:
                    watch()
        running.judge(accepted or {})


@contextlib.contextmanager
def output(commands: Sequence[list[str]], *, cwd: Path, source: Stream = subprocess.DEVNULL) -> Iterator[IO[bytes]]:
    """Read what the last of some programs prints. Raises `RunbookError` where one has failed when all has been read."""
    with _started(commands, cwd=cwd, source=source, target=subprocess.PIPE) as running:
        stream = _piped(running.processes[-1])
        with stream:
            yield stream
            # To stop before the end would kill the program by a broken pipe.
            while stream.read(1 << 20):
                pass
        for one in running.processes:
            one.wait()
        running.judge({})


class _Running:
    """Programs that were started, each with the file that it complains to."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self._complaints: list[IO[bytes]] = []

    def start(self, words: list[str], **options: Any) -> None:
        complaint = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._complaints.append(complaint)
        try:
            process = subprocess.Popen(words, stderr=complaint, env=surroundings.clean(), **options)
        except OSError as exc:
            raise RunbookError(f"{words[0]} cannot be run: {exc.strerror}") from exc
        self.processes.append(process)

    def judge(self, accepted: Mapping[str, tuple[int, ...]]) -> None:
        """Raise for the program that failed; one that was cut off by another's end is not the one to blame."""
        failed = [one for one in self._ended() if one.status and one.status not in accepted.get(one.name, ())]
        for one in sorted(failed, key=lambda each: each.status == -signal.SIGPIPE):
            how = f"was killed by signal {-one.status}" if one.status < 0 else f"ended with {one.status}"
            raise RunbookError(f"{one.name} {how}: {one.complaint}")

    def end(self) -> None:
        """Kill what is left, so that nothing outlives its caller."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for complaint in self._complaints:
            complaint.close()

    def _ended(self) -> Iterator[Ended]:
        for process, complaint in zip(self.processes, self._complaints):
            complaint.seek(0)
            text = complaint.read(4096).decode("utf-8", "replace")
            yield Ended(os.path.basename(str(_words(process)[0])), process.returncode, excerpt(text, 300))  # noqa: PTH119


def _words(process: subprocess.Popen[bytes]) -> list[str]:
    words: list[str] = process.args  # type: ignore[assignment]  # a list was handed over
    return words


@contextlib.contextmanager
def _started(commands: Sequence[list[str]], *, cwd: Path, source: Stream, target: Stream) -> Iterator[_Running]:
    running = _Running()
    try:
        reads: Stream = source
        for number, words in enumerate(commands, start=1):
            writes = target if number == len(commands) else subprocess.PIPE
            running.start(words, stdin=reads, stdout=writes, cwd=cwd)
            previous = running.processes[-2].stdout if number > 1 else None
            if previous is not None:
                previous.close()  # it belongs to the next program alone, which ends when the other one does
            if number < len(commands):
                reads = _piped(running.processes[-1])
        yield running
    finally:
        running.end()


def _piped(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """The end of a process's output that was requested as a pipe."""
    return cast("IO[bytes]", process.stdout)
