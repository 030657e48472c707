# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``report``: what all hosts said, against what was expected of them."""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._checks import CRITICAL, OK, UNKNOWN, Check
from ansible_collections.xorb.runbook.plugins.module_utils._errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._runner import timestamp
from ansible_collections.xorb.runbook.plugins.plugin_utils import _outputs, _places, _text
from ansible_collections.xorb.runbook.plugins.plugin_utils._inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._ledger import Ledger
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform import Problem, suggest
from ansible_collections.xorb.runbook.plugins.plugin_utils._report import Report, Run, Silence, assemble, run_check
from ansible_collections.xorb.runbook.plugins.plugin_utils._selectors import SELECTORS, selected

#: The variable in which each host's ``inspect`` result is registered.
INSPECTION = "platform_inspection"


class ActionModule(ActionBase):
    """Compares, explains, records and prints. Runs once, on the control node, and contacts no host."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the failing checks for ``verdict``, and where the report was written."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(
            {
                "procedure": {"type": "str", "required": True},
                "state_dir": {"type": "path"},
                "ledger": {"type": "str"},
                "ledger_retention_days": {"type": "int", "default": 90},
                "report_dir": {"type": "path"},
                "formats": {
                    "type": "list",
                    "elements": "str",
                    "default": list(_outputs.FORMATS),
                    "choices": list(_outputs.FORMATS),
                },
                "textfile": {"type": "path"},
                "keep": {"type": "int", "default": 100},
                **SELECTORS,
            }
        )
        try:
            report = self._assemble(Inventory(variables, self._templar), variables, arguments)
        except RunbookError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        files: dict[str, str] = {}
        if not self._task.check_mode:
            places = _places.of(report.run.platform, arguments["state_dir"])
            location = arguments["ledger"] or str(places.ledger)
            report = self._record(report, location, arguments["ledger_retention_days"])
            report, told = self._tell(report, arguments["textfile"])
            folder = Path(arguments["report_dir"] or places.reports)
            report, files = self._write(report, folder, arguments, location)
            files = {**files, **told}
        self._print(report, files)
        return {
            "changed": False,
            "counts": report.counts,
            "expected": report.expected,
            "received": report.received,
            "not_run": list(report.not_run),
            "causes": [cause.check for cause in report.causes],
            "checks": [check.as_dict() for check in report.checks if check.status != OK],
            "ledger": dict(report.ledger),
            "files": files,
        }

    def _assemble(self, inventory: Inventory, variables: Mapping[str, Any], arguments: Mapping[str, Any]) -> Report:
        """Ask the description what had to arrive, and every host's variables what did."""
        wanted = selected(arguments)
        here = variables["inventory_hostname"]
        name = inventory.platform(here).name
        expected: dict[tuple[str, str, str], Check] = {}
        received: list[Check] = []
        silent: dict[str, Silence] = {}
        started = []
        selectors = []
        for host in inventory.hosts:
            looks = inventory.platform(host).looks(observer=host, **wanted)
            for look in looks:
                expected.update({check.key: check for check in look.placeholders("expected, but no result arrived")})
            said = inventory.variables(host).get(INSPECTION)
            if host not in inventory.play_hosts:
                continue
            if isinstance(said, Mapping) and "checks" in said:
                received += [Check.from_dict(check) for check in said["checks"]]
                started.append(str(said["started_at"]))
                selectors.append(said["selectors"])
            else:
                silent[host] = silence(said)
        run = Run(
            id=f"{timestamp()[:19].replace(':', '').replace('-', '')}-{secrets.token_hex(3)}",
            platform=name,
            procedure=arguments["procedure"],
            started_at=min(started, default=timestamp()),
            who=who(variables),
            topics=tuple(wanted["topics"]),
            limited_to=str(variables.get("ansible_limit", "")),
            check_mode=bool(self._task.check_mode),
        )
        return assemble(
            run,
            finished_at=timestamp(),
            expected=expected,
            received=[*received, *inventory.platform(here).not_applicable(wanted["services"])],
            silent=silent,
            absent=set(inventory.hosts) - inventory.play_hosts,
            about_run=[
                *described_wrongly(inventory.problems),
                *selected_wrongly(wanted, selectors, inventory.platform(here).services),
            ],
            depends_on=inventory.platform(here).depends_on,
        )

    def _record(self, report: Report, location: str, retention_days: int) -> Report:
        """Write the run into the ledger; a failure is a check of its own and never loses the report."""
        try:
            head = Ledger(location).append(report, retention_days=retention_days)
        except RunbookError as exc:
            return report.with_check(
                run_check("written", CRITICAL, str(exc), point="ledger", remedy="xorb.runbook.ledger_verify")
            )
        return replace(report, ledger=head)

    def _tell(self, report: Report, textfile: str | None) -> tuple[Report, dict[str, str]]:
        """Write the file of node exporter's collector, before the others, so that they say when it failed."""
        if not textfile:
            return report, {}
        try:
            return report, {"textfile": _outputs.write_textfile(report, textfile)}
        except OSError as exc:
            message = f"the textfile cannot be written: {exc.strerror}: {exc.filename}"
            return report.with_check(run_check("written", CRITICAL, message, point="textfile")), {}

    def _write(
        self, report: Report, folder: Path, arguments: Mapping[str, Any], ledger: str
    ) -> tuple[Report, dict[str, str]]:
        """Write the files of the report; a failure is a check of its own, too."""
        try:
            return report, _outputs.write(report, folder, arguments["formats"], ledger=ledger, keep=arguments["keep"])
        except OSError as exc:
            message = f"the report files cannot be written: {exc.strerror}: {exc.filename}"
            return report.with_check(run_check("written", CRITICAL, message, point="report")), {}

    def _print(self, report: Report, files: Mapping[str, str]) -> None:
        """Print the table as text: a debug task would turn it into escaped JSON."""
        display = Display()
        colour = bool(os.environ.get("ANSIBLE_FORCE_COLOR")) or (os.isatty(1) and "NO_COLOR" not in os.environ)
        display.display(
            "\n" + _text.render(report, width=max(80, min(display.columns, 160)), colour=colour, files=files)
        )


