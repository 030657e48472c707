# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Both stores keep the same promises: nothing acknowledged is lost, and nothing changed goes unseen."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.history import History
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import Ledger
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.onset import onsets
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report

from tests.support.procedures import Ran
from tests.support.sample_reports import assembled, check

fork = multiprocessing.get_context("fork")


def report(*, day: int = 0, checks: int = 3, value: Any = 1) -> Report:
    """A small report that ended ``day`` days after the first one."""
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    made = assembled([check("one", "api", "port", f"aspect_{number}", value=value) for number in range(checks)])
    return replace(made, finished_at=moment.isoformat(), run=replace(made.run, started_at=moment.isoformat()))


def filled(location: str, runs: int = 5) -> Ledger:
    """A ledger of some runs with three checks each."""
    ledger = Ledger(location)
    for day in range(runs):
        ledger.append(report(day=day), retention_days=90)
    return ledger


# --- both stores


@pytest.mark.parametrize(
    "value", [0, 80, 80.0, 0.1, 2**63, 1e308, float("nan"), True, "", "a\0b", "\udcff", "{}", None]
)
def test_any_value_is_found_as_it_was_written(location: str, value: Any) -> None:
    Ledger(location).append(report(value=value), [{"what": "restarted"}], retention_days=90)
    assert Ledger(location).verify().verdict.startswith("consistent: 1 run, 4 checks")


def test_chain_head_and_pruning(location: str) -> None:
    ledger = filled(location)
    head = ledger.append(report(day=33), retention_days=30)
    assert head["sequence"] == 6
    found = ledger.verify(head["sha256"])
    assert (found.runs, found.pruned, found.checked, found.faults) == (6, 3, 9, ())
    assert "intact up to run 6" in found.verdict


def test_both_stores_give_a_run_the_same_hash(database: Any, tmp_path: Path) -> None:
    places = [database.address, str(tmp_path / "ledger.sqlite")]
    assert len({filled(place).verify().head["sha256"] for place in places}) == 1


def test_history_and_checks_are_given_back(location: str) -> None:
    filled(location)
    history = History(location)
    trend = history.trend(platform="xorb-demo", procedure="daily", before=5)
    assert [past.run.sequence for past in trend.same] == [1, 2, 3, 4]
    # A value without a unit is no sample.
    assert trend.same[0].services == {"api": "ok"}
    good = history.last_good_before(history.newest(platform="xorb-demo", procedure="daily"))
    assert sorted(one.id for one in history.checks_of(good)) == [f"api.port.aspect_{number}" for number in range(3)]


def test_onset_is_found(location: str) -> None:
    filled(location)
    failing = [replace(one, status="critical") for one in report().checks]
    for day in (5, 6):
        made = replace(assembled(failing), finished_at=report(day=day).finished_at)
        made = replace(made, ledger=Ledger(location).append(made, retention_days=90))
    onset = onsets(made, location)["one/api.port.aspect_0"]
    assert onset.good and onset.since
    assert (onset.good.sequence, onset.since.sequence, onset.failures) == (5, 6, 1)


