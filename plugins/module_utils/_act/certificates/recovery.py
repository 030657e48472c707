# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends the operations on sets that a killed run left half done: what `change` wrote into the journal, and nothing else.

One whose new set was not in service yet is rolled back; any other is finished, or rolled back where the new set is
refused. An operation whose steps or needs are not those of this version is refused before anything of it is ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..._certificates.spec import SET_OPTIONS
from ..._core.errors import RunbookError
from ..._core.names import DONE, ROLLED_BACK
from ..._core.options import Given
from ..journal import Entry, Recover
from . import deploy, trust
from .change import NEEDS, ROLL_BACK, STAGE, STEPS, SWAP, Change, Operation, failure_text
from .set import label

#: Makes the change of an entry again: from the options of its set, what the entry needs of it, and the old set.
Remake = Callable[[Given, Mapping[str, Any], str], Change]


def _remake(given: Given, needed: Mapping[str, Any], old: str) -> Change:
    return Change(given, needed["new"], old)


def _remake_trust(given: Given, needed: Mapping[str, Any], old: str) -> trust.TrustChange:
    return trust.TrustChange(given, needed["new"], old, parts=frozenset(needed["parts"]), had_list=needed["had_list"])


def _identity(given: Given) -> tuple[str, str, str]:
    """What identifies a set among those of a host."""
    return given["directory"], given["service"], given["point"]


def _needed_sets(entry: Entry, needs: Mapping[str, type] = NEEDS) -> list[dict[str, Any]]:
    """What an operation needs of each of its sets; raises `NotUnderstood` where it is not what this version writes."""
    sets = entry.needs.get("sets")
    if not isinstance(sets, list) or not sets:
        raise entry.not_understood("it names no sets")
    for needed in sets:
        if not isinstance(needed, dict) or any(not isinstance(needed.get(key), kind) for key, kind in needs.items()):
            raise entry.not_understood("what it needs to be ended is not written down as this version does")
        given = needed["given"]
        unknown = sorted(set(given) - set(SET_OPTIONS))
        if unknown or any(not isinstance(given.get(name), str) for name in ("directory", "service", "point")):
            raise entry.not_understood(f"a set in it has other options ({', '.join(unknown) or 'some are missing'})")
    return sets


def _can_be_ended(entry: Entry, known: Iterable[Given], needs: Mapping[str, type] = NEEDS) -> bool:
    """Whether ``known``, the sets that this run was given, have the secrets that ending an operation takes."""
    found = set(map(_identity, known))
    return all(_identity(needed["given"]) in found or not needed["secrets"] for needed in _needed_sets(entry, needs))


def recovery(known: Iterable[Given], remake: Remake = _remake, needs: Mapping[str, type] = NEEDS) -> Recover:
    """What ends operations that were cut off; ``known`` are the sets that this run was given, secrets included.

    It raises `NotUnderstood` for an operation whose steps or needs are not those of this version, before it ends
    anything of it.
    """
    by_identity = {_identity(given): given for given in known}

    def recover(entry: Entry) -> tuple[str, str] | None:
        if not _can_be_ended(entry, by_identity.values(), needs):
            return None
        sets = _needed_sets(entry, needs)
        changes = [
            remake(by_identity.get(_identity(needed["given"]), needed["given"]), needed, old)
            for needed, old in zip(sets, _old_sets(entry, len(sets)))
        ]
        return _end(Operation(entry, changes))

    return recover


def _old_sets(entry: Entry, count: int) -> list[str]:
    """The sets that were in service, of each set the one; empty where it is not known yet."""
    unknown = [step for step in entry.steps if step not in STEPS]
    if unknown:
        raise entry.not_understood(f"it has a step {unknown[0]!r}, which this version has not")
    old = entry.learned.get("old", [""] * count if STAGE not in entry.steps else None)
    if not isinstance(old, list) or len(old) != count or not all(isinstance(name, str) for name in old):
        raise entry.not_understood("which sets were in service before is not written down as this version does")
    return old


def _end(operation: Operation) -> tuple[str, str]:
    """Finish an operation that was cut off, or roll it back."""
    steps = operation.entry.steps
    if SWAP not in steps:
        for change in operation.changes:
            change.forget()
        return ROLLED_BACK, "its new set was not in service yet"
    operation.reloaded = True
    if ROLL_BACK in steps:
        return ROLLED_BACK, operation.roll_back("it was being rolled back")
    now = datetime.now(timezone.utc)
    try:
        for change in operation.changes:
            faults = change.faults(now)
            if faults:
                raise RunbookError(f"{label(change.given)}: {'; '.join(faults)}")
        message = operation.go_forward()
    except (RunbookError, OSError) as exc:
        return ROLLED_BACK, operation.roll_back(failure_text(exc, operation.changes[0].given))
    operation.finish()
    return DONE, f"its new set is in service, {message}"


def recoveries(known: Iterable[Given]) -> dict[str, Recover]:
    """What ends operations on sets that were cut off, by procedure: a run that changes a set ends all of them first."""
    sets = list(known)
    return {
        deploy.PROCEDURE: recovery(sets),
        trust.PROCEDURE: recovery(sets, _remake_trust, trust.TRUST_NEEDS),
    }


def pending(unfinished: Iterable[Entry], known: Iterable[Given]) -> list[Entry]:
    """Which operations that were cut off stay as they are in a run that is given the sets ``known``."""
    sets = list(known)
    needs = {deploy.PROCEDURE: NEEDS, trust.PROCEDURE: trust.TRUST_NEEDS}
    return [
        entry
        for entry in unfinished
        if entry.procedure not in needs or not _can_be_ended(entry, sets, needs[entry.procedure])
    ]
