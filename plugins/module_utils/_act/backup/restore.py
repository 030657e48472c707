# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restores a set: beside what is in service, compared with its manifest, and only then by a swap that can be undone."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable

from ..._backup import manifest as manifests
from ..._backup.backup_set import BackupSet
from ..._backup.manifest import Manifest
from ..._core.errors import RunbookError
from ..._core.names import DONE, ROLLED_BACK
from ..._core.text import size, some_of
from ..journal import Entry, Journal, Recover
from ..progress import Progress
from . import inside, scratch
from .create import store_of
from .engine import Proof
from .method import Method
from .methods import method_of
from .offsite.origin import Origin
from .restorer import BEFORE, UNDONE, Destination, Request, Restorer
from .restorers import restorer_of
from .space import Need, shortages

PROCEDURE = "backup_restore"

#: What an operation of this procedure can be.
RESTORE, UNDO, DROP, RELEASE = "restore", "undo", "drop", "release"

#: Where the plain files are, in the scratch folder.
_PLAIN = "plain"

_KEPT = re.compile(rf"(?P<name>.+)(?P<what>{BEFORE}|{UNDONE})(?P<stamp>\d{{8}}T\d{{6}}Z)\Z", re.DOTALL)


@dataclass(frozen=True)
class Prepared:
    """A restore that was decided and not begun: the set, where it goes, what there is to say, and why it is refused.

    ``seconds`` is how long the restore took when the set was verified.
    """

    set: BackupSet
    manifest: Manifest
    destination: Destination
    lines: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What was restored. Times in seconds: until it was verified and in its place, and how much is lost.

    ``faults`` are the differences to the manifest that were accepted, since the set was never verified.
    """

    set: str
    name: str
    kept: str
    in_place: bool
    seconds: float
    lost_seconds: float
    faults: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def chosen(sets: Sequence[BackupSet], request: Request) -> BackupSet:
    """The set that is restored; ``sets`` are the newest first. Raises `RunbookError` where there is none that may be.

    By its name, or the newest one that was begun at the time or before it, else the newest that was verified.
    """
    if request.set:
        return _usable(next((one for one in sets if one.id == request.set), None), request.set, sets, request)
    if request.at is not None:
        before = [one for one in sets if one.earliest <= request.at]
        return _usable(next(iter(before), None), f"of {_iso(request.at)} or before it", before or sets, request)
    verified = [one for one in sets if one.verified and one.manifest]
    if verified and not request.unverified:
        return verified[0]
    return _usable(next((one for one in sets if one.manifest), None), "that is whole", sets, request)


def prepare(given: Mapping[str, Any], request: Request, now: float, origin: Origin | None = None) -> Prepared:
    """Decide what is restored and where to. Changes nothing; raises `RunbookError` where nothing can be decided.

    ``origin`` is the copy that the set is brought back from, unless it is one of this host's.
    """
    sets = [origin.set] if origin else store_of(given).sets()
    one = chosen(sets, request)
    if one.manifest is None:
        raise RunbookError(f"the set {one.id} cannot be restored: {one.fault}")
    restorer = restorer_of(given)
    destination = restorer.destination(one.manifest, request, manifests.id_of(now))
    if request.transaction and not destination.transaction:
        raise RunbookError(f"{one.id} is of one moment: nothing leads from it to a transaction")
    found = restorer.forecast(one.manifest, destination)
    newer = [each.id for each in sets[: sets.index(one)]]
    age, standing = _age(now - one.begin), _standing(one, request)
    lines = [f"{one.id} of {_iso(one.begin)}, {age} old, {standing}, {size(one.manifest.size)}"]
    if newer:
        lines.append(f"newer sets are left out: {some_of(newer, 3)}")
    return Prepared(
        one,
        one.manifest,
        destination,
        (*(origin.lines() if origin else ()), *lines, *found.lines),
        (*found.refused, *_shortages(given, one.manifest, [*(origin.needs() if origin else ()), *found.needs])),
        _predicted(one, origin),
    )


def refusals(given: Mapping[str, Any], prepared: Prepared, identities: Sequence[str]) -> list[str]:
    """Why a restore is refused that was decided, before anything of it is done."""
    return [*prepared.refused, *method_of(given).undecryptable([prepared.manifest], identities)]


def bring(
    given: Mapping[str, Any],
    request: Request,
    identities: Sequence[str],
    origin: Origin,
    journal: Journal,
    progress: Progress,
) -> Request:
    """Bring the set of a restore back from its copy, once nothing refuses the restore; returns what is restored then.

    Raises `RunbookError` with nothing changed. The set stays, whatever becomes of the restore.
    """
    if refused := refusals(given, prepare(given, request, time.time(), origin), identities):
        raise RunbookError("; ".join(refused))
    origin.fetch(journal, progress)
    return replace(request, set=origin.set.id, at=None)


def restore(
    given: Mapping[str, Any],
    request: Request,
    identities: Sequence[str],
    journal: Journal,
    progress: Progress,
    begin: float | None = None,
) -> Outcome:
    """Restore a set; raises `RunbookError`, and then all is as it was before.

    ``begin`` is when the restore was begun, where that was before this, in seconds since 1970.
    """
    begin = begin or time.time()
    progress.phase("preparing")
    prepared = prepare(given, request, time.time())
    if refused := refusals(given, prepared, identities):
        raise RunbookError("; ".join(refused))
    folder = scratch.choose(given.get("scratch"))
    destination, restorer = prepared.destination, restorer_of(given)
    entry = journal.begin(
        PROCEDURE,
        _subject(given, destination.name),
        {
            "operation": RESTORE,
            "service": given["service"],
            "backup": given["backup"],
            "set": prepared.set.id,
            "begin": begin,
            "scratch": str(folder),
            "destination": destination.as_dict(),
            "container": restorer.container(),
        },
    )
    try:
        scratch.make_chosen(folder)
        proof = _built(method_of(given), restorer, prepared, request, identities, folder, entry, progress)
        entry.step("swap")
        progress.phase("putting it in place")
        restorer.swap(destination)
        restorer.tidy(destination)
    except BaseException as exc:
        _clean(restorer, destination, folder, entry, exc)
        raise
    _clear(folder, entry.needs["container"])
    entry.end(DONE, f"the set {prepared.set.id} is restored as {destination.name}")
    return Outcome(
        set=prepared.set.id,
        name=destination.name,
        kept=destination.kept if destination.kept in restorer.kept() else "",
        in_place=destination.in_place,
        seconds=time.time() - begin,
        lost_seconds=begin - (destination.at or prepared.set.earliest),
        faults=proof.faults,
        facts=proof.facts,
    )


def undo(given: Mapping[str, Any], name: str, journal: Journal, progress: Progress) -> str:
    """Put back what an earlier restore replaced; returns what that which was restored is called now."""
    destination = find_kept(given, name, undo=True)
    progress.phase("putting back")
    restorer = restorer_of(given)
    needs = {**_about(given), "operation": UNDO, "destination": destination.as_dict()}
    entry = journal.begin(PROCEDURE, _subject(given, destination.name), needs)
    entry.step("undo")
    try:
        restorer.undo(destination)
    except BaseException as exc:
        restorer.cancel_undo(destination)
        entry.end("failed", str(exc))
        raise
    entry.end(DONE, f"{name} is {destination.name} again")
    return destination.undone


def drop(given: Mapping[str, Any], name: str, journal: Journal, progress: Progress) -> None:
    """Remove for good what was kept of a restore. The name has to be that of one, typed in full."""
    destination = find_kept(given, name, undo=False)
    progress.phase("removing what was kept")
    needs = {**_about(given), "operation": DROP, "name": name, "destination": destination.as_dict()}
    entry = journal.begin(PROCEDURE, _subject(given, name), needs)
    entry.step("drop")
    try:
        restorer_of(given).drop(name)
    except BaseException as exc:
        entry.end("failed", str(exc))
        raise
    entry.end(DONE, f"{name} is gone")


def release(given: Mapping[str, Any], name: str, journal: Journal, progress: Progress) -> list[str]:
    """Release what is held back in a copy, by the copy's name typed in full; returns what that was."""
    found = find_held(given, name)
    progress.phase("releasing")
    destination = Destination(name, "", "", in_place=False, replaces=False)
    needs = {**_about(given), "operation": RELEASE, "destination": destination.as_dict()}
    entry = journal.begin(PROCEDURE, _subject(given, name), needs)
    entry.step("release")
    try:
        restorer_of(given).release(name)
    except BaseException as exc:
        entry.end("failed", str(exc))
        raise
    entry.end(DONE, f"{name} is released")
    return found


