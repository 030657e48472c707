# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module as Ansible runs it: a tree and ports in one call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.xorb.runbook.plugins.module_utils._core import drivers
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import DriverMissing
from ansible_collections.xorb.runbook.plugins.modules import certificate_info
from cryptography.hazmat.primitives import hashes, serialization

from tests.support.issuing import DAY, key_pem, new_key, root
from tests.support.loopback import Client, Pair, hang, served

TOP = root()
LEAF = TOP.issue("localhost", names=["localhost", "127.0.0.1"])
PASSPHRASE = "correct horse"  # noqa: S105 - of a key that is made here


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the module as Ansible would."""

    def run_module(**arguments: Any) -> dict[str, Any]:
        with patch_module_args(arguments), pytest.raises(SystemExit):
            certificate_info.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run_module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with a pair, an authority, a list, and a file that is nothing."""
    for name, data, mode in (
        ("cert.pem", LEAF.pem, 0o444),
        ("key.pem", LEAF.key_pem, 0o400),
        ("ca.pem", TOP.pem, 0o444),
        ("ca.key", key_pem(TOP.key, PASSPHRASE.encode()), 0o400),
        ("crl.pem", TOP.crl().public_bytes(serialization.Encoding.PEM), 0o444),
        ("nothing.pem", b"nothing", 0o444),
    ):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(mode)
    return tmp_path


def quiet(client: Client) -> None:
    client.connection.recv(1)


def pair(tree: Path) -> Pair:
    return Pair(tree / "cert.pem", tree / "key.pem")


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {check["id"].removeprefix("certificates."): check["status"] for check in result["checks"]}


def test_main_summary_of_a_tree(run: Any, tree: Path) -> None:
    result = run(paths=[str(tree)])
    assert not result["changed"] and "failed" not in result
    found = statuses(result)
    assert found.pop("files.readable") == "critical" and set(found.values()) == {"ok"}
    assert result["findings"] == [
        {
            "aspect": "readable",
            "status": "critical",
            "location": "nothing.pem",
            "position": None,
            "message": "is no certificate, key or revocation list",
        }
    ]
    summary = result["summary"]
    assert summary.pop("next_expiry")["subject"] == "CN=localhost,O=Test"
    assert summary == {
        "files": 6,
        "certificates": 2,
        "keys": 2,
        "revocation_lists": 1,
        "endpoints": 0,
        "expired": 0,
        "findings": {"critical": 1, "unknown": 0, "warning": 0},
    }
    assert "certificates" not in result


def test_main_every_field(run: Any, tree: Path) -> None:
    result = run(paths=[str(tree)], detail="full", excluded=["nothing.pem"])
    first, second = sorted(result["certificates"], key=lambda one: one["authority"])
    real = LEAF.certificate
    assert (first["file"], first["position"], first["format"]) == (str(tree / "cert.pem"), 1, "PEM")
    assert first["fingerprint"] == real.fingerprint(hashes.SHA256()).hex()
    assert int(first["serial"], 16) == real.serial_number
    assert first["ends"] == real.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (first["names"], first["usage"]) == (["localhost", "127.0.0.1"], ["serverAuth"])
    assert (first["days_left"], first["share_left"]) == (89.0, 0.989)
    assert (first["key_type"], first["key_bits"]) == ("ecdsa-p256", 256)
    assert (second["authority"], second["self_signed"]) == (True, True)
    assert [(key["type"], key["encrypted"], key["mode"]) for key in result["keys"]] == [
        ("unknown", True, "0400"),
        ("ecdsa-p256", False, "0400"),
    ]
    (crl,) = result["revocation_lists"]
    assert (crl["issuer"], crl["number"], crl["revoked"]) == ("CN=Root,O=Test", 7, 0)
    assert result["findings"] == [] and result["endpoints"] == []


def test_main_passphrase_opens_and_is_not_told(run: Any, tree: Path) -> None:
    result = run(paths=[str(tree)], detail="full", passphrases=[PASSPHRASE])
    assert {key["type"] for key in result["keys"]} == {"ecdsa-p256"}
    assert PASSPHRASE not in json.dumps(result)


