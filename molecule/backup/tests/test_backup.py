# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets of real servers: what is in them by another tool's word, and what becomes of them when runs are killed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from tests.support import backup_bed as bed
from tests.testbed import engine

BACKUPS = {
    "db": ("postgres.main", "redis.keys"),
    "db12": ("postgres.main", "redis.keys"),
    "web": ("nginx.configuration",),
}
KEPT = [(role, store) for role, stores in BACKUPS.items() for store in stores]


@pytest.fixture(scope="module", autouse=True)
def filled() -> Iterator[None]:
    """Something to lose on both servers, in sets that have been restored; later scenarios find one set without it."""
    for role in ("db", "db12"):
        bed.sql(
            role,
            "CREATE TABLE findings (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);"
            " INSERT INTO findings (name) SELECT 'finding ' || number FROM generate_series(1, 2000) number;"
            " GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO xorb_monitor; SELECT lo_from_bytea(0, 'large')",
        )
    try:
        bed.refill()
        yield
    finally:
        for role in ("db", "db12"):
            bed.sql(role, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata; DROP TABLE findings")
        for role in BACKUPS:
            bed.shell(role, f"rm -rf {bed.STORES}")
        bed.refill()


@contextlib.contextmanager
def held(role: str) -> Iterator[None]:
    """A table that a dump has to wait for."""
    bed.sql(role, "CREATE TABLE IF NOT EXISTS held AS SELECT 1 AS id")
    lock = "BEGIN; LOCK TABLE held; SELECT pg_sleep(3600)"
    words = f"runuser -u postgres -- psql -Xq -d xorb_db -c '{lock}'"
    bed.shell(role, f"cd /; systemd-run --quiet --collect --unit=xorb-test-hold {words}")
    bed.until(
        lambda: bed.sql(role, "SELECT count(*) FROM pg_locks WHERE relation = 'held'::regclass AND granted") != "0"
    )
    try:
        yield
    finally:
        # The server goes on with what a client has left it.
        bed.sql(role, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'held'::regclass AND granted")
        bed.shell(role, "systemctl stop xorb-test-hold.service", check=False)
        bed.sql(role, "DROP TABLE held")


@pytest.mark.parametrize(("role", "store"), KEPT)
def test_set_is_private_and_encrypted_and_has_been_restored(role: str, store: str) -> None:
    newest = bed.sets(role, store)[-1]
    folder = f"{bed.STORES}/{store}"
    assert set(bed.shell(role, f"find {folder} -type d -printf '%m %u\n'").splitlines()) == {"700 root"}
    assert set(bed.shell(role, f"find {folder} -type f -printf '%m %u\n'").splitlines()) == {"600 root"}
    for one in bed.manifest(role, store, newest)["files"]:
        head = bed.shell(role, f"head -c 21 {folder}/{newest}/{one['path']}")
        assert head.startswith("age-encryption.org/v1"), one["path"]
    assert json.loads(bed.shell(role, f"cat {folder}/.receipts/{newest}.json"))["faults"] == []
    assert bed.left_over(role, store) == []


@pytest.mark.parametrize("role", ["db", "db12"])
def test_set_comes_back_by_the_tools_of_postgresql_alone(role: str) -> None:
    newest = bed.sets(role, "postgres.main")[-1]
    found = bed.manifest(role, "postgres.main", newest)
    place = "/var/lib/postgresql/by-hand"
    engine.ensure().run("cp", str(bed.identity()), f"{bed.BED.host(role).name}:/root/by-hand.key")
    try:
        bed.shell(
            role,
            f"rm -rf {place}; mkdir -p {place}; cd {bed.STORES}/postgres.main/{newest}; "
            f"for file in $(find . -name '*.age'); do mkdir -p {place}/$(dirname $file); "
            f"age -d -i /root/by-hand.key $file > {place}/${{file%.age}}; done; chown -R postgres {place}; "
            f"dump=$(dirname $(find {place} -name toc.dat)); cd /; "
            "runuser -u postgres -- createdb by_hand; runuser -u postgres -- pg_restore -e -d by_hand $dump",
        )
        tables = found["content"]["databases"]["xorb_db"]["tables"]
        assert tables["public.findings"] == 2000
        for table, rows in tables.items():
            assert bed.sql(role, f"TABLE {table}", "by_hand").count("\n") + (rows > 0) == rows, table
    finally:
        bed.shell(role, f"cd /; rm -rf {place} /root/by-hand.key; runuser -u postgres -- dropdb --if-exists by_hand")


def test_second_verification_finds_nothing_to_do() -> None:
    ran = bed.procedure("backup_verify")
    assert ran.status == 0, ran.output[-4000:]
    assert ran.report["actions"] == []
    assert not {"critical", "unknown"} & set(ran.statuses.values()), ran.statuses


def test_preview_takes_nothing_and_names_what_would_be_written() -> None:
    before = {(role, store): bed.sets(role, store) for role, store in KEPT}
    ran = bed.procedure("backup_create", "--check", "--diff")
    assert ran.status == 0, ran.output[-4000:]
    assert {(role, store): bed.sets(role, store) for role, store in KEPT} == before
    for text in ("xorb-db: postgres.main: ", "xorb-db: redis.keys: ", "xorb-web: nginx.configuration: "):
        assert text in ran.output, text


def test_worker_killed_on_the_host_leaves_no_set_and_the_next_run_ends_it() -> None:
    before = bed.sets("db", "postgres.main")
    with held("db"):
        running = bed.start("backup_create", "--limit", "xorb-db", "-e", "backup_create_services=postgres")
        bed.until(lambda: bed.left_over("db", "postgres.main"))
        bed.shell("db", f"kill -9 {bed.until(lambda: bed.holder('db'))}")
        output, _none = running.communicate(timeout=bed.PATIENCE)
    assert running.returncode != 0 and "was killed" in output, output[-4000:]
    assert bed.sets("db", "postgres.main") == before
    assert bed.left_over("db", "postgres.main"), "a killed run leaves its folder, under a name that is no set's"
    # What it had started in the server goes on until it notices; the next run does not wait for that.
    ran = bed.procedure("backup_create", "--limit", "xorb-db", backup_create_services=["postgres"])
    assert ran.status == 0, ran.output[-4000:]
    assert bed.left_over("db", "postgres.main") == []
    assert bed.sets("db", "postgres.main")[:-1] == before
    assert any("killed" in action["subject"] for action in ran.report["actions"]), ran.report["actions"]


def test_run_killed_on_the_control_node_takes_its_set_all_the_same() -> None:
    before = bed.sets("db", "postgres.main")
    with held("db"):
        running = bed.start("backup_create", "--limit", "xorb-db", "-e", "backup_create_services=postgres")
        bed.until(lambda: bed.left_over("db", "postgres.main"))
        bed.kill(running)
        second = bed.procedure("backup_create", "--limit", "xorb-db", backup_create_services=["postgres"])
        assert second.status != 0 and "another run is changing this host" in second.output, second.output[-4000:]
    bed.until(lambda: not bed.holder("db"))
    assert bed.sets("db", "postgres.main")[:-1] == before
    assert bed.left_over("db", "postgres.main") == []
    ran = bed.procedure("backup_verify", "--limit", "xorb-db", backup_verify_services=["postgres"])
    assert ran.status == 0, ran.output[-4000:]


def test_set_is_verified_on_another_host_and_what_a_kill_leaves_is_removed() -> None:
    store, scratch = "nginx.configuration", "ls -d /tmp/xorb-runbook-scratch-* 2> /dev/null || :"
    before = bed.shell("monitor", "ls -A /var/backups 2> /dev/null || :")
    assert bed.shell("monitor", scratch) == ""
    # Another size than that of the sets before it would be reported.
    bed.shell("web", f"rm -rf {bed.STORES}/{store}; head -c 60000000 /dev/urandom > /etc/xorb/large")
    try:
        bed.procedure("backup_create", "--limit", "xorb-web")
        newest = bed.sets("web", store)[-1]
        preview = bed.procedure("backup_verify", "--limit", "xorb-web", "--check")
        assert f"{newest} (" in preview.output and "is brought to xorb-monitor" in preview.output, preview.output[
            -4000:
        ]
        running = bed.start("backup_verify", "--limit", "xorb-web", "-e", "backup_verify_older=false")
        bed.until(lambda: bed.shell("monitor", "ls /tmp/xorb-runbook-scratch-*/arrived 2> /dev/null || :"))
        assert bed.shell("monitor", "find /tmp/xorb-runbook-scratch-*/arrived -printf '%m '").split()[0] == "700"
        bed.shell("monitor", f"kill -9 {bed.holder('monitor')}")
        output, _none = running.communicate(timeout=bed.PATIENCE)
        assert running.returncode != 0 and "xorb-monitor: " in output and "was killed" in output, output[-4000:]
        assert bed.shell("monitor", scratch) != "", "a killed job leaves its scratch, and the journal has it"
        assert bed.shell("web", f"find {bed.STORES}/{store} -path '*/.receipts/{newest}.json'") == ""

        ran = bed.procedure("backup_verify", "--limit", "xorb-web", backup_verify_older=False)
        assert ran.statuses[f"xorb-web/{store}.verified"] == "ok", ran.output[-4000:]
        receipt = json.loads(bed.shell("web", f"cat {bed.STORES}/{store}/.receipts/{newest}.json"))
        assert (receipt["host"], receipt["faults"]) == ("xorb-monitor", [])
        assert any(action["host"] == "xorb-monitor" for action in ran.report["actions"]), ran.report["actions"]
        assert bed.shell("monitor", scratch) == ""
        assert bed.shell("monitor", "ls -A /var/backups 2> /dev/null || :") == before
    finally:
        bed.shell("web", f"rm -rf {bed.STORES}/{store} /etc/xorb/large")
        bed.refill("--limit", "xorb-web")


def test_database_is_restored_beside_then_in_place_and_put_back() -> None:
    which = {"backup_restore_service": "postgres", "backup_restore_backup": "main"}
    limit = ("--limit", "xorb-db")
    given = {**which, "backup_restore_identities": "{{ backup_verify_identities }}"}
    bed.sql("db", "CREATE TABLE after_the_set AS SELECT 1 AS id")
    try:
        beside = bed.procedure("backup_restore", *limit, **given)
        assert beside.status == 0, beside.output[-5000:]
        assert bed.sql("db", "SELECT count(*) FROM findings", "xorb_db_recovery") == "2000"
        assert bed.sql("db", "SELECT count(*) FROM after_the_set") == "1"
        wrong = bed.procedure("backup_restore", *limit, **given, backup_restore_in_place="xorb")
        assert wrong.status != 0 and "xorb_db" in wrong.output, wrong.output[-4000:]
        ran = bed.procedure("backup_restore", *limit, **given, backup_restore_in_place="xorb_db")
        assert ran.status == 0, ran.output[-5000:]
        assert bed.sql("db", "SELECT to_regclass('after_the_set') IS NULL") == "t"
        (kept,) = bed.sql("db", "SELECT datname FROM pg_database WHERE datname LIKE 'xorb_db_before_%'").split()
        back = bed.procedure("backup_restore", *limit, **given, backup_restore_undo=kept)
        assert back.status == 0, back.output[-5000:]
        assert bed.sql("db", "SELECT count(*) FROM after_the_set") == "1"
    finally:
        names = bed.sql("db", "SELECT datname FROM pg_database WHERE datname ~ '^xorb_db_'", "postgres").split()
        for name in names:
            bed.shell("db", f"cd /; runuser -u postgres -- dropdb --force {name}")
        bed.sql("db", "DROP TABLE IF EXISTS after_the_set")
    assert bed.procedure("daily").status == 0
