# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs rows: all sound first, then broken in as few rounds as they allow, and all sound again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.faults import askers
from tests.faults.matrix import (
    HANGS,
    LAB_PASSWORD,
    NONE,
    PREPARATIONS,
    READABLE,
    Command,
    Expected,
    Outcome,
    Row,
    Seen,
    Task,
    rounds,
)
from tests.support.procedures import Ran
from tests.testbed import environment, faults
from tests.testbed.engine import Engine
from tests.testbed.errors import BedError
from tests.testbed.layout import ROOT, Bed
from tests.testbed.progress import step

_LAB = Path(__file__).parent / "lab"
_ROLES = ("db", "web", "monitor", "compose")
_RECOVERY_SECONDS = 180

#: What a check may be while nothing is broken.
GREEN = ("ok", "not_applicable")


def require_own_namespaces(engine: Engine, bed: Bed) -> None:
    """Refuse hosts that share network or processes with this machine: faults change firewalls, mounts and /proc."""

    def compare(role: str) -> None:
        kinds = ("net", "pid")
        words = ("exec", bed.host(role).name, "readlink", *(f"/proc/1/ns/{kind}" for kind in kinds))
        for kind, of_host in zip(kinds, engine.run(*words).stdout.split(), strict=True):
            if of_host == str(Path(f"/proc/self/ns/{kind}").readlink()):
                raise BedError(f"{bed.host(role).name} has this machine's namespace {of_host}: nothing is broken there")

    _on_each(_ROLES, compare)


def lab(engine: Engine, bed: Bed, rows: Sequence[Row]) -> None:
    """Set up what rows need, beside the platform, on the hosts that have to do with them."""

    def set_up(role: str) -> None:
        scripts = [_LAB / "every_host.sh", _LAB / f"{role}.sh"]
        text = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
        words = ("exec", "-i", "-e", f"LAB_PASSWORD={LAB_PASSWORD}", bed.host(role).name, "sh", "-eu", "-s")
        engine.run(*words, data=text, timeout=180)
        engine.run("cp", f"{environment.OLD_DRIVERS}/.", f"{bed.host(role).name}:/var/lib/xorb-lab/old-drivers")

    hosts = {host for row in rows for host in row.hosts}
    _on_each([role for role in _ROLES if f"xorb-{role}" in hosts], set_up)


def away(engine: Engine, bed: Bed) -> None:
    """Take everything of the lab away again."""
    text = (_LAB / "away.sh").read_text(encoding="utf-8")
    _on_each(
        _ROLES,
        lambda role: engine.run("exec", "-i", bed.host(role).name, "sh", "-s", data=text, timeout=180, check=False),
    )


def _on_each(roles: Sequence[str], work: Callable[[str], object]) -> None:
    with ThreadPoolExecutor(max_workers=len(_ROLES)) as pool:
        list(pool.map(work, roles))


@dataclass(frozen=True)
class Patience:
    """Seconds after which a command and a task count as hanging."""

    command: float = askers.SOUND_SECONDS
    task: float = askers.SOUND_SECONDS


def run(engine: Engine, bed: Bed, rows: Sequence[Row]) -> tuple[dict[str, Seen], Ran]:
    """What came of each row, and the last inspection of all of them, when everything was fixed."""
    folder = ROOT / "build" / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    require_own_namespaces(engine, bed)
    try:
        with step("Faults: setting up the lab"):
            # A run that was killed may have left half a lab.
            away(engine, bed)
            lab(engine, bed, rows)
            faults.mend_left_over(engine, bed, {row.name: row.fault for row in rows})
            # What mends a fault works on a healthy host too: here it starts the servers of the lab.
            faults.side_by_side([row.fault for row in rows], lambda fault: faults.mend(engine, bed, fault))
        with step("Faults: running everything while nothing is broken"):
            seen = {row.name: Seen() for row in rows}
            patience = _ask_while_sound(bed, rows, folder, seen)
        groups = rounds(tuple(rows))
        for number, group in enumerate(groups, 1):
            with (
                step(f"Faults: round {number} of {len(groups)}, {len(group)} of them at once"),
                faults.broken(engine, bed, [row.fault for row in group]),
            ):
                _ask(bed, group, folder, seen, patience)
        with step("Faults: inspecting whether everything is green again"):
            last = _green(bed, rows, folder)
    finally:
        away(engine, bed)
    return seen, last


def _green(bed: Bed, rows: Sequence[Row], folder: Path) -> Ran:
    """Look until everything is green; a service may need some seconds to notice that what it needs is there."""
    askers.procedures(bed, rows, folder, lambda _row: PREPARATIONS)
    ends = time.monotonic() + _RECOVERY_SECONDS
    while True:
        ran = askers.probes(bed, rows, folder)
        if set(ran.statuses.values()) <= set(GREEN) or time.monotonic() > ends:
            return ran
        time.sleep(3)


def _ask_while_sound(bed: Bed, rows: Sequence[Row], folder: Path, seen: dict[str, Seen]) -> Patience:
    """Ask about every row while nothing is broken, and find out how long that takes here and now.

    Servers of the lab are as like as two peas then, so each module is run once on each host with each set of options
    and each state.
    """
    texts, patience = askers.runbook(), Patience()
    commanded = askers.commands(bed, rows, patience.command)
    kinds = {
        row.name: (row.host, row.task.module, row.task.arguments.get("state"), *row.task.arguments)
        for row in rows
        if isinstance(row.task, Task)
    }
    chosen = {kind: name for name, kind in kinds.items()}
    done = askers.tasks(bed, [row for row in rows if row.name in chosen.values()], folder, patience.task)
    _keep(folder, "sound", commanded, done)
    ran = _with_restores(_green(bed, rows, folder), bed, rows, folder, preview=True)
    for row in rows:
        seen[row.name] = replace(
            seen[row.name],
            command_when_sound=_command(row, commanded, texts),
            module_when_sound=row.task.verdict(done[chosen[kinds[row.name]]]) if isinstance(row.task, Task) else NONE,
            ours_when_sound=_statuses(ran, row),
        )
    return Patience(askers.SECONDS + _slowness(commanded), askers.TASK_SECONDS + _slowness(done))


