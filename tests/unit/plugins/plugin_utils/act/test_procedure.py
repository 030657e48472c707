# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frame of a procedure: which step is taken where, what stops it, and what becomes of its result."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._act import procedure
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Context, Procedure, Step
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.result import StepResult
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.actions import Action

HOSTS = ["one", "two", "three"]
GIVEN = {"level": "high", "host_state_dir": "/srv/state"}


def took(context: Context) -> StepResult:
    """A step that says on which host it was taken."""
    return StepResult(changed=not context.check_mode, acts=True, values={"seen": [context.host]})


def refused(_context: Context) -> StepResult:
    """A step that does nothing, with a reason that names an option."""
    raise RunbookError("level: too high")


STEPS = {
    "plan": Step(took, in_check_mode=True),
    "decide": Step(took, leader=True),
    "apply": Step(took, stops_after=("decide", "apply")),
    "refuse": Step(refused),
}
OPTIONS = {"level": {"type": "str", "choices": ["high", "low"]}}
VALUES: dict[str, Any] = {"seen": []}


class Demo(Procedure):
    """A procedure with a step of each sort."""

    name = "demo"
    options = OPTIONS
    steps = STEPS
    values = VALUES


def taken(
    step: str,
    *,
    host: str = "one",
    check_mode: bool = False,
    play_hosts: list[str] | None = None,
    results: Mapping[str, Mapping[str, Any]] | None = None,
    **given: Any,
) -> dict[str, Any]:
    """The result of a step on a host; ``results`` are what hosts have registered."""
    hostvars: Any = {name: (results or {}).get(name, {}) for name in HOSTS}
    raw = SimpleNamespace(raw_get=hostvars.__getitem__, __getitem__=hostvars.__getitem__)
    variables = {
        "inventory_hostname": host,
        "groups": {"all": HOSTS},
        "ansible_play_hosts": play_hosts or HOSTS,
        "ansible_play_hosts_all": HOSTS,
        "hostvars": raw,
        **hostvars[host],
    }
    made = object.__new__(Demo)
    made._variables = variables
    made._templar = None
    made._task = SimpleNamespace(
        args={**GIVEN, **given, "step": step}, check_mode=check_mode, get_ds=dict, module_defaults=[],
        action="xorb.runbook.demo", resolved_action="xorb.runbook.demo",
    )  # fmt: skip
    made.validate_argument_spec(made.argument_spec())
    options = dict(made._task.args)
    try:
        return made._taken(made.steps[step], Context(made, step, options))
    except RunbookError as exc:
        raise made.failure(exc) from None


def test_step_is_taken_and_its_values_are_beside_what_all_results_have() -> None:
    result = taken("apply")
    assert result == {"changed": True, "acts": True, "actions": [], "checks": [], "seen": ["one"]}


def test_check_mode_ends_with_the_steps_of_the_plan() -> None:
    assert taken("plan", check_mode=True)["seen"] == ["one"]
    skipped = taken("apply", check_mode=True)
    assert skipped["skipped"] and skipped["msg"] == "check mode ends with the plan" and skipped["seen"] == []


@pytest.mark.parametrize(
    ("host", "play_hosts", "seen"),
    [("one", HOSTS, ["one"]), ("two", HOSTS, []), ("two", ["three", "two"], ["two"]), ("three", ["three", "two"], [])],
)
def test_leader_is_the_first_host_that_is_still_in_the_play(host: str, play_hosts: list[str], seen: list[str]) -> None:
    assert taken("decide", host=host, play_hosts=play_hosts)["seen"] == seen


@pytest.mark.parametrize("failure", [{"failed": True}, {"unreachable": True}])
def test_batch_that_follows_a_failure_is_left_alone_and_says_so(failure: dict[str, Any]) -> None:
    result = taken("apply", host="two", results={"one": {"demo_result_apply": failure}})
    assert result["skipped"] and result["msg"] == "not done, since it failed on one"


@pytest.mark.parametrize("failure", [{"failed": True}, {"skipped": True}])
def test_step_after_one_that_failed_is_nothing(failure: dict[str, Any]) -> None:
    result = taken("apply", results={"three": {"demo_result_decide": failure}})
    assert result == {"changed": False, "acts": False, "actions": [], "checks": [], "seen": []}


