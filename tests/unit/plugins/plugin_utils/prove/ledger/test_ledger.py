# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ledger: nothing acknowledged is lost, nothing changed goes unseen, and it claims no more than it proves."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger import sqlite
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.history import History
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import GENESIS, Ledger
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report

from tests.support import sample_reports
from tests.support.sample_reports import assembled, check

ROOT = Path(__file__).resolve().parents[6]
UNPRIVILEGED = 65534
DAYS = 90

#: Forked, so that a child begins at once and needs to read no file that it may not read any more.
fork = multiprocessing.get_context("fork")


def report(*, day: int = 0, checks: int = 3) -> Report:
    """A small report that ended ``day`` days after the first one."""
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    made = assembled([check("one", "api", "port", f"aspect_{number}", value=number) for number in range(checks)])
    run = replace(made.run, started_at=moment.isoformat())
    return replace(made, run=run, finished_at=(moment + timedelta(seconds=3)).isoformat())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger of a test is."""
    return tmp_path / "state" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Ledger:
    """A ledger of five runs with three checks each."""
    ledger = Ledger(str(path))
    for day in range(5):
        ledger.append(report(day=day), retention_days=DAYS)
    return ledger


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach, which those of pytest are not."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def tamper(path: Path, *statements: str) -> None:
    """Change the file behind the back of the ledger."""
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def in_child(work: Callable[[], str]) -> str:
    """Do something in a process of its own and return what it says."""
    receiving, sending = fork.Pipe(duplex=False)
    child = fork.Process(target=lambda: sending.send(work()))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    return str(receiving.recv())


def refusal(ledger: Ledger) -> str:
    """What an append that must fail says."""
    try:
        ledger.append(report(checks=200), retention_days=DAYS)
    except RunbookError as exc:
        return str(exc)
    return "it was written"


# --- what is written


def test_append_returns_the_head_and_chains_the_runs(path: Path) -> None:
    ledger = Ledger(str(path))
    heads = [ledger.append(report(day=day), retention_days=DAYS) for day in range(3)]
    assert [head["sequence"] for head in heads] == [1, 2, 3]
    assert heads[0]["path"] == str(path)
    rows = sqlite3.connect(path).execute("SELECT previous_sha256, sha256 FROM runs ORDER BY sequence").fetchall()
    assert [previous for previous, _own in rows] == [GENESIS, rows[0][1], rows[1][1]]
    assert heads[-1]["sha256"] == rows[-1][1]


def test_append_file_and_folder_are_private(ledger: Ledger, path: Path) -> None:
    assert ledger.verify().intact
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_append_records_the_run(path: Path) -> None:
    Ledger(str(path)).append(sample_reports.bad_night(), [{"what": "restarted"}], retention_days=DAYS)
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    row = connection.execute("SELECT * FROM runs").fetchone()
    assert (row["platform"], row["procedure"], row["who"]) == ("xorb-demo", "daily", "alex")
    assert (row["limited_to"], row["expected"], row["received"], row["not_run"]) == ("db:web:control", 30, 20, 4)
    assert row["finished_at"] == "2026-11-23T03:15:03.100000Z"
    assert row["counts"] == '{"critical":5,"not_applicable":0,"ok":12,"unknown":8,"warning":2}'
    assert connection.execute("SELECT action FROM actions").fetchall()[0][0] == '{"what":"restarted"}'


@pytest.mark.parametrize(
    "value", [0, 80, 80.0, 0.1, -(2**63), 2**63, 1e308, float("nan"), float("inf"), True, "", "text", "\udcff", None]
)
def test_append_any_value_verifies(path: Path, value: float | str | None) -> None:
    ledger = Ledger(str(path))
    ledger.append(assembled([check("one", "api", "port", "odd", value=value, critical=80)]), retention_days=DAYS)
    assert ledger.verify().verdict.startswith("consistent")


def test_append_history_of_a_check_is_indexed(ledger: Ledger, path: Path) -> None:
    assert ledger.verify().intact
    plan = sqlite3.connect(path).execute(
        "EXPLAIN QUERY PLAN SELECT sequence, status FROM checks WHERE host = 'one' AND id = 'api.port.aspect_1'"
        " ORDER BY sequence"
    )
    assert [row[3] for row in plan] == ["SEARCH checks USING INDEX checks_by_key (host=? AND id=?)"]


# --- verification


def test_verify_without_head_claims_only_consistency(ledger: Ledger) -> None:
    found = ledger.verify()
    assert (found.runs, found.checked, found.pruned, found.faults) == (5, 15, 0, ())
    assert found.head["sequence"] == 5
    assert found.verdict.startswith("consistent: 5 runs, 15 checks as written; without a head")
    assert "untampered" not in found.verdict


def test_verify_with_head_of_now_and_of_earlier(ledger: Ledger) -> None:
    head = ledger.verify().head["sha256"]
    assert ledger.verify(head).verdict.startswith("intact up to run 5, whose hash is the given head: 5 runs")
    ledger.append(report(day=9), retention_days=DAYS)
    assert "intact up to run 5, whose hash is the given head, 1 later run consistent" in ledger.verify(head).verdict


def test_verify_more_runs_than_a_batch(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger.BATCH", 2)
    ledger = Ledger(str(path))
    for day in range(5):
        ledger.append(report(day=day), retention_days=DAYS)
    assert ledger.verify().runs == 5


@pytest.mark.parametrize(
    ("statements", "first"),
    [
        (["UPDATE checks SET status = 'ok ' WHERE rowid = 4"], "run 2: a check or an action was changed"),
        (["UPDATE checks SET value = value + 1 WHERE rowid = 4"], "run 2: a check or an action was changed"),
        (["UPDATE checks SET message = x'ff' WHERE rowid = 4"], "run 2: a check or an action was changed"),
        (["UPDATE checks SET value = 9e999 WHERE rowid = 4"], "run 2: a check or an action was changed"),
        (["UPDATE runs SET who = 'nobody' WHERE sequence = 3"], "run 3: its row was changed"),
        (["UPDATE runs SET pruned_through = 'x' WHERE sequence = 3"], "run 3: its row was changed"),
        (["DELETE FROM checks WHERE rowid = 4"], "run 2: 2 of its 3 records are there"),
        (["DELETE FROM checks WHERE sequence = 2"], "run 2: 0 of its 3 records are there"),
        (["INSERT INTO checks (sequence) VALUES (2)"], "run 2: 4 of its 3 records are there"),
        (["INSERT INTO actions VALUES (2, '{}')"], "run 2: 4 of its 3 records are there"),
        (["DELETE FROM runs WHERE sequence = 3"], "run 3: missing: the chain goes from run 2 to run 4"),
        (["DELETE FROM runs WHERE sequence IN (1, 2)"], "run 1: missing to 2: the chain goes from run 0 to run 3"),
        (
            ["DELETE FROM runs WHERE sequence = 3", "UPDATE runs SET sequence = sequence - 1 WHERE sequence > 3"],
            "run 3: it does not continue the run before it",
        ),
        (["DELETE FROM runs WHERE sequence = 5"], "run 5: its row is gone, its checks are still there"),
    ],
)
def test_verify_tampering_is_found(ledger: Ledger, path: Path, statements: list[str], first: str) -> None:
    tamper(path, *statements)
    found = ledger.verify()
    assert not found.intact
    assert str(found.faults[0]).startswith(first)
    assert found.verdict.startswith(f"broken: {first}")


def test_verify_cut_end_needs_a_head(ledger: Ledger, path: Path) -> None:
    head = ledger.verify().head["sha256"]
    tamper(path, "DELETE FROM runs WHERE sequence = 5", "DELETE FROM checks WHERE sequence = 5")
    assert ledger.verify().verdict.startswith("consistent")
    assert ledger.verify(head).verdict == (
        "broken: run 4: the given head is not in the chain: the ledger was truncated or rewritten"
    )


def test_verify_rewritten_ledger_needs_a_head(ledger: Ledger, path: Path) -> None:
    head = ledger.verify().head["sha256"]
    path.unlink()
    for _run in range(5):
        ledger.append(report(checks=1), retention_days=DAYS)
    assert ledger.verify().intact
    assert not ledger.verify(head).intact


def test_verify_impossible_pruning_is_found_even_with_a_right_hash(path: Path) -> None:
    from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import row_sha256  # noqa: PLC0415

    ledger = Ledger(str(path))
    ledger.append(report(), retention_days=DAYS)
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    row = {**connection.execute("SELECT * FROM runs").fetchone(), "pruned_through": 1}
    connection.close()
    tamper(
        path,
        f"UPDATE runs SET pruned_through = 1, sha256 = '{row_sha256(row)}'",  # noqa: S608
        "DELETE FROM checks",
    )
    assert str(ledger.verify().faults[0]) == "run 1: it claims to have pruned what no run can prune"


@pytest.mark.parametrize("head", ["9f86", "G" * 64, "A" * 64, "a" * 65])
def test_verify_head_that_is_none_is_refused(ledger: Ledger, head: str) -> None:
    with pytest.raises(RunbookError, match="head: expected the 64 hexadecimal digits"):
        ledger.verify(head)


def test_verify_by_the_script_of_the_documentation(ledger: Ledger, path: Path) -> None:
    text = (ROOT / "docs" / "ledger.md").read_text()
    (script,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    head = ledger.append(report(day=200), retention_days=DAYS)["sha256"]

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    assert run().stdout == f"6 runs, head {head}\n"
    tamper(path, "UPDATE checks SET status = 'gone'")
    assert "run 6: checks" in run().stderr
    tamper(path, "UPDATE runs SET who = 'nobody' WHERE sequence = 3")
    assert "run 3: row" in run().stderr


# --- pruning


def test_prune_removes_checks_and_keeps_runs(ledger: Ledger, path: Path) -> None:
    ledger.append(report(day=33), [{"what": "restarted"}], retention_days=30)
    found = ledger.verify()
    assert found.faults == ()
    assert (found.runs, found.pruned, found.checked) == (6, 3, 10)
    assert "the checks of 3 runs pruned" in found.verdict
    kept = sqlite3.connect(path).execute("SELECT DISTINCT sequence FROM checks").fetchall()
    assert [sequence for (sequence,) in kept] == [4, 5, 6]


def test_prune_of_nothing_but_the_newest(ledger: Ledger) -> None:
    ledger.append(report(day=5), retention_days=0)
    assert (ledger.verify().pruned, ledger.verify().faults) == (5, ())


def test_prune_partly_gone_is_not_pruned(ledger: Ledger, path: Path) -> None:
    ledger.append(report(day=33), retention_days=30)
    tamper(path, "INSERT INTO checks (sequence, id) VALUES (2, 'back')")
    assert str(ledger.verify().faults[0]) == "run 2: 1 of its 3 records are there"


def test_prune_never_goes_back_with_the_clock(ledger: Ledger) -> None:
    ledger.append(report(day=33), retention_days=30)
    ledger.append(report(day=1), retention_days=30)
    assert (ledger.verify().pruned, ledger.verify().faults) == (3, ())


def test_prune_negative_retention_names_the_variable(ledger: Ledger) -> None:
    with pytest.raises(RunbookError, match="platform_ledger_retention: expected a number of days"):
        ledger.append(report(), retention_days=-1)


# --- many writers, killed writers


def test_append_four_processes_at_once_break_no_link(path: Path) -> None:
    def write() -> None:
        for _run in range(25):
            Ledger(str(path)).append(report(), retention_days=DAYS)

    writers = [fork.Process(target=write) for _writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    found = Ledger(str(path)).verify()
    assert (found.runs, found.checked, found.faults) == (100, 300, ())


def test_append_killed_at_any_moment_loses_nothing_acknowledged(path: Path, tmp_path: Path) -> None:
    acknowledged = tmp_path / "acknowledged"
    acknowledged.touch()
    # Large reports, so that a kill meets the middle of a transaction and not only the time between two.
    large = report(checks=150)

    def write() -> None:
        ledger = Ledger(str(path))
        handle = os.open(acknowledged, os.O_WRONLY | os.O_APPEND)
        while True:
            os.write(handle, f"{ledger.append(large, retention_days=DAYS)['sha256']}\n".encode())

    moments = random.Random(20261123)  # noqa: S311
    for _writer in range(30):
        writer = fork.Process(target=write)
        writer.start()
        time.sleep(moments.uniform(0.005, 0.15))
        assert writer.pid
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(10)
        assert writer.exitcode == -signal.SIGKILL
        if acknowledged.stat().st_size:
            assert Ledger(str(path)).verify().faults == ()

    written = acknowledged.read_text().split()
    known = [sha for (sha,) in sqlite3.connect(path).execute("SELECT sha256 FROM runs ORDER BY sequence")]
    assert written
    assert [sha for sha in known if sha in set(written)] == written
    # A writer that was killed between its commit and its word has written one more.
    assert len(known) <= len(written) + 30


def test_append_waits_for_another_writer_and_then_says_so(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.2)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "was locked by other processes" in refusal(ledger)
    holder.execute("ROLLBACK")
    holder.close()
    assert ledger.append(report(day=9), retention_days=DAYS)["sequence"] == 6


def test_verify_meets_a_rollback_left_by_a_killed_writer(ledger: Ledger, path: Path) -> None:
    def die() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        # So small a cache makes SQLite write into the file before the commit.
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE checks SET message = hex(zeroblob(100000))")
        os.kill(os.getpid(), signal.SIGKILL)

    child = fork.Process(target=die)
    child.start()
    child.join(10)
    assert path.with_name("ledger.sqlite-journal").exists()
    assert ledger.verify().intact


# --- what cannot be written or read


def test_append_read_only_folder_is_one_sentence(open_folder: Path) -> None:
    path = open_folder / "ledger.sqlite"
    ledger = Ledger(str(path))
    head = ledger.append(report(), retention_days=DAYS)["sha256"]
    path.chmod(0o666)
    open_folder.chmod(0o555)

    def attempt() -> str:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(UNPRIVILEGED)
            os.setuid(UNPRIVILEGED)
        return refusal(ledger)

    message = in_child(attempt)
    assert message.startswith(f"the ledger {path} cannot be")
    assert ledger.verify(head).runs == 1


def test_append_read_only_file_is_one_sentence(open_folder: Path) -> None:
    path = open_folder / "ledger.sqlite"
    ledger = Ledger(str(path))
    ledger.append(report(), retention_days=DAYS)
    path.chmod(0o444)

    def attempt() -> str:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(UNPRIVILEGED)
            os.setuid(UNPRIVILEGED)
        assert ledger.verify().runs == 1
        return refusal(ledger)

    assert in_child(attempt) == f"the ledger {path} cannot be opened: Permission denied: {path}"


def test_append_no_room_for_the_file_keeps_the_old_content(ledger: Ledger, path: Path) -> None:
    head = ledger.verify().head["sha256"]

    def attempt() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, path.stat().st_size))
        return refusal(ledger)

    assert "cannot be read or written: the disk, a quota or a limit" in in_child(attempt)
    assert ledger.verify(head).runs == 5
    assert ledger.append(report(day=9), retention_days=DAYS)["sequence"] == 6


def test_append_full_disk_keeps_the_old_content(ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def almost_full(*given: object, **options: object) -> sqlite3.Connection:
        connection = connect(*given, **options)  # type: ignore[call-overload]
        connection.execute("PRAGMA max_page_count = 1")
        return connection  # type: ignore[no-any-return]

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", almost_full)
        assert refusal(ledger) == f"the ledger {path} cannot be written: the disk is full"
    assert ledger.verify().runs == 5


def test_append_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = refusal(Ledger(str(tmp_path / "file" / "ledger.sqlite")))
    assert message.endswith(f"cannot be opened: File exists: {tmp_path}/file")


def test_ledger_not_a_database_is_one_sentence(path: Path) -> None:
    content = b"not a database, whatever it is called" * 40
    path.parent.mkdir()
    path.write_bytes(content)
    assert "is not an SQLite database" in refusal(Ledger(str(path)))
    with pytest.raises(RunbookError, match="is not an SQLite database"):
        Ledger(str(path)).verify()
    assert path.read_bytes() == content


def test_ledger_damaged_is_one_sentence(ledger: Ledger, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(RunbookError, match="is damaged"):
        ledger.verify()
    assert "is damaged" in refusal(ledger)


def test_ledger_of_something_else_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    tamper(path, "CREATE TABLE other (thing)")
    before = path.read_bytes()
    assert "is a database, but not a ledger" in refusal(Ledger(str(path)))
    assert path.read_bytes() == before


def test_ledger_of_another_schema_names_both(ledger: Ledger, path: Path) -> None:
    tamper(path, "PRAGMA user_version = 7")
    assert "has schema 7, and this release of the collection works with schema 2" in refusal(ledger)
    with pytest.raises(RunbookError, match="has schema 7"):
        ledger.verify()


#: What a ledger of the first schema has: the checks say nothing of what they are about, nor whether less is worse.
OLDER = ("ALTER TABLE checks DROP COLUMN about", "ALTER TABLE checks DROP COLUMN falling", "PRAGMA user_version = 1")


def test_ledger_of_the_schema_before_verifies_as_it_is_and_goes_on(path: Path) -> None:
    ledger = Ledger(str(path))
    heads = [ledger.append(report(day=day), retention_days=DAYS) for day in range(3)]
    tamper(path, *OLDER)
    assert ledger.verify(heads[-1]["sha256"]).intact
    history = History(str(path))
    assert [one.about for one in history.checks_of(history.newest())] == ["", "", ""]
    failing = check("one", "api", "port", "connect", CRITICAL, about="by=process met=refused endpoint=one:80")
    last = ledger.append(assembled([failing]), retention_days=36500)
    proof = ledger.verify(heads[1]["sha256"])
    assert proof.intact and proof.runs == 4 and proof.checked == 10
    assert [one.about for one in history.checks_of(history.newest())] == [failing.about]
    tamper(path, "UPDATE checks SET about = 'by=' WHERE about IS NOT NULL")
    assert str(ledger.verify(last["sha256"]).faults[0]).endswith("was changed after it was written")


def test_verify_no_ledger_is_no_green(path: Path) -> None:
    with pytest.raises(RunbookError, match="there is no ledger at"):
        Ledger(str(path)).verify()
    assert not path.exists()
    path.parent.mkdir()
    path.touch()
    with pytest.raises(RunbookError, match="is empty"):
        Ledger(str(path)).verify()


@pytest.mark.parametrize(
    "location", ["postgresql://user:correct-horse@half@db/ledger", "postgres://db", "mysql://correct-horse@db", ""]
)
def test_ledger_location_that_is_no_path_names_the_key_and_no_secret(location: str) -> None:
    with pytest.raises(RunbookError, match=r"^platform_ledger: ") as caught:
        Ledger(location)
    assert "correct-horse" not in str(caught.value)


def test_ledger_location_odd_characters_are_a_path(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path / "50% of?mode=ro#x" / "ledger.sqlite"))
    assert ledger.append(report(), retention_days=DAYS)["sequence"] == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_names_the_ledger_and_wants_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """An error of writing names no file, and verifying fixes nothing."""

    def refuse(*_words: object) -> None:
        raise OSError(number, os.strerror(number))

    store = sqlite.SqliteStore(str(tmp_path / "ledger.db"))
    monkeypatch.setattr(sqlite.SqliteStore, "_make_file", refuse)
    with pytest.raises(RunbookError) as caught, store.writing():
        pass
    assert str(caught.value) == f"the ledger {tmp_path}/ledger.db cannot be written: {os.strerror(number)}"
    assert caught.value.details["remedy"].startswith("free some space")