def _slowness(outcomes: dict[str, Outcome]) -> float:
    return askers.SLOWNESS * max((outcome.took for outcome in outcomes.values()), default=0.0)


def _ask(bed: Bed, rows: Sequence[Row], folder: Path, seen: dict[str, Seen], patience: Patience) -> None:
    """Run everything about rows that are broken, and write down the answers. Our probes first: some faults grow old."""
    texts = askers.runbook()
    askers.procedures(bed, rows, folder, lambda row: row.procedures)
    ran = _with_restores(askers.probes(bed, rows, folder), bed, rows, folder, preview=False)
    commanded = askers.commands(bed, rows, patience.command)
    done = askers.tasks(bed, rows, folder, patience.task)
    _keep(folder, "broken", commanded, done)
    for row in rows:
        seen[row.name] = replace(
            seen[row.name],
            command=_command(row, commanded, texts),
            command_status=commanded[row.name].status if row.name in commanded else None,
            module=row.task.verdict(done[row.name]) if isinstance(row.task, Task) else NONE,
            ours=_statuses(ran, row),
            causes=causes(ran.report.get("checks", ()), row),
            messages=tuple(_message(ran, row, expected) for expected in row.expected),
        )


def _with_restores(ran: Ran, bed: Bed, rows: Sequence[Row], folder: Path, *, preview: bool) -> Ran:
    """What an inspection found, with what became of restores: nothing is restored by a preview."""
    checks = [*ran.report.get("checks", ()), *askers.restores(bed, rows, folder, preview=preview)]
    return replace(ran, report={**ran.report, "checks": checks})


def _command(row: Row, commanded: dict[str, Outcome], texts: dict[str, str]) -> str:
    return row.command.verdict(commanded[row.name], texts) if isinstance(row.command, Command) else NONE


def _statuses(ran: Ran, row: Row) -> tuple[str, ...]:
    return tuple(ran.statuses.get(row.address(expected), "not received") for expected in row.expected)


def causes(checks: Iterable[Mapping[str, Any]], row: Row) -> tuple[str, ...]:
    """The root causes behind what failed of a row's services.

    Many rows are broken at once, so they are counted among the checks of each row; where rows look at one service,
    among those that this row is about.
    """
    about = {row.address(expected) for expected in row.expected}
    found = set()
    for check in checks:
        address = f"{check['host']}/{check['id']}"
        of_row = address in about if row.seen_as else check["service"] in row.services
        if of_row and check["status"] not in GREEN:
            elsewhere = f"@{check['owner']}" if check["owner"] not in ("", check["host"]) else ""
            found.add(check["blocked_by"] or address + elsewhere)
    return tuple(sorted(found))


def shared_causes(rows: Iterable[Row], seen: Mapping[str, Seen]) -> list[str]:
    """Faults that were taken for one although they have nothing to do with each other.

    Those that harm no service are ours: whatever is missing of what probes need is one cause.
    """
    by_cause: dict[str, list[str]] = {}
    for row in (row for row in rows if not row.harmless):
        for cause in seen[row.name].causes:
            by_cause.setdefault(cause, []).append(row.name)
    return [f"{cause}: {', '.join(names)}" for cause, names in by_cause.items() if len(names) > 1]


def _message(ran: Ran, row: Row, expected: Expected) -> str:
    address = row.address(expected)
    return ran.message(address) if address in ran.statuses else ""


def _keep(folder: Path, when: str, commanded: dict[str, Outcome], done: dict[str, Outcome]) -> None:
    """Each output word for word, for the author of a row."""
    for who, outcomes in (("commands", commanded), ("modules", done)):
        place = folder / when / who
        place.mkdir(parents=True, exist_ok=True)
        for name, outcome in outcomes.items():
            ended = f"(exit status {outcome.status}, {outcome.took:.1f} s)"
            (place / name).write_text(f"{outcome.output}\n{ended}\n", encoding="utf-8")


def complaints(row: Row, seen: Seen) -> list[str]:
    """Everything that our probe should have said of a row and did not, or said while nothing was broken."""
    found = []
    for expected, status, message, before in zip(
        row.expected, seen.ours, seen.messages, seen.ours_when_sound, strict=True
    ):
        if before not in GREEN:
            found.append(f"{expected.check} is {before} while nothing is broken")
        if status != expected.status:
            found.append(f"{expected.check} is {status}, expected {expected.status}: {message}")
        elif expected.message not in message:
            found.append(f"{expected.check} does not say {expected.message!r}: {message}")
    if len(seen.ours) != len(row.expected):
        found.append("no check arrived")
    if row.independent > 1 and len(seen.causes) != row.causes:
        found.append(f"{row.independent} faults have the root causes {', '.join(seen.causes) or 'none'}")
    return found


def unfair(row: Row, seen: Seen) -> list[str]:
    """What was not run, and rows whose evidence for a reader is always there."""
    found = []
    for who, other, broken, sound in (
        ("command", row.command, seen.command, seen.command_when_sound),
        ("module", row.task, seen.module, seen.module_when_sound),
    ):
        if sound in (READABLE, HANGS):
            found.append(f"the {who} is {sound!r} while nothing is broken")
        if not isinstance(other, str) and NONE in (broken, sound):
            found.append(f"the {who} was not run")
    return found
