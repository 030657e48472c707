# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which CA stays, which one goes and what comes next follows from the phase, and from what everybody has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates import authority_rotation as rotation
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates.authority_rotation import (
    Consumer,
    RotationPlan,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.issuance import read_certificates, serial_text


def serial(authority: Authority, generation: str = "active") -> str:
    return serial_text(authority.certificates(generation=generation)["intermediate"].serial_number)


def rotation_plan(authority: Authority, **given: Any) -> RotationPlan:
    options: dict[str, Any] = {"back": False, "serial": "", "levels": rotation.LEVELS, **given}
    return rotation.rotation_plan(authority, **options)


def consumer(issuer: str = "", trusts: Sequence[str] = (), **more: Any) -> Consumer:
    given = {"host": "web", "service": "nginx", "point": "server", "serial": "41C7", **more}
    return Consumer(issuer=issuer, trusts=tuple(trusts), **given)


def test_intermediate_that_was_to_go_back_is_not_taken_forward_again(authority: Authority) -> None:
    authority.prepare_next(levels=["intermediate"])
    authority.revoke_intermediate(generation="next")
    with pytest.raises(RunbookError, match=r"is revoked by its root, so the rotation can only be rolled back"):
        rotation_plan(authority)
    assert rotation_plan(authority, back=True).issues


def test_nothing_is_begun_without_the_one_that_is_replaced(authority: Authority) -> None:
    first = serial(authority)
    idle = rotation_plan(authority)
    assert rotation.stage(idle, []) == "idle" and f"certificate_authority_rotate_ca_serial={first}" in idle.note
    wanted = rotation_plan(authority, serial=first.lower())
    assert rotation.stage(wanted, []) == "begin"
    authority.prepare_next()
    authority.activate_next()
    authority.withdraw_previous()
    done = rotation_plan(authority, serial=first)
    assert rotation.stage(done, []) == "idle" and "was replaced already" in done.note


def test_both_ways_in_every_phase(authority: Authority) -> None:
    old = serial(authority)
    authority.prepare_next()
    new = serial(authority, "next")
    forward, back = rotation_plan(authority), rotation_plan(authority, back=True)
    assert (forward.remaining.serial, forward.outgoing.serial, forward.issues) == (new, old, False)
    assert (back.remaining.serial, back.outgoing.serial, back.issues) == (old, new, True)
    assert rotation.stage(forward, []) == "spread" and rotation.stage(back, []) == "withdraw"
    assert {one.serial_number for one in read_certificates(forward.bundle, "")} == {
        one.serial_number for one in read_certificates(authority.trust_bundle(), "")
    }

    authority.activate_next()
    forward, back = rotation_plan(authority), rotation_plan(authority, back=True)
    assert (forward.remaining.serial, forward.outgoing.serial, forward.issues) == (new, old, True)
    assert (back.remaining.serial, back.outgoing.serial, back.issues) == (old, new, False)
    late = consumer(issuer=forward.outgoing.issuer)
    assert rotation.stage(forward, [late]) == "spread"
    ready = consumer(issuer=forward.remaining.issuer, trusts=forward.remaining.fingerprints)
    assert rotation.stage(forward, [ready]) == "withdraw"
    # Somebody who was not there when trust was spread.
    newcomer = consumer(path="/etc/ca.pem", trusts=forward.outgoing.fingerprints)
    assert rotation.stage(forward, [ready, newcomer]) == "spread"
    assert rotation.stage(forward, [], unfinished=True) == "spread"


def test_intermediate_alone_shares_the_root(authority: Authority) -> None:
    authority.prepare_next(levels=["intermediate"])
    found = rotation_plan(authority)
    assert found.levels == ("intermediate",)
    assert found.bundle.count("BEGIN") == 3 and len(found.both) == 3
    authority.activate_next()
    assert rotation_plan(authority, back=True).outgoing.serial == serial(authority)
    authority.revoke_intermediate()
    with pytest.raises(RunbookError, match=r"certificate_authority_rotate_rollback: .* is revoked by its root"):
        rotation_plan(authority, back=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"serial": "41C7"}, "certificate_authority_rotate_ca_serial: there is no intermediate 41C7"),
        ({"serial": "nginx"}, "certificate_authority_rotate_ca_serial: expected hexadecimal digits, got 'nginx'"),
        ({"levels": ["root"]}, "certificate_authority_rotate_levels: expected root and intermediate"),
        ({"levels": []}, "certificate_authority_rotate_levels: expected root and intermediate"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(given: dict[str, Any], message: str, authority: Authority) -> None:
    with pytest.raises(RunbookError, match=message):
        rotation_plan(authority, **given)


def test_another_one_than_the_one_under_way_is_refused(authority: Authority) -> None:
    old = serial(authority)
    authority.prepare_next()
    assert rotation_plan(authority, serial=old).outgoing.serial == old
    with pytest.raises(RunbookError, match=f"is not the CA that is being replaced, which is {old}"):
        rotation_plan(authority, serial=serial(authority, "next"))


def test_one_that_was_withdrawn_cannot_be_taken_back(authority: Authority) -> None:
    old = serial(authority)
    authority.prepare_next()
    authority.activate_next()
    authority.withdraw_previous()
    with pytest.raises(RunbookError, match=r"certificate_authority_rotate_rollback: .* was withdrawn"):
        rotation_plan(authority, serial=old, back=True)
    assert rotation_plan(authority, back=True).note == "there is no rotation to be rolled back"


def test_preview_says_what_becomes_of_each(authority: Authority) -> None:
    authority.prepare_next()
    found = rotation_plan(authority)
    old, both = found.outgoing, sorted(found.both)
    everybody = [
        consumer(issuer=old.issuer, trusts=old.fingerprints),
        consumer(issuer=old.issuer, trusts=both, point="ready"),
        consumer(path="/etc/ca.pem", serial="", trusts=old.fingerprints),
        consumer(host="other", issuer="", foreign="..."),
    ]
    lines = rotation.preview(found, everybody, rotation.stage(found, everybody))
    assert lines[0].startswith("the CA is in the phase prepared; what comes next: the CA that stays is trusted")
    end = "trusts the one that stays alone, then proves to refuse the other one"
    assert lines[2:] == [
        f"web: nginx server trusts both, then gets a certificate in place of 41C7, then {end}",
        f"web: nginx ready gets a certificate in place of 41C7, then {end}",
        f"web: /etc/ca.pem trusts both, then {end}",
        "other: nginx server stays: it has nothing to do with this CA",
    ]
    assert [one.name for one in rotation.lacking(everybody, found, both)] == ["nginx server", "/etc/ca.pem"]


def test_set_without_a_certificate_is_refused() -> None:
    with pytest.raises(RunbookError, match="web: nginx server: has no certificate that can be read; rotate it first"):
        rotation.refuse_unready([consumer(serial=""), consumer(path="/etc/ca.pem", serial="")])
    rotation.refuse_unready([consumer(path="/etc/ca.pem", serial="")])
