# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``certificate_authority_rotate``: its options and its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..procedure import Context, Options, Step
from ..result import StepResult
from . import authority_host as host
from . import authority_leader as leader
from .authority_run import Rotation
from .revocation import LEVELS_OF_SCOPE

OPTIONS: Options = {
    "serial": {"type": "str"},
    "levels": {"type": "list", "elements": "str"},
    "scope": {"type": "str", "choices": ["", *LEVELS_OF_SCOPE]},
    "reason": {"type": "str"},
    "rollback": {"type": "bool"},
    "abandon_outstanding": {"type": "bool"},
    "incident": {"type": "str"},
    "ca_dir": {"type": "path"},
    "ca_passphrase": {"type": "str", "no_log": True},
    "ca_root_passphrase": {"type": "str", "no_log": True},
    "state_dir": {"type": "path"},
}

VALUES: Mapping[str, Any] = {"stage": "", "consumers": {}, "sessions": []}

#: In the order in which the playbook takes them.
_ORDER = (
    *("plan", "preflight", "trust", "prove", "activate", "reissue"),
    *("gather", "gate", "withdraw", "refuse", "sessions", "close"),
)


def _step(name: str, take: Callable[[Rotation], StepResult], **how: Any) -> Step:
    """A step that a failure of any step before it stops, and one of itself on another host."""

    def run(context: Context) -> StepResult:
        return take(Rotation.begin(context))

    return Step(run, stops_after=_ORDER[: _ORDER.index(name) + 1], **how)


STEPS: Mapping[str, Step] = {
    # What keeps either from being known ends the run before anything is changed.
    "plan": Step(lambda context: host.plan(Rotation.begin(context)), in_check_mode=True),
    "preflight": Step(lambda context: leader.preflight(Rotation.begin(context)), leader=True, in_check_mode=True),
    "trust": _step("trust", host.trust),
    "prove": _step("prove", host.prove),
    "activate": _step("activate", leader.activate, leader=True),
    "reissue": _step("reissue", host.reissue),
    "gather": _step("gather", host.gather),
    "gate": _step("gate", leader.gate, leader=True),
    "withdraw": _step("withdraw", host.withdraw),
    "refuse": _step("refuse", host.refuse),
    "sessions": _step("sessions", host.sessions),
    "close": _step("close", leader.close, leader=True),
}
