# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A TLS port: what it serves, which authority vouches for it, and for how long."""

from __future__ import annotations

import contextlib
import ssl
import sys
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import tls as tls_client
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import DriverMissing, RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import tls
from cryptography.hazmat.primitives import serialization

from tests.support.loopback import DAY, Authority, Client, Pair, hang, options, probe, served


def quiet(client: Client) -> None:
    """Serve TLS, and wait for a request that never comes."""
    client.connection.recv(1)


def statuses(**given: Any) -> dict[str, str]:
    return {aspect: found.status for aspect, found in probe("tls", **given).items()}


def test_good_certificate(authority: Authority, leaf: Pair) -> None:
    with served(quiet, leaf.server_context()) as port:
        found = probe("tls", port=port, ca=str(authority.file))
    assert {aspect: finding.status for aspect, finding in found.items()} == dict.fromkeys(found, OK)
    assert found["handshake"].message.startswith("TLSv1.3, TLS_")
    assert found["trust"].message == f"chain and name verified for localhost by {authority.file}"
    assert found["expiry"].message.startswith("CN=localhost expires in 90 days, ")
    assert (found["expiry"].value, found["expiry"].unit) == (90.0, "days")


def test_foreign_authority_fails_trust_only(foreign: Authority, leaf: Pair) -> None:
    with served(quiet, leaf.server_context()) as port:
        assert statuses(port=port, ca=str(foreign.file)) == {"handshake": OK, "trust": CRITICAL, "expiry": OK}


def test_wrong_name_fails_trust_only(authority: Authority, leaf: Pair) -> None:
    with served(quiet, leaf.server_context()) as port:
        found = probe("tls", port=port, ca=str(authority.file), server_name="api.example.com")
    assert found["trust"].status == CRITICAL and "not valid for 'api.example.com'" in found["trust"].message


def test_zone_of_an_address_is_no_part_of_its_name(authority: Authority) -> None:
    with served(quiet, authority.issue("::1").server_context(), address="::1") as port:
        found = probe("tls", port=port, ca=str(authority.file), address="::1%1")
    assert {aspect: finding.status for aspect, finding in found.items()} == dict.fromkeys(found, OK)
    assert found["trust"].message == f"chain and name verified for ::1 by {authority.file}"


def test_expired_certificate(authority: Authority) -> None:
    pair = authority.issue("localhost", begins=-40 * DAY, ends=-2 * DAY)
    with served(quiet, pair.server_context()) as port:
        found = probe("tls", port=port, ca=str(authority.file))
    assert found["handshake"].status == OK
    assert found["trust"].message == "certificate not trusted: certificate has expired"
    assert found["expiry"].status == CRITICAL
    assert found["expiry"].message.startswith("CN=localhost expired 2 days ago, ")


def test_port_that_is_down_is_never_ok(closed_port: int) -> None:
    assert statuses(port=closed_port) == {"handshake": CRITICAL, "trust": UNKNOWN, "expiry": UNKNOWN}


def test_port_without_tls_is_never_ok() -> None:
    with served(lambda client: client.send(b"220 mail.example.com ESMTP\r\n")) as port:
        found = probe("tls", port=port)
    assert found["handshake"].status == CRITICAL and "the port does not speak TLS" in found["handshake"].message
    assert (found["trust"].status, found["expiry"].status) == (UNKNOWN, UNKNOWN)


def test_port_that_hangs_is_never_ok() -> None:
    with served(hang) as port:
        found = probe("tls", port=port, timeout=0.3)
    assert found["handshake"].message == "TLS handshake failed: no answer within 0.3 s"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_refused_client_fails_the_handshake(version: ssl.TLSVersion, authority: Authority, leaf: Pair) -> None:
    context = leaf.server_context()
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    client = authority.issue("client")
    with served(quiet, context) as port:
        given = {"port": port, "ca": str(authority.file)}
        stranger = probe("tls", **given)["handshake"]
        known = probe("tls", **given, client_cert=str(client.certificate), client_key=str(client.key))
    assert stranger.status == CRITICAL and "client certificate" in stranger.message
    assert known["handshake"].status == OK and known["trust"].status == OK


@pytest.mark.parametrize("known", [False, True])
def test_server_that_takes_its_time_to_refuse_a_client(known: bool, authority: Authority, leaf: Pair) -> None:
    context = leaf.server_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    pair = authority.issue("client")
    shown = {"client_cert": str(pair.certificate), "client_key": str(pair.key)} if known else {}

    def hesitate(client: Client) -> None:
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(received, sent, server_side=True)
        for pause in (0.0, 0.5):
            received.write(client.connection.recv(65536))
            client.pause(pause)
            with contextlib.suppress(ssl.SSLError):
                server.do_handshake()
            client.send(sent.read())
        client.pause()

    with served(hesitate) as port:
        found = probe("tls", port=port, ca=str(authority.file), **shown)["handshake"]
    assert (found.status, "client certificate" in found.message) == ((OK, False) if known else (CRITICAL, True))


def test_unusable_ca_is_a_reason_not_to_know() -> None:
    with pytest.raises(RunbookError, match=r"ca: /nowhere\.pem cannot be used: No such file"):
        probe("tls", port=1, ca="/nowhere.pem")


def test_missing_driver_costs_the_expiry_only(
    authority: Authority, leaf: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What Python takes for a module that cannot be imported.
    monkeypatch.setitem(sys.modules, "cryptography.x509", None)
    with served(quiet, leaf.server_context()) as port:
        findings = tls.run(options("tls", port=port, ca=str(authority.file)))
        assert [next(findings).aspect, next(findings).aspect] == ["handshake", "trust"]
        with pytest.raises(DriverMissing, match="install the package python3-cryptography"):
            next(findings)


def test_encrypted_key_is_refused_without_a_prompt(authority: Authority) -> None:
    pair = authority.issue("client")
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    with pytest.raises(RunbookError, match="is encrypted"):
        tls_client.context({"client_cert": str(pair.certificate), "client_key": str(pair.key)})
