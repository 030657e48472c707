# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook ``ledger_verify``: what it proves, what it finds, and its exit status."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import Ledger

from tests.support.lab import Lab
from tests.support.procedures import Ran
from tests.support.sample_reports import assembled, check


def recorded(lab: Lab) -> tuple[Path, str]:
    """A ledger of two runs where the platform's is looked for, and its head."""
    ledger = Ledger(str(lab.folder / "state" / "ledger.sqlite"))
    report = assembled([check("one", "api", "port", "connect")])
    heads = [ledger.append(report, retention_days=90) for _run in range(2)]
    return Path(heads[-1]["path"]), heads[-1]["sha256"]


def sentences(ran: Ran) -> str:
    """The output without the line breaks that Ansible puts into messages."""
    return " ".join(ran.output.split())


def test_ledger_verify_proves_what_a_real_run_recorded(lab: Lab, open_port: int) -> None:
    lab.variables["platform_services"] = {
        "api": {"hosts": "web", "endpoints": {"port": {"kind": "tcp", "port": open_port}}}
    }
    head = lab.play("health_check").report["ledger"]["sha256"]
    ran = lab.play("ledger_verify", "-e", f"ledger_verify_head={head}", "--check", "--tags", "nothing")
    assert ran.status == 0, ran.output
    assert "intact up to run 1, whose hash is the given head: 1 run, 1 check as written" in sentences(ran)


def test_ledger_verify_without_head_claims_only_consistency(lab: Lab) -> None:
    recorded(lab)
    ran = lab.play("ledger_verify")
    assert ran.status == 0, ran.output
    assert "consistent: 2 runs, 2 checks as written; without a head" in sentences(ran)


def test_ledger_verify_tampering_fails_and_names_the_run(lab: Lab) -> None:
    path, _head = recorded(lab)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE checks SET message = 'nothing to see'")
    connection.close()
    ran = lab.play("ledger_verify")
    assert ran.status == 2
    assert "broken: run 1: a check or an action was changed after it was written (and 1 more)" in sentences(ran)


def test_ledger_verify_truncation_is_found_with_the_head(lab: Lab) -> None:
    path, head = recorded(lab)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM runs WHERE sequence = 2")
        connection.execute("DELETE FROM checks WHERE sequence = 2")
    connection.close()
    ran = lab.play("ledger_verify", "-e", f"ledger_verify_head={head}")
    assert ran.status == 2
    assert "the ledger was truncated or rewritten" in sentences(ran)


def test_ledger_verify_no_ledger_is_no_green(lab: Lab) -> None:
    ran = lab.play("ledger_verify")
    assert ran.status == 2
    assert f"there is no ledger at {lab.folder}/state/ledger.sqlite" in sentences(ran)


def test_ledger_verify_place_comes_from_the_platform(lab: Lab) -> None:
    lab.variables["platform_ledger"] = "{{ platform_state_dir }}/elsewhere.sqlite"
    assert f"there is no ledger at {lab.folder}/state/elsewhere.sqlite" in sentences(lab.play("ledger_verify"))


def test_ledger_verify_server_that_refuses_is_a_sentence_without_the_password(lab: Lab, closed_port: int) -> None:
    lab.variables["platform_ledger"] = f"postgresql://runbook:correct-horse@127.0.0.1:{closed_port}/ledger"
    ran = lab.play("ledger_verify", "-vvvv")
    assert ran.status == 2
    assert f"the ledger postgresql://runbook@127.0.0.1:{closed_port}/ledger cannot be used" in sentences(ran)
    assert "correct-horse" not in ran.output
