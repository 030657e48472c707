# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook ``certificate_authority``: the shipped one, as an operator runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.authorities import OTHER, PASSPHRASE, opened, openssl_ca, snapshot
from tests.support.lab import Lab
from tests.support.procedures import Ran
from tests.support.signing_requests import openssl, request, verified


@pytest.fixture
def ca(lab: Lab) -> Path:
    """Where the CA of the laboratory is to be."""
    directory = lab.folder / "ca"
    lab.variables.update(
        certificate_authority_dir=str(directory),
        certificate_authority_passphrase=PASSPHRASE,
        certificate_authority_name="Shop",
        certificate_authority_subject={"country": "CH", "organization": "Shop Ltd"},
        certificate_authority_key_type="ecdsa-p256",
        # The tests may run in a container.
        certificate_authority_allow_throwaway=True,
    )
    return directory


def sentences(ran: Ran) -> str:
    """The output without the line breaks that Ansible puts into messages."""
    return " ".join(ran.output.split())


def test_certificate_authority_checks_makes_and_leaves_alone(lab: Lab, ca: Path, tmp_path: Path) -> None:
    planned = lab.play("certificate_authority", "--check", "--diff")
    assert planned.status == 0, planned.output
    assert "would be created: make the root CN=Shop Root CA,O=Shop Ltd,C=CH (ecdsa-p256" in sentences(planned)
    assert "+make the intermediate CN=Shop Intermediate CA" in planned.output
    assert not ca.exists()

    ran = lab.play("certificate_authority")
    assert ran.status == 0 and "changed=1" in ran.output, ran.output
    assert f"The CA in {ca} is created" in sentences(ran)
    before = snapshot(ca)
    issued = opened(ca).issue(request(), profile="server", names=["web.shop.local"])
    assert verified(issued.certificate, (ca / "ca.pem").read_text(), tmp_path) == "leaf.pem: OK\n"

    for options in ((), ("--check",), ("--limit", "two", "--tags", "nothing")):
        again = lab.play("certificate_authority", *options)
        assert again.status == 0 and "changed=0" in again.output, again.output
        assert "certificates: 1 valid, 0 expired, 0 revoked" in sentences(again)
    after = snapshot(ca)
    assert {name for name in after if before.get(name) != after[name]} == {
        "intermediate/index.txt",
        f"intermediate/newcerts/{issued.serial}.pem",
    }


def test_certificate_authority_shows_no_passphrase(lab: Lab, ca: Path) -> None:
    lab.variables["certificate_authority_root_passphrase"] = OTHER
    ran = lab.play("certificate_authority", "-vvvv", "--diff")
    assert ran.status == 0, ran.output
    wrong = lab.play("certificate_authority", "-vvvv", "-e", "certificate_authority_passphrase=battery-horse")
    assert wrong.status == 2
    assert "passphrase: it does not decrypt" in sentences(wrong)
    for output in (ran.output, wrong.output):
        assert PASSPHRASE not in output and OTHER not in output
    assert "BEGIN" not in ran.output
    assert (ca / "root-ca.pem").exists()


def test_certificate_authority_adopts_what_openssl_made(lab: Lab, ca: Path) -> None:
    openssl_ca(ca, root_passphrase=OTHER, passphrase=PASSPHRASE)
    lab.variables["certificate_authority_root_passphrase"] = OTHER
    before = snapshot(ca)
    planned = lab.play("certificate_authority", "--check")
    assert planned.status == 0 and "would be adopted" in sentences(planned), planned.output
    assert snapshot(ca) == before
    ran = lab.play("certificate_authority")
    assert ran.status == 0 and "is adopted" in sentences(ran), ran.output
    assert "certificates: 1 valid, 0 expired, 1 revoked" in sentences(ran)
    assert "changed=0" in lab.play("certificate_authority").output
    done = openssl("ca", "-config", ca / "intermediate/openssl.cnf", "-status", "2001")
    assert "2001=Revoked" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"certificate_authority_dir": ""}, "certificate_authority_dir is missing"),
        ({"certificate_authority_passphrase": ""}, "certificate_authority_passphrase is missing"),
        ({"certificate_authority_passphrase": "short"}, "passphrase: a passphrase must have at least 8 characters"),
        ({"certificate_authority_key_type": "dsa"}, "certificate_authority_key_type: expected one of rsa-2048"),
        ({"certificate_authority_subject": {"country": "CHE"}}, "subject.country: expected the two letters"),
        ({"certificate_issuer_command": ["true"]}, "certificate_issuer_command names an outside issuer"),
    ],
)
def test_certificate_authority_refuses_and_makes_nothing(
    variables: dict[str, Any], message: str, lab: Lab, ca: Path
) -> None:
    lab.variables.update(variables)
    ran = lab.play("certificate_authority")
    assert ran.status == 2, ran.output
    assert message in sentences(ran)
    assert not ca.exists()


def test_certificate_authority_refuses_a_container_that_throws_it_away(lab: Lab, ca: Path) -> None:
    lab.variables["certificate_authority_allow_throwaway"] = False
    # As an execution environment has it. The temporary folder of a machine that really is one is no volume either.
    ran = lab.play("certificate_authority", container="oci")
    mounted = any(Path(part).is_mount() for part in (ca.parent, *ca.parent.parents) if part != Path("/"))
    if not mounted:
        assert ran.status == 2, ran.output
        assert "would be thrown away with it; mount a volume there" in sentences(ran)
        assert not ca.exists()
