# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The work of the module ``backup_set_restore``: what it would do, and the job that does it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from ..._backup.recovery import judge
from ..._core.checks import Check, Finding
from ..._core.errors import RunbookError
from ..._core.names import DONE
from ..._core.options import Option, Options
from ..._core.time import timestamp
from ..journal import Journal, Recover, unfinished
from ..long_module import act_in_job
from ..module import Parameters, Recovered, Result
from ..progress import Progress
from . import recoveries, restore
from .offsite import origin as origins
from .offsite.origin import Origin
from .offsite.parameters import SOURCE_OPTION
from .parameters import BACKUP_OPTIONS, PROOF_OPTIONS, given_of
from .restore import Outcome
from .restorer import Request

OPTIONS: Options = {
    **BACKUP_OPTIONS,
    **PROOF_OPTIONS,
    "set": Option("str", "Name of the set.", default=""),
    "at": Option("str", "A time with its offset: the newest set at it or before it.", default=""),
    "transaction": Option("str", "Number of a transaction, just before which is restored.", default=""),
    "unverified": Option("bool", "Whether the set need not be verified.", default=False),
    "database": Option("str", "Database of the set.", default=""),
    "target": Option("str", "What it is restored as.", default=""),
    "in_place": Option("str", "Name of what is replaced.", default=""),
    "undo": Option("str", "What is put back, by the name that it was kept as.", default=""),
    "release": Option("str", "Copy in which what is held back is released, by its name.", default=""),
    "accept_collations": Option("bool", "Whether text may be sorted by another version here.", default=False),
    **SOURCE_OPTION,
    "drop": Option("str", "What is removed for good, by the name that it was kept as.", default=""),
}


def plan(parameters: Parameters) -> Result:
    """What would be done, how long that takes, and why it is refused."""
    given = _given(parameters)
    left = [entry.summary for entry in unfinished(parameters["state_dir"])]
    if name := _other_work(parameters):
        return {
            "changed": True,
            "lines": [_other_plan(given, parameters, name)],
            "seconds": None,
            "brought": False,
            "unfinished": left,
            "refused": [],
        }
    request = _request(parameters)
    origin = _origin(given, parameters, request)
    found = restore.prepare(given, request, time.time(), origin)
    return {
        "changed": True,
        "lines": list(found.lines),
        "seconds": found.seconds,
        "brought": bool(origin and not origin.is_here),
        "unfinished": left,
        "refused": restore.refusals(given, found, parameters["identities"]),
    }


def _other_plan(given: Mapping[str, Any], parameters: Parameters, name: str) -> str:
    """What would be done instead of a restore; raises `RunbookError` where that is nothing."""
    if parameters["release"]:
        return f"is released in {name}: {', '.join(restore.find_held(given, name))}"
    restore.find_kept(given, name, undo=bool(parameters["undo"]))
    return f"{name} is put back" if parameters["undo"] else f"{name} is removed for good"


def run(parameters: Mapping[str, Any], progress: Progress) -> Result:
    """Restore, put back or remove, in a process of its own."""
    return act_in_job(restore.PROCEDURE, parameters, _apply, _recoveries, progress)


def _apply(parameters: Parameters, journal: Journal, recovered: Recovered, progress: Progress) -> Result:
    given = _given(parameters)
    _other_work(parameters)
    if parameters["undo"]:
        undone = restore.undo(given, parameters["undo"], journal, progress)
        return _result(f"{parameters['undo']} is in service again; what was restored is kept as {undone}")
    if parameters["drop"]:
        restore.drop(given, parameters["drop"], journal, progress)
        return _result(f"{parameters['drop']} is removed for good")
    if parameters["release"]:
        released = restore.release(given, parameters["release"], journal, progress)
        return _result(f"is released in {parameters['release']}: {', '.join(released)}")
    return _restored(given, parameters, journal, recovered, progress)


