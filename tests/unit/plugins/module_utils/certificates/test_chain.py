# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who issued whom, who may, and how that is found out: in few steps, and in the same way with every release."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._certificates import certificate as module
from ansible_collections.xorb.runbook.plugins.module_utils._certificates import signature
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.certificate import Certificate
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.chain import (
    MOST_SIGNATURES,
    Authorities,
    chain_fault,
    order_fault,
)
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.flaw import Flaw
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.names import canonical, covers
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.signature import Signature
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import UNKNOWN
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ed448, ed25519, rsa

from tests.support.issuing import CLIENT, DAY, SERVER, SHA256, Issued, name, new_key, root
from tests.support.odd_certificates import (
    BMP,
    PRINTABLE,
    authority,
    certificate,
    key,
    key_usage,
    pss_chain,
    subject,
    unknown,
)

NOW = datetime.now(UTC)
TOP = root()
BETWEEN = TOP.authority("Intermediate")
LEAF = BETWEEN.issue("api.example.com")


def read(*issued: Issued) -> list[Certificate]:
    return [Certificate(one.der) for one in issued]


def said(fault: Flaw | None) -> str:
    return "" if fault is None else fault.message


def path(leaf: Issued, *others: Issued, trusted: Issued = TOP, purpose: str = "") -> str:
    """What is wrong with the path from a certificate to one that is trusted."""
    (first,) = read(leaf)
    return said(chain_fault(first, read(*others), read(trusted), now=NOW, purpose=purpose))


# -- Order -------------------------------------------------------------------------------------------------------------


def test_order_of_a_bundle() -> None:
    a, b, c = read(LEAF, BETWEEN, TOP)
    assert order_fault([a, b, c]) is order_fault([a, b]) is order_fault([a]) is None
    assert said(order_fault([a, c, b])).startswith("wrong order: the issuer of number 1 is not the next")
    assert said(order_fault([a, c])) == "broken: number 1 was not issued by number 2"


def test_the_certificate_is_the_first_of_its_bundle() -> None:
    a, b, c = read(LEAF, BETWEEN, TOP)
    for bundle in ([b, a], [b, c, a], [c, b, a]):
        at = bundle.index(a) + 1
        message = f"wrong order: number {at} is to be the first, since servers take that for their own"
        assert said(order_fault(bundle)) == message
    assert order_fault([b, c]) is order_fault([c, b]) is None, "authorities alone have no order"
    (stranger,) = read(root("Other").issue("stranger"))
    assert order_fault([b, c, stranger]) is None, "one that is trusted beside them is no chain"


# -- Paths -------------------------------------------------------------------------------------------------------------


def test_chain_to_a_trusted_certificate() -> None:
    assert path(LEAF, BETWEEN) == ""
    assert path(LEAF, trusted=BETWEEN) == "", "an intermediate that is trusted ends the path"
    assert path(LEAF) == "the issuer CN=Intermediate is missing"
    assert path(LEAF, BETWEEN, TOP, trusted=root("Other")) == "CN=Root is self-signed and not trusted"


def test_chain_through_who_may_not_issue() -> None:
    assert path(LEAF.issue("below"), LEAF, BETWEEN).endswith("is no certificate authority")
    deeper = BETWEEN.authority("Deeper")
    assert path(deeper.issue("below"), deeper, BETWEEN) == (
        "CN=Intermediate allows 0 authorities below itself, there are 1"
    )
    expired = TOP.authority("Expired", ends=-DAY / 2)
    assert path(expired.issue(), expired).startswith("CN=Expired expired on ")


def test_chain_signed_by_another_of_the_same_name() -> None:
    forged = root("Forger").authority("Intermediate")
    assert path(LEAF, forged) == "CN=Intermediate did not sign CN=api.example.com"


def test_chain_of_cross_signed_authorities_ends() -> None:
    other = root("Other")
    crossed = [_cross(TOP, other), _cross(other, TOP)]
    leaf = TOP.issue()
    assert path(leaf, *crossed, trusted=root("Third")) != ""
    assert path(leaf, *crossed, trusted=other) == ""


def _cross(whose: Issued, issuer: Issued) -> Issued:
    names = (whose.certificate.subject, issuer.certificate.subject)
    return certificate(names[0], whose.key, names[1], issuer.key, [authority()])