def test_failure_of_another_step_stops_nothing() -> None:
    assert taken("apply", results={"one": {"demo_result_plan": {"failed": True}}})["seen"] == ["one"]


def test_step_that_refuses_fails_with_its_reason() -> None:
    with pytest.raises(AnsibleActionFail, match="level: too high"):
        taken("refuse")


@pytest.mark.parametrize("missing", ["level", "host_state_dir"])
def test_option_that_is_left_out_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delitem(GIVEN, missing)
    with pytest.raises(AnsibleActionFail, match=f"{missing}: missing; module_defaults in roles/demo/tasks/main.yml"):
        taken("apply")


def test_option_that_cannot_be_meant_is_refused() -> None:
    with pytest.raises(AnsibleActionFail, match="level: expected one of high, low, got 'higher'"):
        taken("apply", level="higher")


ACTION = Action("now", "one", "demo", "it", "was done", "it was due", "alex", "done")


def test_results_are_added_in_their_order() -> None:
    first = StepResult(acts=True, actions=[ACTION], faults=["a"], values={"seen": [1], "kept": 1}, diff={"before": "x"})
    both = first + StepResult(changed=True, faults=["b", "a"], values={"seen": [2]})
    assert (both.changed, both.acts, both.failed) == (True, True, True)
    assert both.as_dict() == {
        "changed": True, "acts": True, "actions": [ACTION.as_dict()], "checks": [], "seen": [2], "kept": 1,
        "diff": {"before": "x"}, "failed": True, "msg": "a | b",
    }  # fmt: skip


class Host:
    """Stands for a connection that a job is asked about: each answer in turn, or the loss of the connection."""

    name, check_mode = "demo", False

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.jobs: list[Any] = []
        self.reconnected = 0
        self.variables = {"inventory_hostname": "one"}

    def module(self, _name: str, arguments: Mapping[str, Any], _variables: Mapping[str, Any]) -> Mapping[str, Any]:
        self.jobs.append(arguments.get("job"))
        answer: Any = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def reconnect(self) -> None:
        self.reconnected += 1


RUNS = {"changed": False, "job": "j1", "report": {}}
LOST = AnsibleConnectionFailure("connection reset")
CUT = {"failed": True, "module_stdout": "", "msg": "MODULE FAILURE"}


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


def asked(host: Any) -> procedure.Answer:
    return Context(host, "apply", {"host_state_dir": "/srv/state"}).ask_job("long", "done", "it", size=3)


@pytest.mark.usefixtures("no_pauses")
def test_job_is_waited_for_through_lost_connections() -> None:
    host = Host(RUNS, RUNS, LOST, CUT, RUNS, {"changed": True, "done": 1})
    assert asked(host).values == {"changed": True, "done": 1}
    assert host.jobs == [None, "j1", "j1", "j1", "j1", "j1"]
    assert host.reconnected == 2


@pytest.mark.usefixtures("no_pauses")
def test_job_that_was_begun_before_is_waited_for() -> None:
    host: Any = Host(LOST, {"changed": True, "done": 1})
    context = Context(host, "apply", {"host_state_dir": "/srv/state"})
    assert context.ask_job("long", "done", "it", job="j2").values["done"] == 1
    assert host.jobs == ["j2", "j2"]


@pytest.mark.usefixtures("no_pauses")
def test_what_does_no_harm_twice_is_tried_again() -> None:
    def read(host: Any) -> procedure.Answer:
        return Context(host, "apply", {"host_state_dir": "/srv/state"}).ask_again("short", "read")

    assert read(Host(LOST, CUT, {"read": 7})).values["read"] == 7
    assert read(Host(*[LOST] * 6)).fault == "connection reset"


@pytest.mark.usefixtures("no_pauses")
def test_job_whose_host_stays_silent_goes_on_and_the_answer_says_so() -> None:
    answer = asked(Host(RUNS, *[LOST] * 6))
    assert "the job j1 may go on there: connection reset" in answer.fault


@pytest.mark.usefixtures("no_pauses")
def test_job_that_fails_is_not_asked_again() -> None:
    answer = asked(Host(RUNS, {"failed": True, "msg": "no space"}))
    assert answer.fault == "no space"


def test_connection_that_is_lost_before_the_job_began_is_the_tasks_own() -> None:
    with pytest.raises(AnsibleConnectionFailure):
        asked(Host(LOST))
