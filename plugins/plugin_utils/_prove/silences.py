# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Silences and acknowledgements: what an operator decided not to fail for, until when, and why.

They are actions in the ledger, each in a run of its own, so that they are as tamper-evident as everything in there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN

from .._core import time as moments

#: The procedure of the runs that hold them; no run that looks has this name.
PROCEDURE = "silence"

SILENCE = "silence"
ACKNOWLEDGEMENT = "acknowledgement"
EXPIRED = "expired"
#: What ledgers of before 1.0 call it.
_EXPIRED_BEFORE = "taken_back"

#: What has been done to a check, as a sentence has it.
PARTICIPLES = {SILENCE: "silenced", ACKNOWLEDGEMENT: "acknowledged"}


@dataclass(frozen=True)
class Silence:
    """A silence or an acknowledgement; ``id`` is the run of the ledger that holds it.

    Patterns of one sort are alternatives; no pattern matches everything.
    """

    kind: str
    reason: str
    by: str
    until: str
    hosts: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    id: int = 0
    at: str = ""

    def matches(self, check: Check) -> bool:
        """Whether it is about this check: its host (the observer or the owner), its service and its id.

        What a run says about itself cannot be matched: a ledger that cannot be written, a wrong description. A host
        that does not answer has a check of that kind, too, but of its own: it is matched where its id is written out.
        """
        if check.service == RUN and not (check.host and check.id in self.checks):
            return False
        return (
            _any(self.hosts, (check.host, check.owner))
            and (check.service == RUN or _any(self.services, (check.service,)))
            and _any(self.checks, (check.id,))
        )

    def ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return moments.moment(self.until) <= now

    @property
    def scope(self) -> str:
        """What it is about, in words."""
        given = {"hosts": self.hosts, "services": self.services, "checks": self.checks}
        return ", ".join(f"{name} {' '.join(patterns)}" for name, patterns in given.items() if patterns)

    @property
    def end(self) -> str:
        """When it ends, in words."""
        return moments.spoken(moments.moment(self.until))

    def as_action(self) -> dict[str, Any]:
        """What the ledger keeps; it knows the rest from the row of the run."""
        return {
            "what": self.kind,
            "hosts": list(self.hosts),
            "services": list(self.services),
            "checks": list(self.checks),
            "reason": self.reason,
            "until": self.until,
        }

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {"id": self.id, **self.as_action(), "by": self.by, "at": self.at}

    def same(self, other: Silence) -> bool:
        """Whether the other one says the same, whichever operator made it, and when."""
        return self.as_action() == other.as_action()

    def __str__(self) -> str:
        number = f" {self.id}" if self.id else ""
        return f"{self.kind}{number} of {self.scope} until {self.end}, by {self.by}: {self.reason}"


def expiring(silence: Silence, reason: str) -> dict[str, Any]:
    """The action that ends one before its time."""
    return {"what": EXPIRED, "id": silence.id, "reason": reason}


def standing(recorded: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[Silence]:
    """The silences that no operator ended, from runs and their actions, oldest first; some are over by themselves."""
    found: dict[int, Silence] = {}
    for run, action in recorded:
        if action.get("what") in (EXPIRED, _EXPIRED_BEFORE):
            found.pop(action["id"], None)
        elif action.get("what") in PARTICIPLES:
            found[run["sequence"]] = Silence(
                kind=action["what"],
                reason=action["reason"],
                until=action["until"],
                by=run["who"],
                at=run["finished_at"],
                id=run["sequence"],
                **{name: tuple(action[name]) for name in ("hosts", "services", "checks")},
            )
    return list(found.values())


def without_groups(silence: Silence, groups: Mapping[str, list[str]]) -> Silence:
    """The same silence with the hosts of a group in place of its name: the ledger must not depend on an inventory."""
    hosts: dict[str, None] = {}
    for pattern in silence.hosts:
        hosts.update(dict.fromkeys(groups.get(pattern) or [pattern]))
    return replace(silence, hosts=tuple(hosts))


def _any(patterns: Iterable[str], names: Iterable[str]) -> bool:
    wanted = list(patterns)
    return not wanted or any(fnmatchcase(name, pattern) for name in names if name for pattern in wanted)
