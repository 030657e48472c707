# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``report``: what arrived of all hosts, against what was expected of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, UNKNOWN, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import plain
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.messages import suggest
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.operator import operator
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.time import moment, utc
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.fail_after import FailAfter
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.model import Platform
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.selectors import SELECTORS, selected
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.settings import misspelled
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove import actions, publish
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import Topology
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.expected import (
    Expected,
    described,
    described_wrongly,
    expected,
    left_out,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import (
    NoAnswer,
    Report,
    Run,
    assemble,
    new_id,
    run_check,
)

#: The variable in which each host's ``inspect`` result is registered.
INSPECTION = "platform_inspection"


class ActionModule(RunbookAction):
    """Compares, explains, records and prints. Runs once, on the control node, and contacts no host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the failing checks for ``verdict``, and where the report was written."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(
            {**publish.OPTIONS, "slice_of": {"type": "str", "default": ""}, **SELECTORS}
        )
        try:
            inventory = Inventory(variables, self._templar)
            due = expected(inventory, inventory.present, selected(arguments), FailAfter.parse(arguments["fail_after"]))
            here = inventory.platform(variables["inventory_hostname"])
            return publish.file(
                self._assemble(inventory, here, due, variables, arguments),
                arguments,
                fail_after=due.fail_after,
                described=lambda: described(inventory, here),
                # This one first: it is in the play still, where another one may have left it.
                judged=dict.fromkeys([variables["inventory_hostname"], *inventory.play_hosts]),
            )
        except RunbookError as exc:
            raise self.failure(exc) from None

    def _assemble(
        self,
        inventory: Inventory,
        here: Platform,
        due: Expected,
        variables: Mapping[str, Any],
        arguments: Mapping[str, Any],
    ) -> Report:
        """Compare what had to arrive with what every host's variables say that did."""
        wanted = selected(arguments)
        limit = str(variables.get("ansible_limit", ""))
        finished_at = timestamp()
        received: list[Check] = []
        silent: dict[str, NoAnswer] = {}
        started: list[str] = []
        selectors = []
        acted: list[actions.Action] = []
        listed: dict[str, list[Mapping[str, Any]]] = {"backups": [], "drills": []}
        not_done: list[Check] = []
        names: set[str] = set()
        proved: list[Check] = []
        # A host that is not in this play may have acted in another one, unless a limit kept it out of all of them.
        for host in inventory.present if limit else inventory.hosts:
            known = inventory.variables(host)
            names.update(known)
            for step, done in actions.results(known):
                acted += actions.actions(done)
                not_done += filter(None, [actions.failure(step, host, done)])
                proved += actions.proofs(done)
                for name, rows in listed.items():
                    rows.extend(actions.listed(host, done, name))
        for host in inventory.present:
            result = inventory.variables(host).get(INSPECTION)
            started += began(result, finished_at)
            if isinstance(result, Mapping) and "checks" in result:
                # Texts that know where they come from are slow to write, and each is written several times.
                received += map(Check.from_dict, plain(result["checks"]))
                selectors.append(result["selectors"])
            else:
                silent[host] = no_answer(result)
        due.proofs.update(check.key for check in proved)
        run = Run(
            id=new_id(),
            platform=here.name,
            procedure=arguments["procedure"],
            started_at=min(started, default=finished_at),
            who=operator(variables),
            topics=tuple(wanted["topics"]),
            limited_to=limit,
            check_mode=bool(self._task.check_mode),
            slice_of=arguments["slice_of"],
        )
        assembled = assemble(
            run,
            finished_at=finished_at,
            expected=due.checks,
            received=[*received, *proved, *here.not_applicable(inventory.present, wanted["services"])],
            silent=silent,
            left_out=left_out(inventory, here, wanted),
            about_run=[
                *not_done,
                *described_wrongly([*inventory.problems, *misspelled(names)]),
                *selected_wrongly(wanted, selectors, here.services),
            ],
            topology=Topology(here.depends_on, inventory.addresses),
        )
        return replace(
            assembled,
            actions=tuple(action.as_dict() for action in acted),
            backups=tuple(listed["backups"]),
            drills=tuple(listed["drills"]),
        )


def selected_wrongly(
    wanted: Mapping[str, list[str]], selectors: Iterable[Mapping[str, list[str]]], services: Iterable[str]
) -> Iterator[Check]:
    """A selector that names nothing, or with which some hosts looked and others did not."""
    for name in wanted["services"]:
        if name not in services:
            yield run_check(name, CRITICAL, f"there is no such service{suggest(name, services)}", point="selection")
    if any(selector != wanted for selector in selectors):
        message = "hosts looked with other topics, services or kinds than the report expects; set them alike for all"
        yield run_check("selectors", CRITICAL, message, point="selection")


def began(result: Any, now: str) -> Iterator[str]:
    """When a host was inspected, from whatever its inspect task registered; nothing where that does not show."""
    if not isinstance(result, Mapping):
        return
    if "started_at" in result:
        yield str(result["started_at"])
    elif isinstance(result.get("timedout"), Mapping) and isinstance(result["timedout"].get("period"), (int, float)):
        yield utc(moment(now) - timedelta(seconds=result["timedout"]["period"]))


def no_answer(result: Any) -> NoAnswer:
    """Why a host gave no checks, from whatever its inspect task registered."""
    if not isinstance(result, Mapping):
        return NoAnswer(UNKNOWN, "no result: its inspect task did not run or was cut off")
    if result.get("unreachable"):
        return NoAnswer(CRITICAL, f"unreachable: {_first_line(result.get('msg'))}")
    if "timedout" in result:
        period = result["timedout"].get("period", "?") if isinstance(result["timedout"], Mapping) else "?"
        return NoAnswer(CRITICAL, f"did not answer within {period} s: the host, or its connection, hangs")
    return NoAnswer(UNKNOWN, f"could not be inspected: {_first_line(result.get('msg'))}")


def _first_line(message: Any) -> str:
    return " ".join(str(message or "no reason given").split())[:300]
