# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which clients get through a TLS port: real handshakes with real certificates, on the loopback address."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._access import client_hello, forged
from ansible_collections.xorb.runbook.plugins.module_utils._access.attempt import ACCEPTED, REFUSED, SILENT
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, Finding
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.loopback import DAY, Authority, Client, Pair, hang, probe, served

# Old versions are what this is about.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")

OPEN = {"valid", "plaintext", "tls_1_0", "tls_1_1", "weak_ciphers"}
WITH_CERTIFICATES = OPEN | {"no_certificate", "self_signed", "foreign_authority"}
EVERYTHING = WITH_CERTIFICATES | {"expired", "revoked", "wrong_unit"}


def answering(status: bytes = b"200 OK", *, refused: tuple[str, ...] = ()) -> Callable[[Client], None]:
    """Answer every request alike, but for clients with some names."""

    def behave(client: Client) -> None:
        if client.request():
            names = str(client.connection.getpeercert()) if isinstance(client.connection, ssl.SSLSocket) else ""
            answer = b"403 Forbidden" if any(name in names for name in refused) else status
            client.send(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % answer)

    return behave


@pytest.fixture
def demanding(authority: Authority, leaf: Pair) -> ssl.SSLContext:
    """A server that lets in clients with a certificate of the authority."""
    context = leaf.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    return context


@pytest.fixture(scope="module")
def clients(authority: Authority) -> dict[str, Any]:
    """Certificates that must be let in, and that must be refused."""
    pairs = {
        "client": authority.issue("client.example"),
        "expired": authority.issue("client.example", begins=-9 * DAY, ends=-DAY),
        "revoked": authority.issue("revoked.example"),
        "wrong_unit": authority.issue("service.example"),
    }
    files = {f"{name}_cert": str(pair.certificate) for name, pair in pairs.items()}
    return files | {f"{name}_key": str(pair.key) for name, pair in pairs.items()}


def checked(
    context: ssl.SSLContext | None, authority: Authority, behave: Callable[[Client], None] | None = None, **given: Any
) -> dict[str, Finding]:
    with served(behave or answering(), context) as port:
        options = {"address": "127.0.0.1", "port": port, "path": "/", "ca": str(authority.file), **given}
        return probe("access_tls", **options)


def statuses(found: dict[str, Finding]) -> dict[str, str]:
    return {aspect: finding.status for aspect, finding in found.items()}


def test_every_client_gets_what_it_should(
    demanding: ssl.SSLContext, authority: Authority, clients: dict[str, Any]
) -> None:
    behave = answering(refused=("revoked.example", "service.example"))
    found = checked(demanding, authority, behave, **clients)
    assert statuses(found) == dict.fromkeys(EVERYTHING, OK), found
    assert found["valid"].message == "let in: HTTP 200"
    assert found["wrong_unit"].message == "refused: HTTP 403"
    assert "'protocol version'" in found["tls_1_0"].message
    assert found["weak_ciphers"].message == "refused: weak ciphers is answered by the alert 'handshake failure'"


@pytest.mark.parametrize("mode", [ssl.CERT_NONE, ssl.CERT_OPTIONAL])
def test_server_that_demands_no_certificate_is_found_out(
    demanding: ssl.SSLContext, authority: Authority, clients: dict[str, Any], mode: ssl.VerifyMode
) -> None:
    demanding.verify_mode = mode
    found = checked(demanding, authority, **clients)
    assert found["no_certificate"].message == "accepted a client without a certificate: HTTP 200"
    # A server that verifies a certificate when there is one still refuses bad ones.
    bad = dict.fromkeys(("self_signed", "foreign_authority", "expired"), OK if mode else CRITICAL)
    assert {aspect: found[aspect].status for aspect in bad} == bad
    assert found["revoked"].status == found["wrong_unit"].status == CRITICAL


def test_handshake_alone_where_nothing_speaks_http(
    demanding: ssl.SSLContext, authority: Authority, clients: dict[str, Any]
) -> None:
    given = {name: clients[name] for name in ("client_cert", "client_key", "expired_cert", "expired_key")}
    found = checked(demanding, authority, hang, path=None, **given)
    assert statuses(found) == dict.fromkeys(WITH_CERTIFICATES | {"expired"}, OK), found
    assert found["valid"].message == "let in: TLSv1.3"


def test_port_without_client_certificates(authority: Authority, leaf: Pair) -> None:
    assert statuses(checked(leaf.server_context(), authority)) == dict.fromkeys(OPEN, OK)


