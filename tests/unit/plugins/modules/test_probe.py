# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module as Ansible runs it: arguments in, one line of JSON out."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.modules import probe

from tests.support.loopback import Client, served

IDENTITY = {"service": "api", "point": "rest", "owner": "web1"}


def run(capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        probe.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def healthy(client: Client) -> None:
    request = client.request()
    client.send(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "ok"}')
    assert b"Token: correct horse" in request


def test_probe_runs_every_part(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    with served(healthy) as port:
        web = {**IDENTITY, "port": port, "paths": {"other": "/o"}, "secret_headers": {"Token": "correct horse"}}
        disk = {"service": "host", "point": "root", "owner": "web1", "path": str(tmp_path)}
        result = run(capsys, http=[{**web, "health": "/h"}], disk=[disk], deadline=5)
    assert result["changed"] is False
    assert {check["id"] for check in result["checks"]} == {
        "api.rest.health",
        "api.rest.other",
        "host.root.space",
        "host.root.inodes",
        "host.root.mount",
    }
    (health,) = [check for check in result["checks"] if check["id"] == "api.rest.health"]
    assert (health["status"], health["target"]) == ("ok", f"web1:{port}")


def test_probe_hides_secrets_that_a_service_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    def echo(client: Client) -> None:
        client.request()
        client.send(b"HTTP/1.1 500 Oops\r\nContent-Length: 24\r\n\r\nbad token: correct horse")

    with served(echo) as port:
        web = {**IDENTITY, "port": port, "health": "/", "secret_headers": {"Token": "correct horse"}}
        result = run(capsys, http=[web])
    assert "correct horse" not in json.dumps(result)
    assert result["checks"][0]["status"] == "critical"


def test_probe_of_nothing_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys)["checks"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"http": [{**IDENTITY, "port": 1}]}, "http[0].health: missing; give health, readiness, metrics or paths"),
        ({"unit": [{**IDENTITY, "unit": "a*"}]}, "unit[0].unit: expected the name of one unit, got 'a*'"),
        ({"tcp": [{"port": 1}]}, "missing required arguments: owner, point, service found in tcp"),
        ({"disk": [{**IDENTITY, "path": "/", "wraning": 1}]}, "Unsupported parameters"),
    ],
)
def test_probe_wrong_options_fail(arguments: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, **arguments)
    assert result["failed"] and message in result["msg"]


def test_probe_documents_every_field_of_a_check() -> None:
    documented = yaml.safe_load(probe.RETURN)["checks"]
    names = {field.name for field in fields(Check)}
    assert set(documented["contains"]) == names
    assert set(documented["sample"][0]) == names - {"about"}, (
        "of a check that is as it should be, there is nothing to say"
    )
    for name, value in documented["contains"].items():
        assert {"description", "returned", "type", "sample"} <= set(value), name
