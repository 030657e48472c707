# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook from end to end on the loopback address: with a service that wants certificates of its clients, a client
that has one, and a client that only trusts."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki import create
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.issuance import serial_text

from tests.support import issuing
from tests.support.lab import Lab
from tests.support.procedures import BIN, ROOT, Ran, environment
from tests.support.rotating import Site
from tests.support.signing_requests import new_key, request

PASSPHRASE = "correct horse battery"  # noqa: S105 - of a CA that lives as long as the test
PLAYBOOK = "certificate_authority_rotate"


@dataclass
class Platform:
    """A service on the host one, its client on the host two, and the CA of both."""

    lab: Lab
    site: Site
    ca: Path
    port: int = 0
    first: str = ""
    failures: list[str] = field(default_factory=list)

    @property
    def authority(self) -> Authority:
        """The CA as it is now."""
        return Authority.open(self.ca, passphrase=PASSPHRASE)

    def issuer(self, name: str) -> str:
        """The name of the CA of the set's certificate in service; fails where key and certificate do not match."""
        self.site.in_service(name)
        leaf = load_bundle((self.site.folder / name / "cert.pem").read_bytes())[0]
        return leaf.issuer.partition(",")[0].removeprefix("CN=Lab Intermediate CA").strip() or "G1"

    @property
    def issuers(self) -> list[str]:
        """Of both sets."""
        return [self.issuer(name) for name in ("server", "client")]

    @property
    def trusted(self) -> list[int]:
        """How many authorities each consumer trusts."""
        files = ("server/ca.pem", "client/ca.pem", "trust.pem")
        return [(self.site.folder / file).read_text().count("BEGIN") for file in files]

    def welcomes(self) -> str:
        """What the service says to the client with what both have right now: a request as the client would make it."""
        folder = self.site.folder / "client"
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "fullchain.pem", folder / "key.pem")
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            return secure.recv(7).decode()

    def start(self, playbook: str = PLAYBOOK, **variables: Any) -> subprocess.Popen[bytes]:
        """Start a playbook in a process group of its own."""
        words = ["-i", str(self.lab.write()), f"xorb.runbook.{playbook}", "-e", json.dumps(variables)]
        return subprocess.Popen(
            [str(BIN / "ansible-playbook"), *words],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill_when(self, true: Callable[[], bool], **variables: Any) -> None:
        """Start a playbook, and kill it with everything that it started as soon as something is true."""
        with self.start(**variables) as process:
            try:
                ends = time.monotonic() + 120
                while not true():
                    assert process.poll() is None, "it came to its end before that"
                    assert time.monotonic() < ends
                    time.sleep(0.02)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert self.welcomes() == "welcome"

    def run(self, *options: str, playbook: str = PLAYBOOK, **variables: Any) -> Ran:
        """Run a playbook."""
        return self.lab.play(playbook, *options, "-e", json.dumps(variables))

    def phase(self) -> str:
        """How far it is, by what the CA keeps; asked while others change it."""
        kept = json.loads((self.ca / "authority.json").read_text())
        return str(kept["phase"] if kept["pending"] is None else "moving")


@pytest.fixture
def platform(lab: Lab, tmp_path: Path) -> Iterator[Platform]:
    """Everything with certificates of one CA."""
    made = Platform(lab, Site(tmp_path / "site"), tmp_path / "ca")
    blueprint = create.Blueprint(name="Lab", key_type="ecdsa-p256")
    create.ensure(made.ca, blueprint, passphrase=PASSPHRASE)
    authority = made.authority
    made.first = serial_text(authority.certificates()["intermediate"].serial_number)
    for name in ("server", "client"):
        install(made.site, authority, name)
    (made.site.folder / "server/crl.pem").write_text(authority.crls())
    (made.site.folder / "trust.pem").write_text(authority.trust_bundle() + made.site.root.pem.decode())
    with made.site.served(clients=["ca.pem", "crl.pem"]) as how:
        made.port = how["served_by"][0]["port"]
        describe(made, how)
        assert made.welcomes() == "welcome"
        yield made


def install(site: Site, authority: Authority, name: str) -> None:
    """A set as a rotation leaves it, but for the links."""
    key = new_key()
    issued = authority.issue(request(key), profile=name, names=["localhost", "127.0.0.1"], days=90)
    folder = site.folder / name
    folder.mkdir(parents=True)
    for file, content in (
        ("key.pem", issuing.key_pem(key).decode()),
        ("cert.pem", issued.certificate),
        ("fullchain.pem", issued.fullchain),
        ("ca.pem", issued.ca),
    ):
        (folder / file).write_text(content)
        (folder / file).chmod(0o400 if file == "key.pem" else 0o444)


def describe(made: Platform, how: dict[str, Any]) -> None:
    """Say in the description what there is."""
    folder = made.site.folder

    def set_of(name: str, **more: Any) -> dict[str, Any]:
        given = made.site.given(name)
        return {**{key: given[key] for key in ("directory", "names", "user", "group")}, "days": 60, **more}

    for host in made.lab.hosts:
        made.lab.hosts[host]["certificate_authority_rotate_host_state_dir"] = str(folder / f"state-{host}")
    accepted = [{"port": made.port, "address": "localhost"}]
    files = {"kind": "certificate_files", "paths": [str(folder / "trust.pem")], "trust": str(folder / "trust.pem")}
    made.lab.variables.update(
        # There is no sudo where tests run, and no other user is needed.
        ansible_become=False,
        certificate_authority_dir=str(made.ca),
        certificate_authority_passphrase=PASSPHRASE,
        platform_services={
            "proxy": {
                "hosts": "one",
                "certificates": {"server": set_of("server", crl=f"{folder}/server/crl.pem", **how)},
            },
            "api": {
                "hosts": "two",
                "certificates": {"client": set_of("client", profile="client", accepted_by=accepted)},
                "checks": {"trusted": files},
            },
        },
    )


def add_stranger(platform: Platform) -> None:
    """A host that only has to do with somebody else's CA."""
    folder = platform.site.folder
    file = str(folder / "partner.pem")
    Path(file).write_bytes(platform.site.root.pem)
    platform.lab.hosts["three"] = {"certificate_authority_rotate_host_state_dir": str(folder / "state-three")}
    files = {"kind": "certificate_files", "paths": [file], "trust": file}
    platform.lab.variables["platform_services"]["partner"] = {"hosts": "three", "checks": {"files": files}}


def test_rotate_whole(platform: Platform) -> None:
    add_stranger(platform)
    before = snapshot(platform)
    preview = platform.run("--check", certificate_authority_rotate_ca_serial=platform.first)
    assert preview.status == 0, preview.output
    assert "the CA is in the phase standby; what comes next: the next CA is made" in preview.output
    assert "one: proxy server trusts both, then gets a certificate in place of" in preview.output
    assert f"two: {platform.site.folder}/trust.pem trusts both, then trusts the one that stays alone" in preview.output
    assert snapshot(platform) == before

    ran = platform.run(certificate_authority_rotate_ca_serial=platform.first, platform_incident="INC-9")
    assert ran.status == 0, ran.output
    # The file that clients read keeps what somebody else has put there.
    assert (platform.phase(), platform.issuers, platform.trusted) == ("standby", ["G2", "G2"], [2, 2, 3])
    assert platform.welcomes() == "welcome"
    assert ran.statuses["one/proxy.server.refusal"] == ran.statuses["two/api.trusted.refusal"] == "ok"
    assert f"localhost port {platform.port}: refused" in ran.message("two/api.client.refusal")
    deeds = [deed["what"] for deed in ran.report["actions"]]
    for part, times in (("is made beside", 1), ("beside Lab", 4), ("issues from now on", 1), ("is in service until", 2),
                        ("alone, and", 3), ("is withdrawn", 1)):  # fmt: skip
        assert sum(part in deed for deed in deeds) == times, (part, deeds)
    assert {(deed["incident"], deed["outcome"]) for deed in ran.report["actions"]} == {("INC-9", "done")}
    # Pairs that proved something are of no use any more.
    valid = [row.serial for row in platform.authority.register() if row.status == "valid"]
    assert len(valid) == 2
    assert "PRIVATE KEY" not in ran.output

    again = platform.run(certificate_authority_rotate_ca_serial=platform.first)
    assert again.status == 0, again.output
    assert "was replaced already" in again.output
    assert again.report["actions"] == [] and "changed=1" not in again.output


def test_rotate_intermediate_alone(platform: Platform) -> None:
    root = platform.authority.certificates()["root"]
    wanted: dict[str, Any] = {
        "certificate_authority_rotate_ca_serial": platform.first,
        "certificate_authority_rotate_levels": ["intermediate"],
    }
    ran = platform.run(**wanted)
    assert ran.status == 0, ran.output
    assert (platform.phase(), platform.issuers, platform.trusted) == ("standby", ["G2", "G2"], [2, 2, 3])
    assert platform.authority.certificates()["root"] == root
    assert platform.welcomes() == "welcome"
    # The root is trusted still; its list is why the old intermediate's are refused.
    assert [row.status for row in platform.authority.register(level="root")] == ["revoked", "valid"]
    assert "revoked" in ran.message("two/api.trusted.refusal")
    assert ran.statuses["two/api.client.refusal"] == "ok"


def test_rotate_killed_before_and_in_the_last_phase_goes_on(platform: Platform) -> None:
    platform.kill_when(lambda: platform.trusted[0] == 4, certificate_authority_rotate_ca_serial=platform.first)
    assert (platform.phase(), platform.issuers) == ("prepared", ["G1", "G1"])
    platform.kill_when(lambda: platform.trusted[0] == 2)
    assert platform.phase() == "activated" and platform.issuers == ["G2", "G2"]
    ran = platform.run()
    assert ran.status == 0, ran.output
    assert (platform.phase(), platform.issuers, platform.trusted) == ("standby", ["G2", "G2"], [2, 2, 3])
    assert platform.welcomes() == "welcome"


def served_issuer(platform: Platform) -> str:
    """The same as of the files, while these change."""
    with suppress(AssertionError, OSError):
        return platform.issuer("server")
    return ""


def test_rotate_stops_at_who_does_not_trust_and_goes_back(platform: Platform) -> None:
    """The service is not told, and goes on with the trust that it has."""
    described = platform.lab.variables["platform_services"]["proxy"]["certificates"]["server"]
    reload = described.pop("reload")
    ran = platform.run(certificate_authority_rotate_ca_serial=platform.first)
    assert ran.status == 2
    assert (platform.phase(), platform.issuers) == ("prepared", ["G1", "G1"])
    refused = ran.message("two/runbook.act.certificate_authority_rotate_prove")
    assert refused.startswith("does not trust Lab Intermediate CA G2")
    assert f"localhost port {platform.port}: TLS failed: the other end does not trust the client certificate" in refused
    assert platform.welcomes() == "welcome"

    described["reload"] = reload
    platform.kill_when(lambda: served_issuer(platform) == "G2")
    assert platform.phase() == "activated"
    preview = platform.run("--check", certificate_authority_rotate_rollback=True)
    assert preview.status == 0, preview.output
    assert "the CA is in the phase activated; what comes next: the CA that stays is trusted" in preview.output
    assert "goes again, and is replaced by Lab Intermediate CA (" in preview.output
    back = platform.run(certificate_authority_rotate_rollback=True)
    assert back.status == 0, back.output
    assert (platform.phase(), platform.issuers, platform.trusted) == ("standby", ["G1", "G1"], [2, 2, 3])
    assert platform.welcomes() == "welcome"
    assert f"localhost port {platform.port}: refused" in back.message("two/api.client.refusal")


def of_incident(scope: str, **more: Any) -> dict[str, Any]:
    """What the revocation of the CA is told."""
    return {
        "playbook": "certificate_revoke",
        "certificate_revoke_scope": scope,
        "certificate_revoke_incident": "INC-9",
        **more,
    }


def test_revocation_of_the_root_replaces_the_ca_once(platform: Platform) -> None:
    before = snapshot(platform)
    preview = platform.run("--check", **of_incident("root"))
    assert preview.status == 0, preview.output
    assert "incident INC-9, scope root, begun" in preview.output
    assert "the CA is in the phase standby; what comes next: the next CA is made" in preview.output
    memory = platform.lab.folder / "state/revocations/INC-9.json"
    assert snapshot(platform) == before and not memory.exists()

    ran = platform.run(**of_incident("root"))
    assert ran.status == 0, ran.output
    assert (platform.phase(), platform.issuers, platform.trusted) == ("standby", ["G2", "G2"], [2, 2, 3])
    assert ran.statuses["two/api.client.refusal"] == "ok"
    assert {deed["incident"] for deed in ran.report["actions"]} == {"INC-9"}
    kept = json.loads(memory.read_text())
    assert kept["old"] == {"the CA": platform.first} and kept["revoked"] == [platform.first]

    again = platform.run(**of_incident("root"))
    assert again.status == 0, again.output
    assert f"{platform.first} was replaced already" in again.output
    assert again.report["actions"] == [] and platform.issuers == ["G2", "G2"]
    other = platform.run(**of_incident("intermediate"))
    assert other.status == 2
    assert "the incident INC-9 was begun with the scope root" in other.output


def test_killed_revocation_of_the_intermediate_goes_on(platform: Platform) -> None:
    platform.kill_when(lambda: served_issuer(platform) == "G2", **of_incident("intermediate"))
    assert platform.phase() == "activated"
    # It was begun for a reason, which the next run need not know.
    ran = platform.run(**of_incident("intermediate", certificate_revoke_reason="superseded"))
    assert ran.status == 0, ran.output
    assert (platform.phase(), platform.issuers) == ("standby", ["G2", "G2"])
    assert platform.welcomes() == "welcome"
    rows = platform.authority.register(level="root")
    assert [(row.status, row.reason) for row in rows] == [("revoked", "CACompromise"), ("valid", "")]


def test_revocation_of_the_ca_refuses_bad_input(platform: Platform) -> None:
    before = snapshot(platform)
    for wrong, message in (
        ({"certificate_revoke_incident": ""}, "certificate_revoke_incident: expected what the incident is called"),
        ({"certificate_revoke_reason": "boredom"}, "certificate_authority_rotate_reason: expected one of"),
        (
            {"certificate_authority_rotate_ca_serial": "41C7"},
            "certificate_authority_rotate_ca_serial: the incident knows",
        ),
    ):
        ran = platform.run(**of_incident("root", **wrong))
        assert ran.status == 2
        assert message in ran.output
    assert snapshot(platform) == before
    platform.authority.prepare_next(levels=["intermediate"])
    ran = platform.run(**of_incident("root"))
    assert ran.status == 2
    message = "the CA is being replaced already (intermediate), and not for INC-9"
    assert message in " ".join(ran.output.split())
    assert not (platform.lab.folder / "state/revocations").exists()


def test_revocation_of_the_root_is_not_done_by_replacing_the_intermediate(platform: Platform) -> None:
    """The incident was begun and rolled back; then another run replaced the intermediate alone."""
    platform.kill_when(lambda: platform.phase() == "prepared", **of_incident("root"))
    back = platform.run(certificate_authority_rotate_rollback=True)
    assert back.status == 0, back.output
    platform.authority.prepare_next(levels=["intermediate"])
    under_way = platform.run(**of_incident("root"))
    assert under_way.status == 2
    assert "the CA is being replaced already (intermediate)" in " ".join(under_way.output.split())
    alone = platform.run()
    assert alone.status == 0, alone.output
    ran = platform.run(**of_incident("root"))
    assert ran.status == 2
    assert "since INC-9 began, another run replaced the CA" in " ".join(ran.output.split())


def test_revocation_that_another_run_ended_is_not_done(platform: Platform) -> None:
    """It has replaced both levels, but nobody ended sessions."""
    platform.kill_when(lambda: served_issuer(platform) == "G2", **of_incident("root"))
    other = platform.run()
    assert other.status == 0, other.output
    ran = platform.run(**of_incident("root"))
    assert ran.status == 2
    assert "since INC-9 began, another run replaced the CA" in " ".join(ran.output.split())


def test_revocation_of_the_ca_does_not_end_before_sessions_have(platform: Platform, closed_port: int) -> None:
    described = platform.lab.variables["platform_services"]["proxy"]["certificates"]["server"]
    described["sessions"] = {"kind": "redis", "port": closed_port}
    without = platform.run("--skip-tags", "certificate_authority_rotate_sessions", **of_incident("root"))
    assert without.status == 2
    assert "sessions were not ended on one: the step was left out" in without.output
    ran = platform.run(**of_incident("root"))
    assert ran.status == 2
    assert "one proxy server: the sessions of all clients but replicas are ended" in ran.output
    assert ran.statuses["one/proxy.server.sessions"] == "unknown"
    assert "proxy server sessions: not determined" in ran.message(
        "one/runbook.act.certificate_authority_rotate_sessions"
    )
    assert (platform.phase(), platform.issuers, platform.trusted) == ("activated", ["G2", "G2"], [2, 2, 3])

    del described["sessions"]
    again = platform.run(**of_incident("root"))
    assert again.status == 0, again.output
    assert platform.phase() == "standby"


def test_rotate_refuses_before_anything_is_changed(platform: Platform, closed_port: int) -> None:
    before = snapshot(platform)
    wrong = platform.run("--check", certificate_authority_rotate_ca_serial="41C7")
    assert wrong.status == 2
    assert "certificate_authority_rotate_ca_serial: there is no intermediate 41C7" in " ".join(wrong.output.split())
    nowhere = platform.run("--check", certificate_authority_dir="")
    assert nowhere.status == 2 and "certificate_authority_dir: missing" in nowhere.output
    platform.lab.hosts["two"].update(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=closed_port)
    ran = platform.run(certificate_authority_rotate_ca_serial=platform.first)
    assert ran.status == 2
    assert "two does not answer:" in ran.output and "Nothing was changed" in ran.output
    assert snapshot(platform) == before


def snapshot(platform: Platform) -> dict[str, bytes]:
    """Everything that a run could change."""
    folders = (platform.ca, platform.site.folder)
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path): path.read_bytes() for path in paths}
