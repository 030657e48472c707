# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Actions name what they refuse by the variable that a person sets, once."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import InvalidOptions, RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction

WRITTEN = {
    "deadline": "{{ inspect_deadline }}",
    "duration": "{{ silence_for | default(omit, true) }}",
    "until": "{{ silence_until | default(omit, true) }}",
    "step": "plan",
    "name": "{{ certificate_authority_name }}",
    "made": "{{ one }} and {{ two }}",
}


def action(variables: dict[str, Any], *, blocks: Sequence[dict[str, Any]] = (), **given: Any) -> Any:
    """An action with the arguments of a task, in blocks with module defaults."""
    made = object.__new__(RunbookAction)
    made._variables = variables
    task = {"name": "a task", "xorb.runbook.silence": WRITTEN}
    names = {"action": "xorb.runbook.silence", "resolved_action": "xorb.runbook.silence"}
    made._task = SimpleNamespace(args=given, get_ds=lambda: task, module_defaults=list(blocks), **names)
    return made


@pytest.mark.parametrize(
    ("argument", "variables", "named"),
    [
        ("duration", {}, "silence_for"),
        ("deadline", {"inspect_deadline": "{{ platform_deadline | default(30) }}"}, "platform_deadline"),
        ("deadline", {"inspect_deadline": 5}, "inspect_deadline"),
        ("deadline", {"inspect_deadline": "{{ 5 * 6 }}"}, "inspect_deadline"),
        ("name", {"certificate_authority_name": "{{ ca_name | default(shop | default('')) }}"}, "ca_name"),
        ("step", {}, "step"),
        ("made", {}, "made"),
        ("absent", {}, "absent"),
    ],
)
def test_variable_is_the_one_that_a_person_sets(argument: str, variables: dict[str, Any], named: str) -> None:
    assert action(variables).variable(argument) == named


def test_variable_of_a_module_default_is_that_of_the_nearest_block() -> None:
    blocks = [
        {"xorb.runbook.silence": {"reason": "{{ outer }}", "duration": "{{ ignored }}"}},
        {"xorb.runbook.silence": {"reason": "{{ silence_reason }}"}, "xorb.runbook.report": {"reason": "{{ other }}"}},
    ]
    found = action({}, blocks=blocks)
    assert (found.variable("reason"), found.variable("duration")) == ("silence_reason", "silence_for")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RunbookError("duration: expected hours"), "silence_for: expected hours"),
        (RunbookError("duration, until: missing"), "silence_for, silence_until: missing"),
        (RunbookError("platform_name: missing"), "platform_name: missing"),
        (RunbookError("the ledger: broken"), "the ledger: broken"),
        (InvalidOptions([("duration", "wrong"), ("until[1]", "odd")]), "silence_for: wrong\nsilence_until[1]: odd"),
    ],
)
def test_failure_renames_arguments_at_its_beginning_only(error: RunbookError, message: str) -> None:
    assert str(action({}).failure(error)) == message


def test_arguments_that_exclude_each_other_are_named_by_their_variables() -> None:
    with pytest.raises(Exception, match=r"^silence_until: is given together with silence_for; give one of them$"):
        action({}, until="2026", duration="2h").validate_argument_spec(
            {"until": {"type": "str"}, "duration": {"type": "str"}}, mutually_exclusive=[("until", "duration")]
        )


def test_every_wrong_argument_is_named_at_once() -> None:
    spec = {"deadline": {"type": "int", "default": 30}, "until": {"type": "bool"}}
    with pytest.raises(Exception, match=r"^inspect_deadline: expected .* at least 1, got 0\nsilence_until: expected"):
        action({}, deadline=0, until="nope").validate_argument_spec(spec)


def test_secret_arguments_are_never_repeated() -> None:
    spec = {"name": {"type": "int", "no_log": True}, "until": {"type": "bool"}}
    with pytest.raises(Exception, match="silence_until") as caught:
        action({}, name="hunter22", until="nope").validate_argument_spec(spec)
    assert "hunter22" not in str(caught.value)
