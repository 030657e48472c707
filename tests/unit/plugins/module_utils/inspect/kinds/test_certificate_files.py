# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A tree of certificates: one bad file among good ones is found in its aspect, by its name, and nowhere else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.judge import ASPECTS
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.support.issuing import CLIENT, DAY, ENCODING, key_pem, new_key, root, self_signed
from tests.support.loopback import look

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
    return {aspect: found.status for aspect, found in look("certificate_files", paths=[str(tree)], **given).items()}


def bad(found: dict[str, str]) -> dict[str, str]:
    return {aspect: status for aspect, status in found.items() if status not in (OK, NOT_APPLICABLE)}


def test_sound_tree(tree: Path) -> None:
    found = look("certificate_files", paths=[str(tree)], trust=str(tree / "ca/ca.pem"))
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
    ("change", "expected", "told"),
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
            id="key of nobody",
        ),
        pytest.param(
            lambda tree: (
                write(tree / "web/client-cert.pem", BETWEEN.issue("web").pem),
                write(tree / "web/client-key.pem", LEAF.key_pem, 0o400),
            ),
            {"key": CRITICAL},
            "web/client-key.pem: does not match the certificate in web/client-cert.pem",
            id="key of somebody else",
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
            "api/key.pem: a key that everybody may read (mode 0644)",
            id="key that others read",
        ),
        pytest.param(
            lambda tree: write(tree / "api/cert.pem", LEAF.pem, 0o666),
            {"permissions": CRITICAL},
            "api/cert.pem: everybody may change it (mode 0666)",
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
def test_bad_file_is_found_in_its_aspect_only(tree: Path, change: Change, expected: dict[str, str], told: str) -> None:
    for path in tree.rglob("*.pem"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)
    change(tree)
    found = look("certificate_files", paths=[str(tree)])
    assert bad({aspect: one.status for aspect, one in found.items()}) == expected, found
    if expected:
        assert found[next(iter(expected))].message.startswith(told)


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
    found = look("certificate_files", paths=[str(tmp_path)])
    # Made by `openssl req -x509` it is a root, whose own signature nobody looks at.
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
    found = look("certificate_files", paths=[str(tmp_path)])
    assert found["strength"].status == CRITICAL
    assert found["strength"].message == "leaf.pem: signed with SHA1, which can be forged"


def test_root_that_nears_its_end(tree: Path) -> None:
    long_ago = root("Old", ends=100 * DAY, begins=-3000 * DAY)
    write(tree / "ca/old.pem", long_ago.pem)
    found = look("certificate_files", paths=[str(tree)])["expiry"]
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
    found = look("certificate_files", paths=[str(tree)], trust=trust)["chain"]
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
    found = look("certificate_files", paths=[str(tree)], crls=[str(path)])["revocation"]
    assert found.status == CRITICAL and f"is revoked by {path} (and in 1 more files)" in found.message
    assert statuses(tree, crls=["/nowhere.pem"])["revocation"] == UNKNOWN


def test_passphrases_open_what_is_locked(tree: Path) -> None:
    write(tree / "api/api.p12", bundle(PASSPHRASE), 0o400)
    found = look("certificate_files", paths=[str(tree)], passphrases=["not this one", PASSPHRASE])
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
    found = look("certificate_files", paths=[str(tree)])["readable"]
    assert (found.status, found.message) == (UNKNOWN, "api/key.pem: cannot be read: Permission denied")


def test_folder_that_cannot_be_looked_through_is_a_finding(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/api"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = look("certificate_files", paths=[str(tree)])["readable"]
    assert found.status != OK and "/api: cannot be looked through: Permission denied" in found.message


@pytest.mark.parametrize("path", ["/nowhere", "/nowhere/*.pem"])
def test_nothing_found_is_never_ok(path: str) -> None:
    found = look("certificate_files", paths=[path])
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
    found = look("certificate_files", paths=[str(tree / "*/cert.pem"), str(tmp_path / "odd.name")])
    assert found["readable"].message.startswith("2 files with 2 certificates")
    assert found["expiry"].message.startswith(f"{tmp_path}/odd.name: ")
    assert look("certificate_files", paths=[str(tree)])["readable"].message.startswith("9 files")


def test_many_faults_are_counted(tree: Path) -> None:
    for number in range(9):
        write(tree / f"bad{number}.pem", b"x")
    message = look("certificate_files", paths=[str(tree)])["readable"].message
    assert message == "bad0.pem: is no certificate, key or revocation list (and in 8 more files)"
    for number in range(9):
        write(tree / f"old{number}.pem", BETWEEN.issue(f"old{number}", ends=-DAY / 2).pem)
    assert look("certificate_files", paths=[str(tree)])["expiry"].message.endswith("; and 4 more")


def test_same_certificate_in_two_trees_is_told_apart_by_path(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name / "cert.pem", BETWEEN.issue(name, ends=-DAY / 2).pem) for name in ("one", "two"))
    message = look("certificate_files", paths=[str(one.parent), str(two.parent)])["expiry"].message
    assert str(one) in message and str(two) in message
