# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The small CA: what it makes, issues, refuses and revokes, judged by the real openssl."""

from __future__ import annotations

import multiprocessing
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.lock import locked
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.create import Blueprint
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.directory import LOCK
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.issuance import DAY, now_utc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.authorities import NAMES, OTHER, PASSPHRASE, made, opened, snapshot
from tests.support.signing_requests import new_key, openssl, request, verified

#: Bits of a key that is too short.
WEAK = 1024


def certificate_of(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


# --- making


def test_ensure_makes_the_tree_with_its_modes(directory: Path) -> None:
    modes = {name: mode for name, (mode, _content) in snapshot(directory).items()}
    assert modes["root/private"] == modes["intermediate/private"] == modes["root"] == modes["intermediate"] == 0o700
    assert modes["root/private/ca.key.pem"] == modes["intermediate/private/intermediate.key.pem"] == 0o400
    assert modes["root/certs/ca.cert.pem"] == modes["ca-chain.cert.pem"] == 0o444
    for level in ("root", "intermediate"):
        assert {f"{level}/{name}" for name in ("openssl.cnf", "index.txt", "serial", "crlnumber")} <= set(modes)
        assert {f"{level}/{name}" for name in ("newcerts", "crl")} <= set(modes)
    assert (directory / "ca.pem").readlink() == Path("ca-chain.cert.pem")
    assert (directory / "root-ca.pem").read_text() == (directory / "root/certs/ca.cert.pem").read_text()
    chain = (directory / "ca-chain.cert.pem").read_text()
    assert chain == (directory / "intermediate-ca.pem").read_text() + (directory / "root-ca.pem").read_text()
    assert not [name for name in modes if ".making" in name]


def test_ensure_makes_authorities_that_openssl_accepts(directory: Path, tmp_path: Path) -> None:
    root, intermediate = (directory / "root-ca.pem").read_text(), (directory / "intermediate-ca.pem").read_text()
    assert verified(intermediate, root, tmp_path, "-x509_strict", "-check_ss_sig") == "leaf.pem: OK\n"
    certificate = certificate_of(intermediate)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical and constraints.value.path_length == 0
    assert certificate.subject.rfc4514_string() == "CN=Shop Intermediate CA,OU=Security,O=Shop,C=US"


def test_ensure_keys_are_encrypted_and_openssl_reads_them_with_the_passphrase(directory: Path) -> None:
    for path in directory.glob("*/private/*.key.pem"):
        assert "BEGIN ENCRYPTED PRIVATE KEY" in path.read_text()
        words = ("pkey", "-in", path, "-noout", "-passin", "env:PASSPHRASE")
        assert openssl(*words, passphrase=PASSPHRASE).returncode == 0
        assert openssl(*words, passphrase=OTHER).returncode != 0


def test_ensure_again_changes_nothing(directory: Path) -> None:
    before = snapshot(directory)
    again = made(directory)
    assert (again.outcome, again.changes) == ("present", [])
    assert snapshot(directory) == before


def test_ensure_default_key_is_rsa_of_4096_bits(tmp_path: Path) -> None:
    made(tmp_path / "ca", Blueprint("Shop"))
    key = opened(tmp_path / "ca").certificates()["root"].public_key()
    assert isinstance(key, rsa.RSAPublicKey) and key.key_size == 4096


def test_ensure_in_check_mode_says_what_it_would_make_and_makes_nothing(tmp_path: Path) -> None:
    planned = made(tmp_path / "ca", check=True)
    assert planned.outcome == "created" and not list(tmp_path.iterdir())
    assert planned.changes == [
        "make the root CN=Shop Root CA,OU=Security,O=Shop,C=US (ecdsa-p256, 3650 days)",
        "make the intermediate CN=Shop Intermediate CA,OU=Security,O=Shop,C=US (ecdsa-p256, 1825 days)",
    ]
    assert made(tmp_path / "ca").changes == planned.changes


def test_ensure_puts_right_what_was_spoilt(directory: Path) -> None:
    before = snapshot(directory)
    (directory / "root/private/ca.key.pem").chmod(0o644)
    (directory / "intermediate/crlnumber").unlink()
    (directory / "ca.pem").unlink()
    (directory / "ca-chain.cert.pem").unlink()
    (directory / "intermediate/newcerts").rmdir()
    planned = made(directory, check=True)
    assert made(directory).changes == planned.changes
    assert len(planned.changes) == 5
    after = snapshot(directory)
    assert set(after) == set(before) and after["root/private/ca.key.pem"] == before["root/private/ca.key.pem"]
    assert made(directory).changes == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"passphrase": ""}, "passphrase: missing"),
        ({"passphrase": "short12"}, "passphrase: a passphrase must have at least 8 characters"),
        ({"passphrase": "x" * 2000}, "passphrase: a passphrase must have at most 1023 bytes"),
        ({"root_passphrase": "short12"}, "root_passphrase: a passphrase must have at least 8 characters"),
        ({"blueprint": Blueprint("")}, "name: missing"),
        ({"blueprint": Blueprint("x" * 70)}, "name: "),
        ({"blueprint": Blueprint("Shop", {"country": "USA"})}, "subject.country: expected the two letters"),
        ({"blueprint": Blueprint("Shop", {"city": "Bern"})}, "subject.city: unknown key"),
        ({"blueprint": Blueprint("Shop", key_type="dsa")}, "key_type: expected one of rsa-2048"),
        ({"blueprint": Blueprint("Shop", crl_days=0)}, "crl_days: expected more than 0"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_ensure_refuses_and_leaves_nothing(change: dict[str, Any], message: str, check: bool, tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match=message):
        made(tmp_path / "ca", **{"check": check, **change})
    assert not list(tmp_path.iterdir())


def test_ensure_refuses_a_folder_with_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunbookError, match=r"there is no CA in it, but notes\.txt"):
        made(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"notes.txt", ".lock"}


