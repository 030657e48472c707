# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kills a process at every point at which it could leave something half done, with the signal nothing can catch."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

#: The calls by which a process changes files. Each is a point before it and a point after it.
CHANGES = (
    *("mkdir", "rename", "replace", "link", "symlink", "unlink", "rmdir"),
    *("ftruncate", "pwrite", "write", "fsync", "chmod", "fchmod", "chown", "fchown"),
)


def killed(action: Callable[[], Any], *, at: int) -> bool:
    """Run something in a process of its own that is killed at its ``at``-th point; tells whether it came that far.

    Between the two points of a write lies a third: half of it is written.
    """
    child = os.fork()
    if child == 0:
        _run(action, at)
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "what should have been killed failed by itself"
    return False


def every_point(action: Callable[[], Any], *, prepare: Callable[[], Any]) -> Iterator[int]:
    """Kill something at one point after the other, each time from the start; yields after each death.

    Ends when it lives to its end, which must not be at once.
    """
    for point in itertools.count(1):
        prepare()
        if not killed(action, at=point):
            assert point > 1, "it changes nothing at all"
            return
        yield point


def _run(action: Callable[[], Any], at: int) -> None:
    points = itertools.count(1)

    def point() -> None:
        if next(points) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*words: Any, **options: Any) -> Any:
            point()
            if call.__name__ in ("pwrite", "write") and len(words[1]) > 1 and next(points) == at:
                call(words[0], words[1][: len(words[1]) // 2], *words[2:])
                os.kill(os.getpid(), signal.SIGKILL)
            result = call(*words, **options)
            point()
            return result

        return wrapped

    try:
        for name in CHANGES:
            setattr(os, name, deadly(getattr(os, name)))
        action()
    except BaseException:  # noqa: BLE001 - a child must never return into the test that forked it
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
