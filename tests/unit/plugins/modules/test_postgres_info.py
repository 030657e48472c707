# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module as Ansible runs it, on a session that answers, refuses, or freezes half way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.xorb.runbook.plugins.module_utils._core import drivers
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import DriverMissing, RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import postgres_queries
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import postgres_stats
from ansible_collections.xorb.runbook.plugins.modules import postgres_info

PASSWORD = "correct horse battery"  # noqa: S105 - of a server that does not exist
LOGIN = {"login_user": "monitor", "login_password": PASSWORD, "login_db": "shop"}

ANSWERS: dict[str, Any] = {
    postgres_queries.AVAILABILITY: [{"database": "shop", "standby": False, "uptime_s": 7200, "statistics": True}],
    postgres_queries.STATISTICS: [],
    postgres_queries.CONNECTIONS: [{"state": "idle", "sessions": 96, "usable": 97}],
    postgres_queries.WRAPAROUND: [
        {"database": "shop", "transactions": 5, "multixacts": 1, "freeze_max_age": 200_000_000}
    ],
    postgres_queries.CHECKSUMS: [{"enabled": True, "failures": 0, "databases": []}],
}


class Session:
    """A server that answers what a test gives it, and everything else with no rows."""

    version = "17.2"
    answers = ANSWERS

    def __init__(self, _driver: Any, given: dict[str, Any]) -> None:
        self.given = given

    def rows(self, query: str) -> list[dict[str, Any]]:
        found = self.answers.get(query, [])
        if isinstance(found, Exception):
            raise found
        return list(found)

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the module as Ansible would, against a session with these answers."""

    def run_module(answers: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        server = type("Server", (Session,), {"answers": {**ANSWERS, **(answers or {})}})
        monkeypatch.setattr(postgres_stats, "Session", server)
        with patch_module_args({**LOGIN, **arguments}), pytest.raises(SystemExit):
            postgres_info.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run_module


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {check["id"].rsplit(".", 1)[1]: check["status"] for check in result["checks"]}


def test_main_returns_facts_and_checks(run: Any) -> None:
    result = run()
    assert not result["changed"] and "failed" not in result
    assert set(statuses(result)) == set(postgres_stats.ASPECTS)
    assert statuses(result)["connections"] == "critical"
    assert result["facts"]["connections"] == [{"state": "idle", "sessions": 96, "usable": 97}]
    assert result["facts"]["availability"]["version"] == "17.2"
    assert result["checks"][0]["target"] == "localhost:5432"
    assert PASSWORD not in json.dumps(result)


def test_main_absent_extension_is_unknown_and_no_empty_list(run: Any) -> None:
    result = run()
    (check,) = [check for check in result["checks"] if check["id"].endswith(".statements")]
    assert check["status"] == "unknown" and "CREATE EXTENSION pg_stat_statements" in check["message"]
    assert "statements" not in result["facts"]


def test_main_missing_right_is_unknown_and_not_a_green_that_saw_nothing(run: Any) -> None:
    blind = [{**ANSWERS[postgres_queries.AVAILABILITY][0], "statistics": False}]
    result = run({postgres_queries.AVAILABILITY: blind})
    private = {aspect for aspect, question in postgres_queries.QUESTIONS.items() if question.statistics}
    assert {"blocked", "longest_query", "idle_in_transaction", "replication"} <= private
    assert {statuses(result)[aspect] for aspect in private} == {"unknown"}
    assert statuses(result)["wraparound"] == "ok"
    assert "pg_monitor" in next(check["message"] for check in result["checks"] if check["id"].endswith(".blocked"))


def test_main_question_that_fails_costs_only_itself(run: Any) -> None:
    result = run({postgres_queries.BLOCKED: RunbookError("an earlier query got no answer")})
    assert (statuses(result)["blocked"], statuses(result)["wraparound"]) == ("unknown", "ok")


def test_main_timeout_is_unknown_with_the_reason(run: Any) -> None:
    result = run({postgres_queries.SEQUENCES: TimeoutError("timed out")})
    (check,) = [check for check in result["checks"] if check["id"].endswith(".sequences")]
    assert check["status"] == "unknown" and "no answer within 5 s" in check["message"]


def test_main_dead_server_is_a_result(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any) -> Any:
        raise TimeoutError("timed out")

    monkeypatch.setattr(Session, "__init__", refuse)
    result = run()
    assert "failed" not in result and result["facts"] == {}
    assert statuses(result).pop("availability") == "critical"
    assert set(list(statuses(result).values())[1:]) == {"unknown"}


def test_main_left_out_comes_with_the_reason(run: Any) -> None:
    result = run(not_applicable={"statements": "they are not recorded"})
    (check,) = [check for check in result["checks"] if check["id"].endswith(".statements")]
    assert (check["status"], check["message"]) == ("not_applicable", "left out: they are not recorded")
    assert len(result["checks"]) == len(postgres_stats.ASPECTS)


@pytest.mark.parametrize(
    ("not_applicable", "message"),
    [
        ({"statments": "why"}, "not_applicable.statments: unknown aspect; known are"),
        ({"blocked": ""}, "expected the reason"),
    ],
)
def test_main_left_out_must_make_sense(run: Any, not_applicable: dict[str, str], message: str) -> None:
    result = run(not_applicable=not_applicable)
    assert result["failed"] and message in result["msg"]


def test_main_own_thresholds_are_named_as_options(run: Any) -> None:
    result = run(connections_warning=99, connections_critical=99.5)
    (check,) = [check for check in result["checks"] if check["id"].endswith(".connections")]
    assert (check["status"], check["threshold_source"]) == ("ok", "module options")


def test_main_hands_every_option_of_the_login_on(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(Session, "__init__", lambda _self, _driver, given: seen.update(given))
    files = {"ca": "/ca.pem", "client_cert": "/c.pem", "client_key": "/k.pem"}
    run(login_host="db", login_port=1, login_timeout=2, sslmode="verify-ca", server_name="d", **files)
    wanted = {"address": "db", "port": 1, "timeout": 2.0, "sslmode": "verify-ca", "server_name": "d", **files}
    assert {**seen, **wanted} == seen


def test_main_missing_driver_fails(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise DriverMissing("driver not usable")

    monkeypatch.setattr(drivers, "load", missing)
    result = run()
    assert result["failed"] and result["msg"] == "driver not usable"


def test_main_returns_what_it_documents(run: Any) -> None:
    documented = yaml.safe_load(postgres_info.RETURN)
    result = run()
    assert set(documented) == set(result) - {"changed", "invocation"}
    assert set(documented["facts"]["contains"]) == set(postgres_stats.ASPECTS)
    assert set(documented["checks"]["sample"][0]) == set(result["checks"][0])
