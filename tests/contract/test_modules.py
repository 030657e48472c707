# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules say in their documentation what they really take and give."""

from __future__ import annotations

import ast
import importlib
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import postgres
from ansible_collections.xorb.runbook.plugins.module_utils._clients.redis_login import login_spec
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import argument_spec
from ansible_collections.xorb.runbook.plugins.module_utils._core.shared_options import COMMON_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import certificate_info, postgres_judge, redis_judge
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.stats import MODULE_OPTIONS
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.selectors import SELECTORS

from tests.contract.imports import tree
from tests.contract.repository import ACTIONS, MODULES, documentation, same_options
from tests.support.procedures import ROOT

PLUGINS = "ansible_collections.xorb.runbook.plugins"

#: What runs the modules of procedures, in place of a main of their own, by the file that it stands in.
FRAMES = {"run_act": "module", "run_inspect": "module", "run_job": "long_module"}


def spec_of_action(action: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The argument spec that an action validates by, caught at the call."""
    module = importlib.import_module(f"{PLUGINS}.action.{action}")

    class CaughtSpec(Exception):
        pass

    def catch(_self: Any, argument_spec: Any = None, **_kwargs: Any) -> None:
        raise CaughtSpec(argument_spec)

    monkeypatch.setattr(module.ActionModule, "validate_argument_spec", catch)
    monkeypatch.setattr(RunbookAction, "run", lambda *_args, **_kwargs: {})
    plugin = object.__new__(module.ActionModule)
    with pytest.raises(CaughtSpec) as caught:
        plugin.run(task_vars={"inventory_hostname": "host"})
    spec: dict[str, Any] = caught.value.args[0]
    return spec


@pytest.mark.parametrize("module", MODULES)
def test_module_is_documented_in_full(module: str) -> None:
    documented = documentation(module)
    assert documented["examples"].strip() and documented["return"]
    assert {"check_mode", "diff_mode", "idempotent"} <= set(documented["doc"]["attributes"])
    for name, value in documented["return"].items():
        assert {"description", "returned", "type", "sample"} <= set(value), name


@pytest.mark.parametrize("action", ACTIONS)
def test_action_takes_what_its_module_documents(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert same_options(documentation(action)["doc"].get("options", {}), spec_of_action(action, monkeypatch)) == []


@pytest.mark.parametrize("action", ACTIONS)
def test_action_has_a_module_of_its_name(action: str) -> None:
    assert action in MODULES


@pytest.mark.parametrize("module", MODULES)
def test_module_has_a_test(module: str) -> None:
    name = f"test_{module}.py"
    assert list((ROOT / "tests/unit").rglob(name)) or list((ROOT / "molecule").rglob(name))


def test_probe_documents_every_kind() -> None:
    options = documentation("probe")["doc"]["options"]
    assert set(options) == {"deadline", *KINDS}
    for name, kind in KINDS.items():
        assert same_options(options[name]["suboptions"], argument_spec(kind.probe_options), f"{name}.") == []


@pytest.mark.parametrize(
    ("module", "spec"),
    [
        ("certificate_info", argument_spec(certificate_info.OPTIONS)),
        ("redis_acl_user", login_spec()),
        ("redis_info", login_spec()),
        ("redis_info", argument_spec({**redis_judge.THRESHOLDS, **MODULE_OPTIONS})),
        ("postgres_info", postgres.login_spec()),
        ("postgres_info", argument_spec({**postgres_judge.THRESHOLDS, **MODULE_OPTIONS})),
    ],
)
def test_fragment_equals_its_options(module: str, spec: dict[str, Any]) -> None:
    options = documentation(module)["doc"]["options"]
    assert same_options({name: options[name] for name in spec}, spec) == []


@pytest.mark.parametrize("thresholds", [postgres_judge.THRESHOLDS, redis_judge.THRESHOLDS])
def test_threshold_says_where_it_comes_from(thresholds: dict[str, Any]) -> None:
    assert thresholds and all(option.source for option in thresholds.values())


def test_selectors_are_documented() -> None:
    options = documentation("inspect")["doc"]["options"]
    assert same_options({name: options[name] for name in SELECTORS}, SELECTORS) == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_kind_keeps_its_promises(kind: str) -> None:
    promised = KINDS[kind]
    assert promised.name == kind and promised.summary.endswith(".")
    assert not set(promised.options) & set(COMMON_OPTIONS), "an option of every probe declared again"
    assert all(option.description.endswith(".") for option in promised.probe_options.values())


@pytest.mark.parametrize("module", sorted(set(MODULES) - set(ACTIONS)))
def test_module_leaves_its_surroundings_first(module: str) -> None:
    """What the environment of a host says must not decide: not even the language of a message."""
    main = (ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8").partition("\ndef main() -> None:\n")[2]
    first = main.splitlines()[1].strip()
    assert first == "surroundings.leave()" or first.startswith(tuple(f"{frame}(" for frame in FRAMES))


@pytest.mark.parametrize("name", FRAMES)
def test_frame_of_acting_leaves_its_surroundings_first(name: str) -> None:
    file = f"module_utils/_act/{FRAMES[name]}.py"
    (frame,) = (node for node in tree(file).body if getattr(node, "name", "") == name)
    assert isinstance(frame, ast.FunctionDef)
    assert ast.unparse(frame.body[1]) == "surroundings.leave()", "the first statement after the docstring"
