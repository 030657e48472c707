# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small certificate authority on the control node, for a platform that has none.

A root signs an intermediate, and the intermediate signs everything else. The directory is one that ``openssl ca`` works
with: its ``index.txt`` is the register. Every change is made under one lock, and a run that takes it first finishes
what one that was killed had begun. A certificate stands in the register before it is handed out.

The CA itself is replaced in phases, in which two generations stand side by side::

    standby ── prepare_next ──► prepared ── activate_next ──► activated ── withdraw_previous ──► standby
       ▲                         │    ▲                           │
       └───── abandon_next ──────┘    └── reactivate_previous ────┘
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .crypto import NameOID, serialization, x509
from .directory import WAIT, CaDirectory, Plan
from .issuance import DAY, Issued, is_self_signed, now_utc, pem, read_request, serial_text, wish
from .layout import MAKING, RETIRED, Layout, fingerprint
from .level import STEMS, Level, crl_number
from .register import REASONS
from .signing import CLOCK_GRACE, key_type_of, service_certificate
from .state import ACTIVATED, PREPARED, STANDBY, State


@dataclass(frozen=True)
class Registered:
    """A certificate of the register. ``status`` is ``valid``, ``expired`` or ``revoked``."""

    generation: str
    level: str
    serial: str
    status: str
    common_name: str
    organizational_unit: str
    subject: str
    not_after: datetime
    revoked_at: datetime | None
    reason: str


@dataclass(frozen=True)
class Summary:
    """A CA at a glance: ``counts`` has the number of certificates by status, ``crls`` level, path, number and end."""

    phase: str
    certificates: dict[str, x509.Certificate]
    fingerprints: dict[str, str]
    counts: dict[str, int]
    crls: list[tuple[str, Path, int, datetime | None]]


@dataclass(frozen=True)
class PresentList:
    """A list of revoked certificates: its issuer, as hexadecimal DER, and why the next one is due, if it is."""

    issuer: str
    name: str
    number: int
    text: str
    due: str


