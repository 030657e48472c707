# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is to be revoked and what may not be: decided on the control node, and remembered there by the incident.

The certificates that were in service when an incident was first worked on are written down before the first of them is
replaced. So a run that was killed anywhere, or that could not reach a host, is taken up again by running it again with
the same incident: what is in service and is not what was written down has been replaced already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp

from ..._core.messages import suggest
from ..._pki.authority import Authority
from ..._pki.issuance import serial_text
from ..._pki.register import REASONS
from ..._pki.state import STANDBY
from ..incidents import IncidentStore

SCOPES = ("service", "all")

#: The CA itself is revoked by replacing it: the levels that are replaced by the scope.
LEVELS_OF_SCOPE: Mapping[str, list[str]] = {"intermediate": ["intermediate"], "root": ["root", "intermediate"]}

#: How an incident calls the CA among what is to be revoked.
THE_AUTHORITY = "the CA"

#: Which sessions are ended, by who keeps them.
ENDED = {"postgres": "the sessions of revoked certificates", "redis": "the sessions of all clients but replicas"}

#: Folder of the incidents, below the state of the platform.
FOLDER = "revocations"


@dataclass(frozen=True)
class InService:
    """A set as its host has it now: ``serial`` is empty where there is no certificate."""

    host: str
    service: str
    point: str
    serial: str
    common_name: str
    targeted: bool
    reads_lists: bool
    #: The server that has sessions to be ended, ``postgres`` or ``redis``; empty where there is none.
    sessions: str = ""

    @property
    def name(self) -> str:
        """How the incident calls it."""
        return f"{self.host} {self.service} {self.point}"


@dataclass
class Incident:
    """What is known of an incident; ``old`` are the serial numbers to be revoked by the names of their sets."""

    incident: str
    scope: str
    began_at: str
    old: dict[str, str] = field(default_factory=dict)
    #: Serial numbers that are about to be revoked. Whether they were says the register.
    begun: list[str] = field(default_factory=list)
    #: Serial numbers that have been revoked.
    revoked: list[str] = field(default_factory=list)
    #: Why the CA is revoked; its next run may not say another reason.
    reason: str = ""

    def take_up(self, sets: Iterable[InService]) -> None:
        """Write down the certificates of sets that are not written down yet."""
        for one in sets:
            if one.targeted and one.serial:
                self.old.setdefault(one.name, one.serial)

    def take_up_authority(self, authority: Authority, reason: str) -> str:
        """The serial number of the intermediate that is replaced: of the one that issued when the incident began.

        Raises `RunbookError` where what replaces the CA, or has replaced it, is something else than this incident:
        then it is not known which of the two has the key that was exposed, the root may be the same, and no sessions
        were ended.
        """
        replaced = authority.replaced_levels()
        if authority.phase != STANDBY and not (self.old and set(replaced) == set(LEVELS_OF_SCOPE[self.scope])):
            raise RunbookError(
                f"certificate_revoke_scope: the CA is being replaced already ({' and '.join(replaced)}), and not for"
                f" {self.incident}; end that, or take it back, by certificate_authority_rotate. Nothing was changed"
            )
        now = serial_text(authority.certificates()["intermediate"].serial_number)
        if not self.old:
            self.old, self.reason = {THE_AUTHORITY: now}, reason
        if authority.phase == STANDBY and now != self.old[THE_AUTHORITY] and not self.revoked:
            raise RunbookError(
                f"certificate_revoke_incident: since {self.incident} began, another run replaced the CA: its root may"
                " be the same, and no sessions were ended. Take another incident, which replaces it again. Nothing was"
                " changed"
            )
        return self.old[THE_AUTHORITY]

    def pending(self, sets: Iterable[InService]) -> list[InService]:
        """The sets whose certificate is to be revoked and still in service."""
        return [one for one in sets if one.serial and self.old.get(one.name) == one.serial]


def incidents(state: Path) -> IncidentStore[Incident]:
    """The incidents of a platform for which certificates are revoked."""
    return IncidentStore(state / FOLDER, Incident, option="certificate_revoke_incident")


def opened(store: IncidentStore[Incident], name: str, scope: str) -> Incident:
    """The incident as an earlier run left it, or a new one. Raises `RunbookError`."""
    incident = store.read(name) or Incident(name, scope, timestamp())
    if incident.scope != scope:
        raise RunbookError(
            f"the incident {name} was begun with the scope {incident.scope}; go on with that, or take another incident"
        )
    return incident


def validate(scope: str, services: Sequence[str], *, reason: str = "key_compromise", known: Iterable[str]) -> None:
    """Refuse what means nothing; ``known`` are the services that are described. Raises `RunbookError`."""
    if scope in LEVELS_OF_SCOPE:
        raise RunbookError(
            f"certificate_revoke_scope: {scope} is the CA itself, for which other hosts and other steps are needed:"
            f" give it on the command line, -e certificate_revoke_scope={scope}, and not in the inventory"
        )
    if scope not in SCOPES:
        raise RunbookError(
            f"certificate_revoke_scope: expected one of {', '.join((*SCOPES, *LEVELS_OF_SCOPE))}, got {scope!r}"
        )
    if scope == "service" and not services:
        raise RunbookError("certificate_revoke_services: missing; the scope service needs at least one")
    if scope == "all" and services:
        raise RunbookError("certificate_revoke_services: the scope all has all of them; leave it out")
    known = list(known)
    for name in services:
        if name not in known:
            raise RunbookError(f"certificate_revoke_services: there is no service {name}{suggest(name, known)}")
    refuse_reason(reason)


