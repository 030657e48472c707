# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a row of the table is, and how the answers about it are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.testbed.faults import Fault

#: What an operator who relies on it concludes.
BROKEN = "broken"  # it ends with an error, or prints the message that it has for that
READABLE = "left to the reader"  # it ends well, and who reads every line can see it
FINE = "fine"  # it ends well, and nothing in what it prints tells of the fault
HANGS = "hangs"  # it says nothing, and does not end
NONE = ""  # there is none

#: A host of the description that is the web host once more, inspected by a user of this name, who has no rights.
GUEST, GUEST_ROLE = "guest", "web"


@dataclass(frozen=True)
class Outcome:
    """How a command or a task ended, and in how many seconds: without a status where it did not end by itself."""

    status: int | None
    output: str
    took: float = 0.0


@dataclass(frozen=True)
class Command:
    """A command of the runbook as it is run: by its id in tests/traceability, with another port or place in its text.

    It gets what an operator would have: the passwords in its environment, and the folder to stand in. ``telling`` is a
    regular expression for what a reader has to find in the output, ``evidence`` says what that is.
    """

    id: str
    changes: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    telling: str = ""
    evidence: str = ""

    def text(self, runbook: Mapping[str, str]) -> str:
        """The text to run. Raises `ValueError` where something to change is not in the runbook's text."""
        text = runbook[self.id]
        for old, new in self.changes.items():
            if old not in text:
                raise ValueError(f"{self.id} has no {old!r}: {text}")
            text = text.replace(old, new)
        return text

    def verdict(self, outcome: Outcome, runbook: Mapping[str, str]) -> str:
        """What a person, or a job that reads the exit status, would conclude."""
        if outcome.status is None:
            return HANGS
        # `... || echo "API service down"` ends with 0; the message is how it says that something is broken.
        alarms = re.findall(r'(?:\|\||then)\s+echo "([^"]+)"', runbook[self.id])
        if outcome.status != 0 or any(alarm in outcome.output for alarm in alarms):
            return BROKEN
        return READABLE if self.telling and re.search(self.telling, outcome.output) else FINE


@dataclass(frozen=True)
class Task:
    """A task with a module that other collections have for this. ``telling`` is found in its result where it can be."""

    module: str
    arguments: Mapping[str, Any]
    telling: str = ""
    evidence: str = ""

    def verdict(self, outcome: Outcome) -> str:
        """What a playbook that has this task would conclude; without an assertion of its own it sees failures only."""
        if outcome.status is None:
            return HANGS
        if outcome.status != 0:
            return BROKEN
        return READABLE if self.telling and re.search(self.telling, outcome.output) else FINE


@dataclass(frozen=True)
class Expected:
    """A check of ours: ``point.aspect``, the status that it must have, and a part of what it must say."""

    check: str
    status: str
    message: str = ""


#: Seconds that a fault lasts which ends by itself: longer than a round of them takes on a busy machine.
LASTS = 1800

#: The password of all that only exists for the table. Nothing else knows it, and it opens nothing else.
LAB_PASSWORD = "only-for-the-lab"  # noqa: S105

#: Decrypts the sets of rows, and nothing else.
IDENTITY = "AGE-SECRET-KEY-1DYLUCLZQ7Y9N4RX7RU6K3XU2V3FLRUUSU0SD2UDALJ49FKJNEMCQSZV6PJ"
#: What they are encrypted for.
RECIPIENT = "age1r3e6wg02v8pp8fdmv2fkh8dezp6uftngyuf7vwvn0w8uac5e43usgnhx6c"

#: The playbooks without which there is nothing to look at for rows that have procedures.
PREPARATIONS = ("backup_create", "backup_verify", "backup_copy")


@dataclass(frozen=True)
class Row:
    """One fault, the command and the module that are run beside our check, and what that must report.

    ``look`` is a service of the platform description, named after the fault, or ``seen_as`` where several rows look at
    the same one. It belongs to the host that is broken, or to the ``observer``, unless it says otherwise, and that host
    looks. ``uses`` names what the fault takes: two faults
    that use the same thing, or a part of it (``compose`` and ``compose/api``), are not broken at the same time. Where
    ``harmless``, the service still does what it should for its clients, so that fine is the right answer.
    ``also`` has more services of the description, by their names, for a fault that shows in several. ``independent`` is
    how many faults it is in truth, which do not follow from each other. ``procedures`` are the playbooks that are run
    while it is broken, before anybody looks; all of `PREPARATIONS` while nothing is. ``restores`` are the variables of
    the playbook ``backup_restore`` that is run for this row alone; what becomes of it is the check ``restore`` of that
    backup.
    """

    fault: Fault
    chapter: str
    look: Mapping[str, Any]
    expected: tuple[Expected, ...]
    command: Command | str  # or why the runbook has no command
    task: Task | str  # or why there is no module
    uses: frozenset[str]
    harmless: bool = False
    observer: str = ""  # the role of who looks, where it is not the host that is broken, or `GUEST`
    seen_as: str = ""
    also: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    independent: int = 1
    procedures: tuple[str, ...] = ()
    restores: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.fault.name

    @property
    def host(self) -> str:
        """Whom to ask, by its name in the inventory."""
        return f"xorb-{self.observer or self.fault.role}"

    @property
    def service_name(self) -> str:
        """What the service is called in the description."""
        return self.seen_as or self.name

    @property
    def service(self) -> dict[str, Any]:
        """The service that is looked at."""
        return {"hosts": self.host, **self.look}

    @property
    def hosts(self) -> set[str]:
        """Every host that has to do with it."""
        return {f"xorb-{self.fault.role}", self.host, self.service["hosts"]}

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """Every service of the description that is there for this row."""
        return {
            self.service_name: self.service,
            **{name: {"hosts": self.host, **one} for name, one in self.also.items()},
        }

    @property
    def causes(self) -> int:
        """How many root causes there must be."""
        failing = any(expected.status not in ("ok", "not_applicable") for expected in self.expected)
        return self.independent if failing else 0

    def address(self, expected: Expected) -> str:
        """The check by ``host/id``, as the report has it."""
        return f"{self.host}/{self.service_name}.{expected.check}"


@dataclass(frozen=True)
class Seen:
    """What came of one row, once while all was well and once while it was broken."""

    command: str = NONE
    command_when_sound: str = NONE
    command_status: int | None = None
    module: str = NONE
    module_when_sound: str = NONE
    ours: tuple[str, ...] = ()
    #: The root causes of what failed of the row's services, among all that were broken at the same time.
    causes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    ours_when_sound: tuple[str, ...] = ()


def conflicts(one: Row, other: Row) -> bool:
    """Whether two faults cannot be broken at the same time."""
    return any(
        left == right or left.startswith(f"{right}/") or right.startswith(f"{left}/")
        for left in one.uses
        for right in other.uses
    )


def rounds(rows: tuple[Row, ...]) -> list[list[Row]]:
    """The rows in as few groups as a simple rule makes, those of one group broken together."""
    groups: list[list[Row]] = []
    for row in rows:
        for group in groups:
            if not any(conflicts(row, other) for other in group):
                group.append(row)
                break
        else:
            groups.append([row])
    return groups
