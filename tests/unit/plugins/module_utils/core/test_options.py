# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options written once: what they accept, how they are documented, and where limits come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import (
    HTTP_STATUS,
    PERCENT,
    PORTS,
    POSITIVE,
    Option,
    Range,
    argument_spec,
    crossed,
    documentation,
    limits,
    out_of_range,
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


def test_argument_spec_marks_each_secret_option() -> None:
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
def test_limits_name_where_they_come_from(warning: int, source: str) -> None:
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


BOUNDED = {
    "port": Option("int", "Port.", within=PORTS),
    "share": Option("float", "Share.", within=PERCENT),
    "seconds": Option("float", "Seconds.", within=POSITIVE),
    "count": Option("int", "Count.", within=Range(1)),
    "status": Option("list", "Status.", elements="int", within=HTTP_STATUS, filled=True),
    "file": Option("path", "File."),
    "files": Option("list", "Files.", elements="path"),
    "text": Option("str", "Text."),
    "words": Option("list", "Words.", elements="str"),
    "flag": Option("bool", "Flag."),
    "unit": Option("str", "Unit.", filled=True),
    "kinds": Option("list", "Kinds.", elements="str", choices=("disk", "tcp")),
    "parts": Option("list", "Parts.", elements="dict", options={"port": Option("int", "Port.", within=PORTS)}),
}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"port": 580000}, "port: expected a whole number from 1 to 65535, got 580000"),
        ({"port": 0}, "port: expected a whole number from 1 to 65535, got 0"),
        ({"port": "-1"}, "port: expected a whole number from 1 to 65535, got '-1'"),
        ({"port": 80.5}, "port: expected a whole number from 1 to 65535, got 80.5"),
        ({"share": 100.5}, "share: expected a number from 0 to 100, got 100.5"),
        ({"share": float("nan")}, "share: expected a number from 0 to 100, got nan"),
        ({"seconds": 0}, "seconds: expected a number above 0, got 0"),
        ({"count": 0}, "count: expected a whole number of at least 1, got 0"),
        ({"status": [200, 20]}, "status[1]: expected a whole number from 100 to 599, got 20"),
        ({"status": 20}, "status: expected a whole number from 100 to 599, got 20"),
        ({"status": []}, "status: is empty; expected a list"),
        ({"file": "data/x"}, "file: expected an absolute path without variables, got 'data/x'"),
        ({"file": "~/x"}, "file: expected an absolute path without variables, got '~/x'"),
        ({"file": "/srv/$USER"}, "file: expected an absolute path without variables, got '/srv/$USER'"),
        ({"file": "/srv/${HOME}/x"}, "file: expected an absolute path without variables, got '/srv/${HOME}/x'"),
        ({"file": ""}, "file: expected an absolute path without variables, got ''"),
        ({"files": ["/a", "b"]}, "files[1]: expected an absolute path without variables, got 'b'"),
        ({"files": "/a,b"}, "files: expected an absolute path without variables, got 'b'"),
        ({"text": ["web"]}, "text: expected a text, got ['web']"),
        ({"text": {"a": 1}}, "text: expected a text, got {'a': 1}"),
        ({"text": 3.1}, "text: expected a text, got 3.1"),
        ({"text": True}, "text: expected a text, got True"),
        ({"words": ["a", None]}, "words[1]: expected a text, got None"),
        ({"words": [["a"]]}, "words[0]: expected a text, got ['a']"),
        ({"words": True}, "words: expected a list, got True"),
        ({"flag": "nope"}, "flag: expected true or false, got 'nope'"),
        ({"flag": 2}, "flag: expected true or false, got 2"),
        ({"kinds": ["tcp", "dsk"]}, "kinds[1]: expected one of disk, tcp, got 'dsk'; did you mean 'disk'?"),
        ({"kinds": "dsk,tcp"}, "kinds: expected one of disk, tcp, got 'dsk'; did you mean 'disk'?"),
        ({"status": [200, "ok"]}, "status[1]: expected a whole number from 100 to 599, got 'ok'"),
        ({"unit": " "}, "unit: is empty; expected a text"),
        (
            {"parts": [{"port": 1}, {"port": 65536}]},
            "parts[1].port: expected a whole number from 1 to 65535, got 65536",
        ),
    ],
)
def test_problems_refuse_what_cannot_be_meant(given: dict[str, Any], fault: str) -> None:
    assert [f"{key}: {message}" for key, message in problems(BOUNDED, given)] == [fault]


def test_problems_of_values_at_their_limits() -> None:
    given = {
        "port": 65535, "share": 100, "seconds": 0.001, "count": "1", "status": "100", "file": "/srv/a$", "text": 12,
        "words": "a,b", "flag": "no", "unit": "s", "parts": [{"port": 1}],
    }  # fmt: skip
    assert list(problems(BOUNDED, given)) == []


def test_problems_without_limits_are_those_that_keep_values_from_being_read() -> None:
    assert list(problems(BOUNDED, {"port": 0, "file": "x", "status": []}, limits=False)) == []
    assert [key for key, _message in problems(BOUNDED, {"port": "x", "words": [{}]}, limits=False)] == [
        "port",
        "words[0]",
    ]


def test_out_of_range_is_what_an_argument_spec_lets_through() -> None:
    given = with_defaults(BOUNDED, {"port": 0, "status": [99], "parts": [{"port": 70000}], "share": 1})
    assert [key for key, _message in out_of_range(BOUNDED, given)] == ["port", "status[0]", "parts[0].port"]


def test_documentation_has_what_a_number_can_be() -> None:
    documented = documentation(BOUNDED)
    assert documented["port"]["description"] == ["Port.", "A number from 1 to 65535."]
    assert documented["status"]["description"] == ["Status.", "Each is a number from 100 to 599."]
    assert documented["text"]["description"] == ["Text."]


PAIRS = {
    "warning": Option("float", "Warn.", default=80.0),
    "critical": Option("float", "Fail.", default=90.0),
    "days_warning": Option("float", "Warn.", falling=True),
    "days_critical": Option("float", "Fail.", falling=True),
}


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        (
            {"warning": 95, "critical": 90},
            ["warning: 95 is above critical (90), so that it would fail before it warns"],
        ),
        ({"warning": 95}, ["warning: 95 is above critical (90, the default), so that it would fail before it warns"]),
        ({"critical": 70}, ["critical: 70 is below warning (80, the default), so that it would fail before it warns"]),
        (
            {"critical": "7e1"},
            ["critical: 70 is below warning (80, the default), so that it would fail before it warns"],
        ),
        ({"warning": 90, "critical": 90}, []),
        ({}, []),
        (
            {"days_warning": 7, "days_critical": 28},
            ["days_warning: 7 is below days_critical (28), so that it would fail before it warns"],
        ),
        ({"days_warning": 28, "days_critical": 7}, []),
        ({"days_warning": 7}, []),
    ],
)
def test_crossed_thresholds_are_named(given: dict[str, Any], faults: list[str]) -> None:
    assert [f"{key}: {message}" for key, message in crossed(PAIRS, given)] == faults


def test_crossed_in_the_direction_that_is_given() -> None:
    assert list(crossed(PAIRS, {"warning": 95, "critical": 90}, falling=True)) == []
    assert [key for key, _message in crossed(PAIRS, {"warning": 80, "critical": 90}, falling=True)] == ["warning"]
