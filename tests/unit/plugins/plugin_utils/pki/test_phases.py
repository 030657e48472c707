# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The CA itself is replaced in phases, and every phase but the last can be rolled back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.issuance import serial_text
from cryptography import x509

from tests.support.authorities import NAMES, made, opened, snapshot
from tests.support.signing_requests import openssl, request, verified

OK = "leaf.pem: OK\n"


def issue(authority: Authority, generation: str = "active") -> str:
    return authority.issue(request(), profile="server", names=NAMES, generation=generation).fullchain


def trusted(certificate: str, bundle: str, folder: Path) -> bool:
    """Whether a client with this bundle accepts this chain, by openssl."""
    (folder / "sent.pem").write_text(certificate)
    return verified(certificate, bundle, folder, "-untrusted", folder / "sent.pem") == OK


def test_phases_overlap_in_trust(authority: Authority, directory: Path, tmp_path: Path) -> None:
    old_bundle = authority.trust_bundle()
    old = issue(authority)

    authority.prepare_next()
    assert authority.phase == "prepared"
    both = authority.trust_bundle()
    assert both.startswith(old_bundle) and both.count("BEGIN") == 4
    assert (directory / "ca.pem").read_text() == both
    assert (directory / "ca-chain.cert.pem").read_text() == old_bundle
    # The old CA goes on issuing, and the next one proves that it is trusted.
    assert trusted(issue(authority), old_bundle, tmp_path)
    proof = issue(authority, "next")
    assert trusted(proof, both, tmp_path) and not trusted(proof, old_bundle, tmp_path)

    authority.activate_next()
    assert authority.phase == "activated"
    assert set(authority.trust_bundle().split("-----\n")) == set(both.split("-----\n"))
    new = issue(authority)
    assert trusted(new, both, tmp_path) and not trusted(new, old_bundle, tmp_path)
    assert trusted(old, authority.trust_bundle(), tmp_path)

    authority.withdraw_previous()
    assert authority.phase == "standby"
    assert authority.trust_bundle().count("BEGIN") == 2
    assert trusted(new, authority.trust_bundle(), tmp_path) and not trusted(old, authority.trust_bundle(), tmp_path)
    assert (directory / "ca.pem").resolve().name == "ca-chain.cert.pem"
    assert not (directory / "trust-bundle.pem").exists()
    # Nothing that was ever issued is unknown.
    (retired,) = (directory / "retired").iterdir()
    assert (retired / "intermediate/index.txt").read_text().count("nginx.shop.local") == 2
    assert made(directory).changes == []


def test_previous_ca_proves_that_it_is_not_trusted_any_more(authority: Authority, tmp_path: Path) -> None:
    assert authority.replaced_levels() == () and authority.retired() == []
    old = authority.certificates()["intermediate"]
    authority.prepare_next()
    assert authority.replaced_levels() == ("root", "intermediate")
    authority.activate_next()
    assert authority.replaced_levels() == ("root", "intermediate")
    proof = issue(authority, "previous")
    assert trusted(proof, authority.trust_bundle(), tmp_path)
    assert not trusted(proof, authority.chain(), tmp_path)
    authority.withdraw_previous(force=True)
    assert authority.replaced_levels() == () and authority.retired() == [old]


def test_each_phase_again_changes_nothing(authority: Authority, directory: Path) -> None:
    for step in (authority.prepare_next, authority.activate_next, authority.withdraw_previous):
        step()
        before = snapshot(directory)
        step()
        assert snapshot(directory) == before


def test_prepare_is_taken_back(authority: Authority, directory: Path, tmp_path: Path) -> None:
    bundle = authority.trust_bundle()
    authority.prepare_next()
    proof = issue(authority, "next")
    authority.abandon_next()
    assert (authority.phase, authority.trust_bundle()) == ("standby", bundle)
    assert not trusted(proof, bundle, tmp_path) and trusted(issue(authority), bundle, tmp_path)
    assert list((directory / "retired").glob("*/intermediate/index.txt"))
    authority.abandon_next()
    assert made(directory).changes == []


def test_activate_is_taken_back(authority: Authority, directory: Path, tmp_path: Path) -> None:
    old = authority.trust_bundle()
    authority.prepare_next()
    prepared = snapshot(directory)
    authority.activate_next()
    with pytest.raises(RunbookError, match="call reactivate_previous"):
        authority.abandon_next()
    new = issue(authority)
    authority.reactivate_previous()
    assert authority.phase == "prepared"
    # What the new one issued meanwhile is trusted until it is replaced, too.
    assert trusted(new, authority.trust_bundle(), tmp_path)
    assert trusted(issue(authority), old, tmp_path)
    assert {name for name in prepared if prepared[name] != snapshot(directory).get(name)} <= {
        "intermediate/index.txt",
        "next/intermediate/index.txt",
    }
    authority.activate_next()
    assert trusted(issue(authority), authority.trust_bundle(), tmp_path)


