# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``report_merge``: one report of what several runs found, each of which looked at a part of the inventory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, NOT_APPLICABLE, UNKNOWN, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp
from ansible_collections.xorb.runbook.plugins.plugin_utils._core import time as moments
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.operator import operator
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.fail_after import FailAfter
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.model import Platform
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.selectors import SELECTORS, selected
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove import publish
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove import slices as run_slices
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import Topology
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.expected import (
    Expected,
    described,
    described_wrongly,
    expected,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.history import MERGED
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.store import NoLedger
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import (
    NoAnswer,
    Report,
    Run,
    assemble,
    new_id,
    run_check,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.slices import Slice

UNSEEN = "no slice looked at this host"


class ActionModule(RunbookAction):
    """Puts slices together and compares them with the whole description. Runs once, and contacts no host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the same as ``report``, and which runs it is made of."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(
            {
                **publish.OPTIONS,
                "slice_of": {"type": "str"},
                "files": {"type": "list", "elements": "path", "default": []},
                "max_age": {"type": "int", "default": 60},
                **SELECTORS,
            }
        )
        try:
            inventory = Inventory(variables, self._templar)
            due = expected(inventory, inventory.hosts, selected(arguments), FailAfter.parse(arguments["fail_after"]))
            here = inventory.platform(variables["inventory_hostname"])
            slices, faults = find(here.name, arguments)
            return publish.file(
                self._assemble(inventory, here, due, slices, faults, variables, arguments),
                arguments,
                fail_after=due.fail_after,
                described=lambda: described(inventory, here),
                judged=[variables["inventory_hostname"]],
                repeats=[one.run_id for one in slices],
            )
        except RunbookError as exc:
            raise self.failure(exc) from None

    def _assemble(
        self,
        inventory: Inventory,
        here: Platform,
        due: Expected,
        slices: list[Slice],
        faults: list[Check],
        variables: Mapping[str, Any],
        arguments: Mapping[str, Any],
    ) -> Report:
        received = run_slices.together(slices)
        # What a platform does not have is in every slice, whichever host should have it.
        seen = {check.host for check in received if check.status != NOT_APPLICABLE}
        now = timestamp()
        run = Run(
            id=new_id(),
            platform=here.name,
            procedure=f"{arguments['procedure']}{MERGED}",
            started_at=min((check.observed_at for check in received if check.observed_at), default=now),
            who=operator(variables),
            topics=tuple(arguments["topics"]),
            check_mode=bool(self._task.check_mode),
        )
        return assemble(
            run,
            finished_at=now,
            expected=due.checks,
            received=[*received, *here.not_applicable(inventory.hosts, arguments["services"])],
            silent={
                host: NoAnswer(UNKNOWN, UNSEEN)
                for host in {host for host, _owner, _id in due.checks}
                if host not in seen
            },
            # A limit on this play limits nothing: the slices were the limits.
            left_out=(),
            about_run=[*described_wrongly(inventory.problems), *faults],
            topology=Topology(here.depends_on, inventory.addresses),
        )


def find(platform: str, arguments: Mapping[str, Any]) -> tuple[list[Slice], list[Check]]:
    """The slices that there are, and a check for each that cannot be used. Raises `RunbookError`."""
    if bool(arguments["slice_of"]) == bool(arguments["files"]):
        raise RunbookError(
            "slice_of, files: give one of them: the word that the slices shared (platform_slice_of), or their JSON"
            " reports"
        )
    found, faults = [], []
    if arguments["slice_of"]:
        location = publish.location_of_ledger(platform, arguments)
        try:
            found = run_slices.from_ledger(
                location, platform=platform, procedure=arguments["procedure"], whole=arguments["slice_of"]
            )
        except NoLedger as exc:
            faults.append(run_check("found", CRITICAL, str(exc), point="slice"))
    for number, path in enumerate(arguments["files"], start=1):
        try:
            found.append(run_slices.from_file(Path(path)))
        except RunbookError as exc:
            faults.append(run_check(f"file_{number}", CRITICAL, str(exc), point="slice"))
    taken, refused = run_slices.usable(
        found,
        platform=platform,
        procedure=arguments["procedure"],
        now=moments.moment(timestamp()),
        max_age=timedelta(minutes=arguments["max_age"]),
    )
    return taken, [*faults, *refused]