def refuse_reason(reason: str, variable: str = "certificate_revoke_reason") -> None:
    """Refuse a reason that no list can say. Raises `RunbookError`."""
    if reason not in REASONS:
        raise RunbookError(f"{variable}: expected one of {', '.join(sorted(REASONS))}, got {reason!r}")


def revoking_authority(directory: str, passphrase: str) -> Authority:
    """The CA that issued what is revoked. Raises `RunbookError` where nothing could be revoked with it."""
    if not directory:
        raise RunbookError(
            "certificate_authority_dir: missing; only a CA of one's own can revoke. What an outside issuer"
            " (certificate_issuer_command) made, it has to revoke itself"
        )
    if not passphrase:
        raise RunbookError(
            "certificate_authority_passphrase: missing; nothing can be revoked without the key of the CA"
        )
    return Authority.open(directory, passphrase=passphrase)


class Row(Protocol):
    """A certificate of the register."""

    @property
    def serial(self) -> str:
        """Serial number."""

    @property
    def status(self) -> str:
        """Whether it is valid."""

    @property
    def common_name(self) -> str:
        """Whose it is."""


@dataclass(frozen=True)
class Decision:
    """What is revoked, and what is not though it should be."""

    #: Certificates that were in service, by the names of their sets.
    replaced: dict[str, str]
    #: Others that the CA issued and that are in service nowhere: earlier ones, and those of no described service.
    others: list[str]
    #: Sets whose certificate is still in service, and so is not revoked.
    kept: dict[str, str]
    #: Why the others are left alone, where they are.
    held_back: str = ""

    @property
    def serials(self) -> list[str]:
        """All that is revoked."""
        return list(dict.fromkeys([*self.replaced.values(), *self.others]))


def decide(
    incident: Incident,
    sets: Sequence[InService],
    register: Iterable[Row],
    silent: Mapping[str, str],
    *,
    planned: bool = False,
) -> Decision:
    """What may be revoked now: nothing that is in service anywhere.

    ``silent`` are the hosts that did not answer: what they have in service is not known, so that it is kept, and of
    others only what is known to have been replaced is revoked. ``planned`` decides as if everything that waits had been
    replaced already.
    """
    now = {one.name: one.serial for one in sets if one.serial}
    pending = {} if planned else {one.name: one.serial for one in incident.pending(sets)}
    lost = {
        name: serial
        for name, serial in incident.old.items()
        if serial not in incident.revoked and (name not in now or name.split()[0] in silent)
    }
    kept = {**pending, **lost}
    replaced = {name: serial for name, serial in incident.old.items() if name not in kept}
    # A certificate that two sets share is in service as long as one of them has it.
    used = {serial for name, serial in now.items() if not (planned and incident.old.get(name) == serial)}
    used |= set(kept.values())
    replaced = {name: serial for name, serial in replaced.items() if _number(serial) not in map(_number, used)}
    names = {one.common_name for one in sets if one.name in replaced}
    taken = {_number(serial) for serial in (*used, *replaced.values())}
    others = [
        row.serial
        for row in register
        if row.status == "valid"
        and _number(row.serial) not in taken
        and (incident.scope == "all" or row.common_name in names)
    ]
    if silent and others:
        why = f"what {', '.join(silent)} has in service is not known"
        return Decision(replaced, [], kept, f"{len(others)} other certificates are not revoked, since {why}")
    return Decision(replaced, others, kept)


def revoke(
    store: IncidentStore[Incident], incident: Incident, authority: Authority, decision: Decision, *, reason: str
) -> list[str]:
    """Revoke what was decided and make the lists; returns the serial numbers that this incident had not revoked yet.

    May be called again after it was killed anywhere: what is about to be revoked is written down first, since a
    register in which it is revoked already does not tell for which incident that was.
    """
    incident.begun = list(dict.fromkeys([*incident.begun, *decision.serials]))
    store.write(incident.incident, incident)
    if decision.serials:
        authority.revoke(*decision.serials, reason=reason)
    # In the lists before any result says that it is revoked.
    authority.crls()
    done = {_number(row.serial) for row in authority.register() if row.status == "revoked"}
    fresh = [serial for serial in incident.begun if _number(serial) in done and serial not in incident.revoked]
    incident.revoked += fresh
    incident.begun = []
    store.write(incident.incident, incident)
    return fresh


def _number(serial: str) -> int:
    return int(serial, 16)


def of_host(host: str, result: Mapping[str, Any]) -> list[InService]:
    """The sets in the result of a host."""
    return [InService(**{**one, "host": host}) for one in result["sets"]]
