# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copies between real hosts through sshd, by the restic of Debian 12 and of Debian 13: states, kills, rot, drills."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import backup_bed as bed

#: The hosts that copy, each with the version of restic that its Debian has.
VERSIONS = {"db": "0.18", "db12": "0.14"}
#: Where they copy to on the web host, by the user whom Ansible logs in as.
FOLDER = "/home/ansible/copies"
PASSWORD = "only-for-this-test"  # noqa: S105 - opens nothing else
STORE = "postgres.main"
RECORD = f"{bed.STORES}/{STORE}/.copies/vault.json"


@pytest.fixture(scope="module", autouse=True)
def vault() -> Iterator[None]:
    """A repository for each host on another one, and nothing of it afterwards."""
    _clean()
    yield
    _clean()


def _clean() -> None:
    bed.shell("web", f"rm -rf {FOLDER}")
    bed.shell("monitor", f"rm -rf {bed.STORES}/.drills")
    for role in VERSIONS:
        bed.shell(role, f"rm -f {RECORD}")


def described(role: str, **changes: Any) -> dict[str, Any]:
    """What the description has beside what the demo has: a copy of its databases by SFTP."""
    address = bed.BED.host("web").address
    key = bed.shell("web", "cat /etc/ssh/ssh_host_ed25519_key.pub").strip()
    copy = {
        "repository": f"sftp:ansible@{address}:{FOLDER}/{role}",
        "password": f"{{{{ '{PASSWORD}' | trim }}}}",
        "identity": f"{{{{ lookup('ansible.builtin.file', '{bed.BED.private_key}') }}}}",
        "known_hosts": f"{address} {key}",
        **changes,
    }
    return {"postgres": {"backups": {"main": {"copies": {"vault": copy}}}}}


def copied(role: str, *options: str, **given: Any) -> Any:
    """Run the playbook for the copies of this test on one host."""
    changes = given.pop("changes", {})
    return bed.procedure(
        "backup_copy",
        *("--limit", f"xorb-{role}", *options),
        backup_copy_copies=["vault"],
        platform_overrides=described(role, **changes),
        **given,
    )


def status(role: str, ran: Any, aspect: str = "copied") -> str:
    found: str = ran.statuses[f"xorb-{role}/{STORE}.vault.{aspect}"]
    return found


def restic(role: str, *words: str) -> str:
    """What restic prints of a repository where it lies."""
    return bed.shell("web", f"RESTIC_PASSWORD={PASSWORD} restic --no-cache -r {FOLDER}/{role} {' '.join(words)}")


def data(role: str) -> str:
    """The digests of all data of a repository."""
    return bed.shell("web", f"cd {FOLDER}/{role}/data; find . -type f -exec sha256sum {{}} + | sort")


@pytest.mark.parametrize("role", VERSIONS)
def test_copy_lies_on_another_host_and_comes_back_by_restic_alone(role: str) -> None:
    assert VERSIONS[role] in bed.shell(role, "restic version")
    before = copied(role)
    assert before.status == 2 and "none is made unless that is asked for" in before.output
    ran = copied(role, backup_copy_initialize=True)
    assert status(role, ran) == "ok" and status(role, ran, "copy_proved") == "ok", ran.output[-4000:]
    newest = bed.sets(role, STORE)[-1]
    found = json.loads(restic(role, "snapshots", "--json"))
    assert f"set:{newest}" in found[-1]["tags"]
    bed.shell("web", f"rm -rf /root/back; RESTIC_PASSWORD={PASSWORD} restic --no-cache -r {FOLDER}/{role} "
                     f"restore {found[-1]['id']} --target /root/back")  # fmt: skip
    digests = "find . -type f -exec sha256sum {} + | sort"
    there = bed.shell("web", f"cd /root/back/{bed.STORES}/{STORE}/{newest}; {digests}; rm -rf /root/back")
    assert there == bed.shell(role, f"cd {bed.STORES}/{STORE}/{newest}; {digests}")
    again = copied(role)
    assert again.report["actions"] == []


@pytest.mark.parametrize("role", VERSIONS)
def test_each_state_has_its_own_message_and_changes_no_data(role: str) -> None:
    before = data(role)
    place = f"{FOLDER}/{role}"
    # A password that does not open it, a key that is not let in, and a port that nobody listens at.
    wrong = copied(role, changes={"password": "{{ 'of-another' ~ '-one' }}"})
    assert "this password does not open it" in wrong.output and status(role, wrong) == "unknown"
    stranger = copied(role, changes={"known_hosts": f"{bed.BED.host('web').address} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"})
    assert "this host may not do that there" in stranger.output
    address = bed.BED.host("web").address
    away = copied(role, changes={"repository": f"sftp://ansible@{address}:2//{place}", "answer_timeout": 30})
    assert "cannot be reached" in away.output and status(role, away) == "unknown"
    try:
        bed.shell("web", f"mkdir /home/ansible/gone; mv {place}/config {place}/keys /home/ansible/gone")
        gone = copied(role, backup_copy_initialize=True)
        assert "there is no repository, and none is made" in gone.output and status(role, gone) == "critical"
    finally:
        bed.shell("web", f"mv /home/ansible/gone/* {place}; rmdir /home/ansible/gone")
    assert data(role) == before
    assert status(role, copied(role)) == "ok"


