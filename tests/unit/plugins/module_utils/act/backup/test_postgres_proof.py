# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a proof finds: sets that lie, that are damaged, that cannot be restored, and what their owner demands."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create, expire, scratch, verify
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres import proof as postgres_proof
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.engine import PostgresEngine
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.scratch import remedy_of_host
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal, locked
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import Manifest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support.peers import postgres_programs
from tests.support.postgres_backups import Acting, Source, prove, take, with_content

MADE = (
    "CREATE TABLE t (id serial PRIMARY KEY, v varchar(9) CHECK (v IN ('a', 'b')))",
    "INSERT INTO t (v) SELECT 'a' FROM generate_series(1, 337)",
    "CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM t",
    "SELECT lo_from_bytea(0, 'x')",
)


@pytest.fixture(scope="module")
def taken(shared_source: Source, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path, Manifest]]:
    """One set that several tests tell lies about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{postgres_programs()}")
        plain = tmp_path_factory.mktemp("set") / "plain"
        with shared_source.database("app", *MADE):
            given = shared_source.given("app")
            manifest = take(given, plain)
        yield given, plain, manifest


def test_a_manifest_that_lies_is_found_out(taken: tuple[Any, Path, Manifest]) -> None:
    given, plain, manifest = taken

    def lie(content: dict[str, Any]) -> None:
        app = content["databases"]["app"]
        app["tables"].update({"public.t": 338, "public.gone": 5})
        app["sequences"]["public.t_id_seq"] = [[338, True], [338, True]]
        app["sequences"]["public.no_seq"] = [[1, False], [1, False]]
        app["large_objects"] = 2
        app["objects"]["index public.lost"] = "0" * 16
        app["objects"]["constraint t_pkey on public.t"] = "0" * 16
        del app["objects"]["relation public.m"]
        app["materialized_views"]["public.empty"] = True
        content["globals"]["role nobody_has_this"] = "0" * 16

    faults = prove(given, plain, with_content(manifest, lie)).faults
    assert set(faults) == {
        "server: missing: role nobody_has_this",
        "database app: table public.t has 337 rows, and 338 were counted in the source",
        "database app: table public.gone is missing, which had 5 rows",
        "database app: materialised view public.empty has not been filled",
        "database app: sequence public.t_id_seq is at 337, and was at 338",
        "database app: sequence public.no_seq is missing",
        "database app: 1 large objects, and the set was to have 2",
        "database app: missing: index public.lost",
        "database app: not in the source: relation public.m",
        "database app: not as in the source: constraint t_pkey on public.t",
    }


def test_what_the_owner_demands_is_judged(taken: tuple[Any, Path, Manifest]) -> None:
    given, plain, manifest = taken
    count = {"database": "app", "query": "SELECT count(*) FROM t"}
    assertions = [
        {**count, "equals": "337"},
        {**count, "min": 300, "max": 400.0},
        {"database": "app", "query": "SELECT bool_and(v = 'a') FROM t", "equals": "true"},
        {**count, "equals": "336"},
        {**count, "min": 338.0},
        {**count, "max": 1.0},
        {"database": "app", "query": "SELECT max(v) FROM t", "min": 1.0},
        {"database": "app", "query": "SELECT 1 FROM t WHERE false", "min": 1.0},
        {"database": "app", "query": "DELETE FROM t RETURNING 1", "equals": "1"},
        {"database": "app", "query": "SELECT nonsense", "equals": "1"},
        {"database": "other", "query": "SELECT 1", "equals": "1"},
    ]
    faults = prove({**given, "assertions": assertions}, plain, manifest).faults
    expected = (
        "gave 337, expected 336", "gave 337, expected at least 338", "gave 337, expected at most 1",
        "gave a, expected a number", "gave None, expected a number",
        "cannot execute DELETE in a read-only transaction", 'column "nonsense" does not exist',
        "database other: was not restored",
    )  # fmt: skip
    assert [text for text, fault in zip(expected, faults, strict=True) if text not in fault] == []


@pytest.mark.parametrize(
    ("what", "lacking"),
    [
        ({"extensions": {"postgis": "3.3.2"}}, "no extension postgis 3.3.2, install its package"),
        ({"collate": "xx_XX.UTF-8"}, "no locale xx_XX.UTF-8, install it"),
        ({"ctype": "xx_XX.UTF-8", "extensions": {"plpgsql": "9.9"}}, "no extension plpgsql 9.9, .*; no locale xx_XX"),
    ],
)
def test_what_this_host_lacks_is_no_fault_of_the_set(
    taken: tuple[Any, Path, Manifest], what: dict[str, Any], lacking: str
) -> None:
    given, plain, manifest = taken

    def lack(content: dict[str, Any]) -> None:
        content["databases"]["app"].update(what)

    with pytest.raises(RunbookError, match=rf"not all that the set needs: {lacking}.* verify on another host"):
        prove(given, plain, with_content(manifest, lack))


#: What a database has of its system, as it is written in a dump, and as this system has nothing.
ELSEWHERE = {
    "a locale": ("CREATE COLLATION near (PROVIDER = libc, LOCALE = 'C.utf8')", "'C.utf8'", "'X.utf8'", "locale"),
    "a library": (
        "CREATE FUNCTION f(cstring) RETURNS public.hstore LANGUAGE c AS '$libdir/hstore', 'hstore_in'",
        "$libdir/hstore'",
        "$libdir/nstore'",
        "library",
    ),
    "a list of words": (
        "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = pg_catalog.simple, STOPWORDS = 'english')",
        "'english'",
        "'klingon'",
        "files that the server looks for",
    ),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_what_the_system_of_this_host_lacks_is_no_fault_of_the_set(source: Source, tmp_path: Path, what: str) -> None:
    """As if another host had taken it, which had all of that."""
    statement, there, here, remedy = ELSEWHERE[what]
    with source.database("app", "CREATE EXTENSION hstore", statement):
        given = source.given("app")
        manifest = take(given, tmp_path / "plain")
    path = tmp_path / "plain" / "databases" / "0" / "toc.dat"
    data = path.read_bytes()
    assert there.encode() in data and len(there) == len(here)
    path.write_bytes(data.replace(there.encode(), here.encode()))
    with pytest.raises(RunbookError, match=rf"this host cannot restore the set: .*: install the {remedy}"):
        prove(given, tmp_path / "plain", manifest)


def test_a_server_that_loses_a_process_says_nothing_about_the_set(source: Source, tmp_path: Path) -> None:
    """What the kernel does where memory is short."""
    much = "CREATE TABLE much AS SELECT i, md5(i::text) || md5((i + 1)::text) AS v FROM generate_series(1, 400000) i"
    with source.database("app", much):
        given = source.given("app")
        manifest = take(given, tmp_path / "plain")
    folder = scratch.make(None)
    progress = Acting("restoring app", lambda: _kill_a_backend(folder))
    try:
        (folder / "restored").mkdir(mode=0o700)
        with pytest.raises(RunbookError, match=r"this host cannot restore the set: .*: find out what ended the server"):
            PostgresEngine(given).prove(tmp_path / "plain", manifest, folder / "restored", progress)
    finally:
        scratch.clean(folder)


def _kill_a_backend(folder: Path) -> None:
    """Kill what copies rows into a throwaway server, as soon as it does."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if folder in (process / "cwd").readlink().parents and b"COPY" in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
                    return


