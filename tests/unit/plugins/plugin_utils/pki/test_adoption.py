# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A CA that the real openssl made is adopted, and openssl goes on understanding it."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from cryptography import x509

from tests.support.authorities import NAMES, made, opened, openssl_ca, snapshot
from tests.support.signing_requests import openssl, request, verified

PASSPHRASES: dict[str, Any] = {"passphrase": "intermediate-key", "root_passphrase": "root-ca-key"}
SERIALS = ["2000", "2001"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What openssl made."""
    directory = tmp_path_factory.mktemp("openssl") / "ca"
    assert openssl_ca(directory, **PASSPHRASES) == SERIALS
    return directory


@pytest.fixture
def old(original: Path, tmp_path: Path) -> Path:
    """A copy of it, where its own configuration finds it."""
    copy = tmp_path / "ca"
    shutil.copytree(original, copy, symlinks=True)
    for path in copy.glob("*/openssl.cnf"):
        path.write_text(path.read_text().replace(str(original), str(copy)))
    for name in ("ca.pem", "root-ca.pem", "intermediate-ca.pem"):
        target = str((copy / name).readlink()).replace(str(original), str(copy))
        (copy / name).unlink()
        (copy / name).symlink_to(target)
    return copy


def test_adopt_keeps_the_authorities_and_the_register(old: Path) -> None:
    before = snapshot(old)
    adopted = made(old, **PASSPHRASES)
    assert adopted.outcome == "adopted"
    after = snapshot(old)
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {
        *("authority.json", "root/crlnumber", "root/index.txt.attr", "intermediate/index.txt.attr"),
        *("root/private", "intermediate/private"),
        *("root/private/ca.key.pem", "intermediate/private/intermediate.key.pem"),
        *("root/crl/ca.crl.pem", "intermediate/crl/intermediate.crl.pem"),
        "intermediate/crlnumber",
    }
    for name in ("root/private/ca.key.pem", "intermediate/private/intermediate.key.pem"):
        assert (after[name][1], after[name][0]) == (before[name][1], 0o400)
    assert set(before) <= set(after)
    authority = opened(old, **PASSPHRASES)
    rows = [(row.serial, row.status, row.common_name, row.organizational_unit) for row in authority.register()]
    assert rows == [
        ("2000", "valid", "api.shop.local", "Services"),
        ("2001", "revoked", "web.shop.local", "Services"),
    ]
    assert [row.common_name for row in authority.register(level="root")] == ["Old Shop Intermediate CA"]


def test_adopt_then_issue_and_revoke_what_openssl_issued(old: Path, tmp_path: Path) -> None:
    made(old, **PASSPHRASES)
    authority = opened(old, **PASSPHRASES)
    # The very name that openssl refused, because its certificate is still valid.
    issued = authority.issue(request(), profile="server", names=["api.shop.local"])
    assert verified(issued.certificate, issued.ca, tmp_path, "-purpose", "sslserver") == "leaf.pem: OK\n"
    subject = x509.load_pem_x509_certificate(issued.certificate.encode()).subject
    assert subject.rfc4514_string() == "CN=api.shop.local,OU=Services,O=Old Shop,C=US"
    assert authority.revoke("2000", reason="superseded") == ["2000"]
    crl = x509.load_pem_x509_crl(authority.crl().encode())
    assert {f"{entry.serial_number:X}" for entry in crl} == {"2000", "2001"}
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 0x1001
    config = old / "intermediate/openssl.cnf"
    for serial, status in (("2000", "Revoked"), ("2001", "Revoked"), (issued.serial, "Valid")):
        done = openssl("ca", "-config", config, "-status", serial)
        assert f"{serial}={status}" in done.stdout + done.stderr
    done = openssl(
        "ca", "-config", config, "-updatedb", "-passin", "env:PASSPHRASE", passphrase=PASSPHRASES["passphrase"]
    )
    assert done.returncode == 0, done.stderr


def test_adopt_again_changes_nothing(old: Path) -> None:
    made(old, **PASSPHRASES)
    before = snapshot(old)
    again = made(old, **PASSPHRASES)
    assert (again.outcome, again.changes) == ("present", [])
    assert snapshot(old) == before


def test_adopt_in_check_mode_says_everything_and_changes_nothing(old: Path) -> None:
    before = snapshot(old)
    planned = made(old, check=True, **PASSPHRASES)
    assert planned.outcome == "adopted" and f"adopt the CA in {old}" in planned.changes
    assert snapshot(old) == before
    assert made(old, **PASSPHRASES).changes == planned.changes


def test_adopt_encrypts_keys_that_lie_open(old: Path) -> None:
    for path, secret in (
        (old / "root/private/ca.key.pem", "root-ca-key"),
        (old / "intermediate/private/intermediate.key.pem", "intermediate-key"),
    ):
        path.chmod(0o600)
        done = openssl("rsa", "-in", path, "-out", path, "-passin", "env:PASSPHRASE", passphrase=secret)
        assert done.returncode == 0 and "ENCRYPTED" not in path.read_text()
    changes = made(old, **PASSPHRASES).changes
    assert {"encrypt the key of the root", "encrypt the key of the intermediate"} <= set(changes)
    for path in old.glob("*/private/*.pem"):
        assert "ENCRYPTED" in path.read_text() and stat.S_IMODE(path.stat().st_mode) == 0o400
    assert opened(old, **PASSPHRASES).issue(request(), profile="client", names=NAMES)


@pytest.mark.parametrize("wrong", [{"passphrase": "some-other-key"}, {"root_passphrase": "some-other-key"}])
def test_adopt_with_a_wrong_passphrase_changes_nothing(wrong: dict[str, Any], old: Path) -> None:
    before = snapshot(old)
    with pytest.raises(RunbookError, match=f"{next(iter(wrong))}: it does not decrypt"):
        made(old, **{**PASSPHRASES, **wrong})
    assert snapshot(old) == before


def test_adopt_refuses_what_is_half_way(old: Path) -> None:
    (old / "intermediate/certs/intermediate.cert.pem").unlink()
    before = snapshot(old)
    with pytest.raises(RunbookError, match=r"a root and no intermediate .*intermediate\.cert\.pem is missing"):
        made(old, **PASSPHRASES)
    assert snapshot(old) == before


def test_adopt_refuses_a_register_that_it_cannot_read(old: Path) -> None:
    with (old / "intermediate/index.txt").open("a") as index:
        index.write("nonsense\n")
    before = snapshot(old)
    with pytest.raises(RunbookError, match=r"index\.txt: line 3 is not what openssl writes"):
        made(old, **PASSPHRASES)
    assert snapshot(old) == before


def test_adopt_refuses_an_intermediate_of_another_root(old: Path, tmp_path: Path) -> None:
    made(tmp_path / "other")
    shutil.copy(tmp_path / "other/root-ca.pem", old / "root/certs/ca.cert.pem")
    with pytest.raises(RunbookError, match="the intermediate was not signed by the root"):
        made(old, **PASSPHRASES)


def test_open_does_not_adopt(old: Path) -> None:
    with pytest.raises(RunbookError, match="certificate_authority makes or adopts one"):
        opened(old, **PASSPHRASES)
    assert not (old / ".lock").exists()


def test_adopt_enters_what_openssl_kept_and_did_not_register(old: Path) -> None:
    # openssl writes the certificate first: killed there, it leaves one that stands in no register.
    index = old / "intermediate/index.txt"
    index.write_text("".join(index.read_text().splitlines(keepends=True)[1:]))
    made(old, **PASSPHRASES)
    made(old, **PASSPHRASES)
    rows = Authority.open(old).register()
    assert {row.serial: row.status for row in rows} == {"2000": "valid", "2001": "revoked"}


def test_rotation_of_an_adopted_ca_keeps_its_configuration_from_touching_the_new_one(old: Path) -> None:
    made(old, **PASSPHRASES)
    foreign = (old / "intermediate/openssl.cnf").read_text()
    authority = opened(old, **PASSPHRASES)
    authority.prepare_next()
    assert (old / "intermediate/openssl.cnf").read_text() == foreign
    authority.activate_next()
    previous = old / "previous/intermediate"
    assert (previous / "openssl.cnf.adopted").read_text() == foreign
    done = openssl("ca", "-config", previous / "openssl.cnf", "-status", "2000")
    assert "2000=Valid" in done.stdout + done.stderr
    done = openssl("ca", "-config", old / "intermediate/openssl.cnf", "-status", "2000")
    assert "not present in db" in done.stdout + done.stderr
    subject = authority.certificates()["root"].subject.rfc4514_string()
    assert subject == "CN=Old Shop Root CA G2,O=Old Shop,C=US"
