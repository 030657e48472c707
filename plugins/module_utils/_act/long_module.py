# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frame of a module that acts on a host for long: a job does the work, and each call asks how far it has come."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from .._core import surroundings
from .._core.options import POSITIVE, Option, Options
from .job import start, wait
from .journal import Journal
from .module import Parameters, Plan, Recovered, Recoveries, Result, act, ansible_module, finish
from .progress import Progress

#: Does it, saying how far it has come. Whatever it begins goes into the journal first.
JobApply = Callable[[Parameters, Journal, Recovered, Progress], Result]

#: Options of a module whose work is done by a job; the call that begins it gives none of them.
JOB_OPTIONS: Options = {
    "job": Option("str", "Name of the job to wait for, as the call that began it returned it.", default=""),
    "wait": Option("float", "Seconds to wait for the job.", default=10.0, within=POSITIVE),
}


def run_job(options: Options, *, plan: Plan, function: str, plan_option: str = "") -> None:
    """Run a module whose work takes long: it begins a job and returns its name, or waits for one that was begun.

    The result has ``job`` as long as that runs, with its ``report``; then it is the job's own. ``function`` is the
    ``module:name`` of what the job calls with its parameters and a `Progress`, which ends in `act_in_job`. Check mode
    and ``plan_option`` are as in `module.run_act`, and begin no job.
    """
    surroundings.leave()
    module = ansible_module({**options, **JOB_OPTIONS})
    wants_plan = bool(plan_option and module.params[plan_option])

    def work(parameters: Parameters) -> Result:
        if module.check_mode or wants_plan:
            result = {"recovered": [], **plan(parameters)}
            return {**result, "changed": False} if wants_plan else result
        state = Path(parameters["state_dir"])
        job = wait(state, parameters["job"] or start(state, function, dict(parameters)), parameters["wait"])
        if job.running:
            return {"changed": False, "job": job.id, "report": dict(job.report)}
        return dict(job.result)

    finish(module, work)


def act_in_job(
    procedure: str, parameters: Parameters, apply: JobApply, recoveries: Recoveries, progress: Progress
) -> Result:
    """What the job of a module that acts does: lock, recovery, and then the work."""

    def work(given: Parameters, journal: Journal, recovered: Recovered) -> Result:
        return apply(given, journal, recovered, progress)

    return act(procedure, parameters, work, recoveries)
