# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What bytes hold, what a certificate says, and who vouches for whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._certificates import certificate
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import Reader, load_bundle, load_key
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.certificate import Certificate, moment
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.der import Unreadable
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.pem import blocks
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.revocation import RevocationList
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.support.issuing import CLIENT, DAY, ENCODING, SERVER, Issued, key_pem, root, self_signed

NOW = datetime.now(UTC)
PASSPHRASE = "correct horse"  # noqa: S105 - of keys that are made here


@pytest.fixture(scope="module")
def top() -> Issued:
    return root()


@pytest.fixture(scope="module")
def between(top: Issued) -> Issued:
    return top.authority("Intermediate")


@pytest.fixture(scope="module")
def leaf(between: Issued) -> Issued:
    return between.issue("api.example.com", names=["api.example.com", "*.example.org", "127.0.0.1", "::1"])


def read(*issued: Issued) -> list[Certificate]:
    return [Certificate(one.der) for one in issued]


def test_certificate_says_what_the_library_says(leaf: Issued, between: Issued) -> None:
    (found,) = read(leaf)
    real = leaf.certificate
    assert found.subject == real.subject.rfc4514_string() == "CN=api.example.com,O=Test"
    assert found.issuer == between.certificate.subject.rfc4514_string()
    assert found.fingerprint == real.fingerprint(hashes.SHA256()).hex()
    assert int(found.serial, 16) == real.serial_number and len(found.serial) % 2 == 0
    assert (found.begins, found.ends) == (moment(real, "not_valid_before"), moment(real, "not_valid_after"))
    assert found.public_key == leaf.key.public_key().public_bytes(
        ENCODING.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert found.raw_issuer == between.certificate.subject.public_bytes()
    assert found.pem.encode() == leaf.pem
    assert (str(found.key), found.signature_hash, found.signature_algorithm) == (
        "ecdsa-p256",
        "sha256",
        "ecdsa-with-SHA256",
    )
    assert found.names == ("api.example.com", "*.example.org", "127.0.0.1", "::1")
    assert found.extended_usage == ("serverAuth",) and found.key_usage == ()
    assert not found.is_authority and not found.self_issued and found.damage == ""
    assert found.allows("serverAuth") and not found.allows("clientAuth")


def test_certificate_days_and_share_left(top: Issued) -> None:
    (found,) = read(top.issue(begins=-10 * DAY, ends=30 * DAY))
    now = found.ends - 30 * DAY
    assert (found.days_left(now), found.share_left(now)) == (30.0, 0.75)
    (gone,) = read(top.issue(begins=-10 * DAY, ends=-DAY))
    now = gone.ends + DAY
    assert (gone.days_left(now), gone.share_left(now)) == (-1.0, 0.0)


@pytest.mark.parametrize(
    ("wanted", "covered"),
    [
        ("api.example.com", True),
        ("API.Example.com.", True),
        ("www.example.com", False),
        ("a.example.org", True),
        ("*.example.org", True),
        ("example.org", False),
        ("a.b.example.org", False),
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("0:0:0:0:0:0:0:1", True),
    ],
)
def test_covers_as_clients_do(wanted: str, covered: bool, leaf: Issued) -> None:
    (found,) = read(leaf)
    assert found.covers(wanted) is covered
    assert found.missing_names([wanted]) == ([] if covered else [wanted])


def test_star_does_not_cover_an_address(top: Issued) -> None:
    (found,) = read(top.issue(names=["*.0.0.1"]))
    assert not found.covers("127.0.0.1")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (rsa.generate_private_key(65537, 1024), "rsa-1024"),  # noqa: S505 - weak on purpose
        (ec.generate_private_key(ec.SECP384R1()), "ecdsa-p384"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (dsa.generate_private_key(1024), "dsa-1024"),  # noqa: S505 - weak on purpose
    ],
    ids=["rsa", "ec", "ed25519", "dsa"],
)
def test_key_matches_its_certificate_only(key: Any, told: str, top: Issued, leaf: Issued) -> None:
    (found, other) = read(top.issue(key=key), leaf)
    for bytes_of_key in (key_pem(key), _key_der(key)):
        loaded = load_key(bytes_of_key)
        assert loaded.matches(found) and not loaded.matches(other)
        assert str(loaded.type) == str(found.key) == told