def _restored(
    given: Mapping[str, Any], parameters: Parameters, journal: Journal, recovered: Recovered, progress: Progress
) -> Result:
    begin, request = time.time(), _request(parameters)
    if parameters["copy"]:
        progress.phase("asking the repository")
    origin = _origin(given, parameters, request)
    subject = restore.subject_of(given, restore.prepare(given, request, begin, origin))
    for one in recovered.ended:
        # A run that was killed came so far that this one has only ended it: another restore would be one too many.
        if (one.procedure, one.subject, one.outcome) == (restore.PROCEDURE, subject, DONE):
            return _result(f"a run that was killed had done it: {one.message}")
    if origin:
        request = restore.bring(given, request, parameters["identities"], origin, journal, progress)
    outcome = restore.restore(given, request, parameters["identities"], journal, progress, begin)
    checks = judge(outcome.set, outcome.seconds, outcome.lost_seconds, outcome.faults, given)
    return {
        **_result(_sentence(outcome, origin)),
        "restored": {**asdict(outcome), "faults": list(outcome.faults)},
        "checks": [_check(given, one, outcome.name).as_dict() for one in checks],
    }


def _recoveries(parameters: Mapping[str, Any]) -> Mapping[str, Recover]:
    return {**recoveries.RECOVERIES, **restore.recoveries(_given(parameters))}


def _origin(given: Mapping[str, Any], parameters: Parameters, request: Request) -> Origin | None:
    """The set in the copy that the restore begins with; nothing where it is one of this host's."""
    copy = parameters["copy"]
    return origins.find(given, copy, request.set, request.at) if copy else None


def _given(parameters: Parameters) -> dict[str, Any]:
    return {
        **given_of(parameters),
        "scratch": parameters["scratch_dir"],
        "accept_collations": parameters["accept_collations"],
        "new_host": bool(parameters["copy"]),
    }


def _other_work(parameters: Parameters) -> str:
    """What is put back, removed or released; empty where there is a restore. Raises `RunbookError` for two at once."""
    wanted = [name for name in ("undo", "drop", "release") if parameters[name]]
    names = ("set", "at", "transaction", "database", "target", "in_place", "copy")
    restores = [name for name in names if parameters[name]]
    if len(wanted) > 1 or (wanted and restores):
        raise RunbookError(f"{' and '.join([*wanted, *restores])}: only one thing is done at a time")
    return str(parameters[wanted[0]]) if wanted else ""


def _request(parameters: Parameters) -> Request:
    if parameters["set"] and parameters["at"]:
        raise RunbookError("set and at: a set is chosen by its name or by a time")
    if parameters["transaction"] and not parameters["set"]:
        raise RunbookError("transaction: needs the set that was taken before it, by its name")
    return Request(
        set=parameters["set"],
        at=_seconds(parameters["at"]) if parameters["at"] else None,
        unverified=parameters["unverified"],
        database=parameters["database"],
        target=parameters["target"],
        in_place=parameters["in_place"],
        transaction=parameters["transaction"],
        origin=parameters["copy"]["name"] if parameters["copy"] else "",
    )


def _seconds(text: str) -> float:
    """A time in seconds since 1970. One without an offset would be another time on each host."""
    try:
        moment = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
    except ValueError as exc:
        raise RunbookError(f"at: expected a time like 2026-11-30T09:45:00Z, got {text!r}") from exc
    if moment.tzinfo is None:
        raise RunbookError(f"at: {text!r} has no offset; add Z for UTC, or one like +01:00")
    return moment.astimezone(timezone.utc).timestamp()


def _result(message: str) -> Result:
    return {"changed": True, "done": message, "restored": {}, "checks": []}


def _sentence(outcome: Outcome, origin: Origin | None) -> str:
    kept = f"; what it was is kept as {outcome.kept}" if outcome.kept else ""
    of = f" out of {origin.label}" if origin else ""
    return f"the set {outcome.set}{of} is restored as {outcome.name} and verified in {outcome.seconds:.1f} s{kept}"


def _check(given: Mapping[str, Any], finding: Finding, target: str) -> Check:
    """What was found, as a check; the control node knows by which name the host goes."""
    limits = finding.limits
    return Check(
        id=f"{given['service']}.{given['backup']}.{finding.aspect}",
        name=f"{given['service']} {given['backup']} {finding.aspect}",
        topic="backups",
        service=given["service"],
        host="",
        owner="",
        target=target,
        status=finding.status,
        message=finding.message,
        value=finding.value,
        unit=finding.unit,
        warning=limits.warning,
        critical=limits.critical,
        threshold_source=limits.source,
        remedy=finding.remedy,
        observed_at=timestamp(),
    )


#: What the job calls.
FUNCTION = f"{__name__}:{run.__name__}"
