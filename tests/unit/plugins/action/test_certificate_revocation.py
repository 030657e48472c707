# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is decided for all hosts, of what each of them told: whoever told nothing counts as having everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.action.certificate_revocation import ActionModule

from tests.support.lab import Lab
from tests.support.revoking import Shop

ACT = "platform_act_certificate_revoke"


def one_set(serial: str) -> dict[str, Any]:
    return {
        "service": "api",
        "point": "server",
        "serial": serial,
        "common_name": "api.test",
        "targeted": True,
        "reads_lists": False,
        "sessions": "",
    }


def heard(variables: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The serial numbers that an action heard of from one host, and who was silent."""
    action: Any = object.__new__(ActionModule)
    action._inventory = SimpleNamespace(hosts=["one"], variables=lambda _host: variables)
    sets, silent = action._heard()
    return [one.serial for one in sets], silent


PLANNED = {"sets": [one_set("0A")]}


@pytest.mark.parametrize(
    ("replaced", "serial", "silent"),
    [
        (None, "0A", {}),
        ({"sets": [one_set("0B")]}, "0B", {}),
        # Some of it was refused, but what is in service is known.
        ({"sets": [one_set("0B")], "failed": True, "msg": "refused"}, "0B", {}),
        ({"sets": None, "failed": True, "msg": "it went away"}, "0A", {"one": "it went away"}),
        ({"failed": True, "msg": "timed\nout"}, "0A", {"one": "timed out"}),
        ({"unreachable": True, "msg": "no route"}, "0A", {"one": "no route"}),
    ],
)
def test_newest_word_counts_and_who_gives_none_is_silent(
    replaced: dict[str, Any] | None, serial: str, silent: dict[str, str]
) -> None:
    said = {f"{ACT}_plan": PLANNED, **({ACT: replaced} if replaced else {})}
    assert heard(said) == ([serial], silent)


def test_host_that_was_left_out_is_silent() -> None:
    assert heard({}) == ([], {"one": "left out of this run"})


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


@pytest.fixture
def port(lab: Lab, shop: Shop) -> Iterator[int]:
    with shop.opened(lab) as port:
        yield port


@pytest.mark.usefixtures("port")
def test_host_that_is_left_out_keeps_what_it_may_have(lab: Lab, shop: Shop) -> None:
    """Its certificate is a stranger's by the register alone, and yet it is not revoked."""
    old, kept = shop.serial("one"), shop.serial("two")
    ran = lab.play("certificate_revoke", "-e", "certificate_revoke_scope=all", "--limit", "one")
    assert ran.status == 2
    statuses = {row.serial: row.status for row in shop.authority().register()}
    assert statuses == {old: "revoked", kept: "valid", shop.serial("one"): "valid"}
    assert "two does not answer, so nothing is done there: left out of this run" in ran.output
    said = ran.message("one/runbook.act.certificate_revoke_authority")
    assert said == "1 other certificates are not revoked, since what two has in service is not known"


@pytest.mark.usefixtures("port")
def test_ca_that_is_being_replaced_revokes_nothing(lab: Lab, shop: Shop) -> None:
    """Those of the other CA would go on being accepted, and nobody would be told."""
    shop.authority().prepare_next()
    ran = lab.play("certificate_revoke", "-e", "certificate_revoke_scope=all")
    assert ran.status == 2 and "is being replaced, and two of them are trusted" in " ".join(ran.output.split())
    assert {row.status for row in shop.authority().register()} == {"valid"}
