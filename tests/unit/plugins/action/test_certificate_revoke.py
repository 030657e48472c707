# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook from end to end on the loopback address: a service that reads revocation lists, and a client of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.issuance import serial_text

from tests.support.authorities import opened, snapshot
from tests.support.lab import Lab
from tests.support.procedures import ROOT
from tests.support.revoking import Shop

APP = ("-e", '{"certificate_revoke_scope": "service", "certificate_revoke_services": ["app"]}')
ALL = ("-e", "certificate_revoke_scope=all")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


@pytest.fixture
def port(lab: Lab, shop: Shop) -> Iterator[int]:
    """The port of the service, which serves as long as the test lasts."""
    with shop.opened(lab) as port:
        yield port


def revoked(shop: Shop) -> set[str]:
    return {row.serial for row in shop.authority().register() if row.status == "revoked"}


@pytest.mark.parametrize(
    ("role", "tasks", "steps"),
    [
        ("certificate_revoke", "prove", ["sessions", "prove"]),
        ("certificate_authority_rotate", "close", ["refuse", "sessions", "close"]),
    ],
)
def test_no_host_shows_a_certificate_while_others_end_sessions(role: str, tasks: str, steps: list[str]) -> None:
    """A session that is ended looks refused; all hosts have ended a task before any of them begins the next one."""
    found = yaml.safe_load((ROOT / f"roles/{role}/tasks/{tasks}.yml").read_text())
    assert [task[f"xorb.runbook.{role}"]["step"] for task in found] == steps


def test_revoke_shows_then_does_then_has_nothing_to_do(lab: Lab, shop: Shop, port: int) -> None:
    old, other, thief = shop.serial("two"), shop.serial("one"), shop.copied("two")
    assert shop.knock(port, thief) == "accepted"
    before = snapshot(shop.folder)
    preview = lab.play("certificate_revoke", "--check", "--diff", *APP)
    assert preview.status == 0, preview.output
    assert f"two app client: certificate {old} is replaced by a new certificate, and then revoked" in preview.output
    assert "one proxy server: gets the revocation lists" in preview.output
    assert snapshot(shop.folder) == before and not (lab.folder / "state/revocations").exists()

    ran = lab.play("certificate_revoke", *APP)
    assert ran.status == 0, ran.output
    assert shop.serial("two") != old and shop.serial("one") == other
    assert revoked(shop) == {old}
    assert shop.knock(port, thief) == "refused"
    assert shop.knock(port, shop.site.folder / "two") == "accepted"
    assert f"the revoked certificate {old}: refused" in ran.message("two/app.client.refusal")
    deeds = [(deed["host"], deed["subject"], deed["outcome"], deed["incident"]) for deed in ran.report["actions"]]
    assert sorted(deeds) == [
        ("one", "proxy server", "done", "INC-7"),
        ("two", "app client", "done", "INC-7"),
        ("two", "app client", "done", "INC-7"),
    ]
    assert [f"certificate {old} is revoked" in deed["what"] for deed in ran.report["actions"]].count(True) == 1

    again = lab.play("certificate_revoke", *APP)
    assert again.status == 0, again.output
    assert again.report["actions"] == [] and "changed=1" not in again.output
    assert ran.statuses.keys() == again.statuses.keys(), "what was proved once is proved again"


#: Tells the service, unless it was told often enough: then it kills whoever runs it, up to the test, and tells nobody.
TRIPWIRE = """
import os, pathlib, signal, sys
counter, test, *command = sys.argv[1:]
left = int(pathlib.Path(counter).read_text()) - 1
pathlib.Path(counter).write_text(str(left))
if left:
    os.execvp(command[0], command)
processes = [os.getppid()]
while processes[-1] not in (0, 1, int(test)):
    stat = pathlib.Path(f"/proc/{processes[-1]}/stat").read_text()
    processes.append(int(stat.rpartition(")")[2].split()[1]))
for process in reversed(processes[:-1]):  # the oldest first, or it would tell of the others' death
    os.kill(process, signal.SIGKILL)
"""


def test_revoke_that_is_killed_is_finished_by_the_next(lab: Lab, shop: Shop, port: int, tmp_path: Path) -> None:
    """Killed after a swap that nobody was told of, and after the revocation, before the lists are in service."""
    old, thief = {name: shop.serial(name) for name in ("one", "two")}, shop.copied("two")
    counter = tmp_path / "counter"
    reload = lab.variables["platform_services"]["proxy"]["certificates"]["server"]["reload"]
    reload["argv"] = [sys.executable, "-c", TRIPWIRE, str(counter), str(os.getpid()), *reload["argv"]]

    counter.write_text("1")
    ran = lab.play("certificate_revoke", *ALL)
    assert ran.status == -signal.SIGKILL
    assert shop.serial("one") != old["one"], "it was killed too early"
    assert shop.served(port) == old["one"]
    assert revoked(shop) == set() and shop.knock(port, thief) == "accepted"

    counter.write_text("2")
    ran = lab.play("certificate_revoke", *ALL)
    assert ran.status == -signal.SIGKILL
    assert "one: left half done by a run that was killed" in ran.output
    assert shop.served(port) == shop.serial("one") != old["one"] and shop.serial("two") != old["two"]
    assert revoked(shop) == set(old.values()), "it was killed too early"
    assert shop.knock(port, thief) == "accepted", "the lists are in service already"

    counter.write_text("99")
    ran = lab.play("certificate_revoke", *ALL)
    assert ran.status == 0, ran.output
    assert shop.knock(port, thief) == "refused"
    assert shop.knock(port, shop.site.folder / "two") == "accepted"
    assert revoked(shop) == set(old.values())
    assert {row.serial for row in shop.authority().register() if row.status == "valid"} == {
        shop.serial("one"),
        shop.serial("two"),
    }
    assert any("cut off: done" in deed["what"] for deed in ran.report["actions"])