def _key_der(key: Any) -> bytes:
    der: bytes = key.private_bytes(ENCODING.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return der


def test_encrypted_key_is_known_for_one(leaf: Issued) -> None:
    data = key_pem(leaf.key, PASSPHRASE.encode())
    assert not load_key(data).readable and load_key(data).encrypted
    assert not load_key(data, ["wrong one"]).readable
    opened = load_key(data, ["wrong one", PASSPHRASE])
    assert opened.encrypted and opened.matches(Certificate(leaf.der))


@pytest.mark.parametrize("data", [b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", b"\x30\x03abc"])
def test_damaged_key_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable, match="no usable private key"):
        load_key(data)


def test_authorities_are_told_apart(top: Issued, between: Issued) -> None:
    first, second = read(top, between)
    assert first.is_root and second.is_authority and not second.is_root and second.path_length == 0
    assert second.issued_by(first) and not first.issued_by(second)


def test_same_name_is_not_the_same_issuer(between: Issued) -> None:
    impostor, real = read(root(), between)
    assert real.raw_issuer == impostor.raw_subject and not real.issued_by(impostor)


# -- Files -------------------------------------------------------------------------------------------------------------


def test_bundle_keeps_its_order_and_what_is_written_between(top: Issued, between: Issued, leaf: Issued) -> None:
    data = b"subject=CN = leaf\n" + leaf.pem.replace(b"\n", b"\r\n") + b"\n# issuer\n" + between.pem + top.pem
    assert load_bundle(data) == read(leaf, between, top)
    assert load_bundle(leaf.der) == read(leaf)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hello", "is no certificate, key or revocation list"),
        (b"\x00" * 100, "is no certificate, key or revocation list"),
        (b"\xfe\xed\xfe\xed\x00\x00", "is a Java keystore"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n", "block 1 (unfinished): it has no end"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "block 1 (CERTIFICATE): no certificate"),
        (
            b"-----BEGIN CERTIFICATE-----\nM\n-----END CERTIFICATE-----\n",
            "block 1 (CERTIFICATE): its base64 is damaged",
        ),
        (b"-----BEGIN PGP MESSAGE-----\nAAAA\n-----END PGP MESSAGE-----\n", "block 1 (PGP MESSAGE): of a kind"),
        (b"-----BEGIN ", "holds no certificate, key or revocation list"),
    ],
)
def test_what_is_no_certificate_says_so(data: bytes, fault: str) -> None:
    found = Reader().content(data)
    assert len(found.faults) == 1 and found.faults[0].startswith(fault), found.faults
    assert not found.certificates
    with pytest.raises(Unreadable, match=r"."):
        load_bundle(data)


def test_one_damaged_block_costs_only_itself(leaf: Issued, top: Issued) -> None:
    damaged = leaf.pem.replace(b"MII", b"AAA", 1)
    found = Reader().content(leaf.pem + damaged + top.pem)
    assert found.certificates == read(leaf, top)
    assert len(found.faults) == 1 and found.faults[0].startswith("block 2 (CERTIFICATE): no certificate")


def test_block_without_an_end_does_not_swallow_the_next(leaf: Issued) -> None:
    cut = leaf.pem[: len(leaf.pem) // 2]
    found = Reader().content(cut + b"\n" + leaf.pem)
    assert found.certificates == read(leaf) and found.faults == ["block 1 (unfinished): it has no end"]


def test_pem_blocks_of_the_whole_can_be_read_again(leaf: Issued) -> None:
    (block,) = blocks(leaf.pem)
    assert block.label == "CERTIFICATE" and load_bundle(block.whole) == read(leaf)


def test_file_with_key_certificate_and_parameters(leaf: Issued) -> None:
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    found = Reader().content(parameters + leaf.key_pem + leaf.pem)
    assert found.faults == [] and found.keys[0].matches(found.certificates[0])
    assert Reader().content(parameters).faults == []


def _pkcs12(leaf: Issued, others: list[Issued], passphrase: bytes | None) -> bytes:
    form = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    chain = [one.certificate for one in others]
    return pkcs12.serialize_key_and_certificates(b"name", leaf.key, leaf.certificate, chain, form)


def test_pkcs12_with_and_without_passphrase(leaf: Issued, between: Issued) -> None:
    for data, given in (
        (_pkcs12(leaf, [between], PASSPHRASE.encode()), ["no", PASSPHRASE]),
        (_pkcs12(leaf, [between], None), []),
    ):
        found = Reader(given).content(data)
        assert (found.form, found.faults, found.certificates) == ("PKCS#12", [], read(leaf, between))
        assert found.keys[0].matches(found.certificates[0])


def test_pkcs12_that_does_not_open_is_locked_and_not_broken(leaf: Issued) -> None:
    found = Reader(["wrong one"]).content(_pkcs12(leaf, [], PASSPHRASE.encode()))
    assert found.locked and found.faults == ["is PKCS#12 that none of the given passphrases opens"]


def test_revocation_list_in_both_forms(top: Issued, leaf: Issued) -> None:
    made = top.crl(leaf)
    for data in (made.public_bytes(ENCODING.PEM), made.public_bytes(ENCODING.DER)):
        (found,) = Reader().content(data).crls
        assert found.raw_issuer == Certificate(top.der).raw_subject and found.issuer == "CN=Root,O=Test"
        assert list(found.revoked) == [leaf.certificate.serial_number] and found.number == 7
        assert found.is_signed_by(Certificate(top.der)) and not found.is_signed_by(Certificate(root().der))
        assert found.ends and found.begins < NOW < found.ends
    with pytest.raises(Unreadable, match="no revocation list"):
        RevocationList(leaf.der)


def test_damaged_extensions_are_a_fault_and_no_crash(top: Issued) -> None:
    good = top.issue(names=["a.example.com"])
    # The name becomes bytes that are no ASCII: the certificate can still be taken apart.
    (found,) = (Certificate(good.der.replace(b"a.example.com", b"\xff.example.co\xff")),)
    assert found.damage.startswith("its extensions cannot be read") and found.names == ()
    assert found.days_left(found.ends - 89 * DAY) == 89.0


def test_certificate_of_an_old_release_of_the_library() -> None:
    class Old:
        not_valid_after = datetime(2026, 6, 1)  # noqa: DTZ001 - naive, as releases before 42 give it

    assert certificate.moment(Old(), "not_valid_after") == datetime(2026, 6, 1, tzinfo=UTC)


def test_same_certificate_is_parsed_once(leaf: Issued) -> None:
    reader = Reader()
    first, second = (reader.content(leaf.pem).certificates[0] for _time in range(2))
    assert first is second


def test_usages(top: Issued) -> None:
    both, nothing = read(top.issue(usage=[SERVER, CLIENT]), top.issue(usage=None))
    assert both.allows("serverAuth") and both.allows("clientAuth") and nothing.allows("clientAuth")
    assert Certificate(self_signed().der).self_issued
