# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frame of a procedure that acts, on the control node: its steps, and what each of them is given.

A procedure is its name, its options and its steps, and each step is a function of a `Context`. What is the same for all
stands here: options are validated and none is left out, check mode ends with the plan, what concerns all hosts is done
once, by the leader, a failure elsewhere stops what it has to stop, and errors become results in one place.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import InvalidOptions, RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp

from .._core import paths
from .._core.action import RunbookAction
from .._core.operator import operator
from .._platform.inventory import Inventory
from .._platform.model import Platform
from .._platform.settings import result_variable
from .._prove.actions import Action
from .._prove.render.formatting import clean
from .other_host import Acting, OtherHost
from .progress import ProgressLines
from .result import StepResult

#: Arguments as Ansible specifies them; none has a default, since the role of a procedure gives them all.
Options = Mapping[str, Mapping[str, Any]]

#: Where the lock and the journal of a host are; every procedure has this option.
HOST_OPTIONS: Options = {"host_state_dir": {"type": "path"}}

#: How often in a row a connection to a job may be lost.
RETRIES = 5

#: What a result has that is no answer of the module: Ansible hands out what did come.
_LOST = "module_stdout"

#: Why a step is skipped in check mode.
CHECK_MODE_ENDS = "check mode ends with the plan"


@dataclass(frozen=True)
class Step:
    """One step of a procedure.

    ``leader``: it concerns all hosts, and the first host of the play takes it for them. ``in_check_mode``: it is part
    of the preview, and changes nothing in check mode. ``stops_after``: the steps, itself among them where hosts are
    taken in batches, of which a failure on any host keeps this step from being taken.
    """

    run: Callable[[Context], StepResult]
    leader: bool = False
    in_check_mode: bool = False
    stops_after: Sequence[str] = ()


class Procedure(RunbookAction):
    """An action that takes one step of a procedure on one host. A procedure is its name, its options and its steps."""

    _supports_check_mode = True
    EMPTY_IS_UNUSED = True

    name: ClassVar[str]
    options: ClassVar[Options]
    steps: ClassVar[Mapping[str, Step]]
    #: What the steps' results have beside what all results have, where a step says nothing of it.
    values: ClassVar[Mapping[str, Any]] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the step came to."""
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(self.argument_spec())
        step = options["step"]
        context = Context(self, step, options)
        try:
            return self._taken(self.steps[step], context)
        except RunbookError as exc:
            raise self.failure(exc) from None

    def validate_argument_spec(self, argument_spec: Any = None, **rules: Any) -> Any:
        """Refuse a role that leaves an option out, too: something else than what was set would silently be taken."""
        if missing := sorted((argument_spec or {}).keys() - self._task.args.keys()):
            where = f"module_defaults in roles/{self.name}/tasks/main.yml give every option but the step"
            raise self.failure(InvalidOptions([(name, f"missing; {where}") for name in missing]))
        return super().validate_argument_spec(argument_spec, **rules)

    @classmethod
    def argument_spec(cls) -> dict[str, Any]:
        """All options are required, though most may be empty."""
        return {
            "step": {"type": "str", "required": True, "choices": list(cls.steps)},
            **{name: {**given, "required": True} for name, given in {**cls.options, **HOST_OPTIONS}.items()},
        }

    def _taken(self, step: Step, context: Context) -> dict[str, Any]:
        nothing = StepResult(values=self.values)
        if context.check_mode and not step.in_check_mode:
            return {**nothing.as_dict(), "skipped": True, "msg": CHECK_MODE_ENDS}
        if step.leader and not context.is_leader:
            return nothing.as_dict()
        if context.step in step.stops_after and (failed := context.failed_on(context.step)):
            return {**nothing.as_dict(), "skipped": True, "msg": f"not done, since it failed on {', '.join(failed)}"}
        if any(context.stopped_at(earlier) for earlier in step.stops_after if earlier != context.step):
            # The step that failed is what fails the run.
            return nothing.as_dict()
        return (nothing + step.run(context)).as_dict()

    def module(self, name: str, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a module of this collection returns from the host of the task."""
        answer: dict[str, Any] = self._execute_module(
            module_name=f"xorb.runbook.{name}", module_args=dict(arguments), task_vars=variables
        )
        return answer

    def reconnect(self) -> None:
        """Begin a new connection to the host of the task, for the next module."""
        with contextlib.suppress(AnsibleConnectionFailure, AttributeError):
            self._connection.reset()

    def on(self, host: str) -> Acting:
        """The same step, as it works on another host."""
        return OtherHost(self, host, self.name, self._variables)

    def inventory(self) -> Inventory:
        """The inventory as this task sees it."""
        return Inventory(self._variables, self._templar)

    @property
    def check_mode(self) -> bool:
        """Whether nothing may be changed."""
        return bool(self._task.check_mode)

    @property
    def variables(self) -> Mapping[str, Any]:
        """The variables of the task."""
        return self._variables


@dataclass(frozen=True)
class Answer:
    """What a module returned; ``fault`` says why it did not come to its end."""

    values: Mapping[str, Any]
    fault: str = ""

    @property
    def changed(self) -> bool:
        """Whether the module changed anything, even where it failed."""
        return bool(self.values.get("changed"))

    @property
    def unreachable(self) -> bool:
        """Whether the host did not answer; that of the step itself is then the task's own to report."""
        return bool(self.values.get("unreachable"))