def test_four_writers_at_once_break_no_link(location: str) -> None:
    def write() -> None:
        for _run in range(10):
            Ledger(location).append(report(), retention_days=90)

    writers = [fork.Process(target=write) for _writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    found = Ledger(location).verify()
    assert (found.runs, found.checked, found.faults) == (40, 120, ())


def test_killed_writers_lose_nothing_acknowledged(location: str, tmp_path: Path) -> None:
    acknowledged = tmp_path / "acknowledged"
    acknowledged.touch()
    large = report(checks=150)

    def write() -> None:
        handle = os.open(acknowledged, os.O_WRONLY | os.O_APPEND)
        while True:
            os.write(handle, f"{Ledger(location).append(large, retention_days=90)['sha256']}\n".encode())

    moments = random.Random(20261123)  # noqa: S311
    for _writer in range(12):
        writer = fork.Process(target=write)
        writer.start()
        time.sleep(moments.uniform(0.05, 0.4))
        assert writer.pid
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(10)
    heads = acknowledged.read_text().split()
    assert heads
    found = Ledger(location).verify(heads[-1])
    assert found.faults == ()
    assert len(heads) <= found.runs <= len(heads) + 12


# --- PostgreSQL alone


@pytest.mark.parametrize(
    ("statements", "first"),
    [
        (["UPDATE checks SET status = 'ok ' WHERE sequence = 2"], "run 2: a check or an action was changed"),
        (["UPDATE checks SET value = '1.0' WHERE sequence = 2"], "run 2: a check or an action was changed"),
        (["UPDATE checks SET value = 'no json' WHERE sequence = 2"], "run 2: a check or an action was changed"),
        (["UPDATE runs SET who = 'nobody' WHERE sequence = 3"], "run 3: its row was changed"),
        (["DELETE FROM checks WHERE sequence = 2"], "run 2: 0 of its 3 records are there"),
        (["INSERT INTO actions VALUES (2, '{}')"], "run 2: 4 of its 3 records are there"),
        (["DELETE FROM runs WHERE sequence = 3"], "run 3: missing: the chain goes from run 2 to run 4"),
        (["DELETE FROM runs WHERE sequence = 5"], "run 5: its row is gone, its checks are still there"),
    ],
)
def test_tampering_is_found(database: Any, statements: list[str], first: str) -> None:
    ledger = filled(database.address)
    database.run(*statements)
    assert ledger.verify().verdict.startswith(f"broken: {first}")


def test_cut_end_needs_a_head(database: Any) -> None:
    ledger = filled(database.address)
    head = ledger.verify().head["sha256"]
    database.run("DELETE FROM runs WHERE sequence = 5", "DELETE FROM checks WHERE sequence = 5")
    assert ledger.verify().verdict.startswith("consistent")
    assert "the ledger was truncated or rewritten" in ledger.verify(head).verdict


def refusal(address: str) -> str:
    """What an append that must fail says."""
    with pytest.raises(RunbookError) as caught:
        Ledger(address).append(report(), retention_days=90)
    return str(caught.value)


def test_refusals_are_sentences_without_the_password(database: Any) -> None:
    messages = {
        "login": refusal(database.address.replace("%40", "%41")),
        "database": refusal(f"{database.address}_gone"),
        "port": refusal(database.address.replace(":5432", ":1")),
        "nothing": refusal(database.address.replace("ledger_under_test:", "nobody:")),
    }
    assert "refuses the login" in messages["login"] and "refuses the login" in messages["nothing"]
    assert "has no such database" in messages["database"]
    assert "Connection refused" in messages["port"]
    assert not [text for text in messages.values() if database.password[-16:] in text or "\n" in text]


def test_lock_that_is_never_released_is_a_sentence(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg2  # noqa: PLC0415
    from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger import postgres  # noqa: PLC0415

    ledger = filled(database.address, runs=1)
    monkeypatch.setattr(postgres, "PATIENCE", 0.3)
    holder = psycopg2.connect(database.address)
    holder.cursor().execute(f"SELECT pg_advisory_xact_lock({0x5852424C})")
    assert "was locked by other writers" in refusal(database.address)
    holder.close()
    assert ledger.verify().runs == 1


def test_ledger_of_the_schema_before_verifies_and_goes_on(database: Any) -> None:
    head = filled(database.address).verify().head["sha256"]
    database.run(
        "ALTER TABLE checks DROP COLUMN about",
        "ALTER TABLE checks DROP COLUMN falling",
        "COMMENT ON SCHEMA runbook_ledger IS 'xorb.runbook ledger, schema 1'",
    )
    ledger = Ledger(database.address)
    assert ledger.verify(head).intact
    failing = check("one", "api", "port", "connect", "critical", about="by=process met=refused endpoint=one:80")
    ledger.append(assembled([failing]), retention_days=36500)
    found = ledger.verify(head)
    assert found.intact and (found.runs, found.checked) == (6, 16)
    history = History(database.address)
    assert [one.about for one in history.checks_of(history.newest())] == [failing.about]


def test_strange_schema_is_left_alone_and_empty_database_is_no_green(database: Any) -> None:
    with pytest.raises(RunbookError, match="there is no ledger in postgresql://ledger_under_test@"):
        Ledger(database.address).verify()
    database.run("CREATE SCHEMA runbook_ledger")
    assert "is marked '?'" in refusal(database.address)


def test_playbooks_use_it_and_never_show_the_password(run: Callable[..., Ran], database: Any, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(database.password)
    encoded = f"{{{{ lookup('ansible.builtin.file', '{tmp_path}/password') | urlencode | replace('/', '%2F') }}}}"
    user, _colon, rest = database.address.partition(":p%40")
    variables = {"platform_ledger": f"{user}:{encoded}@{rest.partition('@')[2]}"}
    given = ("-e", json.dumps(variables), "-vvvv")
    runs = [run("health_check", *given) for _run in range(2)]
    assert [ran.status for ran in runs] == [0, 0], runs[-1].output[-3000:]
    verified, compared = run("ledger_verify", *given), run("run_diff", *given)
    assert "consistent: 2 runs" in verified.output
    assert "run 2 of health_check" in compared.output
    assert runs[-1].report["ledger"]["sequence"] == 2
    secret = (database.password, database.password[-16:])
    assert not [ran for ran in (*runs, verified, compared) if any(text in ran.output for text in secret)]
    assert database.password[-16:] not in json.dumps(runs[-1].report)


def test_silence_is_kept_until_it_is_expired(run: Callable[..., Ran], location: str) -> None:
    variables = {
        "platform_ledger": location,
        "platform_only_services": ["redis"],
        "platform_overrides": {"redis": {"endpoints": {"main": {"port": 6999}}}},
    }
    given = ("-e", json.dumps(variables))
    wanted = {"silence_services": "redis", "silence_for": "1h", "silence_reason": "moved"}
    assert run("health_check", *given).status == 2
    silenced = run("silence_create", *given, "-e", json.dumps(wanted))
    assert silenced.status == 0 and "silence 2 of services redis" in silenced.output, silenced.output
    suppressed = run("health_check", *given)
    assert suppressed.status == 0, suppressed.output
    assert suppressed.statuses["xorb-db/redis.main.ping"] == "critical"
    assert {suppression["kind"] for suppression in suppressed.report["suppressed"]} == {"silence"}
    assert run("silence_expire", *given, "-e", "silence_id=2").status == 0
    assert run("health_check", *given).status == 2
    assert run("ledger_verify", *given).status == 0
