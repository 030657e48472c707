# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A managed set: sound in itself, what the description says, and what is served."""

from __future__ import annotations

import getpass
import grp
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._certificates import spec
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.holdings import ASPECTS
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
)
from cryptography import x509

from tests.support.issuing import CLIENT, DAY, ENCODING, Issued, key_pem, new_key, root, self_signed
from tests.support.loopback import Behaviour, Client, probe, served
from tests.support.odd_certificates import authority, certificate, key, names_of, subject

TOP = root()
BETWEEN = TOP.authority("Intermediate")
LEAF = BETWEEN.issue("localhost", names=["localhost", "127.0.0.1", "api.example.com"])
MINE = {"user": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}


def install(folder: Path, issued: Issued, *, chain: bytes = BETWEEN.pem, mode: int = 0o400) -> None:
    """Put a set into a folder, as a service reads it."""
    folder.mkdir(exist_ok=True)
    files = {
        "cert.pem": issued.pem,
        "key.pem": issued.key_pem,
        "fullchain.pem": issued.pem + chain,
        "ca.pem": BETWEEN.pem + TOP.pem,
    }
    for name, data in files.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(data)
        (folder / name).chmod(mode if name == "key.pem" else 0o444)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    install(tmp_path / "set", LEAF)
    return tmp_path / "set"


def examine(folder: Path, **given: Any) -> dict[str, Any]:
    return probe("certificate", directory=str(folder), **{"names": ["localhost"], **MINE, **given})


def bad(found: dict[str, Any]) -> dict[str, str]:
    return {aspect: one.status for aspect, one in found.items() if one.status not in (OK, NOT_APPLICABLE)}


def test_sound_set(folder: Path) -> None:
    found = examine(folder)
    assert tuple(found) == ASPECTS and bad(found) == {}
    assert found["revocation"].status == NOT_APPLICABLE
    assert found["chain"].message == "in order, and trusted"


@pytest.mark.parametrize(
    ("change", "given", "expected", "message"),
    [
        (None, {"names": ["localhost", "other"]}, {"names": CRITICAL}, "cert.pem: does not cover other (its names: "),
        (
            None,
            {"profile": "both"},
            {"chain": CRITICAL},
            "cert.pem: may not be used for clientAuth, only for serverAuth",
        ),
        (None, {"key_mode": "0640"}, {"permissions": WARNING}, "key.pem: has the mode 0400 and not 0640"),
        (None, {"user": "nobody"}, {"permissions": None}, "cert.pem: belongs to "),
        (None, {"group": "nogroup"}, {"permissions": WARNING}, "cert.pem: is of the group "),
        (None, {"crl": "/nowhere.pem"}, {"revocation": UNKNOWN}, "/nowhere.pem: does not exist"),
        (None, {"warning_days": 100}, {"expiry": WARNING}, "cert.pem: CN=localhost,O=Test expires in 89 days, "),
        (
            lambda folder: replace(folder / "key.pem", key_pem(new_key()), 0o400),
            {},
            {"key": CRITICAL},
            "key.pem: does not match the certificate in cert.pem",
        ),
        (
            lambda folder: replace(folder / "key.pem", key_pem(LEAF.key, b"correct horse"), 0o400),
            {},
            {"key": UNKNOWN},
            "key.pem: is encrypted, and cannot be compared with the certificate",
        ),
        (
            lambda folder: replace(folder / "key.pem", LEAF.key_pem, 0o444),
            {},
            {"permissions": CRITICAL},
            "key.pem: a key that every user may read (mode 0444)",
        ),
        (
            lambda folder: replace(folder / "key.pem", LEAF.pem, 0o400),
            {},
            {"readable": CRITICAL},
            "key.pem: holds no private key",
        ),
        (
            lambda folder: replace(folder / "fullchain.pem", BETWEEN.issue("localhost").pem + BETWEEN.pem),
            {},
            {"chain": CRITICAL, "key": CRITICAL},
            "fullchain.pem: begins with another certificate than cert.pem",
        ),
        (
            lambda folder: replace(folder / "fullchain.pem", LEAF.pem + TOP.pem),
            {},
            {"chain": CRITICAL},
            "fullchain.pem: broken: number 1 was not issued by number 2",
        ),
        (
            lambda folder: replace(folder / "fullchain.pem", LEAF.pem),
            {},
            {"chain": CRITICAL},
            "fullchain.pem: the issuer CN=Intermediate is missing",
        ),
        (
            lambda folder: replace(folder / "ca.pem", root("Other").pem),
            {},
            {"chain": CRITICAL},
            "cert.pem: the issuer CN=Root is missing",
        ),
        (
            lambda folder: (folder / "fullchain.pem").unlink(),
            {},
            {"readable": CRITICAL},
            "fullchain.pem: does not exist",
        ),
        (
            lambda folder: replace(folder / "cert.pem", b""),
            {},
            {
                "readable": CRITICAL,
                **dict.fromkeys(("expiry", "key", "chain", "names", "strength", "revocation"), UNKNOWN),
            },
            "cert.pem: is empty",
        ),
        (
            lambda folder: install(folder, BETWEEN.issue("localhost", begins=-9 * DAY, ends=-DAY)),
            {},
            {"expiry": CRITICAL},
            "cert.pem: CN=localhost,O=Test expired 1 day ago, ",
        ),
        (
            lambda folder: install(folder, self_signed("localhost"), chain=b""),
            {},
            {"chain": CRITICAL},
            "cert.pem: CN=localhost is self-signed, where an authority is expected",
        ),
        (
            lambda folder: replace(folder / "crl.pem", BETWEEN.crl(LEAF).public_bytes(ENCODING.PEM)),
            {"crl": "crl.pem"},
            {"revocation": CRITICAL},
            "cert.pem: CN=localhost (serial ",
        ),
    ],
)
def test_fault_is_found_in_its_aspect_only(
    folder: Path, change: Callable[[Path], object] | None, given: dict[str, Any], expected: dict[str, str], message: str
) -> None:
    if change:
        change(folder)
    if given.get("crl") == "crl.pem":
        given = {"crl": str(folder / "crl.pem")}
    found = examine(folder, **given)
    aspect = next(iter(expected))
    if expected[aspect] is None:  # which user runs the tests decides how bad it is
        expected = {aspect: WARNING if MINE["user"] == "root" else CRITICAL}
    assert bad(found) == expected, found
    assert found[aspect].message.startswith(message)