@pytest.mark.parametrize("role", VERSIONS)
def test_damaged_pack_is_named_until_it_is_whole(role: str) -> None:
    pack = bed.shell("web", f"cd {FOLDER}/{role}/data; ls -S */* | head -n 1").strip()
    path = f"{FOLDER}/{role}/data/{pack}"
    everything = {"changes": {"read_share": 100}, "backup_copy_check": True}
    bed.shell("web", f"cp -p {path} /root/whole; chmod u+w {path}; "
                     f"printf x | dd of={path} bs=1 seek=100 conv=notrunc 2> /dev/null")  # fmt: skip
    try:
        ran = copied(role, **everything)
        assert ran.status == 2 and status(role, ran, "copy_proved") == "critical"
        assert pack.rpartition("/")[2][:8] in ran.message(f"xorb-{role}/{STORE}.vault.copy_proved")
    finally:
        bed.shell("web", f"cp -p /root/whole {path}; rm /root/whole")
    assert status(role, copied(role, **everything), "copy_proved") == "ok"


@pytest.mark.parametrize("role", VERSIONS)
def test_worker_that_is_killed_leaves_a_lock_that_the_next_run_removes(role: str) -> None:
    """Whenever it dies: what it had started ends with the next run, and so does its lock."""
    bed.procedure("backup_create", "--limit", f"xorb-{role}", backup_create_services=["postgres"])
    bed.procedure("backup_verify", "--limit", f"xorb-{role}", backup_verify_services=["postgres"])
    newest = bed.sets(role, STORE)[-1]
    options = ("-e", json.dumps({"backup_copy_copies": ["vault"], "platform_overrides": described(role)}))
    running = bed.start("backup_copy", "--limit", f"xorb-{role}", *options)
    locks = f"ls {FOLDER}/{role}/locks"
    bed.until(lambda: bed.shell("web", locks).strip() or running.poll() is not None)
    worker = bed.holder(role)
    if worker:
        bed.shell(role, f"kill -9 {worker}", check=False)
    running.communicate(timeout=bed.PATIENCE)
    ran = copied(role)
    assert status(role, ran) == "ok", ran.output[-4000:]
    assert f"set:{newest}" in restic(role, "snapshots", "--json")
    assert bed.shell("web", locks).strip() == ""
    assert bed.shell(role, "pgrep -x restic || :").strip() == ""


def drilled(ran: Any, owner: str) -> dict[str, str]:
    """What the drill host found of the copy of a host."""
    checks = (check for check in ran.report["checks"] if check["owner"] == owner and ".drill." in check["id"])
    return {check["id"].rpartition(".")[2]: check["status"] for check in checks}


def test_host_that_is_gone_is_drilled_on_another_one_with_its_own_variables() -> None:
    """Nothing connects to either database host. The monitor has the programs for the one, and not for the other."""
    changes = described("{{ inventory_hostname.removeprefix('xorb-') }}", drill={"hosts": "monitor"})
    options = {"backup_drill_copies": ["vault"], "platform_overrides": changes}
    newest = bed.sets("db", STORE)[-1]
    before = {role: data(role) for role in VERSIONS}
    try:
        for role in VERSIONS:
            bed.shell(role, "systemctl stop ssh.socket ssh.service 2> /dev/null || systemctl stop ssh")
        preview = bed.procedure("backup_drill", "--check", **options)
        assert f"xorb-monitor: {STORE}.vault of xorb-db: {newest} (" in preview.output, preview.output[-4000:]
        ran = bed.procedure("backup_drill", **options)
    finally:
        for role in VERSIONS:
            bed.shell(role, "systemctl start ssh")
    assert "UNREACHABLE" not in preview.output + ran.output
    assert drilled(ran, "xorb-db") == {"drilled": "ok", "rto": "ok", "rpo": "ok"}, ran.output[-4000:]
    assert drilled(ran, "xorb-db12")["drilled"] == "critical"
    assert "install the package postgresql-15" in ran.message("xorb-monitor/runbook.act.backup_drill_drill")
    outcomes = {one["subject"].rpartition(" ")[2]: one["outcome"] for one in ran.report["actions"]}
    assert outcomes == {"xorb-db": "done", "xorb-db12": "failed"}
    assert {role: data(role) for role in VERSIONS} == before
    assert bed.shell("web", f"ls {FOLDER}/*/locks").split() == [f"{FOLDER}/{role}/locks:" for role in VERSIONS]
    assert bed.shell("monitor", "ls -A /tmp | grep runbook-scratch || :; pgrep -x restic || :").strip() == ""
    assert bed.shell("monitor", f"ls -A {bed.STORES}/.drills").split() == [
        f"{STORE}.vault@xorb-{role}.json" for role in VERSIONS
    ]
