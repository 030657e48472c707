# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a step of a procedure comes to: what it did, what it proved, what failed, and what later steps read of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check

from .._prove.actions import Action


@dataclass(frozen=True)
class StepResult:
    """The result of one step on one host.

    ``acts`` tells whether there was, or is, anything to do here. A step with ``faults`` fails with them, and keeps what
    it did before. ``values`` are the step's own, for the steps that follow; their names are those of the module's
    documentation. ``diff`` is Ansible's.
    """

    changed: bool = False
    acts: bool = False
    actions: Sequence[Action] = ()
    checks: Sequence[Check] = ()
    faults: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    diff: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return bool(self.faults)

    def __add__(self, other: StepResult) -> StepResult:
        """Both, one after the other; of values with the same name, the later ones count."""
        return StepResult(
            changed=self.changed or other.changed,
            acts=self.acts or other.acts,
            actions=(*self.actions, *other.actions),
            checks=(*self.checks, *other.checks),
            faults=(*self.faults, *other.faults),
            values={**self.values, **other.values},
            diff=other.diff or self.diff,
        )

    def as_dict(self) -> dict[str, Any]:
        """What Ansible registers."""
        result = {
            "changed": self.changed,
            "acts": self.acts,
            "actions": [action.as_dict() for action in self.actions],
            "checks": [check.as_dict() for check in self.checks],
            **self.values,
        }
        if self.diff:
            result["diff"] = dict(self.diff)
        if self.faults:
            result.update(failed=True, msg=" | ".join(dict.fromkeys(self.faults)))
        return result
