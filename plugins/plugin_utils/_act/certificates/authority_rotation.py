# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a CA is replaced on all hosts: which one remains, which one is outgoing, and what is left to be done where.

Forward and back are the same way: one CA is trusted by all consumers beside the other, they prove that, it issues for
all, and the other one is trusted no more. Only which is which differs. How far it is follows from the phase that the CA
keeps and from what the hosts have, so a run that was killed anywhere is taken up again by the next one.

::

    spread:    trust both ─► prove it ─► activate the remaining CA ─► reissue all certificates
    withdraw:  prove what is served ─► trust the remaining CA alone ─► prove that the other is refused ─► end
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._pki.authority import Authority
from ..._pki.crypto import NameOID, serialization, x509
from ..._pki.issuance import read_certificates, serial_text
from ..._pki.layout import fingerprint
from ..._pki.state import PREPARED, STANDBY

#: What is to be done in a run.
IDLE, BEGIN, SPREAD, WITHDRAW = "idle", "begin", "spread", "withdraw"

ACTIVE, NEXT, PREVIOUS = "active", "next", "previous"

LEVELS = ("root", "intermediate")

#: The variables that the messages name.
SERIAL, LEVELS_VARIABLE, ROLLBACK = (
    "certificate_authority_rotate_ca_serial",
    "certificate_authority_rotate_levels",
    "certificate_authority_rotate_rollback",
)


@dataclass(frozen=True)
class Generation:
    """A CA of the two: where it stands, what it is called, its certificates in PEM, and their fingerprints."""

    slot: str
    name: str
    serial: str
    issuer: str
    chain: str
    fingerprints: tuple[str, ...]

    @classmethod
    def of(cls, authority: Authority, slot: str) -> Generation:
        """The generation in a place."""
        certificates = authority.certificates(generation=slot)
        intermediate = certificates["intermediate"]
        serial = serial_text(intermediate.serial_number)
        chain = authority.chain(generation=slot)
        return cls(
            slot=slot,
            name=f"{_common_name(intermediate)} ({serial[:8]})",
            serial=serial,
            issuer=fingerprint(intermediate),
            chain=chain,
            fingerprints=tuple(fingerprint(one) for one in certificates.values()),
        )


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


@dataclass(frozen=True)
class RotationPlan:
    """Which CA remains and which one is outgoing; without a rotation both are the one that issues."""

    phase: str
    back: bool
    remaining: Generation
    outgoing: Generation
    levels: tuple[str, ...]
    begins: bool = False
    note: str = ""

    @property
    def under_way(self) -> bool:
        """Whether there are two CAs."""
        return self.phase != STANDBY

    @property
    def issues(self) -> bool:
        """Whether the remaining CA is the one that issues."""
        return self.remaining.slot == ACTIVE

    @property
    def both(self) -> frozenset[str]:
        """The fingerprints of all certificates of both."""
        return frozenset({*self.remaining.fingerprints, *self.outgoing.fingerprints})

    @property
    def bundle(self) -> str:
        """Both in PEM, each certificate once."""
        return self.remaining.chain + "".join(_blocks_beside(self.outgoing.chain, self.remaining.chain))

    @property
    def why(self) -> str:
        """The reason that stands in the ledger."""
        how = "going back" if self.back else "replaced"
        return f"the CA is {how}: {self.remaining.name} in place of {self.outgoing.name}"


def _blocks_beside(chain: str, others: str) -> Iterator[str]:
    known = {fingerprint(one) for one in read_certificates(others, "the CA")}
    for one in read_certificates(chain, "the CA"):
        if fingerprint(one) not in known:
            yield one.public_bytes(serialization.Encoding.PEM).decode()