def test_withdraw_refuses_while_a_certificate_would_lose_trust(authority: Authority) -> None:
    first = authority.issue(request(), profile="server", names=["one.local"])
    authority.issue(request(), profile="client", names=["two.local"])
    authority.prepare_next()
    authority.activate_next()
    assert [row.common_name for row in authority.outstanding()] == ["one.local", "two.local"]
    with pytest.raises(RunbookError, match=rf"one\.local \({first.serial}\), two\.local"):
        authority.withdraw_previous()
    # A server certificate is no replacement for a client's of the same name.
    authority.issue(request(), profile="server", names=["one.local"])
    authority.issue(request(), profile="server", names=["two.local"])
    assert [row.common_name for row in authority.outstanding()] == ["two.local"]
    authority.revoke(authority.outstanding()[0].serial, reason="superseded", generation="previous")
    authority.withdraw_previous()
    assert authority.phase == "standby"


def test_withdraw_by_force(authority: Authority) -> None:
    issue(authority)
    authority.prepare_next()
    authority.activate_next()
    authority.withdraw_previous(force=True)
    assert authority.phase == "standby"


@pytest.mark.parametrize("step", ["activate_next", "reactivate_previous"])
def test_step_out_of_order_is_refused(step: str, authority: Authority, directory: Path) -> None:
    before = snapshot(directory)
    with pytest.raises(RunbookError, match=f"{step} needs the phase"):
        getattr(authority, step)()
    assert snapshot(directory) == before


def test_withdraw_before_activation_is_refused(authority: Authority) -> None:
    authority.prepare_next()
    with pytest.raises(RunbookError, match="withdraw_previous needs the phase activated"):
        authority.withdraw_previous()
    with pytest.raises(RunbookError, match="prepare_next needs the phase standby"):
        authority.prepare_next(levels=["intermediate"])


def test_intermediate_alone_is_replaced_and_revoked(authority: Authority, directory: Path, tmp_path: Path) -> None:
    old = issue(authority)
    root = authority.certificates()["root"]
    compromised = authority.certificates()["intermediate"]
    before = numbered(authority.crl(level="root"))
    authority.prepare_next(levels=["intermediate"])
    assert authority.trust_bundle().count("BEGIN") == 3
    authority.activate_next()
    assert authority.certificates()["root"] == root
    assert authority.certificates()["intermediate"] != compromised
    new = issue(authority)
    assert authority.revoke_intermediate() == [serial_text(compromised.serial_number)]
    crl = x509.load_pem_x509_crl(authority.crl(level="root").encode())
    assert [entry.serial_number for entry in crl] == [compromised.serial_number]
    assert numbered(authority.crl(level="root")) == before + 1
    (tmp_path / "crls.pem").write_text(authority.crls())
    (tmp_path / "old.pem").write_text(old)
    root_pem = (directory / "root-ca.pem").read_text()
    check = ("-crl_check_all", "-CRLfile", tmp_path / "crls.pem")
    answer = verified(old, root_pem, tmp_path, "-untrusted", tmp_path / "old.pem", *check)
    assert "certificate revoked" in answer
    (tmp_path / "new.pem").write_text(new)
    assert verified(new, root_pem, tmp_path, "-untrusted", tmp_path / "new.pem", *check) == OK
    authority.withdraw_previous()
    assert authority.trust_bundle().count("BEGIN") == 2
    assert made(directory).changes == []


def numbered(crl: str) -> int:
    return x509.load_pem_x509_crl(crl.encode()).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_lists_of_both_generations_are_given_while_both_are_trusted(authority: Authority) -> None:
    authority.prepare_next()
    assert authority.crls().count("BEGIN X509 CRL") == 4
    authority.activate_next()
    assert authority.crls().count("BEGIN X509 CRL") == 4
    authority.withdraw_previous()
    assert authority.crls().count("BEGIN X509 CRL") == 2


def test_generations_are_counted(authority: Authority) -> None:
    for expected in ("Shop Root CA G2", "Shop Root CA G3"):
        authority.prepare_next()
        authority.activate_next()
        authority.withdraw_previous()
        assert f"CN={expected}," in authority.certificates()["root"].subject.rfc4514_string()


def test_configuration_for_openssl_follows_the_folders(authority: Authority, directory: Path) -> None:
    old = authority.issue(request(), profile="server", names=NAMES).serial
    authority.prepare_next()
    authority.activate_next()
    new = authority.issue(request(), profile="server", names=NAMES).serial
    authority.withdraw_previous()
    (retired,) = (directory / "retired").iterdir()
    for folder, known, unknown in ((directory, new, old), (retired, old, new)):
        config = folder / "intermediate/openssl.cnf"
        assert f"{known}=Valid" in openssl("ca", "-config", config, "-status", known).stderr
        assert "not present in db" in openssl("ca", "-config", config, "-status", unknown).stderr


def test_state_that_does_not_fit_the_folders_is_refused(authority: Authority, directory: Path) -> None:
    authority.prepare_next()
    (directory / "next").rename(directory / "previous")
    with pytest.raises(RunbookError, match=r"next/root/certs/ca\.cert\.pem: cannot be read"):
        authority.activate_next()
    (directory / "previous").rename(directory / "next")
    state = json.loads((directory / "authority.json").read_text())
    (directory / "authority.json").write_text(json.dumps({**state, "schema": 99}))
    with pytest.raises(RunbookError, match="another release"):
        authority.activate_next()
    (directory / "authority.json").write_text("{")
    with pytest.raises(RunbookError, match=r"authority\.json: cannot be read"):
        opened(directory)
