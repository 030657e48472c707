# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook from end to end on the loopback address, with the small CA as its issuer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki import create
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority

from tests.support import crash, issuing
from tests.support.lab import Lab
from tests.support.rotating import Site

PASSPHRASE = "correct horse battery"  # noqa: S105 - of a CA that lives as long as the test


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def lab(lab: Lab, site: Site) -> Lab:
    """Two hosts with a certificate each, both due; and a CA."""
    ca = lab.folder / "ca"
    create.ensure(ca, create.Blueprint(name="Lab", key_type="ecdsa-p256"), passphrase=PASSPHRASE)
    for host in lab.hosts:
        site.install(host)
        lab.hosts[host]["certificate_rotate_host_state_dir"] = str(
            site.state if host == "one" else site.folder / "state-two"
        )
    lab.variables.update(
        # There is no sudo where tests run, and no other user is needed.
        ansible_become=False,
        certificate_authority_dir=str(ca),
        certificate_authority_passphrase=PASSPHRASE,
        platform_services={name: {"hosts": host, "certificates": {"server": described(site, host)}}
                           for name, host in (("proxy", "one"), ("sql", "two"))},
    )  # fmt: skip
    return lab


def described(site: Site, name: str, **more: Any) -> dict[str, Any]:
    given = site.given(name)
    return {**{key: given[key] for key in ("directory", "names", "user", "group")}, "key_mode": "0400", **more}


def test_rotate_shows_then_does_then_has_nothing_to_do(lab: Lab, site: Site) -> None:
    old = {host: site.in_service(host) for host in lab.hosts}
    preview = lab.play("certificate_rotate", "--check", "--diff")
    assert preview.status == 0, preview.output
    assert "one: proxy server is replaced: CN=localhost" in preview.output
    assert {host: site.in_service(host) for host in lab.hosts} == old
    assert not list(site.folder.rglob(".sets")) and not site.state.exists()

    ran = lab.play("certificate_rotate", "-e", "platform_incident=INC-7")
    assert ran.status == 0, ran.output
    assert all(site.in_service(host) != old[host] for host in lab.hosts)
    deeds = {(deed["host"], deed["subject"], deed["outcome"], deed["incident"]) for deed in ran.report["actions"]}
    assert deeds == {("one", "proxy server", "done", "INC-7"), ("two", "sql server", "done", "INC-7")}
    assert len(Authority.open(lab.folder / "ca").register()) == 2
    # What was issued is whole, and the chain ends at the CA.
    assert ran.statuses["one/proxy.server.chain"] == ran.statuses["one/proxy.server.key"] == "ok"

    again = lab.play("certificate_rotate")
    assert again.status == 0, again.output
    assert again.report["actions"] == [] and "changed=1" not in again.output


def test_rotate_canary_that_fails_spares_the_others(lab: Lab, site: Site) -> None:
    lab.variables["platform_services"]["proxy"]["certificates"]["server"]["reload"] = {
        "kind": "command",
        "argv": ["false"],
    }
    old = {host: site.in_service(host) for host in lab.hosts}
    ran = lab.play("certificate_rotate")
    assert ran.status == 2
    assert {host: site.in_service(host) for host in lab.hosts} == old
    assert "false failed" in ran.message("one/runbook.act.certificate_rotate_replace")
    assert ran.message("two/runbook.act.certificate_rotate_replace") == "not done, since it failed on one"
    assert [(deed["host"], deed["outcome"]) for deed in ran.report["actions"]] == [("one", "rolled_back")]


def test_rotate_ends_what_a_killed_run_left(lab: Lab, site: Site) -> None:
    given = site.given("one", service="proxy", point="server", reload={"kind": "command", "argv": ["true"]})
    issued = site.issued(given, site.request(given).csr)
    with journal.locked(site.state, what="test", operator="test"):
        pass
    new = load_bundle(issued.certificate.encode())[0].fingerprint
    points = (point for point in range(150, 1000, 7) if crash.killed(lambda: site.deploy(issued), at=point))
    while site.in_service("one") != new:
        next(points)
        if "swap" not in journal.unfinished(site.state)[0].steps:
            site.recover(given)
            issued = site.issued(given, site.request(given).csr)
            new = load_bundle(issued.certificate.encode())[0].fingerprint
    ran = lab.play("certificate_rotate", "-e", '{"platform_only_services": ["proxy"]}')
    assert ran.status == 0, ran.output
    assert "one: left half done by a run that was killed" in ran.output
    (deed,) = ran.report["actions"]
    assert "cut off: done, its new set is in service" in deed["what"]
    assert site.in_service("one") == new


def test_rotate_fails_on_what_it_cannot_end(lab: Lab, site: Site) -> None:
    """A set that was cut off, needs a password to tell its service, and is not described any more."""
    site.install("one-cache", ends=issuing.DAY)
    given = site.given("one-cache", reload={"kind": "redis", "port": 1, "password": "sesame-open-wide"})
    issued = site.issued(given, site.request(given).csr)
    with journal.locked(site.state, what="test", operator="test"):
        pass
    assert crash.killed(lambda: site.deploy(issued), at=130)
    begun = "certificate_deploy of nginx one-cache, begun"
    preview = lab.play("certificate_rotate", "--check")
    assert preview.status == 0, preview.output
    assert f"one: left half done by a run that was killed, and not ended by this run: {begun}" in preview.output
    for deeds in (["one"], []):
        ran = lab.play("certificate_rotate")
        assert ran.status == 2, ran.output
        assert [deed["host"] for deed in ran.report["actions"]] == deeds
        assert f"not ended: {begun}" in ran.message("one/runbook.act.certificate_rotate_replace")


def test_rotate_without_an_issuer_changes_nothing(lab: Lab, site: Site) -> None:
    del lab.variables["certificate_authority_dir"]
    ran = lab.play("certificate_rotate")
    assert ran.status == 2
    assert "certificate_authority_dir: missing" in ran.message("one/runbook.act.certificate_rotate_replace")
    assert not list(site.folder.rglob(".sets"))


def test_rotate_wrong_description_is_refused_in_check_mode_too(lab: Lab) -> None:
    lab.variables["platform_services"]["proxy"]["certificates"]["server"]["names"] = "{{ nowhere }}"
    ran = lab.play("certificate_rotate", "--check")
    assert ran.status == 2
    assert "'nowhere' is undefined" in ran.output