class Authority:
    """A CA that `_authority_making.ensure` made or adopted."""

    def __init__(self, ca: CaDirectory) -> None:
        self._ca = ca

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        passphrase: str = "",
        root_passphrase: str = "",
        clock: Callable[[], datetime] = now_utc,
        wait: float = WAIT,
    ) -> Authority:
        """A CA that is there. Without a passphrase it can only be read.

        ``root_passphrase`` is needed where the root has another one. ``clock`` returns aware whole seconds, ``wait`` is
        how many seconds to wait for other runs. Changes nothing. Raises `RunbookError` where there is no CA, and where
        the passphrase is not that of the key.
        """
        ca = CaDirectory(directory, passphrase=passphrase, root_passphrase=root_passphrase, clock=clock, wait=wait)
        with ca.locked(shared=True):
            layout = ca.layout()
            # What a killed run left half way is finished by the run that changes something next, and tried then.
            if passphrase and layout.state.pending is None:
                layout.verify()
                ca.signer(layout.level("intermediate"))
        return cls(ca)

    # --- asking

    @property
    def phase(self) -> str:
        """How far a rotation of the CA is: ``standby``, ``prepared`` or ``activated``."""
        with self._ca.reading() as layout:
            return layout.state.phase

    def register(self, *, generation: str = "active", level: str = "intermediate") -> list[Registered]:
        """What was issued, the oldest first. The register of the root has the intermediates."""
        with self._ca.reading() as layout:
            return self._registered(layout, generation, level)

    def outstanding(self) -> list[Registered]:
        """What the previous CA issued and is still valid, for names that the active one has not issued for since."""
        with self._ca.reading() as layout:
            return self._outstanding(layout)

    def certificates(self, *, generation: str = "active") -> dict[str, x509.Certificate]:
        """The certificates of root and intermediate by the names of their levels."""
        with self._ca.reading() as layout:
            return {name: layout.level(name, generation).certificate() for name in STEMS}

    def replaced_levels(self) -> tuple[str, ...]:
        """The levels that the rotation under way replaces; none where there is no rotation."""
        with self._ca.reading() as layout:
            own = layout.state.slots.get("next") or layout.state.slots.get("previous") or {}
            return tuple(name for name in STEMS if name in own)

    def retired(self) -> list[x509.Certificate]:
        """The certificates of intermediates of the past: withdrawn, or abandoned before any host relied on them."""
        with self._ca.reading() as layout:
            return [level.certificate() for level in layout.retired() if level.name == "intermediate"]

    def chain(self, *, generation: str = "active") -> str:
        """Intermediate and root, as PEM."""
        with self._ca.reading() as layout:
            return pem(layout.chain(generation))

    def trust_bundle(self) -> str:
        """What every client and server has to trust now, as PEM: in a rotation, the old CA and the new one."""
        with self._ca.reading() as layout:
            return pem(layout.trusted())

    def summary(self) -> Summary:
        """The active CA at a glance."""
        with self._ca.reading() as layout:
            levels = {name: layout.level(name) for name in STEMS}
            certificates = {name: level.certificate() for name, level in levels.items()}
            statuses = [row.status for row in self._registered(layout, "active", "intermediate")]
            crls = [(name, level.crl_path, level.crl()) for name, level in levels.items()]
            return Summary(
                phase=layout.state.phase,
                certificates=certificates,
                fingerprints={name: fingerprint(certificate) for name, certificate in certificates.items()},
                counts={status: statuses.count(status) for status in ("valid", "expired", "revoked")},
                crls=[
                    (name, path, crl_number(crl), crl.next_update_utc) for name, path, crl in crls if crl is not None
                ],
            )

    # --- issuing and revoking

    def issue(
        self,
        csr: str,
        *,
        profile: str,
        names: Sequence[str],
        common_name: str = "",
        days: float = 30,
        organizational_unit: str = "",
        generation: str = "active",
    ) -> Issued:
        """Issue a certificate for the key of a request; its subject and names are those given here, not the request's.

        ``names`` are DNS names and addresses, ``days`` end with the CA's own at the latest, and ``generation`` is
        ``next`` or ``previous`` for a certificate that proves whether that CA is trusted. Raises `RunbookError`.
        """
        wanted = wish(
            profile=profile,
            names=names,
            common_name=common_name,
            days=days,
            organizational_unit=organizational_unit,
        )
        request = read_request(csr)
        with self._ca.changing() as layout:
            if generation not in ("active", "next", "previous"):
                raise RunbookError(f"generation: expected active, next or previous, got {generation!r}")
            level = layout.level("intermediate", generation)
            certificate = service_certificate(
                wanted,
                request.public_key(),
                serial=level.unused_serial(level.rows()),
                now=self._ca.now(),
                signer=self._ca.signer(level),
            )
            level.enter(certificate)
            chain = [each for each in layout.chain(generation) if not is_self_signed(each)]
            return Issued(
                certificate=pem([certificate]),
                chain=pem(chain),
                fullchain=pem([certificate, *chain]),
                ca=pem(layout.trusted()),
                serial=serial_text(certificate.serial_number),
                not_after=certificate.not_valid_after_utc,
            )

    def revoke(self, *serials: str, reason: str = "unspecified", generation: str = "active") -> list[str]:
        """Revoke certificates, all or none; `crl` then has them. Returns the serials that were not revoked before.

        Raises `RunbookError` for a serial that was never issued.
        """
        with self._ca.changing() as layout:
            return self._revoke(layout.level("intermediate", generation), serials, reason)

    def revoke_all(self, *, reason: str, keep: Sequence[str] = (), generation: str = "active") -> list[str]:
        """Revoke everything valid that a generation issued, except for the serials to ``keep`` (the replacements)."""
        kept = {_number(serial) for serial in keep}
        with self._ca.changing() as layout:
            level = layout.level("intermediate", generation)
            now = self._ca.now()
            found = [row.serial for row in level.rows() if row.status(now) == "valid" and row.number not in kept]
            return self._revoke(level, found, reason)

    def revoke_intermediate(self, *, generation: str = "previous", reason: str = "ca_compromise") -> list[str]:
        """Revoke an intermediate by its root, after `activate_next` has put another one in its place.

        A root cannot be revoked: it is withdrawn from every client and server that trusts it (`withdraw_previous`).
        """
        with self._ca.changing() as layout:
            number = layout.level("intermediate", generation).certificate().serial_number
            return self._revoke(layout.level("root", generation), [serial_text(number)], reason)

    def crl(self, *, level: str = "intermediate", generation: str = "active") -> str:
        """The list of a level, as PEM; a new one with the next number where the present one no longer does."""
        with self._ca.changing() as layout:
            return self._ca.crl(layout, layout.level(level, generation))

    def crls(self) -> str:
        """The lists of all levels of all trusted generations, as PEM: what a server that checks every link needs.

        A root whose key is kept elsewhere has the list that was put there, if any.
        """
        with self._ca.changing() as layout:
            return "".join(self._ca.crl(layout, level) for _slot, level in layout.levels())

    def lists(self) -> list[PresentList]:
        """The lists as they are now, of all levels of all trusted generations; changes nothing and needs no key."""
        with self._ca.reading() as layout:
            now = self._ca.now()
            return [
                PresentList(
                    issuer=level.certificate().subject.public_bytes().hex(),
                    name=level.name,
                    number=crl_number(crl),
                    text=crl.public_bytes(serialization.Encoding.PEM).decode(),
                    due=level.crl_is_due(now) if self._ca.can_renew(level) else "",
                )
                for _slot, level in layout.levels()
                if (crl := level.crl()) is not None
            ]

    # --- replacing the CA

    def recover(self) -> None:
        """Finish what a run that was killed had begun; every run that changes something does that first, too."""
        with self._ca.changing():
            pass

    def prepare_next(self, *, levels: Sequence[str] = ("root", "intermediate")) -> None:
        """Make the next CA beside the active one; from now on `trust_bundle` has both.

        With ``levels`` of the intermediate alone, the root stays. Does nothing where it was done before.
        """
        with self._ca.changing() as layout:
            if layout.state.phase == PREPARED and set(layout.state.slots["next"]) == set(levels):
                return
            _expect(layout.state, STANDBY, "prepare_next")
            if set(levels) not in ({"root", "intermediate"}, {"intermediate"}):
                raise RunbookError("levels: expected root and intermediate, or the intermediate alone")
            self._prepare(layout, levels)

    def activate_next(self) -> None:
        """Let the next CA issue from now on; `trust_bundle` still has both. Does nothing where it was done before."""
        with self._ca.changing() as layout:
            if layout.state.phase == ACTIVATED:
                return
            _expect(layout.state, PREPARED, "activate_next")
            self._swap(layout, "next", "previous", ACTIVATED)

    def reactivate_previous(self) -> None:
        """Take `activate_next` back: the previous CA issues again, and the other one is the next again."""
        with self._ca.changing() as layout:
            if layout.state.phase == PREPARED:
                return
            _expect(layout.state, ACTIVATED, "reactivate_previous")
            self._swap(layout, "previous", "next", PREPARED)

    def withdraw_previous(self, *, force: bool = False) -> None:
        """Stop trusting the previous CA and keep it in ``retired``: the end of a rotation, which cannot be rolled back.

        Refused while a certificate is valid for names that the active CA has issued nothing for, unless ``force``.
        """
        with self._ca.changing() as layout:
            if layout.state.phase == STANDBY:
                return
            _expect(layout.state, ACTIVATED, "withdraw_previous")
            left = sorted({f"{row.common_name} ({row.serial})" for row in self._outstanding(layout)})
            if left and not force:
                raise RunbookError(
                    f"the previous CA cannot be withdrawn: {', '.join(left)} would no longer be trusted; "
                    "issue anew for them, revoke them, or force it"
                )
            self._retire(layout, "previous")

    def abandon_next(self) -> None:
        """Stop trusting the next CA and keep it in ``retired``: rolls `prepare_next` back."""
        with self._ca.changing() as layout:
            if layout.state.phase == STANDBY:
                return
            if layout.state.phase == ACTIVATED:
                raise RunbookError(
                    "the next CA is the active one already: call reactivate_previous, issue anew from that one, and "
                    "then abandon_next"
                )
            self._retire(layout, "next")

    # --- inside the lock

    def _registered(self, layout: Layout, generation: str, level: str) -> list[Registered]:
        if level not in STEMS:
            raise RunbookError(f"level: expected one of {', '.join(STEMS)}, got {level!r}")
        now = self._ca.now()
        return [
            Registered(
                generation=generation,
                level=level,
                serial=row.serial,
                status=row.status(now),
                common_name=row.part("CN"),
                organizational_unit=row.part("OU"),
                subject=row.subject,
                not_after=row.not_after,
                revoked_at=row.revoked_at,
                reason=row.reason,
            )
            for row in layout.level(level, generation).rows()
        ]

    def _outstanding(self, layout: Layout) -> list[Registered]:
        if layout.state.phase != ACTIVATED:
            return []
        served = {
            (row.common_name, row.organizational_unit)
            for row in self._registered(layout, "active", "intermediate")
            if row.status == "valid"
        }
        return [
            row
            for row in self._registered(layout, "previous", "intermediate")
            if row.status == "valid" and (row.common_name, row.organizational_unit) not in served
        ]

    def _revoke(self, level: Level, serials: Sequence[str], reason: str) -> list[str]:
        if reason not in REASONS:
            raise RunbookError(f"reason: expected one of {', '.join(REASONS)}, got {reason!r}")
        rows = level.rows()
        wanted = {_number(serial) for serial in serials}
        unknown = wanted - {row.number for row in rows}
        if unknown:
            raise RunbookError(
                f"serial: {', '.join(map(serial_text, sorted(unknown)))} is not in {level.index_path}; nothing was "
                "revoked"
            )
        # Nothing of a CA that cannot publish it is revoked.
        self._ca.signer(level)
        fresh = [row.serial for row in rows if row.number in wanted and not row.revoked]
        if fresh:
            now = self._ca.now()
            level.write_rows(row.revoke(reason, now) if row.serial in fresh else row for row in rows)
        return fresh

    def _prepare(self, layout: Layout, levels: Sequence[str]) -> None:
        plans = {}
        for name in STEMS:
            if name in levels:
                like = layout.level(name).certificate()
                days = (like.not_valid_after_utc - like.not_valid_before_utc - CLOCK_GRACE) / DAY
                plans[name] = Plan(_next_generation(like.subject), key_type_of(like), days)
        made = self._ca.build(plans, root=None if "root" in levels else layout.level("root"))
        layout = self._ca.move(layout, [[MAKING, "next"]], PREPARED, {**layout.state.slots, "next": made})
        for _slot, level in layout.levels():
            self._ca.crl(layout, level)

    def _swap(self, layout: Layout, incoming: str, outgoing: str, phase: str) -> None:
        """Put the generation of one slot where the active one is, and that into the other slot."""
        arriving = layout.state.slots[incoming]
        active = layout.state.slots["active"]
        moves = []
        for name in arriving:
            moves += [[name, f"{outgoing}/{name}"], [f"{incoming}/{name}", name]]
        slots = {"active": {**active, **arriving}, outgoing: {name: active[name] for name in arriving}}
        self._ca.move(layout, moves, phase, slots)

    def _retire(self, layout: Layout, slot: str) -> None:
        number = layout.level("intermediate", slot).certificate().serial_number
        target = f"{RETIRED}/{self._ca.now():%Y%m%dT%H%M%S}-{serial_text(number)[:8]}"
        self._ca.move(layout, [[slot, target]], STANDBY, {"active": layout.state.slots["active"]})


def _next_generation(subject: x509.Name) -> x509.Name:
    """The subject of the next CA: ``XORB Root CA`` is followed by ``XORB Root CA G2``."""
    attributes = []
    for attribute in subject:
        value = attribute.value
        if attribute.oid == NameOID.COMMON_NAME and isinstance(value, str):
            counted = re.fullmatch(r"(.*) G(\d+)", value)
            value = f"{counted[1]} G{int(counted[2]) + 1}" if counted else f"{value} G2"
        attributes.append(x509.NameAttribute(attribute.oid, value))
    return x509.Name(attributes)


def _number(serial: str) -> int:
    try:
        return int(serial.replace(":", ""), 16)
    except ValueError as exc:
        raise RunbookError(f"serial: expected hexadecimal digits, got {serial!r}") from exc


def _expect(state: State, phase: str, what: str) -> None:
    if state.phase != phase:
        raise RunbookError(f"{what} needs the phase {phase}, and the CA is in {state.phase}")