def test_ensure_wrong_passphrase_changes_nothing(directory: Path) -> None:
    (directory / "ca.pem").unlink()
    before = snapshot(directory)
    with pytest.raises(RunbookError, match=r"passphrase: it does not decrypt .*ca\.key\.pem") as caught:
        made(directory, passphrase=OTHER)
    assert OTHER not in str(caught.value)
    assert snapshot(directory) == before


def test_ensure_root_may_have_a_passphrase_of_its_own(tmp_path: Path) -> None:
    made(tmp_path / "ca", root_passphrase=OTHER)
    root_key = tmp_path / "ca/root/private/ca.key.pem"
    words = ("pkey", "-in", root_key, "-noout", "-passin", "env:PASSPHRASE")
    assert openssl(*words, passphrase=OTHER).returncode == 0
    assert made(tmp_path / "ca", root_passphrase=OTHER).changes == []
    # Issuing needs the intermediate's alone.
    assert opened(tmp_path / "ca").issue(request(), profile="server", names=NAMES)
    with pytest.raises(RunbookError, match="root_passphrase: it does not decrypt"):
        made(tmp_path / "ca", root_passphrase=PASSPHRASE + "!")


def test_ensure_renews_lists_past_half_of_their_time(directory: Path) -> None:
    later = now_utc() + timedelta(days=16)
    assert made(directory, clock=lambda: now_utc() + timedelta(days=14)).changes == []
    changes = made(directory, clock=lambda: later).changes
    assert changes == [f"make a CRL of the {level}: it is past half of its time" for level in ("root", "intermediate")]
    assert made(directory, clock=lambda: later).changes == []


# --- issuing


