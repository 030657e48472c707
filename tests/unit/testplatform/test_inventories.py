# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shipped inventories: no secret in clear, and every secret that is asked for is documented."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

INVENTORIES = Path(__file__).resolve().parents[3] / "inventories"
SECRET = re.compile(r"password|passphrase|token$")
NAMES = ("postgres", "redis", "api")


def _documents(inventory: str) -> dict[str, t.Any]:
    files = sorted((INVENTORIES / inventory / "group_vars").rglob("*.yml"))
    assert files, f"{inventory} has no variables"
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}


def _leaves(value: t.Any, path: str = "") -> t.Iterator[tuple[str, t.Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


@pytest.mark.parametrize("inventory", ["demo", "xorb"])
def test_inventory_secret_is_a_template(inventory: str) -> None:
    secrets = [
        (path, value)
        for document in _documents(inventory).values()
        for path, value in _leaves(document)
        if SECRET.search(path.rpartition(".")[2])
    ]
    assert secrets
    assert [path for path, value in secrets if not str(value).startswith("{{ ")] == []


def test_xorb_vault_example_names_every_secret_and_has_no_value() -> None:
    example = yaml.safe_load((INVENTORIES / "xorb" / "vault.example.yml").read_text(encoding="utf-8"))
    used = {name for value in _leaves(_documents("xorb")) for name in re.findall(r"vault_xorb_\w+", str(value[1]))}
    assert set(example) == used
    assert set(example.values()) == {None}


@pytest.mark.parametrize("inventory", ["demo", "xorb"])
def test_inventory_service_is_described(inventory: str) -> None:
    services = _documents(inventory)["platform.yml"]["platform_services"]
    assert set(NAMES) <= set(services)
    for name, service in services.items():
        assert service.get("hosts"), name
        assert service.get("available", True) or service.get("reason"), name
        assert set(service.get("depends_on", ())) <= set(services), name