def test_server_of_old_versions_is_found_out(authority: Authority, leaf: Pair) -> None:
    context = leaf.server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    found = checked(context, authority)
    assert found["tls_1_0"].message == "accepted a client of TLS 1.0: the server agreed to TLS 1.0"
    assert found["tls_1_1"].status == CRITICAL and found["valid"].status == OK


@pytest.mark.parametrize(
    ("ciphers", "agreed"),
    [("aNULL:@SECLEVEL=0", "ECDH_anon_WITH_"), ("eNULL:@SECLEVEL=0", "ECDHE_ECDSA_WITH_NULL_SHA")],
)
@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP521R1])
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_server_of_weak_ciphers_is_found_out(
    authority: Authority, ciphers: str, agreed: str, name: str, curve: type[ec.EllipticCurve]
) -> None:
    context = authority.issue("localhost", "127.0.0.1", curve=curve).server_context()
    context.set_ciphers(ciphers)
    found = checked(context, authority, server_name=name)
    assert found["weak_ciphers"].message.startswith("accepted a client of weak ciphers: the server agreed to " + agreed)
    assert found["weak_ciphers"].status == CRITICAL and found["valid"].status == OK


def test_version_that_cannot_be_offered_is_unknown(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, leaf: Pair
) -> None:
    # What nearly no OpenSSL has any more, instead of what some will not have any more.
    monkeypatch.setitem(client_hello.OLD, "tls_1_0", ("TLS 1.0", "SSLv3", b"\x03\x00"))
    found = checked(leaf.server_context(), authority)
    assert found["tls_1_0"].status == UNKNOWN and "cannot offer it" in found["tls_1_0"].message
    assert found["tls_1_1"].status == OK


@pytest.mark.parametrize(
    ("received", "outcome"),
    [
        (b"\x16\x03\x01\x00\x50\x02\x00\x00\x4c\x03\x01", ACCEPTED),
        (b"\x15\x03\x01\x00\x02\x02\x46", REFUSED),
        (b"\x15\x03\x01\x00\x02\x02\x28", REFUSED),
        # internal error: the server's own trouble
        (b"\x15\x03\x01\x00\x02\x02\x50", SILENT),
        (b"HTTP/1.1 400 Bad Request\r\n", SILENT),
        (b"\x16", SILENT),
    ],
)
def test_first_record_of_a_server(received: bytes, outcome: str) -> None:
    if outcome == ACCEPTED:
        received += bytes(40)
    assert client_hello.answer("TLS 1.0", received).met == outcome