def test_issue_server_certificate_is_what_was_asked_for(authority: Authority, tmp_path: Path) -> None:
    key = new_key()
    issued = authority.issue(request(key), profile="server", names=NAMES, days=30)
    certificate = certificate_of(issued.certificate)
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == "CN=nginx.shop.local,OU=Services,O=Shop,C=US"
    extensions = certificate.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["nginx.shop.local", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert issued.not_after == certificate.not_valid_after_utc
    assert timedelta(minutes=4) < now_utc() - certificate.not_valid_before_utc < timedelta(minutes=10)
    assert abs(issued.not_after - now_utc() - 30 * DAY) < timedelta(minutes=2)
    assert int(issued.serial, 16) == certificate.serial_number and len(issued.serial) % 2 == 0
    assert issued.fullchain == issued.certificate + issued.chain
    assert issued.ca == authority.trust_bundle() == authority.chain()
    assert (
        verified(issued.certificate, issued.ca, tmp_path, "-x509_strict", "-purpose", "sslserver") == "leaf.pem: OK\n"
    )
    assert "unsuitable" in verified(issued.certificate, issued.ca, tmp_path, "-purpose", "sslclient")


@pytest.mark.parametrize(
    ("profile", "unit", "usages"),
    [
        ("server", "Services", {ExtendedKeyUsageOID.SERVER_AUTH}),
        ("client", "Clients", {ExtendedKeyUsageOID.CLIENT_AUTH}),
        ("both", "Services", {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}),
    ],
)
def test_issue_profile_decides_unit_and_usage(
    profile: str, unit: str, usages: set[Any], authority: Authority, tmp_path: Path
) -> None:
    issued = authority.issue(request(), profile=profile, names=["x.shop.local"])
    certificate = certificate_of(issued.certificate)
    (found,) = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    assert found.value == unit
    assert set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == usages
    purpose = "sslclient" if profile == "client" else "sslserver"
    assert verified(issued.certificate, issued.ca, tmp_path, "-purpose", purpose) == "leaf.pem: OK\n"


def test_issue_for_an_rsa_key_lets_it_wrap_keys(authority: Authority) -> None:
    issued = authority.issue(request(rsa.generate_private_key(65537, 2048)), profile="server", names=NAMES)
    usage = certificate_of(issued.certificate).extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_encipherment and usage.digital_signature and not usage.key_cert_sign


def test_issue_again_for_the_same_name_works(authority: Authority, directory: Path) -> None:
    serials = [authority.issue(request(), profile="server", names=NAMES).serial for _time in range(3)]
    assert len(set(serials)) == 3
    rows = authority.register()
    assert [row.serial for row in rows] == serials
    assert {(row.status, row.common_name, row.organizational_unit) for row in rows} == {
        ("valid", "nginx.shop.local", "Services")
    }
    assert {path.stem for path in (directory / "intermediate/newcerts").iterdir()} == set(serials)


def test_issue_serials_are_random_and_long(authority: Authority) -> None:
    numbers = [int(authority.issue(request(), profile="server", names=NAMES).serial, 16) for _time in range(8)]
    assert max(numbers).bit_length() > 120
    assert len({number >> 32 for number in numbers}) == 8


def test_issue_never_outlives_the_issuer(authority: Authority) -> None:
    issued = authority.issue(request(), profile="server", names=NAMES, days=10_000)
    assert issued.not_after == authority.certificates()["intermediate"].not_valid_after_utc


@pytest.mark.parametrize("days", [-1, 2000])
def test_issue_outside_of_the_issuers_time_is_refused(days: int, directory: Path) -> None:
    authority = opened(directory, clock=lambda: now_utc() + timedelta(days=days))
    with pytest.raises(RunbookError, match="nothing was issued"):
        authority.issue(request(), profile="server", names=NAMES)
    assert authority.register() == []


def test_intermediate_never_outlives_the_root(tmp_path: Path) -> None:
    made(tmp_path / "ca", Blueprint("Shop", key_type="ecdsa-p256", root_days=10, intermediate_days=20))
    found = opened(tmp_path / "ca").certificates()
    assert found["intermediate"].not_valid_after_utc == found["root"].not_valid_after_utc


def tampered(csr: str) -> str:
    """A request with a signature that was made over something else."""
    der = bytearray(x509.load_pem_x509_csr(csr.encode()).public_bytes(Encoding.DER))
    der[der.index(b"asked-for")] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"csr": "nonsense"}, "csr: this is no certificate signing request"),
        ({"csr": tampered(request())}, "csr: its signature does not match its key"),
        ({"csr": request(rsa.generate_private_key(65537, WEAK))}, "csr: an RSA key of 1024 bits is too weak"),
        ({"csr": request(rsa.generate_private_key(3, 2048))}, "csr: an RSA key with the exponent 3 is too weak"),
        ({"csr": request(ec.generate_private_key(ec.SECP192R1()))}, "csr: a key on the curve secp192r1 is too weak"),
        ({"profile": "root"}, "profile: expected one of server, client, both, got 'root'"),
        ({"names": []}, "names: at least one"),
        ({"names": ["ok.local", "not ok"]}, r"names\[1\]: 'not ok' is neither a DNS name nor an address"),
        ({"names": ["127.0.0.300"]}, r"names\[0\]: '127\.0\.0\.300' is no address"),
        ({"names": ["-x.local"]}, r"names\[0\]"),
        ({"names": ["x..local"]}, r"names\[0\]"),
        ({"names": ["*"]}, r"names\[0\]"),
        ({"names": ["*.local"]}, r"names\[0\]"),
        ({"names": ["a.*.local"]}, r"names\[0\]"),
        ({"names": ["zürich.local"]}, r"names\[0\].*xn--"),
        ({"names": ["x" * 64 + ".local"]}, r"names\[0\]"),
        ({"names": [".".join(["x" * 60] * 5)]}, r"names\[0\]"),
        ({"names": ["x.local/CN=admin"]}, r"names\[0\]"),
        ({"names": ["x.local\nV\t"]}, r"names\[0\]"),
        ({"common_name": "x" * 65}, "common_name: expected 1 to 64"),
        ({"common_name": "x\ty"}, "common_name: expected 1 to 64 printable"),
        ({"organizational_unit": "a\nb"}, "organizational_unit: expected 1 to 64 printable"),
        ({"days": 0}, "days: expected more than 0"),
        ({"generation": "retired"}, "generation: expected active, next or previous"),
        ({"generation": "previous"}, "generation: there is no 'previous' CA"),
        ({"generation": "next"}, "generation: there is no 'next' CA"),
    ],
)
def test_issue_refuses_and_registers_nothing(change: dict[str, Any], message: str, authority: Authority) -> None:
    given: dict[str, Any] = {"csr": request(), "profile": "server", "names": NAMES, **change}
    with pytest.raises(RunbookError, match=message):
        authority.issue(given.pop("csr"), **given)
    assert authority.register() == []