def rotation_plan(authority: Authority, *, back: bool, serial: str, levels: Sequence[str]) -> RotationPlan:
    """Which way it goes, by the phase of the CA and what is wanted. Raises `RunbookError` naming what is wrong.

    ``serial`` names the intermediate that is to be replaced: without one that is active nothing is begun, so that the
    same command again does not begin another rotation.
    """
    if set(levels) not in (set(LEVELS), {"intermediate"}):
        raise RunbookError(f"{LEVELS_VARIABLE}: expected root and intermediate, or the intermediate alone")
    phase = authority.phase
    if phase == STANDBY:
        return _at_rest(authority, back=back, serial=serial, levels=levels)
    active = Generation.of(authority, ACTIVE)
    other = Generation.of(authority, NEXT if phase == PREPARED else PREVIOUS)
    old, new = (active, other) if phase == PREPARED else (other, active)
    if serial and _number(serial) != int(old.serial, 16):
        raise RunbookError(f"{SERIAL}: {serial} is not the CA that is being replaced, which is {old.serial}")
    replaced = authority.replaced_levels()
    remaining, outgoing = (old, new) if back else (new, old)
    if _is_revoked(authority, remaining):
        way = "cannot be rolled back" if back else "can only be rolled back"
        raise RunbookError(f"{ROLLBACK}: {remaining.name} is revoked by its root, so the rotation {way}")
    return RotationPlan(phase, back, remaining, outgoing, replaced)


def _at_rest(authority: Authority, *, back: bool, serial: str, levels: Sequence[str]) -> RotationPlan:
    active = Generation.of(authority, ACTIVE)
    retired = {one.serial_number for one in authority.retired()}

    def at_rest(note: str, *, begins: bool = False) -> RotationPlan:
        return RotationPlan(STANDBY, back, active, active, tuple(levels), begins=begins, note=note)

    if not serial:
        return at_rest(
            "there is no rotation to be rolled back"
            if back
            else f"no rotation is under way; {SERIAL}={active.serial} begins one"
        )
    number = _number(serial)
    if number == int(active.serial, 16):
        return at_rest("there is no rotation to be rolled back" if back else "", begins=not back)
    if number not in retired:
        raise RunbookError(f"{SERIAL}: there is no intermediate {serial}; the one that issues is {active.serial}")
    if back:
        raise RunbookError(f"{ROLLBACK}: {serial} was withdrawn, and that cannot be rolled back")
    return at_rest(f"{serial} was replaced already")


def _number(serial: str) -> int:
    try:
        return int(serial.replace(":", ""), 16)
    except ValueError as exc:
        raise RunbookError(f"{SERIAL}: expected hexadecimal digits, got {serial!r}") from exc


def _is_revoked(authority: Authority, generation: Generation) -> bool:
    rows = authority.register(level="root", generation=generation.slot)
    return any(row.serial == generation.serial and row.status == "revoked" for row in rows)


@dataclass(frozen=True)
class Consumer:
    """A set, or a file of authorities that belongs to none, as its host has it."""

    host: str
    service: str
    point: str
    path: str = ""
    serial: str = ""
    issuer: str = ""
    has_trust: bool = True
    reads_lists: bool = False
    trusts: tuple[str, ...] = ()
    foreign: str = ""
    fault: str = ""

    @property
    def name(self) -> str:
        """What it is called, for people."""
        return self.path or f"{self.service} {self.point}"

    @property
    def key(self) -> tuple[str, ...]:
        """What it is on its host."""
        return (self.path,) if self.path else (self.service, self.point)

    @property
    def is_file(self) -> bool:
        """Whether it is a file that belongs to no set."""
        return bool(self.path)


def consumers(host: str, result: Mapping[str, Any]) -> list[Consumer]:
    """The consumers in the result of a host."""
    return [_consumer(host, one) for one in (*result.get("certificates", ()), *result.get("files", ()))]


def _consumer(host: str, one: Mapping[str, Any]) -> Consumer:
    return Consumer(**{**one, "host": host, "trusts": tuple(one["trusts"])})


