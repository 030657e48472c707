# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The old pair of a set is shown to those who have to refuse it: a refusal counts only where the new pair is let in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.revocation_proof import (
    REFUSAL_OPTIONS,
    end_sessions,
)
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.trust import Wanted
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.modules import certificate_refusal

from tests.support.issuing import CLIENT, SERVER, Issued, crl_pem
from tests.support.loopback import Client, served
from tests.support.modules import run_module
from tests.support.redis_server import commands
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


def asked(given: dict[str, Any], revocations: str, *, revoked: tuple[str, ...] = (), check_mode: bool = False) -> Any:
    """What the module says of one set, by aspect."""
    full = with_defaults({**SET_OPTIONS, **REFUSAL_OPTIONS}, {key: value for key, value in given.items() if value})
    result = run_module(
        certificate_refusal,
        check_mode=check_mode,
        certificates=[{key: value for key, value in full.items() if value is not None}],
        revoked=list(revoked),
        revocations=revocations,
        state_dir=str(Path(given["directory"]).parent / "state"),
    )
    return {check["id"].rpartition(".")[2]: (check["status"], check["message"]) for check in result["checks"]}


@pytest.fixture
def doors(site: Site) -> Iterator[tuple[Callable[..., Any], dict[str, Any], str, Issued]]:
    """A service that reads lists and its client; yields what puts lists into service, the client, and its old pair."""
    serial, old = install_client(site)
    site.install("server")
    (site.folder / "server/crl.pem").write_text(crl_pem(site.root.crl()))
    with site.served("server", clients=["ca.pem", "crl.pem"]) as how:
        server = site.given("server", crl=str(site.folder / "server/crl.pem"), **how)
        port = how["served_by"][0]["port"]
        door = {"port": port, "address": "127.0.0.1", "server_name": "localhost"}
        door["ca"] = str(site.folder / "server/ca.pem")
        client = site.given("client", profile="client", accepted_by=[door], old=[serial])

        def distribute(*revoked: Issued) -> str:
            lists = crl_pem(site.root.crl(*revoked, number=8))
            (outcome,) = site.trust(Wanted(server, revocations=lists))
            assert outcome.outcome == "done", outcome.message
            return lists

        yield distribute, client, serial, old


def test_refusal_by_a_port_that_reads_the_lists(doors: Any) -> None:
    distribute, client, serial, old = doors
    status, told = asked(client, crl_pem())["refusal"]
    assert status == CRITICAL and "still accepted: accepted the revoked certificate" in told
    status, told = asked(client, distribute(old))["refusal"]
    assert status == OK and f"the revoked certificate {serial}: refused: " in told


def test_refusal_by_a_port_that_refuses_everybody_proves_nothing(doors: Any, site: Site) -> None:
    distribute, client, _serial, old = doors
    new = load_bundle((site.folder / "client/cert.pem").read_bytes())[0]
    status, told = asked(client, distribute(old, Issued(new.x509, None)))["refusal"]
    assert status == CRITICAL and "the certificate in service: the valid client is refused" in told


def test_refusal_by_a_port_that_is_down_proves_nothing(doors: Any, closed_port: int) -> None:
    _distribute, client, _serial, _old = doors
    client["accepted_by"][0]["port"] = closed_port
    assert asked(client, crl_pem())["refusal"][0] == UNKNOWN


def test_refusal_of_nobody_described_is_unknown(doors: Any) -> None:
    _distribute, client, serial, _old = doors
    client["accepted_by"] = None
    status, told = asked(client, crl_pem())["refusal"]
    assert status == UNKNOWN and f"no port that lets {serial} in is described" in told


def test_refusal_without_the_old_pair_is_unknown(doors: Any) -> None:
    _distribute, client, _serial, _old = doors
    client["old"] = ["41C7"]
    assert asked(client, crl_pem())["refusal"] == (
        UNKNOWN,
        "not determined: the pair of 41C7 is no longer on this host",
    )


def test_refusal_of_a_server_by_a_client_that_reads_the_lists(site: Site) -> None:
    serial, old = rotated(site, "server", SERVER)
    given = site.given("server", old=[serial])
    assert asked(given, crl_pem(site.root.crl(old)))["refusal"] == (
        OK,
        "a client that reads the revocation lists: refused: certificate revoked",
    )
    status, told = asked(given, crl_pem(site.root.crl()))["refusal"]
    assert status == CRITICAL and "accepted the revoked certificate" in told


def counting(killed: list[list[str]]) -> Callable[[Client], None]:
    """Behave as a Redis server that has two clients and nobody who subscribed."""

    def behave(client: Client) -> None:
        with contextlib.suppress(OSError):
            for words in commands(client):
                if words[:2] == ["CLIENT", "KILL"]:
                    killed.append(words)
                    client.send(b":2\r\n" if "normal" in words else b":0\r\n")
                else:
                    client.send(b"+OK\r\n")

    return behave


def test_sessions_of_redis_end_but_for_replicas_and_not_in_check_mode(site: Site) -> None:
    site.install("server")
    killed: list[list[str]] = []
    with served(counting(killed)) as port:
        given = site.given("server", sessions={"kind": "redis", "port": port, "tls": False})
        assert asked(given, crl_pem(), revoked=("41C7",), check_mode=True) == {}
        assert killed == []
        assert asked(given, crl_pem()) == {} and killed == [], "nothing was revoked"
        status, told = asked(given, crl_pem(), revoked=("41C7",))["sessions"]
    assert (status, told) == (OK, "the sessions of all clients were ended (2), not those of replicas")
    assert [words[3] for words in killed] == ["normal", "pubsub"]


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_sessions_of_who_does_not_answer_are_unknown(kind: str, site: Site, closed_port: int) -> None:
    how = {"kind": kind, "port": closed_port, "user": "monitor", "database": "postgres", "tls": False}
    (finding,) = end_sessions(site.given("server", sessions=how), ["41C7"])
    assert finding.status == UNKNOWN and finding.message.startswith("not determined: ")


def test_module_tells_its_checks(site: Site) -> None:
    serial, old = rotated(site, "server", SERVER)
    given = {key: value for key, value in site.given("server", old=[serial]).items() if value is not None}
    revocations = crl_pem(site.root.crl(old))
    state = str(site.state)
    result = run_module(
        certificate_refusal, certificates=[given], revoked=[serial], revocations=revocations, state_dir=state
    )
    assert result["changed"] is False
    assert [(check["id"], check["status"]) for check in result["checks"]] == [("nginx.server.refusal", "ok")]