def test_main_endpoint_serves_the_file(run: Any, tree: Path) -> None:
    with served(quiet, pair(tree).server_context()) as port:
        endpoint = {"port": port, "ca": str(tree / "ca.pem"), "certificate": str(tree / "cert.pem")}
        result = run(endpoints=[endpoint], detail="full")
    point = f"localhost_{port}"
    assert statuses(result) == {f"{point}.{one}": "ok" for one in ("handshake", "trust", "expiry", "served")}
    (got,) = result["endpoints"]
    assert got["address"] == f"localhost:{port}" and got["agreed"].startswith("TLSv1.3")
    assert got["subject"] == "CN=localhost,O=Test" and result["summary"]["endpoints"] == 1


def test_main_endpoint_serves_something_else(run: Any, tree: Path) -> None:
    with served(quiet, pair(tree).server_context()) as port:
        (tree / "new.pem").write_bytes(TOP.issue("localhost").pem)
        result = run(endpoints=[{"port": port, "ca": str(tree / "ca.pem"), "certificate": str(tree / "new.pem")}])
    assert statuses(result)[f"localhost_{port}.served"] == "critical"
    (finding,) = result["findings"]
    assert (finding["aspect"], finding["location"]) == ("served", f"localhost:{port}")
    assert finding["message"].startswith(f"localhost:{port}: serves another certificate (CN=localhost, serial ")


def test_main_dead_and_hanging_endpoints_are_results(run: Any, tree: Path) -> None:
    closed_port = 1
    with served(hang) as port:
        endpoints = [{"port": closed_port, "certificate": str(tree / "cert.pem")}, {"port": port}]
        result = run(paths=[str(tree)], endpoints=endpoints, timeout=0.3)
    found = statuses(result)
    assert found[f"localhost_{closed_port}.handshake"] == found[f"localhost_{port}.handshake"] == "critical"
    assert found[f"localhost_{closed_port}.served"] == "unknown" and found["files.expiry"] == "ok"


def test_main_missing_file_to_compare_with_is_unknown(run: Any, tree: Path) -> None:
    with served(quiet, pair(tree).server_context()) as port:
        result = run(endpoints=[{"port": port, "certificate": "/nowhere.pem"}])
    assert statuses(result)[f"localhost_{port}.served"] == "unknown"


def test_main_wants_something_to_look_at(run: Any) -> None:
    result = run()
    assert result["failed"] and "one of the following is required: paths, endpoints" in result["msg"]


def test_main_missing_library_fails(run: Any, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise DriverMissing("driver not usable")

    monkeypatch.setattr(drivers, "load", missing)
    result = run(paths=[str(tree)])
    assert result["failed"] and result["msg"] == "driver not usable"


def test_main_limits_are_those_of_the_module(run: Any, tree: Path) -> None:
    result = run(paths=[str(tree)], warning_days=100)
    (check,) = [check for check in result["checks"] if check["id"] == "certificates.files.expiry"]
    assert (check["status"], check["warning"], check["threshold_source"]) == ("warning", 100, "module options")


def test_main_returns_what_it_documents(run: Any, tree: Path) -> None:
    documented = yaml.safe_load(certificate_info.RETURN)
    (tree / "old.pem").write_bytes(TOP.issue(ends=-DAY / 2, key=new_key()).pem)
    with served(quiet, pair(tree).server_context()) as port:
        result = run(paths=[str(tree)], endpoints=[{"port": port}], detail="full")
    assert set(documented) == set(result) - {"changed", "invocation"}
    for name in ("checks", "findings", "certificates", "keys", "revocation_lists"):
        assert set(documented[name]["sample"][0]) == set(result[name][0]), name
    assert set(documented["summary"]["sample"]) == set(result["summary"])
    assert set(result["endpoints"][0]) - {"address", "agreed"} == set(result["certificates"][0]) - {
        "file",
        "position",
        "format",
    }
    assert result["summary"]["expired"] == 1