def test_rotate_renews_the_lists_that_a_revocation_left(lab: Lab, shop: Shop, port: int) -> None:
    """Nobody revokes anything any more, and a list that ends would make the service refuse everybody."""
    lists, ca = shop.site.folder / "one/crl.pem", shop.authority()
    for file in shop.ca.glob("*/crl/*.pem"):
        file.unlink()
    then = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)
    old = opened(shop.ca, clock=lambda: then).crls()
    lists.chmod(0o644)
    lists.write_text(old)
    before = snapshot(shop.folder)
    preview = lab.play("certificate_rotate", "--check", "--diff")
    assert preview.status == 0, preview.output
    line = "one: proxy server gets the revocation lists: the next list of the root is due, it is past half of its time;"
    assert line in preview.output and "two: app client gets" not in preview.output
    outside = lab.play("certificate_rotate", "--check", "-e", '{"certificate_issuer_command": ["false"]}')
    assert outside.status == 0 and "gets the revocation lists" not in outside.output
    assert snapshot(shop.folder) == before

    ran = lab.play("certificate_rotate")
    assert ran.status == 0, ran.output
    (deed,) = ran.report["actions"]
    assert (deed["host"], deed["subject"], deed["outcome"]) == ("one", "proxy server", "done")
    assert deed["what"].startswith("the revocation lists (")
    assert lists.read_text() == ca.crls() != old
    assert shop.knock(port, shop.site.folder / "two") == "accepted"

    thief = shop.copied("two")
    ca.revoke(shop.serial("two"))
    assert ca.crls() != lists.read_text()
    ran = lab.play("certificate_rotate")
    assert "the intermediate has list" in ran.report["actions"][0]["why"]
    assert shop.knock(port, thief) == "refused"
    assert lab.play("certificate_rotate").report["actions"] == []


def test_revoke_all_keeps_what_could_not_be_replaced_until_it_can(lab: Lab, shop: Shop, port: int) -> None:
    old, thief = {name: shop.serial(name) for name in ("one", "two")}, shop.copied("two")
    app = lab.variables["platform_services"]["app"]["certificates"]["client"]
    lab.variables["certificate_revoke_batches"] = "100%"
    app["reload"] = {"kind": "command", "argv": ["false"]}
    ran = lab.play("certificate_revoke", *ALL)
    assert ran.status == 2
    assert shop.serial("two") == old["two"] and shop.serial("one") != old["one"]
    assert revoked(shop) & {*old.values()} == {old["one"]}
    assert shop.knock(port, shop.site.folder / "two") == "accepted", "a service was left without a certificate"
    assert "false failed" in ran.message("two/runbook.act.certificate_revoke_replace")
    kept = [check["message"] for check in ran.report["checks"] if check["id"].endswith("certificate_revoke_revoke")]
    assert kept == [f"two app client still has {old['two']}, which is not revoked"]

    del app["reload"]
    ran = lab.play("certificate_revoke", *ALL)
    assert ran.status == 0, ran.output
    assert revoked(shop) >= set(old.values())
    assert shop.knock(port, thief) == "refused"


@pytest.mark.usefixtures("port")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-e", "certificate_revoke_scope=everything"), "certificate_revoke_scope: expected one of"),
        ((*ALL, "-e", "certificate_authority_passphrase="), "certificate_authority_passphrase: missing"),
    ],
)
def test_revoke_refuses_bad_input_before_anything_is_changed(
    lab: Lab, shop: Shop, options: tuple[str, ...], message: str
) -> None:
    before = snapshot(shop.folder)
    ran = lab.play("certificate_revoke", *options)
    assert ran.status == 2
    assert message in ran.output
    assert snapshot(shop.folder) == before and not (lab.folder / "state/revocations").exists()


@pytest.mark.usefixtures("port")
def test_revoke_refuses_what_somebody_else_issued(lab: Lab, shop: Shop) -> None:
    foreign = shop.site.install("two")
    ran = lab.play("certificate_revoke", *ALL)
    assert ran.status == 2
    assert f"two app client ({serial_text(foreign.certificate.serial_number)}" in ran.output
    assert "rotate these first" in ran.output
    assert revoked(shop) == set() and not (lab.folder / "state/revocations").exists()


@pytest.mark.usefixtures("port")
def test_host_that_is_left_out_keeps_what_it_may_have(lab: Lab, shop: Shop) -> None:
    """Its certificate is a stranger's by the register alone, and yet it is not revoked."""
    old, kept = shop.serial("one"), shop.serial("two")
    ran = lab.play("certificate_revoke", "-e", "certificate_revoke_scope=all", "--limit", "one")
    assert ran.status == 2
    statuses = {row.serial: row.status for row in shop.authority().register()}
    assert statuses == {old: "revoked", kept: "valid", shop.serial("one"): "valid"}
    assert "two does not answer, so nothing is done there: left out of this run" in ran.output
    message = ran.message("one/runbook.act.certificate_revoke_revoke")
    assert message == "1 other certificates are not revoked, since what two has in service is not known"


@pytest.mark.usefixtures("port")
def test_ca_that_is_being_replaced_revokes_nothing(lab: Lab, shop: Shop) -> None:
    """Those of the other CA would go on being accepted, and no host would know."""
    shop.authority().prepare_next()
    ran = lab.play("certificate_revoke", "-e", "certificate_revoke_scope=all")
    assert ran.status == 2 and "is being replaced, and two of them are trusted" in " ".join(ran.output.split())
    assert {row.status for row in shop.authority().register()} == {"valid"}
