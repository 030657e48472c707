# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The old pair of a set is presented to what has to refuse it: a refusal counts only where the new pair is let in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.revocation_proof import REVOKED_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.trust import Wanted
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.spec import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.modules import certificate_revocation_verify

from tests.support.issuing import CLIENT, SERVER, Issued, crl_pem
from tests.support.modules import run_module
from tests.support.rotating import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def rotated(site: Site, name: str, usage: Any) -> tuple[str, Issued]:
    """Put a pair into service and another in its place; returns the old serial number, and the old certificate."""
    given = site.given(name)
    old = site.install(name)
    assert site.rotate(given, usage=(usage,)).outcome == "done"
    serial = load_bundle(old.pem)[0].serial
    return serial, old


def install_client(site: Site) -> tuple[str, Issued]:
    """The same for a client, whose first certificate is a client's as well."""
    site.install("client")
    given = site.given("client", profile="client")
    assert site.rotate(given, usage=(CLIENT,)).outcome == "done"
    old = load_bundle((site.folder / "client/cert.pem").read_bytes())[0]
    assert site.rotate(given, usage=(CLIENT,)).outcome == "done"
    return old.serial, Issued(old.x509, None)


def verified(given: dict[str, Any], revocations: str) -> Any:
    """What the module finds of one set, by aspect."""
    full = with_defaults({**SET_OPTIONS, **REVOKED_OPTIONS}, {key: value for key, value in given.items() if value})
    result = run_module(
        certificate_revocation_verify,
        certificates=[{key: value for key, value in full.items() if value is not None}],
        revocations=revocations,
        state_dir=str(Path(given["directory"]).parent / "state"),
    )
    return {check["id"].rpartition(".")[2]: (check["status"], check["message"]) for check in result["checks"]}


@pytest.fixture
def ports(site: Site) -> Iterator[tuple[Callable[..., Any], dict[str, Any], str, Issued]]:
    """A service that reads lists and its client; yields what puts lists into service, the client, and its old pair."""
    serial, old = install_client(site)
    site.install("server")
    (site.folder / "server/crl.pem").write_text(crl_pem(site.root.crl()))
    with site.served("server", clients=["ca.pem", "crl.pem"]) as how:
        server = site.given("server", crl=str(site.folder / "server/crl.pem"), **how)
        port = how["served_by"][0]["port"]
        port_options = {"port": port, "address": "127.0.0.1", "server_name": "localhost"}
        port_options["ca"] = str(site.folder / "server/ca.pem")
        client = site.given("client", profile="client", accepted_by=[port_options], old=[serial])

        def distribute(*revoked: Issued) -> str:
            lists = crl_pem(site.root.crl(*revoked, number=8))
            (outcome,) = site.trust(Wanted(server, revocations=lists))
            assert outcome.outcome == "done", outcome.message
            return lists

        yield distribute, client, serial, old


def test_refusal_by_a_port_that_reads_the_lists(ports: Any) -> None:
    distribute, client, serial, old = ports
    status, message = verified(client, crl_pem())["refusal"]
    assert status == CRITICAL and f"still accepted: the revoked certificate {serial}: " in message
    status, message = verified(client, distribute(old))["refusal"]
    assert status == OK and f"the revoked certificate {serial}: refused: " in message


def test_refusal_by_a_port_that_refuses_every_pair_proves_nothing(ports: Any, site: Site) -> None:
    distribute, client, _serial, old = ports
    new = load_bundle((site.folder / "client/cert.pem").read_bytes())[0]
    status, message = verified(client, distribute(old, Issued(new.x509, None)))["refusal"]
    assert status == CRITICAL and "the certificate in service: refused: " in message


def test_refusal_by_a_port_that_is_down_proves_nothing(ports: Any, closed_port: int) -> None:
    _distribute, client, _serial, _old = ports
    client["accepted_by"][0]["port"] = closed_port
    assert verified(client, crl_pem())["refusal"][0] == UNKNOWN


def test_refusal_by_no_port_described_is_unknown(ports: Any) -> None:
    _distribute, client, serial, _old = ports
    client["accepted_by"] = None
    status, message = verified(client, crl_pem())["refusal"]
    assert status == UNKNOWN and f"no port that lets {serial} in is described" in message


def test_refusal_without_the_old_pair_is_unknown(ports: Any) -> None:
    _distribute, client, _serial, _old = ports
    client["old"] = ["41C7"]
    assert verified(client, crl_pem())["refusal"] == (
        UNKNOWN,
        "not determined: the pair of 41C7 is no longer on this host",
    )


def test_refusal_of_a_server_by_a_client_that_reads_the_lists(site: Site) -> None:
    serial, old = rotated(site, "server", SERVER)
    given = site.given("server", old=[serial])
    assert verified(given, crl_pem(site.root.crl(old)))["refusal"] == (
        OK,
        f"a client that reads the revocation lists: the revoked certificate {serial}: refused: certificate revoked",
    )
    status, message = verified(given, crl_pem(site.root.crl()))["refusal"]
    assert status == CRITICAL and f"still accepted: the revoked certificate {serial}" in message


@pytest.mark.parametrize("serial", ["", "0x41", "4_1", "-41", "xyz"])
def test_serial_that_is_no_number_costs_its_own_check(serial: str, site: Site) -> None:
    site.install("server")
    status, message = verified(site.given("server", old=[serial]), crl_pem())["refusal"]
    assert status == UNKNOWN and f"expected a serial number in hexadecimal digits, got {serial!r}" in message


def test_module_returns_its_checks_and_changes_nothing(site: Site) -> None:
    serial, old = rotated(site, "server", SERVER)
    given = {key: value for key, value in site.given("server", old=[serial]).items() if value is not None}
    before = {path: path.lstat().st_mtime_ns for path in site.folder.rglob("*")}
    for check_mode in (False, True):
        result = run_module(
            certificate_revocation_verify,
            check_mode=check_mode,
            certificates=[given],
            revocations=crl_pem(site.root.crl(old)),
            state_dir=str(site.state),
        )
        assert result["changed"] is False
        assert [(check["id"], check["status"]) for check in result["checks"]] == [("nginx.server.refusal", "ok")]
    assert {path: path.lstat().st_mtime_ns for path in site.folder.rglob("*")} == before
