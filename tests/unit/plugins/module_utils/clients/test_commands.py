# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands of probes: without a shell, within their time, never left behind."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import commands
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError


def test_run_returns_status_and_both_outputs() -> None:
    outcome = commands.run(["sh", "-c", "echo $LC_ALL; cat; echo oops >&2; exit 3"], timeout=5)
    assert outcome == commands.Outcome(3, "C\n", "oops\n")


def test_run_without_the_program() -> None:
    with pytest.raises(RunbookError, match="/nowhere/program cannot be run: No such file or directory"):
        commands.run(["/nowhere/program"], timeout=5)


def test_run_ends_in_time_with_every_child() -> None:
    began = time.monotonic()
    with pytest.raises(RunbookError, match=r"sh did not end within 0\.2 s and was killed"):
        # The child keeps the output open, so that killing the shell alone would not end the waiting.
        commands.run(["sh", "-c", "sleep 60 & wait"], timeout=0.2)
    assert time.monotonic() - began < 30
    assert not commands._running


def test_run_that_is_killed_raises() -> None:
    raised: list[str] = []

    def command() -> None:
        try:
            commands.run(["sleep", "60"], timeout=30)
        except RunbookError as exc:
            raised.append(str(exc))

    thread = threading.Thread(target=command)
    thread.start()
    while not commands._running:
        time.sleep(0.01)
    commands.kill_all()
    thread.join(5)
    assert raised == ["sleep was killed at the deadline"]
