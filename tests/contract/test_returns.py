# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Actions and modules return what they document: every key of a real result, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates import revoke

from tests.contract.repository import ACTIONS, COLLECTION, MODULES, documentation
from tests.support.backups import Tools
from tests.support.issuing import root
from tests.support.lab import Lab
from tests.support.rotating import Site
from tests.support.steps import arguments

#: What Ansible itself puts into a result.
COMMON = {"action", "changed", "diff", "exception", "failed", "invocation", "warnings"}

#: When a key is returned that is not part of the result of a run that has ended.
OTHER_RESULTS = {"while the job runs", "in check mode, and with O(only_plan)"}

#: Modules that need a server have this test beside their other ones.
WITH_A_SERVER = {"postgres_info", "redis_acl_user", "redis_info"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """A real result of each action and module, by its name, from playbooks that succeed."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ANSIBLE_STDOUT_CALLBACK", "ansible.posix.json")
        folder = tmp_path_factory.mktemp("lab")
        Tools(folder / "commands", patched).install("restic")
        return _play_all(folder)


def _play_all(folder: Path) -> dict[str, dict[str, Any]]:
    lab = Lab(folder, hosts={"one": {}})
    checks = {"root": {"kind": "disk", "path": "/", "warning": 100, "critical": 100}}
    lab.variables["platform_services"] = {"host": {"hosts": "one", "checks": checks}}
    (folder / "ca.pem").write_bytes(root().pem)
    lab.variables.update(
        certificate_authority_dir=str(folder / "ca"),
        certificate_authority_passphrase="correct horse battery",  # noqa: S106 - of a CA that lives as long as the test
        certificate_authority_key_type="ecdsa-p256",
        certificate_authority_allow_throwaway=True,
    )
    probe = {
        "hosts": "one",
        "gather_facts": False,
        "tasks": [
            {"xorb.runbook.probe": {"disk": [{"service": "s", "point": "p", "owner": "one", "path": "/"}]}},
            {"xorb.runbook.certificate_info": {"paths": [str(folder / "ca.pem")], "detail": "full"}},
        ],
    }
    (folder / "probe.yml").write_text(json.dumps([probe]))
    found: dict[str, dict[str, Any]] = {}
    silence = json.dumps({"silence_services": ["host"], "silence_for": "1h", "silence_reason": "a test"})
    merge = json.dumps({"platform_slice_of": "one", "platform_procedure": "daily"})
    for playbook, *options in (
        ("platform_check",),
        ("certificate_authority",),
        ("daily",),
        ("daily",),
        ("run_diff",),
        ("daily", "-e", '{"platform_slice_of": "one"}'),
        ("report_merge", "-e", merge),
        ("silence_create", "-e", silence),
        ("ledger_verify",),
        (str(folder / "probe.yml"),),
        (str(folder / "rotate.yml"),),
        (str(folder / "revoke.yml"),),
        (str(folder / "backup.yml"),),
    ):
        if playbook.endswith("rotate.yml"):  # what is looked at before has no certificate that is due
            Path(playbook).write_text(json.dumps([rotation(folder, lab)]))
        if playbook.endswith("revoke.yml"):
            Path(playbook).write_text(json.dumps([revocation(folder, lab)]))
        if playbook.endswith("backup.yml"):
            Path(playbook).write_text(json.dumps([backups(folder, lab)]))
        ran = lab.play(playbook, *options)
        assert ran.status == 0, ran.output
        for play in json.loads(ran.output[ran.output.index('{\n    "custom_stats"') :])["plays"]:
            for task in play["tasks"]:
                found.update({result["action"]: result for result in task["hosts"].values() if "action" in result})
    return found


def rotation(folder: Path, lab: Lab) -> dict[str, Any]:
    """A play that rotates a certificate by the action, and asks for and deploys another one by its modules."""
    site = Site(folder / "site")
    for name in ("one", "two", "three"):
        site.install(name)
    one, two, three = [given(site, name) for name in ("one", "two", "three")]
    options = {key: value for key, value in one.items() if key not in ("service", "point", "timeout")}
    lab.variables["platform_services"]["proxy"] = {"hosts": "one", "certificates": {"one": options}}
    deployed = site.issued(three, site.request(site.given("three")).csr)
    pems = {name: getattr(deployed, name) for name in ("certificate", "fullchain", "ca")}
    state, trust = str(site.state), (site.root.pem + root("Other").pem).decode()
    file = {"paths": [str(folder / "ca.pem")], "authorities": trust}
    issuing = {
        "ca_dir": lab.variables["certificate_authority_dir"],
        "ca_passphrase": lab.variables["certificate_authority_passphrase"],
        "host_state_dir": state,
    }
    return {
        "hosts": "one",
        "gather_facts": False,
        "tasks": [
            step("certificate_rotate", "replace", **issuing),
            {"xorb.runbook.certificate_request": {"certificates": [two], "state_dir": state}},
            {"xorb.runbook.certificate_deploy": {"certificates": [{**three, **pems}], "state_dir": state}},
            {"xorb.runbook.certificate_trust": {"certificates": [{**two, "trust": trust}], "state_dir": state}},
            {"xorb.runbook.certificate_trust_info": {"certificates": [two], "authorities": trust, "state_dir": state}},
            {"xorb.runbook.certificate_trust_bundle": {**file, "trust": trust, "state_dir": state}},
            step(
                "certificate_authority_rotate",
                "plan",
                **issuing,
                levels=["root", "intermediate"],
                reason="superseded",
            ),
        ],
    }


def revocation(folder: Path, lab: Lab) -> dict[str, Any]:
    """A play that revokes what the rotation put into service."""
    wanted = {
        "scope": "service",
        "services": ["proxy"],
        "incident": "INC-1",
        "reason": "superseded",
        "ca_dir": lab.variables["certificate_authority_dir"],
        "ca_passphrase": lab.variables["certificate_authority_passphrase"],
        "state_dir": str(folder / "state"),
        "host_state_dir": str(folder / "site/state"),
    }
    sets = {"certificates": [given(Site(folder / "site"), "three")], "state_dir": str(folder / "site/state")}
    steps = [step("certificate_revoke", name, **wanted) for name in revoke.STEPS]
    return {
        "hosts": "one",
        "gather_facts": False,
        "tasks": [
            *steps,
            {"xorb.runbook.certificate_sessions_end": {**sets, "revoked": []}},
            {"xorb.runbook.certificate_revocation_verify": {**sets, "revocations": ""}},
        ],
    }


def backups(folder: Path, lab: Lab) -> dict[str, Any]:
    """A play that takes, verifies, lists and removes sets by the actions, and by their modules."""
    store, state = str(folder / "backups"), str(folder / "backup-state")
    access = {"repository": str(folder / "repository"), "password": "{{ 'of-the' ~ '-repository' }}"}
    config = {"kind": "files", "paths": [str(folder / "ca.pem")], "directory": store, "copies": {"offsite": access}}
    lab.variables["platform_services"]["files"] = {"hosts": "one", "backups": {"config": config}}
    only = {"services": ["files"], "host_state_dir": state}
    named = {"service": "files", "backup": "config"}
    one = {"platform": "lab", "host": "one", **named, "state_dir": state, "wait": 600}
    one["files"] = {key: value for key, value in config.items() if key not in ("kind", "copies")}
    there: dict[str, Any] = {"platform": "lab", "host": "one", **named, "copy": "offsite", **access, "directory": store}
    there = {**there, "state_dir": state, "wait": 600}
    drill = {**one, "host": "two", "owner": "one", "copy": "offsite", "access": access}
    drill["directory"] = str(folder / "drills")
    sets = {**named, "directory": store}
    return {
        "hosts": "one",
        "gather_facts": False,
        "tasks": [
            step("backup_create", "create", **only),
            step("backup_verify", "verify", **only),
            step("backup_verify", "expire", **only),
            step("backup_copy", "copy", **only, initialize=True),
            step("backup_list", "show", **only),
            step("backup_restore", "restore", **named, target=str(folder / "by_action"), host_state_dir=state),
            {"xorb.runbook.backup_set": one, "register": "taken"},
            {"xorb.runbook.backup_set_verify": one},
            {"xorb.runbook.backup_set_restore": {**one, "target": str(folder / "by_module")}},
            {"xorb.runbook.backup_set_copy": there},
            step("backup_drill", "drill", **only),
            {"xorb.runbook.backup_set_drill": drill},
            {"xorb.runbook.backup_set_fetch": {**there, "folder": str(folder / "fetched")}},
            {"xorb.runbook.backup_set_info": {"backups": [sets], "state_dir": state}},
            {"xorb.runbook.backup_set_expire": {"backups": [{**sets, "sets": []}], "state_dir": state}},
            *proof({**sets, "set": "{{ taken.set.id }}", "state_dir": state}, one),
        ],
    }


def proof(named: dict[str, Any], one: dict[str, Any]) -> list[dict[str, Any]]:
    """Tasks that bring a set to a job, have it proved, and keep its receipt."""
    proving = {**one, "manifest": "{{ about.manifest }}"}
    piece = {"job": "{{ begun.job }}", "data": "{{ piece.data }}", "state_dir": named["state_dir"]}
    return [
        {"xorb.runbook.backup_set_read": named, "register": "about"},
        {"xorb.runbook.backup_set_prove": {**proving, "wait": 0.1}, "register": "begun"},
        {"xorb.runbook.backup_set_read": {**named, "offset": 0}, "register": "piece"},
        {"xorb.runbook.backup_set_deliver": piece},
        {"xorb.runbook.backup_set_prove": {**proving, "job": "{{ begun.job }}"}, "register": "proved"},
        {"xorb.runbook.backup_set_receipt": {**named, "receipt": "{{ proved.receipt }}"}},
    ]


def step(procedure: str, name: str, **given: Any) -> dict[str, Any]:
    """A task that takes a step of a procedure."""
    return {
        f"xorb.runbook.{procedure}": arguments(procedure, name, **given),
        "register": f"{procedure}_result_{name}",
    }


def given(site: Site, name: str) -> dict[str, Any]:
    """The options of a set that are given, without those that have a default."""
    return {key: value for key, value in site.given(name).items() if value is not None}


@pytest.mark.parametrize("module", sorted({*ACTIONS, *MODULES} - WITH_A_SERVER))
def test_result_has_what_is_documented(module: str, results: dict[str, dict[str, Any]]) -> None:
    result = {key for key in results[f"{COLLECTION}.{module}"] if not key.startswith("_ansible")}
    documented = documentation(module)["return"]
    assert result - COMMON <= documented.keys()
    # What a module returns in check mode, or as long as it works, is another result.
    elsewhere = {name for name, value in documented.items() if value["returned"] in OTHER_RESULTS}
    assert documented.keys() - elsewhere <= result | COMMON