def test_authorities_that_differ_in_nothing_are_tried_once_for_each_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewals of one authority: what is verified grows with their number, and not with the ways through them."""
    verified: list[bytes] = []

    def verify(signed: Any, covered: bytes, algorithm: bytes, own: Any) -> Signature:
        verified.append(covered)
        return signature.verify(signed, covered, algorithm, own)

    monkeypatch.setattr(module, "verify", verify)
    ca = subject("Renewed")
    renewals = [certificate(ca, key(1), ca, key(1), [authority()]) for _time in range(60)]
    leaf = certificate(subject("leaf"), key(2), subject("Renewed"), key(1))
    others = read(*renewals)
    for known in (Authorities(read(TOP), others), Authorities(read(TOP)).beside(others, every=True)):
        assert said(known.fault(*read(leaf), now=NOW)).endswith("is self-signed and not trusted")
    assert len(verified) < 200


def test_a_search_without_end_is_unknown() -> None:
    """Authorities of one name and many keys."""
    name_ = subject("Many")
    many = [certificate(name_, new_key(), name_, key(1), [authority()]) for _time in range(MOST_SIGNATURES + 50)]
    leaf = certificate(subject("leaf"), key(2), subject("Many"), key(3))
    known = Authorities(read(TOP)).beside(read(*many), every=True)
    fault = known.fault(*read(leaf), now=NOW)
    assert fault is not None and fault.status == UNKNOWN and "no path was found with" in fault.message


@pytest.mark.parametrize("where", ["leaf", "intermediate", "root"])
def test_unknown_critical_extension(where: str) -> None:
    odd = {where: [unknown()]}
    own = [subject(one) for one in ("Top", "Between", "leaf")]
    top = certificate(own[0], key(1), own[0], key(1), [authority(), *odd.get("root", [])])
    between = certificate(own[1], key(2), own[0], key(1), [authority(), *odd.get("intermediate", [])])
    leaf = certificate(own[2], key(3), own[1], key(2), odd.get("leaf", []))
    (first,) = read(leaf)
    fault = path(leaf, between, trusted=top)
    assert bool(first.unknown_critical) == (where == "leaf")
    assert ("critical extension" in fault) == (where != "leaf")


def test_self_issued_is_not_self_signed_and_makes_no_path_longer() -> None:
    ca = subject("Own")
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key(1).public_key())
    own = [(x509.SubjectKeyIdentifier.from_public_key(one.public_key()), False) for one in (key(1), key(2))]
    top = certificate(ca, key(1), ca, key(1), [authority(path_length=0), own[0]])
    rolled = certificate(ca, key(2), ca, key(1), [authority(), own[1], (identifier, False)])
    by_rolled = x509.AuthorityKeyIdentifier.from_issuer_public_key(key(2).public_key())
    leaf = certificate(subject("leaf"), key(3), ca, key(2), [(by_rolled, False)])
    assert path(leaf, rolled, trusted=top) == ""
    third = x509.SubjectKeyIdentifier.from_public_key(key(3).public_key())
    same = certificate(ca, key(3), ca, key(1), [authority(ca=False), (third, False), (identifier, False)])
    (first,) = read(same)
    assert first.self_issued and not first.self_signed and not first.is_root
    assert path(same, trusted=top) == ""
    bare = certificate(ca, key(3), ca, key(1), [authority(ca=False)])
    assert path(bare, trusted=top).endswith("OpenSSL takes it for self-signed")


def test_use_is_allowed_by_every_authority() -> None:
    limited = certificate(
        subject("Clients"), key(2), name("Root"), TOP.key, [authority(), (x509.ExtendedKeyUsage([CLIENT]), False)]
    )
    leaf = certificate(subject("leaf"), key(3), subject("Clients"), key(2), [(x509.ExtendedKeyUsage([SERVER]), False)])
    assert path(leaf, limited) == ""
    assert path(leaf, limited, purpose="serverAuth") == "CN=Clients may not issue for serverAuth"


def test_use_that_the_key_is_not_for() -> None:
    (first,) = read(certificate(subject("leaf"), key(3), name("Root"), TOP.key, [key_usage("key_cert_sign")]))
    assert first.misuse("serverAuth") == "may not be used for serverAuth: its key is for key_cert_sign alone"
    (first,) = read(TOP.issue(usage=[CLIENT]))
    assert first.misuse("serverAuth") == "may not be used for serverAuth, only for clientAuth"
    (first,) = read(TOP.issue(usage=[x509.ObjectIdentifier("2.5.29.37.0")]))
    assert first.misuse("serverAuth") == "may not be used for serverAuth, only for 2.5.29.37.0"


# -- Names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (subject("Some CA"), subject("some ca"), True),
        (subject("Some CA"), subject("Some  CA "), True),
        (subject("Some CA", kind=PRINTABLE), subject("Some CA", kind=BMP), True),
        (subject("Some CA"), subject("SomeCA"), False),
        (subject("CA", "a"), subject("CA", "b"), False),
    ],
)
def test_names_are_compared_as_the_standard_says(one: x509.Name, other: x509.Name, same: bool) -> None:
    assert (canonical(one.public_bytes()) == canonical(other.public_bytes())) is same
    issuer = certificate(one, key(1), one, key(1), [authority()])
    fault = path(certificate(subject("leaf"), key(2), other, key(1)), trusted=issuer)
    assert fault == ("" if same else f"the issuer CN={other.rfc4514_string().split(',')[0][3:]} is missing")
    (first,) = read(certificate(one, key(1), other, key(1), [authority()]))
    assert first.self_signed is same


def test_no_name_at_all_is_equal_to_itself_alone() -> None:
    assert canonical(b"\x30\x05\x01") == canonical(b"\x30\x05\x01") != canonical(b"\x30\x05\x02")


@pytest.mark.parametrize(
    ("names", "addresses", "wanted", "covered"),
    [
        (["127.0.0.1"], [], "127.0.0.1", False),
        ([], ["127.0.0.1"], "127.0.0.1", True),
        ([], ["fe80::1"], "fe80::1%eth0", True),
        (["b\u00fccher.example"], [], "xn--bcher-kva.example", False),
        (["xn--bcher-kva.example"], [], "b\u00fccher.example", True),
        (["*.local"], [], "a.local", False),
        (["*.example.com"], [], "_svc.example.com", False),
    ],
)
def test_alternative_names_as_clients_take_them(
    names: list[str], addresses: list[str], wanted: str, covered: bool
) -> None:
    assert covers(names, addresses, wanted) is covered


# -- Signatures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "own",
    [
        new_key(),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
        ed448.Ed448PrivateKey.generate(),
        dsa.generate_private_key(2048),
    ],
    ids=["ecdsa", "rsa", "ed25519", "ed448", "dsa"],
)
def test_signature_of_each_kind(own: Any) -> None:
    kind = type(own).__name__.lower()
    signer = certificate(subject("Signer"), own, subject("Signer"), key(1), [authority()])
    issued = signer.issue(algorithm=None if "ed" in kind[:3] or "ed448" in kind else SHA256)
    other = certificate(subject("Signer"), key(2), subject("Signer"), key(2), [authority()])
    first, right, wrong = read(issued, signer, other)
    assert first.signed_by(right) is Signature.VALID and first.signed_by(wrong) is Signature.FORGED


def test_signature_by_rsa_pss() -> None:
    top, leaf = (Certificate(der) for der in pss_chain())
    assert leaf.signed_by(top) is Signature.VALID and top.self_signed and leaf.signature_hash == "sha256"
    assert chain_fault(leaf, [], [top], now=datetime.now(UTC)) is None


def test_signature_that_cannot_be_verified_is_unknown() -> None:
    """An algorithm of its own stands where that of the signature does, inside and outside."""
    der = BETWEEN.issue("odd").der.replace(bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d0403") + b"\x77")
    odd = Certificate(der)
    fault = chain_fault(odd, read(BETWEEN), read(TOP), now=NOW)
    assert odd.signed_by(*read(BETWEEN)) is Signature.UNVERIFIABLE
    assert fault == Flaw("whether CN=Intermediate signed CN=odd cannot be verified here", UNKNOWN)
    assert odd.signature_hash == "unknown"
