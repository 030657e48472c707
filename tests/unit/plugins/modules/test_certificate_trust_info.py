# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whom services trust is told by their files, and proved by what becomes of certificates that are shown to them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._access import tls as access_tls
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.modules import certificate_trust_info

from tests.support import issuing
from tests.support.issuing import CLIENT, SERVER, crl_pem
from tests.support.rotating import Site

NEXT = issuing.root("Next")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.install()
    return made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who refuses does it at once here."""
    monkeypatch.setattr(access_tls, "REFUSAL_WAIT", 0.3)


def pair(authority: issuing.Issued) -> dict[str, str]:
    made = authority.issue("localhost", usage=(SERVER, CLIENT))
    encoded = "".join(line for line in made.key_pem.decode().splitlines() if not line.startswith("-----"))
    return {"certificate": made.pem.decode(), "key": encoded}


def look(site: Site, *sets: dict[str, Any], **more: Any) -> dict[str, Any]:
    params = {
        "certificates": list(sets),
        "files": [],
        "authorities": (site.root.pem + NEXT.pem).decode(),
        "revocations": None,
        "check_ports": False,
        "state_dir": str(site.state),
    }
    return certificate_trust_info.inspect({**params, **more})


def said(result: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {check["id"]: (check["status"], check["message"]) for check in result["checks"]}


def test_files_say_whom_they_trust(site: Site) -> None:
    other = issuing.root("Other")
    folder = site.folder / "server"
    (folder / "ca.pem").chmod(0o644)
    (folder / "ca.pem").write_bytes(site.root.pem + other.pem)
    files = [{"service": "api", "point": "web", "path": str(path)} for path in (folder / "ca.pem", folder / "none.pem")]
    result = look(site, site.given(), files=files)
    (found,) = result["certificates"]
    ours = issuing_fingerprint(site.root)
    assert (found["issuer"], found["trusts"], found["foreign"]) == (ours, [ours], other.pem.decode())
    assert [(one["trusts"], one["foreign"]) for one in result["files"]] == [([ours], other.pem.decode()), ([], "")]
    assert result["checks"] == [] and result["unfinished"] == []


def issuing_fingerprint(authority: issuing.Issued) -> str:
    return load_bundle(authority.pem)[0].fingerprint


def test_port_that_serves_something_else_is_told(site: Site) -> None:
    with site.served() as how:
        given = site.given(**how)
        assert look(site, given, check_ports=True)["certificates"][0]["fault"] == ""
        site.install()
        fault = look(site, given, check_ports=True)["certificates"][0]["fault"]
    assert "serves another certificate" in fault


def test_service_that_knows_its_clients(site: Site) -> None:
    (site.folder / "server/crl.pem").write_text(crl_pem(site.root.crl(), NEXT.crl()))
    door = {"address": "localhost"}
    with site.served(clients=["ca.pem", "crl.pem"]) as how:
        port = how["served_by"][0]["port"]
        given = site.given(**how, profile="both", accepted_by=[{**door, "port": port}])
        found = said(look(site, {**given, "accepted": pair(site.root), "refused": pair(NEXT)}))
        assert {name: status for name, (status, _message) in found.items()} == {
            "nginx.server.acceptance": "ok",
            "nginx.server.refusal": "ok",
        }
        for place in (f"localhost port {port}: refused", f"port {port}: refused", "ca.pem: refused"):
            assert place in found["nginx.server.refusal"][1]
        found = said(look(site, {**given, "accepted": pair(NEXT), "refused": pair(site.root)}))
        assert [status for status, _message in found.values()] == ["critical", "critical"]
        assert f"localhost port {port}: TLS failed: the other end does not trust" in found["nginx.server.acceptance"][1]
        assert f"localhost port {port}: still accepted" in found["nginx.server.refusal"][1]
    # Who is down refuses everybody, and that proves nothing.
    found = said(look(site, {**given, "accepted": pair(site.root), "refused": pair(NEXT)}))
    assert [status for status, _message in found.values()] == ["unknown", "unknown"]


def test_service_that_asks_nobody_says_nothing_about_trust(site: Site) -> None:
    with site.served() as how:
        given = site.given(**how, files={"ca": None})
        found = said(look(site, {**given, "accepted": pair(NEXT), "refused": pair(site.root)}))
    assert {message.partition(": ")[2] for _status, message in found.values()} == {"requests no certificate"}


@contextmanager
def careless(site: Site) -> Iterator[int]:
    """A server of HTTP that asks for a certificate, shakes hands with everybody, and answers everybody alike."""
    folder = site.folder / "server"
    files = ["-cert", "fullchain.pem", "-key", "key.pem", "-CAfile", "ca.pem"]
    words = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-verify", "3", "-www", *files]
    with subprocess.Popen(
        words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout
        try:
            line = next((line for line in server.stdout if line.startswith("ACCEPT ")), "")
            yield int(line.rpartition(":")[2])
        finally:
            server.kill()


def test_service_that_shakes_hands_with_everybody_is_asked_for_something(site: Site) -> None:
    with careless(site) as port:
        ports = [{"port": port, "address": "127.0.0.1"}]
        given = site.given(files={"ca": None}, served_by=ports)
        found = said(look(site, {**given, "accepted": pair(NEXT)}))
    (status, message) = found["nginx.server.acceptance"]
    assert status == "ok" and message == f"port {port}: lets in strangers as well: HTTP 200"


def test_pair_whose_key_travelled_is_in_no_file(site: Site) -> None:
    shown = pair(site.root)
    look(site, {**site.given(), "accepted": shown})
    holding = [path for path in site.folder.rglob("*") if path.is_file() and shown["key"] in path.read_text()]
    assert holding == []
