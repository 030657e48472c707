# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frame of a module that acts on a host: options in, one result out, and between them lock, journal and recovery.

A module names its procedure and its options, and hands over what it does as functions of its parameters. What is the
same for all of them stands here, so that no module can forget it: a clock that is wrong is refused, check mode changes
nothing and takes no lock, what a killed run left is ended first, and an error becomes a result in one place.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule

from .._core import surroundings
from .._core.errors import RunbookError
from .._core.options import Options, argument_spec
from .journal import Entry, Journal, Recover, Recovery, locked, recover
from .options import RUN_OPTIONS, refuse_wrong_clock

Parameters = Mapping[str, Any]
Result = dict[str, Any]


@dataclass(frozen=True)
class Recovered:
    """What killed runs left on this host: what was ended just now, and the entries that are left."""

    ended: Sequence[Recovery] = ()
    left: Sequence[Entry] = ()


#: What would be done, for check mode. It has to leave everything as it is.
Plan = Callable[[Parameters], Result]

#: Does it. Whatever it begins goes into the journal first.
Apply = Callable[[Parameters, Journal, Recovered], Result]

#: What there is, for a module that changes nothing in any mode.
Inspect = Callable[[Parameters], Result]

#: The procedures whose unfinished operations this module can end, each with how it does that.
Recoveries = Callable[[Parameters], Mapping[str, Recover]]


def no_recoveries(_parameters: Parameters) -> Mapping[str, Recover]:
    """A procedure that leaves nothing half done: each of its changes is one step of the kernel."""
    return {}


def run_act(
    procedure: str,
    options: Options,
    *,
    plan: Plan,
    apply: Apply,
    recoveries: Recoveries = no_recoveries,
    plan_option: str = "",
) -> None:
    """Run a module that changes its host, and end its process with the result.

    ``plan_option`` is the name of an option that asks for the plan outside of check mode, too; nothing counts as
    changed then. A result that has ``refused``, a list of sentences, fails with them.
    """
    surroundings.leave()
    module = ansible_module(options)
    wants_plan = bool(plan_option and module.params[plan_option])

    def work(parameters: Parameters) -> Result:
        if not (module.check_mode or wants_plan):
            return act(procedure, parameters, apply, recoveries)
        result = {"recovered": [], **plan(parameters)}
        return {**result, "changed": False} if wants_plan else result

    finish(module, work)


def run_inspect(options: Options, inspect: Inspect) -> None:
    """Run a module that inspects what procedures act on, and end its process with the result.

    It changes nothing in any mode, and takes no lock: a run that changes the host meanwhile is none of its business.
    """
    surroundings.leave()
    finish(ansible_module(options), lambda parameters: {"changed": False, **inspect(parameters)})


def ansible_module(options: Options) -> AnsibleModule:
    """A module that takes some options beside those of a run."""
    return AnsibleModule(argument_spec=argument_spec({**options, **RUN_OPTIONS}), supports_check_mode=True)


def finish(module: AnsibleModule, work: Callable[[Parameters], Result]) -> None:
    """The edge where errors become results: end the process with what the work comes to."""
    parameters = module.params
    try:
        refuse_wrong_clock(time.time(), parameters["controller_time"])
        result = work(parameters)
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    except OSError as exc:
        module.fail_json(msg=f"{exc.filename or 'a file'}: {exc.strerror}")
    if result.pop("failed", False):
        module.fail_json(**result)
    refused = result.pop("refused", None)
    if refused:
        module.fail_json(msg=" | ".join(dict.fromkeys(refused)), **result)
    module.exit_json(**result)


def act(procedure: str, parameters: Parameters, apply: Apply, recoveries: Recoveries) -> Result:
    """Take the lock, end what killed runs left, and then do it. Raises `RunbookError`."""
    with locked(parameters["state_dir"], what=procedure, operator=parameters["operator"]) as journal:
        ended, left = recover(journal, recoveries(parameters))
        result = apply(parameters, journal, Recovered(ended, left))
    return {
        **result,
        "changed": bool(ended) or bool(result["changed"]),
        "recovered": [str(one) for one in ended],
    }