class Context:
    """What a step knows, and what it can do on its host."""

    def __init__(self, procedure: Procedure | Acting, step: str, options: Mapping[str, Any]) -> None:
        self._procedure = procedure
        self._variables = procedure.variables
        self.name = procedure.name
        self.step = step
        self.options = options
        self.check_mode = procedure.check_mode
        self.host = str(self._variables["inventory_hostname"])
        self.operator = operator(self._variables)

    # --- the platform

    @cached_property
    def inventory(self) -> Inventory:
        """The inventory, read once for a step."""
        return self._procedure.inventory()

    @cached_property
    def platform(self) -> Platform:
        """The platform as the variables of this host describe it."""
        return self.inventory.platform(self.host)

    @cached_property
    def state(self) -> Path:
        """Where the control node keeps what it has to remember of this platform."""
        return paths.of(self.platform.name, self.options["state_dir"] or None).state

    # --- the other hosts and the steps before

    def on(self, host: str) -> Context:
        """This step, as it works on another host: what is asked is asked there. Raises `RunbookError` for none."""
        if host not in self.inventory.hosts or not isinstance(self._procedure, Procedure):
            raise RunbookError(f"{host}: is no host of the inventory that this step can work on")
        return Context(self._procedure.on(host), self.step, self.options)

    @cached_property
    def is_leader(self) -> bool:
        """Whether this host takes the steps that concern all of them: the first that is still in the play."""
        return self.host == next(host for host in self.inventory.hosts if host in self._variables["ansible_play_hosts"])

    @property
    def play_hosts(self) -> list[str]:
        """The hosts that the play was begun with, in batches all of them."""
        return list(self._variables["ansible_play_hosts_all"])

    def result(self, step: str, host: str = "") -> Mapping[str, Any]:
        """What a step registered on a host, this one unless another is named; nothing where it registered nothing."""
        registered = self.inventory.variables(host or self.host).get(result_variable(self.name, step))
        return registered if isinstance(registered, Mapping) else {}

    def results(self, step: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """What a step registered on every host of the inventory, with the host."""
        return ((host, self.result(step, host)) for host in self.inventory.hosts)

    def failed_on(self, step: str) -> list[str]:
        """The hosts of the play on which a step has failed already."""
        return [host for host in self.play_hosts if (known := self.result(step, host)) and _failed(known)]

    def stopped_at(self, step: str) -> bool:
        """Whether a step failed, or was skipped, on any host of the inventory."""
        return any(_failed(known) or known.get("skipped") for _host, known in self.results(step))

    # --- acting

    def ask(self, module: str, wanted: str, **arguments: Any) -> Answer:
        """Run a module on the host. ``wanted`` is the key that its result has where it came to its end."""
        return _answer(self._module(module, arguments), wanted)

    def ask_job(self, module: str, wanted: str, subject: str, **arguments: Any) -> Answer:
        """Run a module on the host whose work is done by a job there, and show how far that has come.

        ``job`` among the arguments is one that was begun. It goes on where the connection is lost: it is tried again,
        and then the answer says that it goes on.
        """
        progress = ProgressLines(f"{self.host}: {self.name} {subject}")
        values = {"job": arguments["job"]} if "job" in arguments else self._module(module, arguments)
        while job := values.get("job"):
            self.show(progress.due(values.get("report") or {}, time.time()))
            values = self._insisted(module, {**arguments, "job": job})
            if _LOST in values:
                why = f"the host does not answer, and the job {job} may go on there: {values.get('msg')}"
                return Answer({}, f"{why}; the journal of the host has how it ends")
        return _answer(values, wanted)

    def ask_again(self, module: str, wanted: str, **arguments: Any) -> Answer:
        """As `ask`, for what does no harm when it is done twice: where the connection is lost, it is tried again."""
        return _answer(self._insisted(module, arguments), wanted)

    def _insisted(self, module: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        lost = 0
        while True:
            try:
                values = self._module(module, arguments)
            except AnsibleConnectionFailure as exc:
                values = {_LOST: "", "msg": str(exc)}
            lost += 1
            if _LOST not in values or lost > RETRIES:
                return values
            time.sleep(lost)
            self._procedure.reconnect()

    def _module(self, module: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        run = {
            "operator": self.operator,
            "controller_time": time.time(),
            "state_dir": self.options["host_state_dir"],
        }
        return self._procedure.module(module, {**run, **arguments}, self._variables)

    def action(self, subject: str, what: str, *, why: str, outcome: str = DONE, host: str = "") -> Action:
        """What was done, for the report and the ledger."""
        return Action(
            at=timestamp(),
            host=host or self.host,
            procedure=self.name,
            subject=subject,
            what=what,
            why=why,
            who=self.operator,
            outcome=outcome,
            incident=self.options.get("incident") or "",
        )

    def recovered(self, answer: Answer) -> list[Action]:
        """What the module ended of that which a killed run had left half done."""
        texts = answer.values.get("recovered", ())
        return [self.action("a run that was killed", text, why="it was left half done") for text in texts]

    @staticmethod
    def show(lines: Iterable[str]) -> None:
        """Print the lines of a plan."""
        if shown := "\n".join(map(clean, lines)):
            Display().display(shown)


def _answer(values: Mapping[str, Any], wanted: str) -> Answer:
    if values.get("failed") or wanted not in values:
        return Answer(values, str(values.get("msg", "the module gave no result")))
    return Answer(values)


def _failed(result: Mapping[str, Any]) -> bool:
    return bool(result.get("failed") or result.get("unreachable"))