def key_of(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The key of a consumer by its options."""
    return (given["path"],) if "path" in given else (given["service"], given["point"])


def concerned(plan: RotationPlan, consumer: Consumer) -> bool:
    """Whether one has anything to do with the CA: its certificate is of it, or it trusts it."""
    return consumer.issuer in plan.both or bool(set(consumer.trusts) & plan.both)


def to_issue(plan: RotationPlan, found: Iterable[Consumer]) -> list[Consumer]:
    """The consumers whose certificate is of the outgoing CA."""
    return [one for one in found if one.issuer == plan.outgoing.issuer != plan.remaining.issuer]


def lacking(found: Iterable[Consumer], plan: RotationPlan, wanted: Iterable[str]) -> list[Consumer]:
    """Who does not trust exactly what is wanted of both CAs."""
    exactly = set(wanted)
    return [one for one in found if one.has_trust and concerned(plan, one) and set(one.trusts) != exactly]


def distrusting(plan: RotationPlan, found: Iterable[Consumer]) -> list[Consumer]:
    """The consumers that do not trust the remaining CA."""
    needed = set(plan.remaining.fingerprints)
    return [one for one in found if one.has_trust and concerned(plan, one) and not needed <= set(one.trusts)]


def stage(plan: RotationPlan, found: Sequence[Consumer], *, unfinished: bool = False) -> str:
    """What comes next, by what all hosts have. What a host has half done may be neither the one nor the other."""
    if not plan.under_way:
        return BEGIN if plan.begins else IDLE
    late = to_issue(plan, found) or distrusting(plan, found)
    return SPREAD if unfinished or not plan.issues or late else WITHDRAW


def refuse_unready(found: Iterable[Consumer]) -> None:
    """Raise `RunbookError` where a consumer has no certificate that could be exchanged."""
    without = [f"{one.host}: {one.name}" for one in found if not one.is_file and not one.serial]
    if without:
        raise RunbookError(
            f"{', '.join(without)}: has no certificate that can be read; rotate it first. Nothing was changed"
        )


def preview(plan: RotationPlan, found: Sequence[Consumer], now: str) -> list[str]:
    """What a run is going to do, a line for each thing."""
    if now == IDLE:
        return [f"the CA {plan.remaining.name} stays: {plan.note}"]
    lines = [f"the CA is in the phase {plan.phase}; what comes next: {_NEXT[now]}"]
    if now == BEGIN:
        lines.append(f"the CA {plan.outgoing.name} is replaced by a new one ({' and '.join(plan.levels)})")
    else:
        way = "goes again, and is replaced by" if plan.back else "is replaced by"
        lines.append(f"the CA {plan.outgoing.name} {way} {plan.remaining.name} ({' and '.join(plan.levels)})")
    due = {(one.host, one.name) for one in found if one.issuer == plan.outgoing.issuer}
    for one in found:
        steps = list(_steps(plan, one, now, due=(one.host, one.name) in due))
        lines.append(f"{one.host}: {one.name} {', then '.join(steps)}")
    return lines


def _steps(plan: RotationPlan, one: Consumer, now: str, *, due: bool) -> Iterator[str]:
    """What becomes of one consumer, in its order."""
    if not concerned(plan, one):
        yield "stays: it has nothing to do with this CA"
        return
    if now != WITHDRAW and one.has_trust and (now == BEGIN or set(one.trusts) != plan.both):
        yield "trusts both"
    if now != WITHDRAW and due:
        yield f"gets a certificate in place of {one.serial}"
    if one.has_trust and (now != WITHDRAW or set(one.trusts) != set(plan.remaining.fingerprints)):
        yield "trusts the one that stays alone"
    yield "proves to refuse the other one"


_NEXT = {
    BEGIN: "the next CA is made, and trusted beside the present one",
    SPREAD: "the CA that stays is trusted beside the other one, and issues all certificates",
    WITHDRAW: "all certificates are of the CA that stays; the other one is trusted no more",
}
