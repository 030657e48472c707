# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs rows: all sound first, then broken in as few rounds as they allow, and all sound again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.bed import faults
from tests.bed.engine import Engine
from tests.bed.layout import ROOT, Bed
from tests.bed.progress import step
from tests.faults import askers
from tests.faults.matrix import HANGS, NONE, READABLE, Asked, Expected, Outcome, Row, Seen, Task, rounds
from tests.shared.procedures import Ran

_LAB = Path(__file__).parent / "lab"
_ROLES = ("db", "web", "monitor", "compose")
_RECOVERY_SECONDS = 90

#: What a check may be while nothing is broken.
GREEN = ("ok", "not_applicable")


def lab(engine: Engine, bed: Bed) -> None:
    """Set up what the rows of all hosts need, beside the platform."""

    def set_up(role: str) -> None:
        scripts = [_LAB / "every_host.sh", _LAB / f"{role}.sh"]
        text = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
        words = ("exec", "-i", "-e", f"LAB_PASSWORD={askers.LAB_PASSWORD}", bed.host(role).name, "sh", "-eu", "-s")
        engine.run(*words, data=text, timeout=180)

    _on_every_host(set_up)


def away(engine: Engine, bed: Bed) -> None:
    """Take everything of the lab away again."""
    text = (_LAB / "away.sh").read_text(encoding="utf-8")
    _on_every_host(
        lambda role: engine.run("exec", "-i", bed.host(role).name, "sh", "-s", data=text, timeout=180, check=False)
    )


def _on_every_host(work: Callable[[str], object]) -> None:
    with ThreadPoolExecutor(max_workers=len(_ROLES)) as pool:
        list(pool.map(work, _ROLES))


def run(engine: Engine, bed: Bed, rows: Sequence[Row]) -> tuple[dict[str, Seen], Ran]:
    """What everybody said about each row, and the last look at all of them, when everything was mended."""
    folder = ROOT / "build" / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    faults.mend_left_over(engine, bed, {row.name: row.fault for row in rows})
    try:
        with step("Faults: setting up the lab"):
            lab(engine, bed)
            # What mends a fault works on a healthy host too: here it starts the servers of the lab.
            faults.side_by_side([row.fault for row in rows], lambda fault: faults.mend(engine, bed, fault))
        with step("Faults: asking everybody while nothing is broken"):
            seen = {row.name: Seen() for row in rows}
            _ask(bed, rows, folder, seen, sound=_green(bed, rows, folder))
        groups = rounds(tuple(rows))
        for number, group in enumerate(groups, 1):
            with (
                step(f"Faults: round {number} of {len(groups)}, {len(group)} of them at once"),
                faults.broken(engine, bed, [row.fault for row in group]),
            ):
                _ask(bed, group, folder, seen)
        with step("Faults: looking whether everything is green again"):
            last = _green(bed, rows, folder)
    finally:
        away(engine, bed)
    return seen, last


def _green(bed: Bed, rows: Sequence[Row], folder: Path) -> Ran:
    """Look until everything is green; a service may need some seconds to notice that what it needs is there."""
    ends = time.monotonic() + _RECOVERY_SECONDS
    while True:
        ran = askers.probes(bed, rows, folder)
        expected = {row.address(expected) for row in rows for expected in row.expected}
        if (
            expected <= {address for address, status in ran.statuses.items() if status in GREEN}
            or time.monotonic() > ends
        ):
            return ran
        time.sleep(3)


def _ask(bed: Bed, rows: Sequence[Row], folder: Path, seen: dict[str, Seen], *, sound: Ran | None = None) -> None:
    """Ask about some rows, and write down what was said; ``sound`` is a look that was taken while nothing is broken."""
    texts = askers.runbook()
    commanded = askers.commands(bed, rows)
    # While nothing is broken, the servers of the lab are as like as two peas, and a task says the same of each.
    done = askers.tasks(bed, rows, folder) if sound is None else _of_one_of_each(bed, rows, folder)
    ran = sound or askers.probes(bed, rows, folder)
    _keep(folder, "sound" if sound else "broken", commanded, done)
    for row in rows:
        command = row.asked.verdict(commanded[row.name], texts) if isinstance(row.asked, Asked) else ""
        module = row.task.verdict(done[row.name]) if isinstance(row.task, Task) else ""
        ours = tuple(ran.statuses.get(row.address(expected), "not received") for expected in row.expected)
        if sound is not None:
            seen[row.name] = replace(
                seen[row.name], command_when_sound=command, module_when_sound=module, ours_when_sound=ours
            )
        else:
            seen[row.name] = replace(
                seen[row.name],
                command=command,
                command_status=commanded[row.name].status if row.name in commanded else None,
                module=module,
                ours=ours,
                said=tuple(_message(ran, row, expected) for expected in row.expected),
            )


def _keep(folder: Path, when: str, commanded: dict[str, Outcome], done: dict[str, Outcome]) -> None:
    """What everybody said word for word, for who writes a row."""
    for who, outcomes in (("commands", commanded), ("modules", done)):
        place = folder / when / who
        place.mkdir(parents=True, exist_ok=True)
        for name, outcome in outcomes.items():
            (place / name).write_text(f"{outcome.output}\n(exit status {outcome.status})\n", encoding="utf-8")


def _of_one_of_each(bed: Bed, rows: Sequence[Row], folder: Path) -> dict[str, Outcome]:
    """What the modules say, asked once of each host with each set of arguments."""
    kinds = {row.name: (row.host, row.task.module, *row.task.arguments) for row in rows if isinstance(row.task, Task)}
    chosen = {kind: name for name, kind in kinds.items()}
    done = askers.tasks(bed, [row for row in rows if row.name in chosen.values()], folder)
    return {name: done[chosen[kind]] for name, kind in kinds.items()}


def _message(ran: Ran, row: Row, expected: Expected) -> str:
    address = row.address(expected)
    return ran.message(address) if address in ran.statuses else ""


def complaints(row: Row, seen: Seen) -> list[str]:
    """Everything that our probe should have said of a row and did not, or said while nothing was broken."""
    found = []
    for expected, status, said, before in zip(row.expected, seen.ours, seen.said, seen.ours_when_sound, strict=True):
        if before not in GREEN:
            found.append(f"{expected.check} is {before} while nothing is broken")
        if status != expected.status:
            found.append(f"{expected.check} is {status}, expected {expected.status}: {said}")
        elif expected.said not in said:
            found.append(f"{expected.check} does not say {expected.said!r}: {said}")
    if len(seen.ours) != len(row.expected):
        found.append("nobody looked")
    return found


def unfair(row: Row, seen: Seen) -> list[str]:
    """Whoever was not asked, and rows that tell a reader to look for something that is always there."""
    found = []
    for who, other, broken, sound in (
        ("command", row.asked, seen.command, seen.command_when_sound),
        ("module", row.task, seen.module, seen.module_when_sound),
    ):
        if sound in (READABLE, HANGS):
            found.append(f"the {who} is {sound!r} while nothing is broken")
        if not isinstance(other, str) and NONE in (broken, sound):
            found.append(f"the {who} was not asked")
    return found
