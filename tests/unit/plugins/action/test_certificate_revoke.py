# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook from end to end on the loopback address: a service that reads revocation lists, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared.authorities import snapshot
from tests.shared.lab import Lab
from tests.shared.revoking import Shop

APP = ("-e", '{"certificate_revoke_scope": "service", "certificate_revoke_services": ["app"]}')
ALL = ("-e", "certificate_revoke_scope=all")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


@pytest.fixture
def port(lab: Lab, shop: Shop) -> Iterator[int]:
    """The port of the service, which serves as long as the test lasts."""
    with shop.opened(lab) as port:
        yield port


def revoked(shop: Shop) -> set[str]:
    return {row.serial for row in shop.authority().register() if row.status == "revoked"}


def test_revoke_shows_then_does_then_has_nothing_to_do(lab: Lab, shop: Shop, port: int) -> None:
    old, other, thief = shop.serial("two"), shop.serial("one"), shop.copied("two")
    assert shop.knock(port, thief) == "accepted"
    before = snapshot(shop.folder)
    preview = lab.play("certificate_revoke", "--check", "--diff", *APP)
    assert preview.status == 0, preview.output
    assert f"two app client: certificate {old} is replaced by a new certificate, and then revoked" in preview.output
    assert "one proxy server: gets the revocation lists" in preview.output
    assert snapshot(shop.folder) == before and not (lab.folder / "state/revocations").exists()

    ran = lab.play("certificate_revoke", *APP)
    assert ran.status == 0, ran.output
    assert shop.serial("two") != old and shop.serial("one") == other
    assert revoked(shop) == {old}
    assert shop.knock(port, thief) == "refused"
    assert shop.knock(port, shop.site.folder / "two") == "accepted"
    assert f"the revoked certificate {old}: refused" in ran.message("two/app.client.refusal")
    deeds = [(deed["host"], deed["subject"], deed["outcome"], deed["incident"]) for deed in ran.report["actions"]]
    assert sorted(deeds) == [
        ("one", "proxy server", "done", "INC-7"),
        ("two", "app client", "done", "INC-7"),
        ("two", "app client", "done", "INC-7"),
    ]
    assert [f"certificate {old} is revoked" in deed["what"] for deed in ran.report["actions"]].count(True) == 1

    again = lab.play("certificate_revoke", *APP)
    assert again.status == 0, again.output
    assert again.report["actions"] == [] and "changed=1" not in again.output
    assert ran.statuses.keys() == again.statuses.keys(), "what was proved once is proved again"