PLAIN = [
    (b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port", OK),
    (b"HTTP/1.1 301 Moved\r\nLocation: https://example.com/\r\n\r\n", OK),
    (b"\x15\x03\x01\x00\x02\x02\x46", OK),
    (b"HTTP/1.1 301 Moved\r\nLocation: http://example.com/\r\n\r\n", CRITICAL),
    (b"HTTP/1.1 404 Not Found\r\n\r\n", CRITICAL),
    (b"220 mail.example.com\r\n", CRITICAL),
]


@pytest.mark.parametrize(("reply", "status"), PLAIN)
def test_port_that_speaks_both_is_found_out(authority: Authority, leaf: Pair, reply: bytes, status: str) -> None:
    context = leaf.server_context()

    def behave(client: Client) -> None:
        # The first byte shows which of the two a client speaks.
        if client.connection.recv(1, 2) == b"\x16":
            with contextlib.suppress(OSError):
                secure = context.wrap_socket(client.connection, server_side=True)
                secure.recv(4096)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            client.request()
            client.send(reply)

    found = checked(None, authority, behave)
    assert (found["valid"].status, found["plaintext"].status) == (OK, status), found["plaintext"].message


def test_port_that_is_down_refuses_no_client(closed_port: int, authority: Authority, clients: dict[str, Any]) -> None:
    found = probe("access_tls", address="127.0.0.1", port=closed_port, path="/", ca=str(authority.file), **clients)
    assert statuses(found) == dict.fromkeys(EVERYTHING, UNKNOWN)


def test_port_that_hangs_is_waited_for_once(authority: Authority, clients: dict[str, Any]) -> None:
    with served(hang) as port:
        given = {"address": "127.0.0.1", "port": port, "ca": str(authority.file), "timeout": 0.2, **clients}
        assert statuses(probe("access_tls", **given)) == dict.fromkeys(EVERYTHING, UNKNOWN)


def test_server_that_is_not_trusted_shows_nothing(foreign: Authority, leaf: Pair) -> None:
    found = checked(leaf.server_context(), foreign)
    assert statuses(found) == dict.fromkeys(OPEN, UNKNOWN)
    assert "certificate not trusted" in found["valid"].message


def test_refused_valid_certificate_makes_refusals_meaningless(
    demanding: ssl.SSLContext, authority: Authority, clients: dict[str, Any]
) -> None:
    found = checked(demanding, authority, answering(b"403 Forbidden"), **clients)
    assert found["valid"].status == CRITICAL
    assert {found[aspect].status for aspect in ("no_certificate", "self_signed", "expired", "revoked")} == {UNKNOWN}


@pytest.mark.parametrize(
    ("case", "like", "words"),
    [
        ("expired", "client", "is valid until"),
        ("revoked", "expired", "has expired on"),
        ("wrong_unit", "expired", "has expired on"),
    ],
)
def test_certificate_that_would_prove_something_else_is_unknown(
    demanding: ssl.SSLContext, authority: Authority, clients: dict[str, Any], case: str, like: str, words: str
) -> None:
    wrong = {f"{case}_cert": clients[f"{like}_cert"], f"{case}_key": clients[f"{like}_key"]}
    found = checked(demanding, authority, **{**clients, **wrong})
    assert found[case].status == UNKNOWN and words in found[case].message


@pytest.mark.parametrize("case", ["expired", "revoked", "wrong_unit"])
def test_certificate_that_is_not_valid_yet_is_unknown(
    demanding: ssl.SSLContext, authority: Authority, clients: dict[str, Any], case: str
) -> None:
    early = authority.issue("client.example", begins=DAY, ends=9 * DAY)
    wrong = {f"{case}_cert": str(early.certificate), f"{case}_key": str(early.key)}
    found = checked(demanding, authority, **{**clients, **wrong})
    assert found[case].status == UNKNOWN and "is not valid before" in found[case].message


def test_revoked_certificate_of_another_issuer_is_unknown(
    demanding: ssl.SSLContext, authority: Authority, foreign: Authority, clients: dict[str, Any]
) -> None:
    pair = foreign.issue("revoked.example")
    wrong = {"revoked_cert": str(pair.certificate), "revoked_key": str(pair.key)}
    found = checked(demanding, authority, **{**clients, **wrong})
    assert found["revoked"].status == UNKNOWN and "another issuer" in found["revoked"].message


def test_missing_file_costs_only_its_case(
    demanding: ssl.SSLContext, authority: Authority, clients: dict[str, Any]
) -> None:
    found = checked(demanding, authority, **{**clients, "revoked_cert": "/nowhere.pem"})
    assert found["revoked"].message == "not determined: /nowhere.pem cannot be read: No such file or directory"
    assert found["self_signed"].status == OK


@pytest.mark.parametrize("self_signed", [True, False])
def test_lookalike_has_every_name_and_is_gone_afterwards(clients: dict[str, Any], self_signed: bool) -> None:
    good = forged.read(clients["client_cert"])
    with forged.lookalike(clients["client_cert"], self_signed=self_signed) as (certificate, key):
        made = forged.read(certificate)
        assert (Path(key).stat().st_mode & 0o777, Path(key).parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert made.subject == good.subject and made.public_key() != good.public_key()
    assert made.issuer == (good.subject if self_signed else good.issuer)
    assert {extension.oid for extension in made.extensions} == {extension.oid for extension in good.extensions}
    assert not Path(certificate).parent.exists()


def test_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nothing")
    with pytest.raises(RunbookError, match="holds no certificate in PEM"):
        forged.read(str(tmp_path / "cert.pem"))


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"path": "health"}, "path"),
        ({"expired_cert": "/e.pem"}, "expired_cert"),
        ({"host_header": "a\r\nX: y"}, "host_header"),
        ({"not_applicable": {"tls_1_2": "why"}}, "not_applicable.tls_1_2"),
        ({"not_applicable": {"tls_1_0": ""}}, "not_applicable.tls_1_0"),
    ],
)
def test_check_names_the_key(given: dict[str, Any], key: str) -> None:
    assert [name for name, _message in KINDS["access_tls"].problems({"port": 1, **given})] == [key]


def test_expected_depends_on_keys_only() -> None:
    expected = KINDS["access_tls"].expected
    assert set(expected({})) == OPEN
    keys = ("client_cert", "expired_cert", "revoked_cert", "wrong_unit_cert")
    assert set(expected(dict.fromkeys(keys, "{{ somewhere }}"))) == EVERYTHING
    assert set(expected(dict.fromkeys(keys))) == OPEN
