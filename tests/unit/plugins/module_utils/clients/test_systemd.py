# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every state that the systemd of this machine knows has a meaning."""

from __future__ import annotations

import re
import subprocess

from ansible_collections.xorb.runbook.plugins.module_utils._clients import systemd
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import timer, unit


def states(heading: str) -> set[str]:
    """What ``systemctl --state=help`` lists below a heading."""
    printed = subprocess.run(["systemctl", "--state=help"], capture_output=True, check=True, text=True).stdout
    found = re.search(rf"Available {heading}:\n((?:\S+\n)*)", printed)
    assert found, printed
    return set(found[1].split())


def test_every_active_state_is_known() -> None:
    known = {*systemd.WORKING, *systemd.STARTING, *systemd.STOPPED}
    assert states("unit active states") <= known


def test_load_states_other_than_loaded_are_faults() -> None:
    for state in states("unit load states") - {"loaded"}:
        assert unit.judge({"LoadState": state, "ActiveState": "active"}, "a.service", "running").status == CRITICAL


def test_refreshing_unit_works_and_an_undefined_state_is_unknown() -> None:
    properties = {"LoadState": "loaded", "ActiveState": "refreshing", "SubState": "running"}
    assert unit.judge(properties, "a.service", "running").status == OK
    assert unit.judge({**properties, "ActiveState": "dreaming"}, "a.service", "running").status == UNKNOWN


def test_service_that_was_skipped_did_well() -> None:
    skipped = {"LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "Result": "exec-condition"}
    found = timer.succeeded({**skipped, "ExecMainStatus": "0"}, "a.service")
    assert found.status == OK and "had nothing to do" in found.message
    assert timer.succeeded({**skipped, "Result": "exit-code", "ActiveState": "failed"}, "a.service").status == CRITICAL
