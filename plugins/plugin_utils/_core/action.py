# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all actions share: whatever they refuse is named by the variable that a person sets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import InvalidOptions
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import option_of, problems

#: A template that is nothing but a variable, with or without what is taken where it is not set.
_VARIABLE = re.compile(r"\s*\{\{\s*(\w+)\s*(?:\|\s*default\b.*)?\}\}\s*", re.DOTALL)
_FALLBACK = re.compile(r"\s*\{\{\s*(\w+)\s*\|\s*default\b.*\}\}\s*", re.DOTALL)
#: How a refusal begins: with one or more arguments, the first of which may have an index.
_SUBJECT = re.compile(r"(\w+(?:, \w+)*)((?:\[\d+\])?: )", re.DOTALL)


class RunbookAction(ActionBase):
    """An action whose arguments come from variables; `run` of the base has to be called first."""

    TRANSFERS_FILES = False
    #: Whether an empty value of a required argument says that it is not used.
    EMPTY_IS_UNUSED = False
    _variables: Mapping[str, Any]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Remember the variables of the task."""
        self._variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result

    def validate_argument_spec(self, argument_spec: Any = None, **rules: Any) -> Any:
        """Refuse arguments that cannot be meant, by the variables that they come from, and complete the others.

        Raises `AnsibleActionFail` with all faults, one a line.
        """
        # What is secret is never repeated, so Ansible may say what is wrong with it.
        options = {name: option_of(entry) for name, entry in (argument_spec or {}).items() if not entry.get("no_log")}
        if self.EMPTY_IS_UNUSED:
            options = {name: replace(option, required=False) for name, option in options.items()}
        given = {name: value for name, value in self._task.args.items() if name in options}
        known = set(argument_spec or ())
        faults = [*problems(options, given), *self._clashes(rules)]
        if faults and set(self._task.args) <= known:
            raise self.failure(InvalidOptions(faults))
        return super().validate_argument_spec(argument_spec=argument_spec, **rules)

    def _clashes(self, rules: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Arguments of which only one can be given."""
        for names in rules.get("mutually_exclusive") or ():
            given = [name for name in names if self._task.args.get(name) is not None]
            if len(given) > 1:
                yield (
                    given[0],
                    f"is given together with {' and '.join(map(self.variable, given[1:]))}; give one of them",
                )

    def failure(self, exc: Exception) -> AnsibleActionFail:
        """What the task fails with: the message of an error, in which arguments have the names of their variables.

        It is raised from ``None``: Ansible would print the message of the error beside it.
        """
        if isinstance(exc, InvalidOptions):
            return AnsibleActionFail("\n".join(self._renamed(f"{key}: {message}") for key, message in exc.problems))
        return AnsibleActionFail(self._renamed(str(exc)))

    @staticmethod
    def warn(text: str) -> None:
        """Print a warning: one in the result of a task that succeeds is not shown where ``display_ok_hosts`` is off."""
        if text:
            Display().display(f"[WARNING]: {text}", color=constants.COLOR_WARN, stderr=True)

    @staticmethod
    def refusal(problems: list[str], where: str) -> dict[str, Any]:
        """The result of an action that names faults, one a line."""
        faults = "1 fault" if len(problems) == 1 else f"{len(problems)} faults"
        return {"failed": True, "changed": False, "msg": "\n".join([f"{faults} in the {where}:", *problems])}

    def _renamed(self, message: str) -> str:
        found = _SUBJECT.match(message)
        names = found[1].split(", ") if found else []
        if not found or not set(names) <= self._written().keys():
            return message
        return f"{', '.join(map(self.variable, names))}{found[2]}{message[found.end() :]}"

    def variable(self, argument: str) -> str:
        """The variable that a person sets for an argument, or the argument itself where it is written out."""
        found = _VARIABLE.fullmatch(str(self._written().get(argument, "")))
        if not found:
            return argument
        name = found[1]
        while fallback := _FALLBACK.fullmatch(str(self._variables.get(name, ""))):
            name = fallback[1]
        return name

    def _written(self) -> Mapping[str, Any]:
        """The arguments as the task has them, before their templates were resolved."""
        task = self._task.get_ds() or {}
        names = (self._task.action, self._task.resolved_action)
        given: Mapping[str, Any] = next((task[name] for name in names if isinstance(task.get(name), Mapping)), {})
        # The nearest block comes last, and counts.
        blocks = [block[name] for block in self._task.module_defaults or () for name in names if name in block]
        defaults = {key: value for block in blocks if isinstance(block, Mapping) for key, value in block.items()}
        return {**defaults, **given}
