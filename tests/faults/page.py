# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page that is made of a run: docs/no-false-green.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.faults.matrix import BROKEN, FINE, HANGS, NONE, READABLE, Command, Row, Seen, Task
from tests.testbed.layout import ROOT

PAGE = ROOT / "docs" / "no-false-green.md"

_HEAD = """# No false green

Each row is a real fault, broken on the test hosts by `make test`: a server that is stopped or frozen, a certificate
that has expired, a container that is paused. Then three are run at the same time: the runbook's own command on the host
itself, the module that other collections have for it, and the shipped playbook `daily`. This page is made of their
results ({total} faults); a test fails when a run has others.

| | The runbook's command | The module | Our check |
|---|---|---|---|
{summary}

Our checks also find which fault is behind them: {one} of the {single} rows with one fault have exactly one root cause
({share} %){several}, while up to dozens of other faults are broken on the same hosts. The column "Causes" counts them.

How to read it:

* **{broken}**: it ends with an error, or prints the message that it has for that. A job that checks the exit status
  would notice.
* **{fine}**: it ends well, and nothing in what it prints shows the fault: a false green.
* **{readable}**: it ends well, and a reader of every line finds what is quoted. A job would not notice.
* **{hangs}**: it prints nothing and was killed after {seconds} seconds or more. A job would pile up.
* **always {broken}**: it does the same when nothing is broken, so that it proves nothing.

Commands and modules get the benefit of the doubt: passwords are in the environment, other ports and paths are put into
their texts where a fault has a server of its own, and each fault is compared with the command of the runbook that comes
closest. A module is judged as a task without an assertion of its own. "Ahead" is whether our check is right where the
runbook's command is not; where it is **no**, the runbook's own command is as good.
"""

_ORDER = (BROKEN, READABLE, HANGS, FINE)


def page(rows: Sequence[Row], seen: Mapping[str, Seen], runbook: Mapping[str, str], *, seconds: int) -> str:
    """The whole page."""
    words = {"broken": BROKEN, "fine": FINE, "readable": READABLE, "hangs": HANGS}
    parts = [
        _HEAD.format(total=len(rows), summary=_summary(rows, seen), seconds=seconds, **words, **_causes(rows, seen))
    ]
    for chapter in dict.fromkeys(row.chapter for row in rows):
        head = "| Fault | The runbook's command | says | The module | says | Our check | Causes | Ahead |"
        parts.append(f"\n## {chapter}\n\n{head}\n")
        parts.append("|---|---|---|---|---|---|---|---|\n")
        parts += [_line(row, seen.get(row.name), runbook) for row in rows if row.chapter == chapter]
    return "".join(parts)


def right(row: Row, verdict: str, when_sound: str) -> bool:
    """Whether a command or module says what is the case, and says something else when it is not."""
    if row.harmless:
        return verdict == FINE
    return verdict == BROKEN and when_sound != BROKEN


def ahead(row: Row, seen: Seen) -> bool:
    """Whether our check is right where the runbook's command is not."""
    ours = all(status == expected.status for status, expected in zip(seen.ours, row.expected, strict=True))
    return ours and not right(row, seen.command, seen.command_when_sound)


def share_of_one_cause(rows: Sequence[Row], seen: Mapping[str, Seen]) -> float:
    """Of the rows with one fault, the share that has one root cause; nothing run is nothing right."""
    single = [row for row in rows if row.causes == 1 and row.name in seen]
    return sum(len(seen[row.name].causes) == 1 for row in single) / len(single) if single else 0.0


def _causes(rows: Sequence[Row], seen: Mapping[str, Seen]) -> dict[str, object]:
    """The numbers about root causes."""
    single = [row for row in rows if row.causes == 1 and row.name in seen]
    several = [row for row in rows if row.causes > 1 and row.name in seen]
    right = sum(len(seen[row.name].causes) == row.causes for row in several)
    several_text = f", and {right} of {len(several)} with two have two" if several else ""
    share = 100 * share_of_one_cause(rows, seen)
    one = sum(len(seen[row.name].causes) == 1 for row in single)
    return {"one": one, "single": len(single), "share": f"{share:.0f}", "several": several_text}


def _summary(every: Sequence[Row], seen: Mapping[str, Seen]) -> str:
    rows = [row for row in every if row.name in seen]
    commands = Counter(_conclusion(row, seen[row.name].command, seen[row.name].command_when_sound) for row in rows)
    modules = Counter(_conclusion(row, seen[row.name].module, seen[row.name].module_when_sound) for row in rows)
    ours = Counter(
        "right"
        if all(one == two.status for one, two in zip(seen[row.name].ours, row.expected, strict=True))
        else "wrong"
        for row in rows
    )
    kinds = ("right", READABLE, HANGS, "wrong", "none")
    names = {"right": "right", "wrong": "wrong", "none": "there is none", HANGS: HANGS, READABLE: READABLE}
    return "\n".join(f"| {names[kind]} | {commands[kind]} | {modules[kind]} | {ours[kind]} |" for kind in kinds)


def _conclusion(row: Row, verdict: str, when_sound: str) -> str:
    if verdict == NONE:
        return "none"
    if right(row, verdict, when_sound):
        return "right"
    return verdict if verdict in (READABLE, HANGS) else "wrong"


def _line(row: Row, seen: Seen | None, runbook: Mapping[str, str]) -> str:
    if seen is None:
        return f"| {_cell(row.fault.sentence)} (`{row.name}`) | not run yet | | | | | | |\n"
    if isinstance(row.command, Command):
        command = f"`{_short(runbook[row.command.id])}`"
        evidence = row.command.evidence
        status = f", exit status {seen.command_status}" if seen.command_status is not None else ""
        says = _says(seen.command, seen.command_when_sound, evidence) + status
    else:
        command, says = "none", row.command
    if isinstance(row.task, Task):
        module = f"`{row.task.module.removeprefix('ansible.builtin.')}`"
        module_says = _says(seen.module, seen.module_when_sound, row.task.evidence)
    else:
        module, module_says = "none", row.task
    kinds = _kinds(row)
    ours = "<br>".join(
        f"`{kinds.get(expected.check.split('.')[0], 'supervisor')}` {expected.check.split('.')[1]}: **{status}**"
        for expected, status in zip(row.expected, seen.ours, strict=True)
    )
    count = str(len(seen.causes)) if len(seen.causes) == row.causes else f"**{len(seen.causes)}** (of {row.causes})"
    cells = [f"{row.fault.sentence} (`{row.name}`)", command, says, module, module_says, ours, count]
    return f"| {' | '.join(_cell(cell) for cell in [*cells, 'yes' if ahead(row, seen) else '**no**'])} |\n"


def _kinds(row: Row) -> dict[str, str]:
    """The kind of each point that a row looks at."""
    return {
        name: f"{prefix}{point['kind']}"
        for group, prefix in (("endpoints", ""), ("checks", ""), ("backups", "backup_"))
        for name, point in (row.look.get(group) or {}).items()
    }


def _says(verdict: str, when_sound: str, evidence: str) -> str:
    if verdict == BROKEN and when_sound == BROKEN:
        return f"**always {BROKEN}**"
    return f"**{verdict}**: {evidence}" if verdict == READABLE and evidence else f"**{verdict}**"


def _short(command: str) -> str:
    """The beginning of a command, which is enough to know it by."""
    text = " ".join(command.replace("\\\n", " ").split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
