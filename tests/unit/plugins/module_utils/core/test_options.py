# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options written once: what they accept, how they are documented, and where limits come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import (
    Option,
    argument_spec,
    documentation,
    limits,
    plain,
    problems,
    with_defaults,
)

OPTIONS = {
    "port": Option("int", "Port.", required=True),
    "ratio": Option("float", "Ratio.", default=0.5),
    "mode": Option("str", "Mode.", choices=("fast", "safe")),
    "password": Option("str", "Password.", secret=True),
    "tokens": Option("dict", "Tokens.", secret=True),
    "rules": Option("list", "Rules.", elements="dict", options={"path": Option("str", "Path.", required=True)}),
    "address": Option("str", "Address.", computed=True),
}


@pytest.mark.parametrize(
    ("given", "key", "message"),
    [
        ({}, "port", "missing; expected a whole number"),
        ({"port": None}, "port", "missing; expected a whole number"),
        ({"port": "http"}, "port", "expected a whole number, got 'http'"),
        ({"port": True}, "port", "expected a whole number, got True"),
        ({"port": 1, "ratio": False}, "ratio", "expected a number, got False"),
        ({"port": 1, "prot": 1}, "prot", "unknown key; did you mean 'port'?"),
        ({"port": 1, "xyz": 1}, "xyz", "unknown key; known are mode, password, port, ratio, rules, tokens"),
        ({"port": 1, "mode": "slow"}, "mode", "expected one of fast, safe, got 'slow'"),
        ({"port": 1, "rules": [{"path": "a"}, {"pth": "b"}]}, "rules[1].pth", "unknown key; did you mean 'path'?"),
        ({"port": 1, "rules": [{"path": "a"}, {}]}, "rules[1].path", "missing; expected a text"),
        ({"port": 1, "rules": ["a"]}, "rules[0]", "expected a map of options, got 'a'"),
        ({"port": 1, "rules": 7}, "rules", "expected a list, got 7"),
    ],
)
def test_problems_name_the_key_and_the_cure(given: dict[str, Any], key: str, message: str) -> None:
    assert (key, message) in list(problems(OPTIONS, given))


def test_problems_of_good_options() -> None:
    given = {"port": "80", "mode": "safe", "password": "long enough", "tokens": {"a": "long enough"}}
    assert list(problems(OPTIONS, given)) == []


@pytest.mark.parametrize("given", [{"password": "short"}, {"tokens": {"a": "long enough", "b": "short"}}])
def test_problems_refuse_a_short_secret_without_repeating_it(given: dict[str, Any]) -> None:
    ((key, message),) = problems(OPTIONS, {"port": 1, **given})
    assert key in given and "at least 8 characters" in message and "short" not in message


def test_problems_do_not_repeat_a_secret_of_the_wrong_type() -> None:
    ((key, message),) = problems(OPTIONS, {"port": 1, "tokens": "correct horse"})
    assert (key, message) == ("tokens", "expected a map, got a value")


def test_with_defaults_converts_and_completes() -> None:
    complete = with_defaults(OPTIONS, {"port": "80", "rules": [{"path": 1}]})
    assert (complete["port"], complete["ratio"], complete["mode"]) == (80, 0.5, None)
    assert complete["rules"] == [{"path": "1"}]


def test_argument_spec_says_of_each_option_whether_it_is_secret() -> None:
    spec = argument_spec(OPTIONS)
    assert {name for name, entry in spec.items() if entry["no_log"]} == {"password", "tokens"}
    assert spec["rules"]["options"] == {"path": {"type": "str", "no_log": False, "required": True}}


def test_documentation_has_what_the_spec_has() -> None:
    documented = documentation({**OPTIONS, "warning": Option("int", "Warn.", default=1, source="the runbook")})
    assert documented["warning"]["description"] == ["Warn.", "Source of the default: the runbook."]
    assert documented["mode"] == {"description": ["Mode."], "type": "str", "choices": ["fast", "safe"]}
    assert documented["rules"]["suboptions"]["path"]["required"] is True


LIMITS = {
    "x_warning_ms": Option("int", "Warn.", default=1, source="ours"),
    "x_critical_ms": Option("int", "Fail.", default=2, source="ours"),
}


@pytest.mark.parametrize(("warning", "source"), [(1, "ours"), (7, "platform description")])
def test_limits_tell_where_they_come_from(warning: int, source: str) -> None:
    found = limits(LIMITS, {"x_warning_ms": warning, "x_critical_ms": 2}, "x_", suffix="_ms")
    assert (found.warning, found.critical, found.source) == (warning, 2, source)


def test_plain_makes_a_description_a_value_of_pythons_own_types(tmp_path: Path) -> None:
    path = tmp_path / "description.yml"
    path.write_text("{text: api, list: [1, 2.5, true, null, {deep: down}]}")
    read = DataLoader().load_from_file(str(path))
    assert type(read["text"]).__module__ != "builtins", "Ansible's texts know where they come from"
    made = plain(read)
    assert made == {"text": "api", "list": [1, 2.5, True, None, {"deep": "down"}]}
    values = [*made, made["text"], *made["list"], *made["list"][4].items()]
    assert [type(value).__module__ for value in values] == ["builtins"] * len(values)


def test_plain_leaves_what_it_does_not_know() -> None:
    unknown = object()
    assert plain({"vaulted": unknown})["vaulted"] is unknown
