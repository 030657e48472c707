# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Actions and modules return what they document: every key of a real result, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.repository import ACTIONS, COLLECTION, MODULES, documentation
from tests.shared.lab import Lab

#: What Ansible itself puts into a result.
COMMON = {"action", "changed", "exception", "failed", "invocation", "warnings"}

#: Modules that need a server have this test beside their other ones.
WITH_A_SERVER = {"postgres_info", "redis_acl_user", "redis_info"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """A real result of each action and module, by its name, from playbooks that succeed."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ANSIBLE_STDOUT_CALLBACK", "ansible.posix.json")
        return _play_all(tmp_path_factory.mktemp("lab"))


def _play_all(folder: Path) -> dict[str, dict[str, Any]]:
    lab = Lab(folder, hosts={"one": {}})
    checks = {"root": {"kind": "disk", "path": "/", "warning": 100, "critical": 100}}
    lab.variables["platform_services"] = {"host": {"hosts": "one", "checks": checks}}
    probe = {
        "hosts": "one",
        "gather_facts": False,
        "tasks": [{"xorb.runbook.probe": {"disk": [{"service": "s", "point": "p", "owner": "one", "path": "/"}]}}],
    }
    (folder / "probe.yml").write_text(json.dumps([probe]))
    found: dict[str, dict[str, Any]] = {}
    for playbook in ("platform_check", "daily", "daily", "run_diff", "ledger_verify", str(folder / "probe.yml")):
        ran = lab.play(playbook)
        assert ran.status == 0, ran.output
        for play in json.loads(ran.output[ran.output.index('{\n    "custom_stats"') :])["plays"]:
            for task in play["tasks"]:
                found.update({result["action"]: result for result in task["hosts"].values() if "action" in result})
    return found


@pytest.mark.parametrize("module", sorted({*ACTIONS, *MODULES} - WITH_A_SERVER))
def test_result_has_what_is_documented(module: str, results: dict[str, dict[str, Any]]) -> None:
    result = {key for key in results[f"{COLLECTION}.{module}"] if not key.startswith("_ansible")}
    assert result - COMMON == set(documentation(module)["return"])