@pytest.mark.parametrize(
    "name", ["*.shop.local", "xorb_api", "a-b.shop.local", "::1", "XN--zrich-kva.local", "10.0.0.1"]
)
def test_issue_takes_names_as_platforms_have_them(name: str, authority: Authority, tmp_path: Path) -> None:
    issued = authority.issue(request(), profile="server", names=[name])
    option = "-verify_ip" if name[0] in ":1" else "-verify_hostname"
    host = name.replace("*", "www")
    assert verified(issued.certificate, issued.ca, tmp_path, option, host) == "leaf.pem: OK\n"


def test_issue_common_name_of_odd_letters_is_one_row_that_openssl_reads(authority: Authority, directory: Path) -> None:
    issued = authority.issue(request(), profile="client", names=["x"], common_name="Zoë /OU=Admins")
    (row,) = authority.register()
    assert row.serial == issued.serial
    assert status_by_openssl(directory, issued.serial) == "Valid (V)"


def test_open_without_a_passphrase_only_reads(directory: Path) -> None:
    authority = Authority.open(directory)
    assert authority.register() == [] and authority.phase == "standby"
    with pytest.raises(RunbookError, match="passphrase: missing"):
        authority.issue(request(), profile="server", names=NAMES)
    assert authority.register() == []


def test_open_refuses_a_wrong_passphrase_and_no_ca(directory: Path, tmp_path: Path) -> None:
    before = snapshot(directory)
    with pytest.raises(RunbookError, match="passphrase: it does not decrypt"):
        opened(directory, passphrase=OTHER)
    assert snapshot(directory) == before
    with pytest.raises(RunbookError, match=r"there is no CA in .*certificate_authority"):
        opened(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_open_refuses_a_certificate_that_was_put_in_by_hand(directory: Path, tmp_path: Path) -> None:
    made(tmp_path / "other")
    shutil.rmtree(directory / "intermediate")
    shutil.copytree(tmp_path / "other/intermediate", directory / "intermediate")
    with pytest.raises(RunbookError, match="not the certificate that was put there as the intermediate"):
        opened(directory)


# --- one at a time


def _issue_some(directory: Path, count: int) -> None:
    authority = opened(directory)
    for _time in range(count):
        authority.issue(request(), profile="server", names=NAMES)


def test_runs_at_the_same_time_lose_nothing(directory: Path) -> None:
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=_issue_some, args=(directory, 6)) for _child in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    rows = opened(directory).register()
    assert len(rows) == len({row.serial for row in rows}) == 24