def find_held(given: Mapping[str, Any], name: str) -> list[str]:
    """What is held back in a copy; raises `RunbookError` where that is nothing."""
    held = restorer_of(given).held()
    if name not in held:
        raise RunbookError(f"nothing is held back in {name!r}; copies with anything: {some_of(held, 5) or 'none'}")
    return list(held[name])


def find_kept(given: Mapping[str, Any], name: str, *, undo: bool) -> Destination:
    """The restore that something was kept of, to be put back or removed; raises `RunbookError` where there is none."""
    kept = [each for each in restorer_of(given).kept() if BEFORE in each or not undo]
    match = _KEPT.match(name)
    if match is None or name not in kept:
        raise RunbookError(f"nothing is kept as {name!r}; what is kept: {some_of(kept, 5) or 'nothing'}")
    return Destination(match["name"], "", match["stamp"], in_place=True, replaces=True)


def recoveries(given: Mapping[str, Any]) -> Mapping[str, Recover]:
    """What ends the operations of this procedure on one backup; those of others are left for theirs."""

    def recover(entry: Entry) -> tuple[str, str] | None:
        if (entry.needs.get("service"), entry.needs.get("backup")) != (given["service"], given["backup"]):
            return None
        try:
            destination = Destination.of(entry.needs["destination"])
            ending = _ENDINGS[entry.needs["operation"]]
        except (KeyError, TypeError) as exc:
            raise entry.not_understood("it names no destination that this version writes") from exc
        return ending(restorer_of(given), destination, entry)

    return {PROCEDURE: recover}