def test_output_of_openssl_req_is_no_certificate_of_a_managed_set(folder: Path) -> None:
    own = certificate(subject("localhost"), key(1), subject("localhost"), key(1), [authority(), names_of("localhost")])
    install(folder, own, chain=b"")
    found = examine(folder)
    assert bad(found) == {"chain": CRITICAL}, found
    assert found["chain"].message.startswith("cert.pem: CN=localhost is self-signed, where an authority is expected")
    replace(folder / "ca.pem", own.pem)
    assert bad(examine(folder)) == {"chain": WARNING}, "as with one that is no authority"


def test_names_that_clients_do_not_take_for_what_they_look_like(folder: Path) -> None:
    odd = x509.SubjectAlternativeName([x509.DNSName("127.0.0.1"), x509.DNSName("b--cher.example")])
    own = certificate(subject("x"), key(1), BETWEEN.certificate.subject, BETWEEN.key, [(odd, False)])
    raw = ssl.DER_cert_to_PEM_cert(own.der.replace(b"b--cher", "b\u00fccher".encode())).encode()
    install(folder, own)
    replace(folder / "cert.pem", raw)
    found = examine(folder, names=["127.0.0.1", "xn--bcher-kva.example"])
    assert found["names"].status == CRITICAL
    assert "does not cover 127.0.0.1, xn--bcher-kva.example" in found["names"].message


def test_bundle_with_the_issuer_first(folder: Path) -> None:
    replace(folder / "fullchain.pem", BETWEEN.pem + LEAF.pem)
    found = examine(folder)
    assert found["chain"].status == CRITICAL and "wrong order: number 2 is to be the first" in found["chain"].message


def test_use_that_an_authority_above_may_not_issue_for(folder: Path) -> None:
    limited = (x509.ExtendedKeyUsage([CLIENT]), False)
    between = certificate(subject("Clients"), key(1), TOP.certificate.subject, TOP.key, [authority(), limited])
    install(folder, between.issue("localhost"), chain=between.pem)
    found = examine(folder)["chain"]
    assert found.status == CRITICAL and "CN=Clients may not issue for serverAuth" in found.message


def replace(path: Path, data: bytes, mode: int = 0o444) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def test_list_of_others_does_not_revoke(folder: Path) -> None:
    replace(folder / "crl.pem", BETWEEN.crl(BETWEEN.issue()).public_bytes(ENCODING.PEM))
    found = examine(folder, crl=str(folder / "crl.pem"))
    assert bad(found) == {} and found["revocation"].message == f"none is revoked by {folder}/crl.pem"


def test_files_that_a_set_has_no_use_for(folder: Path) -> None:
    for name in ("fullchain.pem", "ca.pem"):
        (folder / name).unlink()
    (folder / "key.pem").rename(folder / "tls.key")
    files = {"fullchain": None, "ca": None, "key": "tls.key"}
    found = examine(folder, files=files)
    assert bad(found) == {} and "trust was not checked" in found["chain"].message