def test_waiting_in_vain_names_the_holder(directory: Path) -> None:
    authority = opened(directory, wait=0.2)
    refused = pytest.raises(RunbookError, match=r"in use by process \d+ since 20.*waited 0\.2 s")
    with locked(directory / LOCK, "the CA", seconds=1), refused:
        authority.issue(request(), profile="server", names=NAMES)


# --- the register, as openssl sees it


def status_by_openssl(directory: Path, serial: str, level: str = "intermediate") -> str:
    done = openssl("ca", "-config", directory / level / "openssl.cnf", "-status", serial)
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(f"{serial}=")]
    return line.split("=", 1)[1]


def test_openssl_knows_the_status_of_what_was_issued(authority: Authority, directory: Path) -> None:
    valid, revoked = (authority.issue(request(), profile="server", names=NAMES).serial for _time in range(2))
    authority.revoke(revoked, reason="key_compromise")
    assert status_by_openssl(directory, valid) == "Valid (V)"
    assert status_by_openssl(directory, revoked) == "Revoked (R)"
    (intermediate,) = authority.register(level="root")
    assert int(intermediate.serial, 16) == authority.certificates()["intermediate"].serial_number
    assert status_by_openssl(directory, intermediate.serial, "root") == "Valid (V)"


def test_openssl_marks_what_has_expired_and_we_read_it(directory: Path) -> None:
    long_ago = now_utc() - timedelta(days=60)
    shutil.rmtree(directory)
    made(directory, clock=lambda: long_ago)
    authority = opened(directory, clock=lambda: long_ago)
    old = authority.issue(request(), profile="server", names=NAMES, days=30).serial
    assert [row.status for row in opened(directory).register()] == ["expired"]
    config = directory / "intermediate/openssl.cnf"
    done = openssl("ca", "-config", config, "-updatedb", "-passin", "env:PASSPHRASE", passphrase=PASSPHRASE)
    assert done.returncode == 0, done.stderr
    assert status_by_openssl(directory, old) == "Expired (E)"
    assert (directory / "intermediate/index.txt").read_text().startswith("E\t")
    new = opened(directory).issue(request(), profile="server", names=NAMES).serial
    assert [(row.serial, row.status) for row in opened(directory).register()] == [(old, "expired"), (new, "valid")]


def test_openssl_and_we_issue_and_revoke_by_turns(authority: Authority, directory: Path, tmp_path: Path) -> None:
    ours = authority.issue(request(), profile="server", names=NAMES)
    (tmp_path / "request.pem").write_text(request(common_name="by.openssl"))
    config = ("ca", "-batch", "-config", directory / "intermediate/openssl.cnf", "-passin", "env:PASSPHRASE")
    out = tmp_path / "by-openssl.pem"
    done = openssl(*config, "-in", tmp_path / "request.pem", "-out", out, "-notext", passphrase=PASSPHRASE)
    assert done.returncode == 0, done.stderr
    assert verified(out.read_text(), authority.chain(), tmp_path) == "leaf.pem: OK\n"
    theirs = f"{certificate_of(out.read_text()).serial_number:X}"
    assert [row.common_name for row in authority.register()] == ["nginx.shop.local", "by.openssl"]
    (tmp_path / "ours.pem").write_text(ours.certificate)
    done = openssl(*config, "-revoke", tmp_path / "ours.pem", "-crl_reason", "superseded", passphrase=PASSPHRASE)
    assert done.returncode == 0, done.stderr
    assert [(row.status, row.reason) for row in authority.register()] == [("revoked", "superseded"), ("valid", "")]
    assert authority.revoke(theirs, reason="superseded")
    crl = x509.load_pem_x509_crl(authority.crl().encode())
    assert {entry.serial_number for entry in crl} == {int(ours.serial, 16), int(theirs, 16)}
    # A list by openssl takes the next number, and ours the one after that.
    done = openssl(*config, "-gencrl", "-out", tmp_path / "crl.pem", passphrase=PASSPHRASE)
    assert done.returncode == 0, done.stderr
    assert numbered((tmp_path / "crl.pem").read_text()) == numbered(authority.crl()) + 1
    authority.revoke(authority.issue(request(), profile="client", names=["x"]).serial)
    assert numbered(authority.crl()) == numbered((tmp_path / "crl.pem").read_text()) + 1