def subject_of(given: Mapping[str, Any], prepared: Prepared) -> str:
    """What the journal calls a restore that was decided."""
    return _subject(given, prepared.destination.name)


def _end_restore(restorer: Restorer, destination: Destination, entry: Entry) -> tuple[str, str]:
    """What was swapped stays, since clients may have written to it; whatever had not come to that is removed."""
    folder = Path(entry.needs["scratch"])
    if not scratch.is_one(folder):
        raise entry.not_understood("its scratch folder has another name than this version gives one")
    _clear(folder, entry.needs["container"])
    if "swap" in entry.steps and restorer.in_effect(destination):
        restorer.tidy(destination)
        return DONE, f"the set {entry.needs['set']} is restored as {destination.name}"
    restorer.put_back(destination)
    return ROLLED_BACK, f"{destination.name} is what it was before"


def _end_undo(restorer: Restorer, destination: Destination, entry: Entry) -> tuple[str, str]:
    if "undo" in entry.steps and restorer.is_undone(destination):
        return DONE, f"{destination.kept} is {destination.name} again"
    restorer.cancel_undo(destination)
    return ROLLED_BACK, f"{destination.name} is still what was restored"


def _end_drop(restorer: Restorer, _destination: Destination, entry: Entry) -> tuple[str, str]:
    if "drop" not in entry.steps:
        return ROLLED_BACK, f"{entry.needs['name']} is still kept"
    restorer.drop(entry.needs["name"])
    return DONE, f"{entry.needs['name']} is gone"


def _end_release(restorer: Restorer, destination: Destination, entry: Entry) -> tuple[str, str]:
    if "release" not in entry.steps:
        return ROLLED_BACK, f"what is held back in {destination.name} still is"
    restorer.release(destination.name)
    return DONE, f"{destination.name} is released"


