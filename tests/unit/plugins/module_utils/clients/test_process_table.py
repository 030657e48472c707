# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A table of processes that the kernel cuts short is none."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import process_table
from ansible_collections.xorb.runbook.plugins.module_utils._core.about import MOUNT, UNSEEN, Fault
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

_MOUNTS = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 0:5 / /proc rw,nosuid - proc proc rw{options}\n"
_UNPRIVILEGED = "Name:\tpython3\nGid:\t1000\t1000\t1000\t1000\nGroups:\t27 1000 \nCapEff:\t0000000000000000\n"
_ROOT = "Name:\tpython3\nGid:\t0\t0\t0\t0\nGroups:\t0 \nCapEff:\t000001ffffffffff\n"
_CONTAINED = _ROOT.replace("000001ffffffffff", "00000000a80425fb")


@pytest.mark.parametrize(
    ("options", "status", "hidden"),
    [
        ("", _UNPRIVILEGED, ""),
        (",hidepid=0", _UNPRIVILEGED, ""),
        (",hidepid=off", _UNPRIVILEGED, ""),
        (",hidepid=1", _UNPRIVILEGED, "hidepid=1"),
        (",hidepid=2", _UNPRIVILEGED, "hidepid=2"),
        (",hidepid=invisible", _UNPRIVILEGED, "hidepid=invisible"),
        (",hidepid=ptraceable", _UNPRIVILEGED, "hidepid=ptraceable"),
        (",gid=27,hidepid=invisible", _UNPRIVILEGED, ""),
        (",gid=1000,hidepid=2", _UNPRIVILEGED, ""),
        (",gid=28,hidepid=2", _UNPRIVILEGED, "hidepid=2"),
        # What follows was compared with Linux 6.18: a reader of every /proc/PID/stat, in a PID namespace of its own.
        (",gid=27,hidepid=ptraceable", _UNPRIVILEGED, "hidepid=ptraceable"),
        (",gid=1000,hidepid=4", _UNPRIVILEGED, "hidepid=4"),
        (",hidepid=2", _UNPRIVILEGED.replace("27 1000", "0 1000"), ""),
        (",hidepid=ptraceable", _UNPRIVILEGED.replace("27 1000", "0 1000"), "hidepid=ptraceable"),
        (",gid=28,hidepid=2", _UNPRIVILEGED.replace("27 1000", "0 1000"), "hidepid=2"),
        (",hidepid=2", _ROOT, ""),
        (",hidepid=ptraceable", _ROOT, ""),
        # Root of a container may not see any process, but has the group that is exempt where no other is named.
        (",hidepid=2", _CONTAINED, ""),
        (",hidepid=ptraceable", _CONTAINED, "hidepid=ptraceable"),
        (",gid=28,hidepid=2", _CONTAINED, "hidepid=2"),
    ],
)
def test_hides(options: str, status: str, hidden: str) -> None:
    assert process_table.hides(_MOUNTS.format(options=options), status) == hidden


def test_last_mount_is_the_one_that_is_seen() -> None:
    text = _MOUNTS.format(options=",hidepid=2") + "23 22 0:6 / /proc rw - proc proc rw\n"
    assert process_table.hides(text, _UNPRIVILEGED) == ""


def test_read_of_a_part_is_no_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_table, "hides", lambda _mountinfo, _status: "hidepid=2")
    with pytest.raises(RunbookError, match="hidepid=2, so this user sees only its own processes") as raised:
        process_table.read()
    # Whatever runs into it on this host, it is one cause.
    assert raised.value.fault == Fault(UNSEEN, ((MOUNT, "/proc"),))


def test_process_that_is_hidden_is_not_known_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert not process_table.remains_stopped(ended.pid)
    monkeypatch.setattr(process_table, "hides", lambda _mountinfo, _status: "hidepid=2")
    with pytest.raises(RunbookError, match="hidepid=2"):
        process_table.remains_stopped(ended.pid)
    # One that is seen is judged all the same.
    assert not process_table.remains_stopped(os.getpid())