@pytest.mark.parametrize(
    ("complaint", "log", "remedy"),
    [
        ("COPY much: could not extend file", "53100 ERROR:  could not extend file: No space left", "more room"),
        ("COPY much: out of memory", "00000 LOG:  busy\n53200 ERROR:  out of memory\n", "more room"),
        ("COPY much: could not read block", "58030 ERROR:  could not read block 7: Input/output error", "the kernel"),
        ("EXTENSION cron: must be loaded", "XX000 ERROR:  must be loaded", "package of the extension"),
        ("CREATE INDEX x_f: function h(text) does not exist", "42883 ERROR:  function h(text) does not exist", ""),
        # The first is why; what ends the others comes after it.
        ("INDEX i: not unique", "23505 ERROR:  not unique\n57014 ERROR:  canceling\n53100 ERROR:  full", ""),
        ("could not uncompress data: incorrect data check", "08006 ERROR:  unexpected EOF on client connection", ""),
        ("TABLE t: it says 53100 ERROR", "42601 ERROR:  syntax error at 53100 ERROR: ", ""),
    ],
)
def test_what_failed_by_its_host_is_told_apart(complaint: str, log: str, remedy: str) -> None:
    found = remedy_of_host(complaint, log)
    assert (remedy in found) if remedy else not found


