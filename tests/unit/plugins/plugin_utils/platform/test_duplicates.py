# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is written twice in the files of an inventory, which Ansible reads without a word in its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible._internal._datatag._tags import Origin
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.duplicates import (
    _has_each_key_once,
    sources,
    written_twice,
)


def read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def found(text: str, folder: Path, *, name: str = "platform.yml", value: Any = None) -> list[str]:
    """What is twice in a file that a value of a description came from."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    came = Origin(path=str(path)).tag({"api": value or {}})
    return [str(problem) for problem in written_twice({"platform_services": came}, read)]


def test_service_that_is_written_twice(tmp_path: Path) -> None:
    text = "platform_services:\n  api: {hosts: web}\n  db: {hosts: db}\n  api: {hosts: db}\n"
    positions = f"{tmp_path}/platform.yml, lines 2 and 4"
    assert found(text, tmp_path) == [
        f"platform_services.api: is written twice: {positions}; the last one replaces the other"
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("platform_services: {api: 1, api: 2}\n", "platform_services.api"),
        ('{"platform_services": {"api": 1, "api": 2}}', "platform_services.api"),
        ("platform_services: {}\nplatform_services: {}\n", "platform_services"),
        ("platform_services:\n  'api': 1\n  api: 2\n", "platform_services.api"),
        ("all: {vars: {platform_services: {api: {checks: {a: 1, a: 2}}}}}", "all.vars.platform_services.api.checks.a"),
        ("x: [{a: 1, a: 2}]", "x[0].a"),
        ("x: !vault {a: 1, a: 2}", "x.a"),
        ("---\na: 1\n---\nb: 1\nb: 2\n", "b"),
    ],
)
def test_key_is_found_however_it_is_written(text: str, where: str, tmp_path: Path) -> None:
    assert [problem.partition(": is written twice")[0] for problem in found(text, tmp_path)] == [where]


@pytest.mark.parametrize(
    "text",
    [
        "platform_services: {api: &it {a: 1}, db: *it, x: {<<: *it, a: 2}}\n",
        "a: {<<: {b: 1}, <<: {c: 1}}\n",
        "1: a\n'1': b\n",
        "[all]\none ansible_host=1\none ansible_host=2\n",
        "a: [",
    ],
)
def test_nothing_is_found_where_nothing_is_lost(text: str, tmp_path: Path) -> None:
    assert found(text, tmp_path) == []


def test_service_of_a_problem_is_the_one_that_is_written_twice(tmp_path: Path) -> None:
    path = tmp_path / "p.yml"
    path.write_text("platform_services: {api: {checks: {a: 1, a: 2}}}")
    (problem,) = written_twice({"platform_services": Origin(path=str(path)).tag({})}, read)
    assert problem.service == "api"


def test_deeper_values_of_other_files_are_looked_into(tmp_path: Path) -> None:
    other = tmp_path / "other.yml"
    other.write_text("common: {a: 1, a: 2}")
    deeper = Origin(path=str(other)).tag({"a": 2})
    assert [problem.partition(":")[0] for problem in found("x: 1", tmp_path, value=[deeper])] == ["common.a"]


def test_variable_in_two_files_of_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "group_vars/all"
    folder.mkdir(parents=True)
    (folder / "b.yml").write_text("platform_services: {db: {}}\nother: 1\n")
    (folder / "c.yml").write_text("other: 1\n")
    (problem,) = found("platform_services: {api: {}}\n", folder, name="a.yml")
    assert problem.startswith(f"platform_services: is written twice: {folder}/a.yml and {folder}/b.yml;")


def test_variable_in_files_of_different_folders_is_how_inventories_work(tmp_path: Path) -> None:
    for name in ("group_vars/all", "group_vars/web"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "group_vars/web/p.yml").write_text("platform_services: {}\n")
    assert found("platform_services: {}\n", tmp_path / "group_vars/all") == []


def test_file_that_has_gone_is_no_problem_of_the_description(tmp_path: Path) -> None:
    gone = Origin(path=str(tmp_path / "gone.yml")).tag({})
    assert (
        list(written_twice({"platform_services": gone, "platform_name": "x", "platform_overrides": None}, read)) == []
    )


def test_variables_that_a_template_puts_together_are_looked_into() -> None:
    described = {"platform_services": "{{ base | combine(more, recursive=true) }}", "platform_name": "base"}
    variables = {"base": {"api": 1}, "more": "{{ most }}", "most": {"db": 1}, "recursive": "{{ more }}", "other": {}}
    found = sources(described, variables)
    assert found.keys() == {
        "platform_services",
        "platform_name",
        "base",
        "more",
        "most",
        "recursive",
    }


@pytest.mark.parametrize(
    ("text", "composed"),
    [
        ('{"a": {"b": 1}, "c": [{"b": 1}, {"b": 2}]}', False),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', True),
        ("a: {b: 1}", True),
        ("[" * 100_000, True),
    ],
)
def test_large_json_is_not_composed_as_yaml(text: str, *, composed: bool) -> None:
    """YAML takes longer for it than all the rest of a report of a thousand hosts."""
    assert _has_each_key_once(text) is not composed
