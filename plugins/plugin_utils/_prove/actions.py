# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run did to its hosts, as its procedures registered it: for the report, and for the ledger to remember."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE

from .._platform.settings import step_results
from .report import run_check


@dataclass(frozen=True)
class Action:
    """One thing that was done to a host, or was tried: ``outcome`` is done, rolled_back or failed."""

    at: str
    host: str
    procedure: str
    subject: str
    what: str
    why: str
    who: str
    outcome: str
    incident: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The action as plain data, every field present."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Action:
        """Read an action that a host registered."""
        return cls(**{field.name: str(data.get(field.name, "")) for field in fields(cls)})

    @property
    def succeeded(self) -> bool:
        """Whether it is as it should be now."""
        return self.outcome == DONE


def results(variables: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What each step of a procedure that acts registered on a host, by the names of procedure and step."""
    known = step_results()
    for variable, result in variables.items():
        if variable in known and isinstance(result, Mapping):
            yield "_".join(known[variable]), result


def actions(result: Mapping[str, Any]) -> Iterator[Action]:
    """The actions in a registered result, whether or not all of it succeeded."""
    for action in result.get("actions") or ():
        yield Action.from_dict(action)


def listed(host: str, result: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """What a procedure listed in a registered result under a name: ``backups`` with sets, ``drills`` with receipts."""
    for row in result.get(name) or ():
        yield {"host": host, **row}


def proofs(result: Mapping[str, Any]) -> Iterator[Check]:
    """The checks in a registered result: what the procedure proved of its own work, or could not."""
    for check in result.get("checks") or ():
        yield Check.from_dict(check)


def failure(step: str, host: str, result: Mapping[str, Any]) -> Check | None:
    """The check that a registered result makes necessary: what was to be done and was not must not end green."""
    if result.get("unreachable") or result.get("failed"):
        why = " ".join(str(result.get("msg") or "no reason given").split())[:600]
    elif result.get("skipped"):
        why = str(result.get("msg") or "not done: the run was stopped by a failure on another host, or left it out")
    else:
        return None
    return run_check(step, CRITICAL, why, host=host, point="act")