def test_a_server_of_another_version_cannot_prove_it(taken: tuple[Any, Path, Manifest]) -> None:
    given, plain, manifest = taken

    def newer(content: dict[str, Any]) -> None:
        content["server"]["version"] = "97.1"

    with pytest.raises(RunbookError, match=r"of PostgreSQL 97.1, and the servers that this host could start are of"):
        prove(given, plain, with_content(manifest, newer))


def test_the_source_is_never_restored_into(taken: tuple[Any, Path, Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the throwaway server were the source, which it cannot be: its number is the manifest's then."""
    given, plain, manifest = taken
    numbers: list[str] = []
    refuse = postgres_proof._refuse_source

    def same(target: Any, content: Any) -> None:
        with target.session() as one:
            numbers.append(str(one.value("SELECT system_identifier FROM pg_control_system()")))
        refuse(target, {**content, "server": {**content["server"], "system_identifier": numbers[0]}})

    monkeypatch.setattr(postgres_proof, "_refuse_source", same)
    with pytest.raises(RunbookError, match="is the source itself: nothing was restored"):
        prove(given, plain, manifest)
    assert numbers[0] != manifest.content["server"]["system_identifier"]


def test_functions_that_need_a_search_path_fail_with_the_name_of_what_needs_them(
    source: Source, tmp_path: Path
) -> None:
    helpers = (
        "CREATE FUNCTION h(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)'",
        "CREATE FUNCTION f(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN h(t); END'",
        "CREATE TABLE x (v text)",
        "INSERT INTO x VALUES ('A')",
    )
    rule = "ALTER TABLE x ADD CHECK (f(v) <> '')"
    index = "CREATE INDEX x_f ON x (f(v))"
    view = "CREATE MATERIALIZED VIEW mv AS SELECT word FROM ts_stat('SELECT to_tsvector(v) FROM x')"
    with contextlib.ExitStack() as stack:
        for name, made in (("one", index), ("two", view), ("three", rule)):
            stack.enter_context(source.database(name, *helpers, made))
        stack.enter_context(source.database("four"))
        given = source.given("one", "two", "three", "four")
        manifest = take(given, tmp_path / "plain")
    faults = prove(given, tmp_path / "plain", manifest).faults
    assert len(faults) == 3
    assert "database one cannot be restored: CREATE INDEX x_f" in faults[0]
    assert "function h(text) does not exist" in faults[0]
    assert "database two cannot be restored: REFRESH MATERIALIZED VIEW public.mv" in faults[1]
    assert 'database three cannot be restored: pg_restore: error: COPY failed for table "x"' in faults[2]


def test_a_view_that_the_source_never_refreshed_again_raises_no_alarm(source: Source, tmp_path: Path) -> None:
    with source.database("app", *MADE, "INSERT INTO t (v) VALUES ('b')"):
        given = source.given("app")
        manifest = take(given, tmp_path / "plain")
    assert prove(given, tmp_path / "plain", manifest).faults == ()


def test_a_sequence_behind_its_table_is_named(source: Source, tmp_path: Path) -> None:
    with source.database("app", *MADE, "SELECT setval('t_id_seq', 11)"):
        given = source.given("app")
        manifest = take(given, tmp_path / "plain")
    proof = prove(given, tmp_path / "plain", manifest)
    assert (proof.faults, proof.facts["sequences_behind"]) == ((), ["database app: public.t_id_seq"])

    def not_behind(content: dict[str, Any]) -> None:
        content["databases"]["app"]["sequences_behind"] = []

    lied = prove(given, tmp_path / "plain", with_content(manifest, not_behind))
    assert lied.faults == ("database app: the next value is in the table already of public.t_id_seq",)


def test_archives_that_contradict_their_manifest_are_faults(taken: tuple[Any, Path, Manifest], tmp_path: Path) -> None:
    """Digests come before this; even a set whose digests were written anew fails."""
    given, plain, manifest = taken
    for number, spoil in enumerate((_cut, _without_roles, _without_rows)):
        copy = tmp_path / f"{number}"
        shutil.copytree(plain, copy)
        spoil(copy)
        assert prove(given, copy, manifest).faults


def _largest(folder: Path) -> Path:
    return max(folder.rglob("*.dat*"), key=lambda one: one.stat().st_size)


def _cut(folder: Path) -> None:
    path = _largest(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _without_roles(folder: Path) -> None:
    path = folder / "roles.sql"
    path.write_text(path.read_text() + "\nCREATE ROLE too_much;\nSELECT nonsense;\n")


def _without_rows(folder: Path) -> None:
    _largest(folder).unlink()


@pytest.fixture
def stored(source: Source, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A backup in a store, whose sets are taken and verified as the procedures do it."""
    with source.database("app", *MADE):
        yield source.given("app", directory=str(tmp_path / "sets"))


def journaled(tmp_path: Path, act: Callable[[Journal], Any]) -> Any:
    with locked(tmp_path / "state", what="test", operator="test") as journal:
        return act(journal)


def test_a_set_is_taken_stored_and_verified(stored: dict[str, Any], tmp_path: Path) -> None:
    manifest = journaled(tmp_path, lambda journal: create.create(stored, journal, Progress()))
    (found,) = create.store_of(stored).sets()
    receipt = journaled(tmp_path, lambda journal: verify.verify(stored, found, (), journal, Progress()))
    assert (receipt.faults, receipt.facts["rows"]) == ((), 337)
    assert create.store_of(stored).sets()[0].verified
    assert {"roles.sql", "databases/0/toc.dat"} <= {one.path for one in manifest.files}


def test_one_flipped_bit_in_any_file_is_found(stored: dict[str, Any], tmp_path: Path) -> None:
    journaled(tmp_path, lambda journal: create.create(stored, journal, Progress()))
    store = create.store_of(stored)
    (found,) = store.sets()
    assert found.manifest
    chance = random.Random(16)  # noqa: S311 - no secret
    for one in found.manifest.files:
        path = found.folder / one.path
        whole = path.read_bytes()
        bit = chance.randrange(len(whole) * 8)
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        receipt = journaled(tmp_path, lambda journal: verify.verify(stored, found, (), journal, Progress()))
        assert any(one.path in fault for fault in receipt.faults), one.path
        path.write_bytes(whole)
    receipt = journaled(tmp_path, lambda journal: verify.verify(stored, found, (), journal, Progress()))
    assert receipt.passed


def test_a_verified_set_stays_however_often_the_next_fails(stored: dict[str, Any], tmp_path: Path) -> None:
    """A minimum of one, and no day that keeps a set: what keeps it is that it is the last good one."""
    stored = {**stored, "keep": {"daily": 0, "weekly": 0, "monthly": 0, "minimum_redundancy": 1}}
    journaled(tmp_path, lambda journal: create.create(stored, journal, Progress()))
    store = create.store_of(stored)
    (good,) = store.sets()
    journaled(tmp_path, lambda journal: verify.verify(stored, good, (), journal, Progress()))
    gone = {**stored, "databases": ["app", "nowhere"]}
    for _attempt in range(10):
        with pytest.raises(RunbookError, match="nowhere"):
            journaled(tmp_path, lambda journal: create.create(gone, journal, Progress()))
        assert not journaled(tmp_path, lambda journal: list(expire.expire(stored, [good.id], journal)))
    assert ([one.id for one in store.sets() if one.verified], store.left_over()) == ([good.id], [])