_ENDINGS: Mapping[str, Callable[[Restorer, Destination, Entry], tuple[str, str]]] = {
    RESTORE: _end_restore,
    UNDO: _end_undo,
    DROP: _end_drop,
    RELEASE: _end_release,
}


def _built(
    method: Method,
    restorer: Restorer,
    prepared: Prepared,
    request: Request,
    identities: Sequence[str],
    folder: Path,
    entry: Entry,
    progress: Progress,
) -> Proof:
    """What was restored beside, proved; raises `RunbookError` where it may not take the place of anything."""
    entry.step("read")
    one, manifest, destination = prepared.set, prepared.manifest, prepared.destination
    if faults := method.read(one, manifest, progress):
        raise RunbookError(f"the set {one.id} is damaged: {some_of(faults, 3, '; ')}; nothing was changed")
    plain = folder / _PLAIN
    plain.mkdir(mode=0o711)
    method.unpack(one, manifest, identities, plain, progress)
    if refused := restorer.examine(plain, manifest, destination):
        raise RunbookError("; ".join(refused))
    entry.step("build")
    proof = restorer.build(plain, manifest, destination, progress)
    if proof.faults and (destination.in_place or not request.unverified):
        found = some_of(proof.faults, 5, "; ")
        raise RunbookError(f"what was restored is not what the manifest says, and is removed: {found}")
    return proof


def _clean(
    restorer: Restorer, destination: Destination, folder: Path, entry: Entry, exc: BaseException
) -> None:  # fmt: skip
    """Leave all as it was. Where that fails, the operation stays in the journal, and the next run ends it."""
    try:
        _clear(folder, entry.needs["container"])
        if {"build", "swap"} & set(entry.steps):
            restorer.put_back(destination)
    except RunbookError as also:
        raise RunbookError(
            f"{exc}; what was begun cannot be rolled back now, and the next run does that: {also}"
        ) from exc
    entry.end("failed", str(exc))


def _clear(folder: Path, container: str) -> None:
    """End all that works on the files of the set, and remove them: in its container first, which may be at work."""
    inside.clean(container, folder / _PLAIN)
    if folder.exists():
        scratch.clean(folder)


def _usable(one: BackupSet | None, wanted: str, sets: Sequence[BackupSet], request: Request) -> BackupSet:
    known = some_of((each.id for each in sets), 5) or "none"
    if one is None:
        raise RunbookError(f"there is no set {wanted}; the newest are: {known}")
    if one.manifest is None:
        raise RunbookError(f"the set {one.id} cannot be restored: {one.fault}; the newest are: {known}")
    if not one.verified and not request.unverified and not (request.origin and not one.failed):
        verified = next((f"; {each.id} is the newest that was" for each in sets if each.verified), "")
        only = "is restored only with backup_restore_unverified: true"
        raise RunbookError(f"the set {one.id} {_standing(one, request)}, and {only}{verified}")
    return one


def _standing(one: BackupSet, request: Request) -> str:
    if one.verified:
        return "verified"
    if one.fault:
        return f"is damaged ({one.fault})"
    if one.receipt is None and request.origin:
        return "copied once it was verified"
    if one.receipt is None:
        return "was never verified"
    return f"failed its verification ({some_of(one.receipt.faults, 1)})"


def _about(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"service": given["service"], "backup": given["backup"]}


def _subject(given: Mapping[str, Any], name: str) -> str:
    return f"{given['service']}.{given['backup']} as {name}"


def _shortages(given: Mapping[str, Any], manifest: Manifest, needs: Sequence[Need]) -> Iterator[str]:
    """Why there is no room for what is restored, together with the plain files of the set meanwhile."""
    needed = method_of(given).room(manifest, to_prove=False)
    reading = Need(Path(given.get("scratch") or tempfile.gettempdir()), needed, "to read the set")
    return shortages([*needs, reading])


def _predicted(one: BackupSet, origin: Origin | None) -> float | None:
    """How long the restore took when the set was verified, by its receipt, or by what its copy says of that."""
    if one.receipt:
        return one.receipt.restore_seconds
    return origin.chosen.restore_seconds if origin else None


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _age(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