# --- revoking


def numbered(crl: str) -> int:
    return x509.load_pem_x509_crl(crl.encode()).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_revoke_is_seen_by_openssl_verify(authority: Authority, tmp_path: Path) -> None:
    bad, good = (authority.issue(request(), profile="server", names=NAMES) for _time in range(2))
    before = numbered(authority.crl())
    assert authority.revoke(bad.serial, reason="key_compromise") == [bad.serial]
    (tmp_path / "crls.pem").write_text(authority.crls())
    check = ("-crl_check_all", "-CRLfile", tmp_path / "crls.pem")
    assert verified(good.certificate, good.ca, tmp_path, *check) == "leaf.pem: OK\n"
    assert "certificate revoked" in verified(bad.certificate, bad.ca, tmp_path, *check)
    (entry,) = x509.load_pem_x509_crl(authority.crl().encode())
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise
    assert numbered(authority.crl()) == before + 1


def test_revoke_again_changes_nothing(authority: Authority, directory: Path) -> None:
    serial = authority.issue(request(), profile="server", names=NAMES).serial
    assert authority.revoke(serial, reason="superseded") == [serial]
    crl = authority.crl()
    before = snapshot(directory)
    assert authority.revoke(serial.lower(), reason="key_compromise") == []
    assert authority.crl() == crl
    assert snapshot(directory) == before


@pytest.mark.parametrize(("serial", "reason"), [("ABCD", "superseded"), ("xyz", "superseded"), ("", "bored")])
def test_revoke_refuses_and_revokes_nothing(serial: str, reason: str, authority: Authority) -> None:
    known = authority.issue(request(), profile="server", names=NAMES).serial
    with pytest.raises(RunbookError):
        authority.revoke(known, serial or known, reason=reason)
    assert [row.status for row in authority.register()] == ["valid"]


def test_revoke_all_keeps_the_replacements(authority: Authority) -> None:
    old = [authority.issue(request(), profile="server", names=[f"{name}.local"]).serial for name in "abc"]
    new = [authority.issue(request(), profile="server", names=[f"{name}.local"]).serial for name in "abc"]
    assert authority.revoke_all(reason="key_compromise", keep=new) == old
    assert {row.serial: row.status for row in authority.register()} == {
        **dict.fromkeys(old, "revoked"),
        **dict.fromkeys(new, "valid"),
    }


def test_crl_of_both_levels_is_signed_and_in_time(authority: Authority, directory: Path) -> None:
    for level, path in (("root", "root/crl/ca.crl.pem"), ("intermediate", "intermediate/crl/intermediate.crl.pem")):
        crl = x509.load_pem_x509_crl(authority.crl(level=level).encode())
        assert crl.is_signature_valid(authority.certificates()[level].public_key())  # type: ignore[arg-type]
        assert crl.next_update_utc is not None
        assert timedelta(days=29) < crl.next_update_utc - now_utc() <= timedelta(days=30)
        assert (directory / path).read_text() == authority.crl(level=level)


def test_crl_number_never_falls_back(authority: Authority, directory: Path) -> None:
    def revoke_one() -> int:
        authority.revoke(authority.issue(request(), profile="client", names=["x"]).serial)
        return numbered(authority.crl())

    first = revoke_one()
    (directory / "intermediate/crlnumber").write_text("01\n")
    second = revoke_one()
    (directory / "intermediate/crlnumber").unlink()
    assert first < second < revoke_one()


def test_root_key_may_be_kept_elsewhere(directory: Path) -> None:
    (directory / "root/private/ca.key.pem").unlink()
    assert made(directory).changes == []
    authority = opened(directory)
    issued = authority.issue(request(), profile="server", names=NAMES)
    authority.revoke(issued.serial)
    assert authority.crls().count("BEGIN X509 CRL") == 2
    with pytest.raises(RunbookError, match=r"ca\.key\.pem: cannot be read"):
        authority.prepare_next(levels=["intermediate"])
    assert authority.phase == "standby"
