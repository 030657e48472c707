# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A set that would not have everything is refused, or fails while it is taken: it never looks good."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres import tools as postgres_tools
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.engine import PostgresEngine
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support.peers import base_backup, postgres_programs, postgres_server
from tests.support.postgres_backups import Acting, Source, forecast, prove, take

SECURED = (
    "CREATE TABLE t (id int, tn text)",
    "INSERT INTO t SELECT g, CASE WHEN g % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 100) g",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY p ON t USING (tn = 'a')",
)

#: Enough rows that a dump is still at work when something happens to it.
MUCH = (
    "CREATE TABLE much AS SELECT i, md5(i::text) || md5((i + 1)::text) AS v FROM generate_series(1, 400000) i",
    "CREATE TABLE more AS SELECT * FROM much",
)


@pytest.fixture
def role(source: Source) -> Iterator[str]:
    """A role that reads everything and is no superuser."""
    source.sql("postgres", "CREATE ROLE bk LOGIN", "GRANT pg_read_all_data TO bk")
    yield "bk"
    source.sql("postgres", "DROP OWNED BY bk", "DROP ROLE bk")


def by(source: Source, role: str, *databases: str, **more: Any) -> dict[str, Any]:
    return source.given(*databases, login={"user": role}, **more)


def test_row_security_that_hides_rows_is_refused(source: Source, tmp_path: Path, role: str) -> None:
    with source.database("app", *SECURED):
        given = by(source, role, "app")
        assert any("row security would hide rows of public.t" in one for one in forecast(given).refused)
        with pytest.raises(RunbookError, match=r"row security would hide rows of public\.t"):
            take(given, tmp_path / "refused")
        source.sql("app", "ALTER TABLE t FORCE ROW LEVEL SECURITY", "ALTER ROLE bk BYPASSRLS")
        assert forecast(given).refused == ()
        manifest = take(given, tmp_path / "plain")
    assert manifest.content["databases"]["app"]["tables"] == {"public.t": 100}
    assert prove(given, tmp_path / "plain", manifest).faults == ()


def test_what_the_role_may_not_read_is_refused(source: Source, role: str) -> None:
    made = ("CREATE TABLE t (a serial)", "CREATE SCHEMA s", "CREATE TABLE s.u (a int)", "CREATE TABLE free (a int)")
    with source.database("app", *made, "REVOKE pg_read_all_data FROM bk", "GRANT SELECT ON free TO bk"):
        (globals_refused, refused) = forecast(by(source, role, "app")).refused
    assert "the set would be partial: role bk may not read pg_authid" in globals_refused
    assert all(name in refused for name in ("public.t", "public.t_a_seq", "s.u"))
    assert "free" not in refused


def test_a_database_that_is_not_there_is_refused(source: Source) -> None:
    with source.database("closed"), source.database("app"):
        source.sql("postgres", "ALTER DATABASE closed ALLOW_CONNECTIONS false")
        refused = forecast(source.given("app", "nowhere", "closed")).refused
        source.sql("postgres", "ALTER DATABASE closed ALLOW_CONNECTIONS true")
    assert len(refused) == 2
    assert "nowhere: the server has none of that name" in refused[0]
    assert "closed" in refused[1]
    assert "no database is named" in forecast(source.given()).refused[0]


def test_a_wrong_password_and_a_closed_port_are_errors_of_few_words() -> None:
    with postgres_server() as server:
        source = Source(server)
        source.sql("postgres", "ALTER ROLE postgres PASSWORD 'right'")
        (server.folder / "pg_hba.conf").write_text("host all all all scram-sha-256\n")
        source.sql("postgres", "SELECT pg_reload_conf()")
        wrong = source.given("postgres", login={"password": "hemlig-wrong"})
        message = first_error_of(wrong)
    assert 'password authentication failed for user "postgres"' in message
    assert "hemlig-wrong" not in message
    assert "refused" in first_error_of(wrong)


def first_error_of(given: dict[str, Any]) -> str:
    """The error of a forecast; it takes a moment until a server has read its configuration."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            forecast(given)
        except RunbookError as exc:
            return str(exc)
        time.sleep(0.1)
    raise AssertionError("the server lets in whoever comes")


def programs_of(folder: Path, version: str) -> str:
    """A folder of programs that say they are of a version, and a path in which they come first."""
    folder.mkdir()
    for name in (*postgres_tools.DUMP, *postgres_tools.SERVER, *postgres_tools.RESTORE):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_programs_of_another_version_are_refused(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with source.database("app"):
        server = source.sql("app", "SHOW server_version")[0][0].partition(" ")[0]
        monkeypatch.setattr(postgres_tools, "_FOLDERS", ())
        monkeypatch.setenv("PATH", programs_of(tmp_path / "newer", "97.3").partition(os.pathsep)[0])
        (refused,) = forecast(source.given("app")).refused
    assert f"the server is PostgreSQL {server}, and pg_dump on this host is of version 97.3" in refused


def test_programs_of_the_servers_version_are_found_beside_others(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", programs_of(tmp_path / "newer", "97.3"))
    with source.database("app"):
        assert forecast(source.given("app")).refused == ()


def kill_dump(folder: Path) -> None:
    """Kill the dump that writes into a folder, as the kernel does where memory is short."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"/pg_dump") and (process / "fd").is_dir():
                targets = [str(one.readlink()) for one in (process / "fd").iterdir()]
                if any(target.startswith(str(folder)) for target in targets):
                    os.kill(int(process.name), signal.SIGKILL)