def test_client_needs_its_profile(folder: Path) -> None:
    client = BETWEEN.issue("monitor", usage=[CLIENT])
    install(folder, client)
    assert bad(examine(folder, profile="client", names=["monitor"])) == {}
    assert bad(examine(folder, profile="server", names=["monitor"])) == {"chain": CRITICAL}


# -- What is served ----------------------------------------------------------------------------------------------------


def quiet(client: Client) -> None:
    client.connection.recv(1)


def context(folder: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "fullchain.pem", folder / "key.pem")
    return made


def test_served_is_what_is_on_disk(folder: Path) -> None:
    with served(quiet, context(folder)) as port:
        found = examine(folder, served_by=[{"port": port}])
    assert tuple(found) == (*ASPECTS, "served") and bad(found) == {}
    assert found["served"].message.startswith(f"served on port {port} is what cert.pem holds (")


def test_served_is_still_the_old_one(folder: Path) -> None:
    with served(quiet, context(folder)) as port:
        install(folder, BETWEEN.issue("localhost"))
        found = examine(folder, served_by=[{"port": port}])
    assert bad(found) == {"served": CRITICAL}
    assert found["served"].message.startswith(f"port {port}: serves another certificate (CN=localhost, serial ")


def test_port_that_is_down_is_unknown(folder: Path, closed_port: int) -> None:
    with served(quiet, context(folder)) as port:
        found = examine(folder, served_by=[{"port": port}, {"port": closed_port}])
    assert bad(found) == {"served": UNKNOWN}
    assert "nothing listens there" in found["served"].message


def test_served_cannot_be_known_without_a_file(folder: Path) -> None:
    replace(folder / "cert.pem", b"")
    assert examine(folder, served_by=[{"port": 1}])["served"].status == UNKNOWN


def postgres(made: ssl.SSLContext, answer: bytes = b"S") -> Behaviour:
    """Behave as a PostgreSQL server up to the handshake."""

    def behave(client: Client) -> None:
        request = client.connection.recv(8)
        client.send(answer if request == bytes.fromhex("0000000804d2162f") else b"E")
        if answer == b"S":
            with made.wrap_socket(client.connection, server_side=True) as secure:
                secure.recv(1)

    return behave


def test_served_by_postgres(folder: Path) -> None:
    with served(postgres(context(folder))) as port:
        assert bad(examine(folder, served_by=[{"port": port, "starttls": "postgres"}])) == {}
        assert probe("tls", port=port, starttls="postgres", ca=str(folder / "ca.pem"))["trust"].status == OK


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"N", "the server does not offer TLS (PostgreSQL has ssl = off)"),
        (b"H", "the port does not speak PostgreSQL"),
        (b"", "the other end closed the connection"),
    ],
)
def test_postgres_without_tls_is_never_ok(folder: Path, answer: bytes, message: str) -> None:
    with served(postgres(context(folder), answer)) as port:
        found = examine(folder, served_by=[{"port": port, "starttls": "postgres"}])["served"]
        handshake = probe("tls", port=port, starttls="postgres")["handshake"]
    assert found.status == UNKNOWN and message in found.message
    assert (handshake.status, handshake.message) == (CRITICAL, message)


def test_server_that_wants_a_client_certificate(folder: Path, tmp_path: Path) -> None:
    install(tmp_path / "client", BETWEEN.issue("monitor", usage=[CLIENT]))
    made = context(folder)
    made.verify_mode = ssl.CERT_REQUIRED
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.load_verify_locations(folder / "ca.pem")
    known = {"client_cert": str(tmp_path / "client/fullchain.pem"), "client_key": str(tmp_path / "client/key.pem")}
    with served(quiet, made) as port:
        assert bad(examine(folder, served_by=[{"port": port}])) == {"served": UNKNOWN}
        assert bad(examine(folder, served_by=[{"port": port, **known}])) == {}


def test_names_of_the_description() -> None:
    good = ("localhost", "a.b.example.com", "*.example.com", "_svc.example.com", "127.0.0.1", "::1", "x" * 63)
    wrong = ("", "a b", "a..b", "-a.example", "a.*.com", "*", "x" * 64, "ümlaut.example", "a/b")
    assert [name for name in good if not spec.is_name(name)] == []
    assert [name for name in wrong if spec.is_name(name)] == []


def test_common_name_and_paths(folder: Path) -> None:
    given = {"directory": str(folder), "names": ["first", "second"], "files": {"ca": None, "pkcs12": "a.p12"}}
    assert spec.common_name(given) == "first"
    assert spec.common_name({**given, "common_name": "other"}) == "other"
    assert {role: path.name for role, path in spec.paths(given).items()} == {
        "certificate": "cert.pem",
        "key": "key.pem",
        "fullchain": "fullchain.pem",
        "pkcs12": "a.p12",
    }
