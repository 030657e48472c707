# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A tree of certificates: one bad file among good ones is found in its aspect, by its name, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.holdings import ASPECTS
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import certificate_info
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from tests.support.issuing import CLIENT, DAY, ENCODING, key_pem, new_key, root, self_signed
from tests.support.loopback import probe
from tests.support.odd_certificates import (
    PRINTABLE,
    authority,
    certificate,
    key,
    key_usage,
    names_of,
    revocations,
    subject,
    unknown,
)

TOP = root()
BETWEEN = TOP.authority("Intermediate")
LEAF = BETWEEN.issue("api.example.com")
PASSPHRASE = "correct horse"  # noqa: S105 - of files that are made here


def write(path: Path, data: bytes, mode: int = 0o444) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A sound tree as XORB lays it out."""
    top = tmp_path / "tls"
    write(top / "ca/root/certs/ca.cert.pem", TOP.pem)
    write(top / "ca/root/private/ca.key.pem", key_pem(TOP.key, PASSPHRASE.encode()), 0o400)
    write(top / "ca/intermediate/certs/intermediate.cert.pem", BETWEEN.pem)
    write(top / "ca/ca-chain.cert.pem", BETWEEN.pem + TOP.pem)
    write(top / "ca/root/openssl.cnf", b"[ca]\n")
    write(top / "ca/root/index.txt", b"")
    (top / "ca/ca.pem").symlink_to(top / "ca/ca-chain.cert.pem")
    write(top / "api/cert.pem", LEAF.pem)
    write(top / "api/key.pem", LEAF.key_pem, 0o400)
    write(top / "api/fullchain.pem", LEAF.pem + BETWEEN.pem)
    write(top / "api/ca.pem", BETWEEN.pem + TOP.pem)
    return top


def statuses(tree: Path, **given: object) -> dict[str, str]:
    return {aspect: found.status for aspect, found in probe("certificate_files", paths=[str(tree)], **given).items()}


def bad(found: dict[str, str]) -> dict[str, str]:
    return {aspect: status for aspect, status in found.items() if status not in (OK, NOT_APPLICABLE)}


def test_sound_tree(tree: Path) -> None:
    found = probe("certificate_files", paths=[str(tree)], trust=str(tree / "ca/ca.pem"))
    assert tuple(found) == ASPECTS
    assert {aspect: one.status for aspect, one in found.items()} == {
        **dict.fromkeys(ASPECTS, OK),
        "revocation": NOT_APPLICABLE,
    }
    assert found["readable"].message == "9 files with 3 certificates, 2 keys and 0 revocation lists"
    assert found["key"].message.endswith("; 1 encrypted and not compared")
    assert found["expiry"].message.startswith("next of 3: api/cert.pem: CN=api.example.com,O=Test expires in 89 days, ")
    assert (found["expiry"].value, found["expiry"].limits.warning) == (89.0, 28.0)


Change = Callable[[Path], object]


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        pytest.param(
            lambda tree: write(tree / "api/new.pem", BETWEEN.issue(begins=-40 * DAY, ends=-2 * DAY).pem),
            {"expiry": CRITICAL},
            "api/new.pem: CN=leaf,O=Test expired 2 days ago, ",
            id="expired",
        ),
        pytest.param(
            lambda tree: write(tree / "api/new.pem", BETWEEN.issue(begins=DAY, ends=40 * DAY).pem),
            {"expiry": CRITICAL},
            "api/new.pem: CN=leaf,O=Test is not valid before ",
            id="not yet valid",
        ),
        pytest.param(
            lambda tree: write(tree / "api/new.pem", BETWEEN.issue(begins=-80 * DAY, ends=10 * DAY).pem),
            {"expiry": WARNING},
            "api/new.pem: CN=leaf,O=Test expires in 10 days, ",
            id="expires soon",
        ),
        pytest.param(
            lambda tree: write(tree / "ca/old.pem", root("Old", ends=170 * DAY).pem + TOP.pem),
            {},
            "",
            id="young root is judged by its lifetime",
        ),
        pytest.param(
            lambda tree: write(tree / "api/cert.pem", LEAF.pem + TOP.pem, 0o644),
            {"chain": CRITICAL},
            "api/cert.pem: broken: number 1 was not issued by number 2",
            id="chain broken",
        ),
        pytest.param(
            lambda tree: write(tree / "api/x/fullchain.pem", LEAF.pem + TOP.pem + BETWEEN.pem),
            {"chain": CRITICAL},
            "api/x/fullchain.pem: wrong order: the issuer of number 1 is not the next",
            id="chain in the wrong order",
        ),
        pytest.param(
            lambda tree: write(tree / "web/cert.pem", self_signed("web").pem),
            {"chain": WARNING},
            "web/cert.pem: CN=web is self-signed",
            id="self-signed",
        ),
        pytest.param(
            lambda tree: write(tree / "web/cert.pem", BETWEEN.issue("web", names=[]).pem),
            {"names": CRITICAL},
            "web/cert.pem: CN=web has no subject alternative name",
            id="no names",
        ),
        pytest.param(
            lambda tree: write(tree / "web/cert.pem", BETWEEN.issue("web", names=[], usage=[CLIENT]).pem),
            {},
            "",
            id="client without names",
        ),
        pytest.param(
            lambda tree: write(tree / "web/key.pem", new_key_pem(), 0o400),
            {"key": WARNING},
            "web/key.pem: no certificate of this key was found",
            id="lone key",
        ),
        pytest.param(
            lambda tree: write(tree / "api/key2.pem", new_key_pem(), 0o400),
            {"key": CRITICAL},
            "api/key2.pem: does not match any certificate beside it",
            id="key of no certificate",
        ),
        pytest.param(
            lambda tree: (
                write(tree / "web/client-cert.pem", BETWEEN.issue("web").pem),
                write(tree / "web/client-key.pem", LEAF.key_pem, 0o400),
            ),
            {"key": CRITICAL},
            "web/client-key.pem: does not match the certificate in web/client-cert.pem",
            id="key of another certificate",
        ),
        pytest.param(
            lambda tree: write(tree / "web/cert.pem", BETWEEN.issue("web", key=weak_key()).pem),
            {"strength": CRITICAL},
            "web/cert.pem: rsa-1024 key of 1024 bits, at least 2048 are needed",
            id="weak key",
        ),
        pytest.param(
            lambda tree: write(tree / "api/key.pem", LEAF.key_pem, 0o644),
            {"permissions": CRITICAL},
            "api/key.pem: a key that every user may read (mode 0644)",
            id="key that others read",
        ),
        pytest.param(
            lambda tree: write(tree / "api/cert.pem", LEAF.pem, 0o666),
            {"permissions": CRITICAL},
            "api/cert.pem: every user may change it (mode 0666)",
            id="certificate that others change",
        ),
        pytest.param(
            lambda tree: write(tree / "api/garbage.pem", b"\x00garbage"),
            {"readable": CRITICAL},
            "api/garbage.pem: is no certificate, key or revocation list",
            id="garbage",
        ),
        pytest.param(
            lambda tree: write(tree / "api/empty.pem", b""),
            {"readable": CRITICAL},
            "api/empty.pem: is empty",
            id="empty",
        ),
        pytest.param(
            lambda tree: (tree / "api/lost.pem").symlink_to("nowhere"),
            {"readable": CRITICAL},
            "api/lost.pem: does not exist",
            id="dangling link",
        ),
        pytest.param(
            lambda tree: os.mkfifo(tree / "api/pipe.pem"),
            {"readable": UNKNOWN},
            "api/pipe.pem: is no regular file",
            id="named pipe",
        ),
        pytest.param(
            lambda tree: write(tree / "api/api.p12", bundle(PASSPHRASE), 0o400),
            {"readable": UNKNOWN},
            "api/api.p12: is PKCS#12 that none of the given passphrases opens",
            id="locked PKCS#12",
        ),
        pytest.param(
            lambda tree: write(tree / "ca/crl.pem", BETWEEN.crl(LEAF).public_bytes(ENCODING.PEM)),
            {"revocation": CRITICAL},
            "api/cert.pem: CN=api.example.com (serial ",
            id="revoked",
        ),
        pytest.param(
            lambda tree: write(tree / "ca/crl.pem", crl(begins=-31 * DAY, ends=-DAY)),
            {"revocation": CRITICAL},
            "ca/crl.pem: the list is stale: the next one was due ",
            id="stale list",
        ),
        pytest.param(
            lambda tree: write(tree / "ca/crl.pem", crl(begins=-29.5 * DAY, ends=0.5 * DAY)),
            {"revocation": WARNING},
            "ca/crl.pem: the next list is due ",
            id="list that is soon stale",
        ),
        pytest.param(
            lambda tree: write(tree / "ca/crl.pem", BETWEEN.crl(key=new_key()).public_bytes(ENCODING.PEM)),
            {"revocation": CRITICAL},
            "ca/crl.pem: CN=Intermediate did not sign this list",
            id="forged list",
        ),
        pytest.param(
            lambda tree: write(tree / "web/cert.der", BETWEEN.issue(ends=-DAY / 2).der),
            {"expiry": CRITICAL},
            "web/cert.der: CN=leaf,O=Test expired ",
            id="DER",
        ),
        pytest.param(
            lambda tree: write(tree / "web/bundle.pem", LEAF.pem + BETWEEN.issue(ends=-DAY / 2).pem + b"x"),
            {"expiry": CRITICAL, "chain": CRITICAL},
            "web/bundle.pem, number 2: CN=leaf,O=Test expired ",
            id="second of a bundle",
        ),
    ],
)
def test_bad_file_is_found_in_its_aspect_only(tree: Path, change: Change, expected: dict[str, str], words: str) -> None:
    for path in tree.rglob("*.pem"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)
    change(tree)
    found = probe("certificate_files", paths=[str(tree)])
    assert bad({aspect: one.status for aspect, one in found.items()}) == expected, found
    if expected:
        assert found[next(iter(expected))].message.startswith(words)


def new_key_pem() -> bytes:
    return key_pem(new_key())


def weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose


def crl(**dates: object) -> bytes:
    data: bytes = BETWEEN.crl(**dates).public_bytes(ENCODING.PEM)  # type: ignore[arg-type]
    return data


def bundle(passphrase: str) -> bytes:
    form = serialization.BestAvailableEncryption(passphrase.encode())
    return pkcs12.serialize_key_and_certificates(b"api", LEAF.key, LEAF.certificate, [BETWEEN.certificate], form)


def test_signature_with_sha1_is_weak(tmp_path: Path) -> None:
    """Made by openssl, since the library signs with nothing that is broken."""
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha1", "-subj", "/CN=old", "-days", "90"]
    subprocess.run([*made, "-keyout", "key.pem", "-out", "cert.pem"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "key.pem").chmod(0o400)
    found = probe("certificate_files", paths=[str(tmp_path)])
    # Made by `openssl req -x509` it is a root, whose own signature is not verified.
    assert found["strength"].status == OK
    signed = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=leaf", "-keyout", "leaf.key"]
    subprocess.run([*signed, "-out", "leaf.csr"], cwd=tmp_path, check=True, capture_output=True)
    issue = [
        "openssl",
        "x509",
        "-req",
        "-in",
        "leaf.csr",
        "-CA",
        "cert.pem",
        "-CAkey",
        "key.pem",
        "-sha1",
        "-days",
        "90",
    ]
    subprocess.run([*issue, "-out", "leaf.pem"], cwd=tmp_path, check=True, capture_output=True)
    found = probe("certificate_files", paths=[str(tmp_path)])
    assert found["strength"].status == CRITICAL
    assert found["strength"].message == "leaf.pem: signed with SHA1, which can be forged"


HOUR = DAY / 24


@pytest.mark.parametrize(
    ("begins", "ends", "status", "message"),
    [
        (-1.5 * HOUR, -0.5 * HOUR, CRITICAL, "expired 30 minutes ago, "),
        (-2.2 * HOUR, -1.2 * HOUR, CRITICAL, "expired 1 hour ago, "),
        (-90 * DAY, -0.5 * HOUR, CRITICAL, "expired 30 minutes ago, "),
        (-90 * DAY, -30 * HOUR / 3600, CRITICAL, " seconds ago, "),
        (-90 * DAY, -10.2 * DAY, CRITICAL, "expired 10.2 days ago, "),
        (-29 / 30 * HOUR, HOUR / 30, CRITICAL, "expires in 2 minutes, "),
        (-0.75 * HOUR, HOUR / 4, WARNING, "expires in 15 minutes, "),
        (-0.5 * HOUR, HOUR / 2, OK, "next of 1: cert.pem: CN=leaf,O=Test expires in 30 minutes, "),
        (-HOUR, 23 * HOUR, OK, "next of 1: cert.pem: CN=leaf,O=Test expires in 1 day, "),
    ],
)
def test_lifetimes_of_hours(tmp_path: Path, begins: timedelta, ends: timedelta, status: str, message: str) -> None:
    """Judged by the very second, by a third and a sixth of the lifetime; shown in a readable unit."""
    write(tmp_path / "cert.pem", BETWEEN.issue(begins=begins, ends=ends + timedelta(seconds=1)).pem)
    found = probe("certificate_files", paths=[str(tmp_path)])["expiry"]
    assert found.status == status and message in found.message, found
    if ends < 0 * DAY:
        found = probe("certificate_files", paths=[str(tmp_path)], warning_days=0, critical_days=0)["expiry"]
        assert found.status == CRITICAL, "what has expired is critical, whatever the limits are"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda data: data.replace(b"-----\n-----BEGIN", b"----------BEGIN"),
            "is not the end of CERTIFICATE, alone on",
        ),
        (lambda data: b"".join(b"  " + line for line in data.splitlines(keepends=True)), "is not alone on its line"),
        (lambda data: data.replace(b"\n", b"\r"), "its lines end in a carriage return alone"),
        (lambda data: data.replace(b"\nMII", b"\n!MII", 1), "its base64 is damaged: b'!' does not belong there"),
        (lambda data: data.replace(b"-----BEGIN", b"----BEGIN", 1), "is not alone on its line"),
    ],
    ids=["glued", "indented", "carriage returns", "stray", "dash"],
)
def test_pem_that_no_server_loads(tree: Path, change: Callable[[bytes], bytes], message: str) -> None:
    write(tree / "web/fullchain.pem", change(LEAF.pem + BETWEEN.pem))
    found = probe("certificate_files", paths=[str(tree)])
    assert found["readable"].status == CRITICAL and message in found["readable"].message, found["readable"]
    assert bad({aspect: one.status for aspect, one in found.items()}) == {"readable": CRITICAL}


def test_parameters_and_pkcs7_beside_a_certificate(tree: Path) -> None:
    parameters = b"-----BEGIN X9.42 DH PARAMETERS-----\nMAA=\n-----END X9.42 DH PARAMETERS-----\n"
    pkcs7_ = pkcs7.serialize_certificates([TOP.certificate], ENCODING.PEM)
    write(tree / "web/cert.pem", parameters + LEAF.pem + pkcs7_)
    assert bad(statuses(tree)) == {}
    write(tree / "web/alone.pem", pkcs7_)
    found = probe("certificate_files", paths=[str(tree)])["readable"]
    assert (found.status, found.message) == (UNKNOWN, "web/alone.pem: holds nothing but PKCS#7, which is not read")


def test_bundle_with_its_key_begins_with_the_certificate_of_the_key(tree: Path) -> None:
    write(tree / "web/server.pem", BETWEEN.pem + LEAF.pem + LEAF.key_pem, 0o400)
    found = probe("certificate_files", paths=[str(tree)])
    assert found["chain"].status == found["key"].status == CRITICAL
    assert "wrong order: number 2 is to be the first" in found["chain"].message
    write(tree / "web/server.pem", LEAF.pem + BETWEEN.pem + LEAF.key_pem, 0o400)
    assert bad(statuses(tree)) == {}


def test_authority_that_names_a_host_is_a_certificate_of_a_server(tree: Path, tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    made += [
        "-days",
        "90",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ]
    (tree / "own").mkdir()
    subprocess.run(made, cwd=tree / "own", check=True, capture_output=True)
    (tree / "own/key.pem").chmod(0o400)
    trust = write(tmp_path / "trust.pem", TOP.pem)
    found = probe("certificate_files", paths=[str(tree)], trust=str(trust))["chain"]
    assert found.status == CRITICAL
    assert found.message == "own/cert.pem: CN=localhost is self-signed, where an authority is expected"


def test_unknown_critical_extension_is_critical_wherever_it_is(tree: Path) -> None:
    odd = certificate(subject("odd"), key(1), BETWEEN.certificate.subject, BETWEEN.key, [unknown()])
    write(tree / "web/odd.pem", odd.pem)
    found = probe("certificate_files", paths=[str(tree)])["chain"]
    assert found.status == CRITICAL
    assert found.message.startswith("web/odd.pem: has a critical extension that OpenSSL does not know")


def test_renewals_of_one_authority_cost_no_more_than_themselves(tree: Path) -> None:
    """Their search was factorial; with sixteen it would not end in a lifetime."""
    ca = subject("Renewed")
    for number in range(16):
        write(tree / f"ca/renewed{number}.pem", certificate(ca, key(1), ca, key(1), [authority()]).pem)
    write(tree / "web/cert.pem", certificate(subject("leaf"), key(2), ca, key(1), [names_of("leaf")]).pem)
    found = probe("certificate_files", paths=[str(tree)], trust=str(tree / "ca/root/certs/ca.cert.pem"))["chain"]
    assert found.status == CRITICAL and "CN=Renewed is self-signed and not trusted" in found.message


def test_certificate_that_the_library_refuses_costs_its_own_file(tree: Path) -> None:
    """An unknown version or kind of alternative name, a common name that is a bit string, a list with bad UTF-8."""
    der = LEAF.der
    write(tree / "odd/version.pem", der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020107"), 1))
    write(tree / "odd/kind.pem", der.replace(b"\x82\x0fapi.example.com", b"\xa3\x0fapi.example.com"))
    write(tree / "odd/bits.pem", der.replace(b"\x0c\x0fapi.example.com", b"\x03\x0f\x00pi.example.com"))
    listed = BETWEEN.crl().public_bytes(ENCODING.DER)
    write(tree / "odd/list.crl", listed.replace(b"Intermediate", b"Inter\xff\xfediate"))
    found = probe("certificate_files", paths=[str(tree)])
    for aspect in ("expiry", "key", "names", "strength", "permissions", "chain"):
        assert found[aspect].status == OK, found[aspect]
    assert found["readable"].status in (CRITICAL, UNKNOWN)
    assert all(name in found["readable"].message for name in ("odd/version.pem", "odd/kind.pem"))
    assert found["revocation"].status == UNKNOWN and "odd/list.crl" in found["revocation"].message
    fields = [fields_of(one) for one in (tree / "odd").glob("*.pem")]
    assert len(fields) == 3


def fields_of(path: Path) -> object:
    given = with_defaults(certificate_info.OPTIONS, {"paths": [str(path)], "detail": "full"})
    return certificate_info.inspect(given, owner="localhost")["checks"]


# -- Revocation: what a list does not say is unknown -------------------------------------------------------------------


def listed(*extensions: tuple[x509.ExtensionType, bool], **given: Any) -> bytes:
    """A list of the intermediate, or of the issuer that is given."""
    name = given.pop("name", BETWEEN.certificate.subject)
    made = revocations(name, given.pop("signer", BETWEEN.key), given.pop("revoked", ()), extensions, **given)
    return made.public_bytes(ENCODING.PEM)


REVOKED = [(LEAF.certificate.serial_number, None)]
PART = {"full_name": None, "relative_name": None, "only_some_reasons": None}


def part(**given: bool) -> x509.IssuingDistributionPoint:
    names = ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl", "only_contains_attribute_certs")
    return x509.IssuingDistributionPoint(**PART, **{one: given.get(one, False) for one in names})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("crl", "status", "message"),
    [
        (listed(name=subject("intermediate", "TEST", PRINTABLE), revoked=REVOKED), CRITICAL, "is revoked by"),
        (listed(name=subject("Another")), UNKNOWN, "CN=Another is not here, whose list this is"),
        (listed((x509.DeltaCRLIndicator(1), True)), UNKNOWN, "it holds only what changed since another one (a delta)"),
        (listed((x509.DeltaCRLIndicator(1), True), revoked=REVOKED), CRITICAL, "is revoked by"),
        (listed((part(only_contains_ca_certs=True), True)), UNKNOWN, "it holds authorities only"),
        (listed((part(only_contains_user_certs=True), True)), OK, "none is revoked by"),
        (listed((part(indirect_crl=True), True)), UNKNOWN, "it is indirect"),
        (listed(unknown()), UNKNOWN, "the list has critical extensions that are not judged: 1.2.3.4.5"),
        (
            listed(revoked=[(LEAF.certificate.serial_number, x509.ReasonFlags.remove_from_crl)]),
            UNKNOWN,
            "takes it off another list (removeFromCRL)",
        ),
        (listed(begins=DAY, ends=9 * DAY), CRITICAL, "the list is not valid before"),
        (listed(signer=key(7)), CRITICAL, "CN=Intermediate did not sign this list"),
    ],
)
def test_what_a_list_does_not_hold_is_unknown(tree: Path, crl: bytes, status: str, message: str) -> None:
    write(tree / "ca/crl.pem", crl)
    found = probe("certificate_files", paths=[str(tree)])["revocation"]
    assert found.status == status and message in found.message, found


def test_list_of_an_authority_that_may_not_sign_any(tmp_path: Path) -> None:
    ca = subject("No lists")
    top = certificate(ca, key(1), ca, key(1), [authority(), key_usage("key_cert_sign")])
    leaf = certificate(subject("leaf"), key(2), ca, key(1), [names_of("leaf")])
    for name, data in (("ca.pem", top.pem), ("cert.pem", leaf.pem), ("crl.pem", listed(name=ca, signer=key(1)))):
        write(tmp_path / name, data)
    found = probe("certificate_files", paths=[str(tmp_path)])["revocation"]
    assert found.status == UNKNOWN and "CN=No lists may not sign revocation lists" in found.message


# -- What takes long ---------------------------------------------------------------------------------------------------


def test_what_is_encrypted_is_opened_as_long_as_there_is_time(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        write(tree / f"api/{number}.p12", bundle(PASSPHRASE), 0o400)
    assert bad(statuses(tree, passphrases=[PASSPHRASE])) == {}
    times = iter(range(0, 1000, 4))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(times)))
    found = probe("certificate_files", paths=[str(tree)], passphrases=[PASSPHRASE])
    assert found["readable"].status == UNKNOWN
    assert "is PKCS#12 that was not opened: 10 s were spent on opening others" in found["readable"].message
    assert found["expiry"].status == OK, "what is known is judged"


def test_root_that_nears_its_end(tree: Path) -> None:
    long_ago = root("Old", ends=100 * DAY, begins=-3000 * DAY)
    write(tree / "ca/old.pem", long_ago.pem)
    found = probe("certificate_files", paths=[str(tree)])["expiry"]
    assert (found.status, found.limits.warning, found.limits.critical) == (CRITICAL, 365.0, 182.0)
    assert statuses(tree, ca_critical_days=50, ca_warning_days=90)["expiry"] == OK


def test_given_limits_hold_for_leaves(tree: Path) -> None:
    assert statuses(tree, warning_days=100)["expiry"] == WARNING
    assert statuses(tree, critical_days=100)["expiry"] == CRITICAL


def test_trust_refuses_strangers(tree: Path) -> None:
    trust = str(tree / "ca/ca.pem")
    stranger = root("Stranger")
    write(tree / "web/cert.pem", stranger.issue("web").pem)
    write(tree / "own/cert.pem", self_signed("own").pem)
    found = probe("certificate_files", paths=[str(tree)], trust=trust)["chain"]
    assert found.status == CRITICAL
    assert "web/cert.pem: the issuer CN=Stranger is missing" in found.message
    assert "own/cert.pem: CN=own is self-signed, where an authority is expected" in found.message


def test_bundle_must_be_whole_and_a_lone_certificate_need_not(tree: Path) -> None:
    write(tree / "trust.pem", TOP.pem)
    assert statuses(tree, trust=str(tree / "trust.pem"))["chain"] == OK


@pytest.mark.parametrize("trust", ["/nowhere.pem", "/etc/passwd"])
def test_unusable_trust_is_unknown_and_never_ok(tree: Path, trust: str) -> None:
    assert statuses(tree, trust=trust)["chain"] == UNKNOWN


def test_given_list_counts_and_a_missing_one_is_unknown(tree: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "crl.der", BETWEEN.crl(LEAF).public_bytes(ENCODING.DER))
    found = probe("certificate_files", paths=[str(tree)], crls=[str(path)])["revocation"]
    assert found.status == CRITICAL and f"is revoked by {path} (and in 1 more files)" in found.message
    assert statuses(tree, crls=["/nowhere.pem"])["revocation"] == UNKNOWN


def test_passphrases_open_what_is_locked(tree: Path) -> None:
    write(tree / "api/api.p12", bundle(PASSPHRASE), 0o400)
    found = probe("certificate_files", paths=[str(tree)], passphrases=["not this one", PASSPHRASE])
    assert found["readable"].status == found["key"].status == OK
    assert found["key"].message == "3 keys compared with the certificates beside"
    assert PASSPHRASE not in str(found)


def test_unreadable_file_is_unknown(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(path: str, flags: int) -> int:
        if str(path).endswith("api/key.pem"):
            raise PermissionError(13, "Permission denied")
        return opened(path, flags)

    monkeypatch.setattr(os, "open", refuse)
    found = probe("certificate_files", paths=[str(tree)])["readable"]
    assert (found.status, found.message) == (UNKNOWN, "api/key.pem: cannot be read: Permission denied")


def test_folder_that_cannot_be_read_is_a_finding(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/api"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = probe("certificate_files", paths=[str(tree)])["readable"]
    assert found.status != OK and "/api: cannot be searched: Permission denied" in found.message


@pytest.mark.parametrize("path", ["/nowhere", "/nowhere/*.pem"])
def test_nothing_found_is_never_ok(path: str) -> None:
    found = probe("certificate_files", paths=[path])
    assert found["readable"].status == CRITICAL and found["expiry"].status == UNKNOWN
    assert path in found["readable"].message


def test_empty_folder_is_never_ok(tmp_path: Path) -> None:
    assert statuses(tmp_path)["readable"] == CRITICAL


def test_excluded_and_hidden_are_passed_over(tree: Path) -> None:
    old = BETWEEN.issue(ends=-DAY / 2).pem
    for where in ("backups/api/cert.pem", ".sets/1/cert.pem", "api/old-1.pem", "web/deep/dump.pem"):
        write(tree / where, old)
    assert statuses(tree)["expiry"] == CRITICAL
    assert bad(statuses(tree, excluded=["backups", "old-*", "web/*"])) == {}


def test_patterns_files_and_links_to_folders(tree: Path, tmp_path: Path) -> None:
    write(tmp_path / "odd.name", BETWEEN.issue(ends=-DAY / 2).pem)
    (tree / "linked").symlink_to(tree)
    found = probe("certificate_files", paths=[str(tree / "*/cert.pem"), str(tmp_path / "odd.name")])
    assert found["readable"].message.startswith("2 files with 2 certificates")
    assert found["expiry"].message.startswith(f"{tmp_path}/odd.name: ")
    assert probe("certificate_files", paths=[str(tree)])["readable"].message.startswith("9 files")


def test_many_faults_are_counted(tree: Path) -> None:
    for number in range(9):
        write(tree / f"bad{number}.pem", b"x")
    message = probe("certificate_files", paths=[str(tree)])["readable"].message
    assert message == "bad0.pem: is no certificate, key or revocation list (and in 8 more files)"
    for number in range(9):
        write(tree / f"old{number}.pem", BETWEEN.issue(f"old{number}", ends=-DAY / 2).pem)
    assert probe("certificate_files", paths=[str(tree)])["expiry"].message.endswith("; and 4 more")


def test_same_certificate_in_two_trees_is_distinguished_by_path(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name / "cert.pem", BETWEEN.issue(name, ends=-DAY / 2).pem) for name in ("one", "two"))
    message = probe("certificate_files", paths=[str(one.parent), str(two.parent)])["expiry"].message
    assert str(one) in message and str(two) in message