def end_sessions(source: Source) -> None:
    source.sql(
        "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app'"
        " AND pid <> pg_backend_pid()",
    )  # fmt: skip


def when_dumping(folder: Path, act: Any) -> Any:
    """Do something once the dump has begun to write rows."""

    def wait() -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if any(one.stat().st_size > 0 for one in folder.rglob("*.dat*")):
                act()
                return
            time.sleep(0.005)

    return wait


def test_a_dump_that_is_killed_is_no_set(source: Source, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    with source.database("app", *MUCH):
        progress = Acting("dumping app", when_dumping(plain, lambda: kill_dump(plain)))
        with pytest.raises(RunbookError, match=r"pg_dump was killed by signal 9|pg_dump ended with status"):
            take(source.given("app"), plain, progress)


def test_sessions_that_are_ended_make_no_set(source: Source, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    with source.database("app", *MUCH):
        progress = Acting("dumping app", when_dumping(plain, lambda: end_sessions(source)))
        with pytest.raises(RunbookError, match=r"terminat|closed|pg_dump ended with status"):
            take(source.given("app"), plain, progress)


def test_a_server_that_is_restarted_in_the_middle_makes_no_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{postgres_programs()}")
    plain = tmp_path / "plain"
    with postgres_server() as server:
        source = Source(server)
        source.sql("postgres", "CREATE DATABASE app")
        source.sql("app", *MUCH)
        # What a fast restart does to all of its clients.
        progress = Acting("dumping app", when_dumping(plain, lambda: os.kill(server.process.pid, signal.SIGINT)))
        with pytest.raises(RunbookError, match=r"pg_dump|database app"):
            take(source.given("app"), plain, progress)


def test_a_dump_that_a_standby_cancels_is_no_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The primary changes a table that the dump has read: the standby cancels whoever is in the way of that."""
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{postgres_programs()}")
    with (
        postgres_server() as server,
        postgres_server("max_standby_streaming_delay = 1s", prepare=base_backup(server)) as following,
    ):
        primary, standby = Source(server), Source(following)
        primary.sql("postgres", "CREATE DATABASE app")
        # The first by its name, its number and its size, so that it has been read when the other one is waited for.
        primary.sql("app", "CREATE TABLE a AS SELECT generate_series(1, 1000) AS i", "CREATE TABLE held (i int)")
        holder = primary.connect("app")
        holder.cursor().execute("LOCK TABLE held")
        until(lambda: standby.sql("postgres", "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"))

        def change() -> None:
            until(lambda: standby.sql("postgres", "SELECT 1 FROM pg_locks WHERE NOT granted"))
            primary.sql("app", "TRUNCATE a")

        with pytest.raises(RunbookError, match=r"conflict with recovery|deadlock detected"):
            take(standby.given("app"), tmp_path / "cancelled", Acting("dumping app", change))
        holder.close()
        until(lambda: standby.sql("app", "SELECT count(*) FROM a") == [(0,)])
        manifest = take(standby.given("app"), tmp_path / "plain")
        assert manifest.content["databases"]["app"]["tables"] == {"public.a": 0, "public.held": 0}
        assert manifest.content["server"]["in_recovery"] is True
        assert prove(standby.given("app"), tmp_path / "plain", manifest).faults == ()


def until(holds: Callable[[], Any]) -> None:
    """Wait for something."""
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def test_a_full_disk_makes_no_set(source: Source, tmp_path: Path) -> None:
    """In the place of the first file, the kernel's device that is always full: pg_dumpall itself takes it for good."""
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "roles.sql").symlink_to("/dev/full")
    with source.database("app"), pytest.raises(RunbookError, match=r"roles.sql: pg_dumpall wrote some of it only"):
        PostgresEngine(source.given("app")).take(plain, Progress())


def test_no_password_is_seen_by_others_while_it_runs(source: Source, tmp_path: Path) -> None:
    """Arguments are open to every user of the host; the environment of a process is to its own user."""
    password, plain = "hemlig-7d1f", tmp_path / "plain"
    seen: list[tuple[bytes, int]] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    command = (process / "cmdline").read_bytes()
                    if b"pg_dump" in command.split(b"\0", maxsplit=1)[0] or b"setpriv" in command:
                        seen.append((command, (process / "environ").stat().st_mode & 0o777))

    with source.database("app", *MUCH[:1]):
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            take(source.given("app", login={"password": password}), plain)
        finally:
            ended.set()
            watcher.join()
    assert any(b"--format=directory" in command for command, _mode in seen)
    assert not [command for command, _mode in seen if password.encode() in command]
    assert {mode for _command, mode in seen} == {0o400}
    assert not [one for one in plain.rglob("*") if one.is_file() and password.encode() in one.read_bytes()]


def test_files_of_a_dump_are_private(source: Source, tmp_path: Path) -> None:
    with source.database("app", "CREATE TABLE t AS SELECT 1"):
        take(source.given("app"), tmp_path / "plain")
    files = list((tmp_path / "plain" / "databases").rglob("*"))
    assert files
    assert {one.stat().st_mode & 0o777 for one in files} == {0o600, 0o700}
    assert {one.stat().st_uid for one in files} == {os.geteuid()}