def described_wrongly(problems: Iterable[Problem]) -> Iterator[Check]:
    """One check for each service that the description is wrong about, naming all its faults."""
    by_service: dict[str, list[str]] = {}
    for problem in problems:
        by_service.setdefault(problem.service or "platform", []).append(str(problem))
    for service, faults in by_service.items():
        yield run_check(service, CRITICAL, "; ".join(faults), point="description", remedy="xorb.runbook.platform_check")


def selected_wrongly(
    wanted: Mapping[str, list[str]], selectors: Iterable[Mapping[str, list[str]]], services: Iterable[str]
) -> Iterator[Check]:
    """A selector that names nothing, or with which some host looked and others did not."""
    for name in wanted["services"]:
        if name not in services:
            yield run_check(name, CRITICAL, f"there is no such service{suggest(name, services)}", point="selection")
    if any(selector != wanted for selector in selectors):
        message = "hosts looked with other topics, services or kinds than the report expects; set them alike for all"
        yield run_check("selectors", CRITICAL, message, point="selection")


def silence(said: Any) -> Silence:
    """Why a host gave no checks, from whatever its inspect task registered."""
    if not isinstance(said, Mapping):
        return Silence(UNKNOWN, "no result: its inspect task did not run or was cut off")
    if said.get("unreachable"):
        return Silence(CRITICAL, f"unreachable: {_first_line(said.get('msg'))}")
    if "timedout" in said:
        period = said["timedout"].get("period", "?") if isinstance(said["timedout"], Mapping) else "?"
        return Silence(CRITICAL, f"did not answer within {period} s: the host, or its connection, hangs")
    return Silence(UNKNOWN, f"could not be inspected: {_first_line(said.get('msg'))}")


def _first_line(message: Any) -> str:
    return " ".join(str(message or "no reason given").split())[:300]


def who(variables: Mapping[str, Any]) -> str:
    """Who ran this: the AWX user where there is one, else the user of the control node."""
    for name in ("awx_user_name", "tower_user_name"):
        if variables.get(name):
            return str(variables[name])
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a user that nobody gave a name.
        return f"uid {os.getuid()}"
