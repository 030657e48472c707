# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of services that Compose runs, on a host without any client: by the programs of their containers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import backup_bed as bed
from tests.support.procedures import Ran

POSTGRES, CACHE = "stores-postgres-1", "stores-cache-1"
PSQL = "$(echo /usr/lib/postgresql/*/bin/psql)"
#: The session that a dump has to wait for.
HOLDERS = "FROM pg_locks WHERE relation = 'finding'::regclass AND granted AND mode = 'AccessExclusiveLock'"
FINDINGS = {"backup_restore_service": "findings", "backup_restore_backup": "main"}
KEYS = {"backup_restore_service": "cache", "backup_restore_backup": "keys"}
IDENTITIES = {"backup_restore_identities": "{{ backup_verify_identities }}"}


def shell(script: str) -> str:
    return bed.shell("compose", script).strip()


def run(playbook: str, *options: str, **variables: Any) -> Ran:
    """Run a playbook to its good end."""
    ran = bed.procedure(playbook, *bed.ON_COMPOSE, *options, **variables)
    assert ran.status == 0, ran.output[-5000:]
    return ran


def sql(query: str, database: str = "findings") -> str:
    words = f"{PSQL} -XAtq -v ON_ERROR_STOP=1 -h /tmp -U postgres -d {database}"
    return shell(f"docker exec -i {POSTGRES} sh -c '{words}' <<'END'\n{query}\nEND\n")


def redis(words: str) -> str:
    login = "REDISCLI_AUTH=$(awk '/requirepass/ {print $2}' /opt/stores/secrets/redis.conf)"
    words = f"{login} docker exec --env REDISCLI_AUTH {CACHE} redis-cli {words}"
    return bed.shell("compose", words, check=False).strip()


@pytest.fixture(scope="module", autouse=True)
def filled() -> Iterator[None]:
    """Something to lose, in sets that have been restored."""
    sql("CREATE TABLE finding AS SELECT number AS id FROM generate_series(1, 3000) number; SELECT lo_from_bytea(0, '')")
    redis("MSET kept first lost first")
    bed.refill(*bed.ON_COMPOSE)
    yield
    for name in sql("SELECT datname FROM pg_database WHERE datname ~ '^findings_'", "postgres").split():
        sql(f"DROP DATABASE {name} WITH (FORCE)", "postgres")
    sql("DROP TABLE finding; SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
    redis("FLUSHALL")
    shell(f"rm -rf {bed.STORES}")
    bed.refill(*bed.ON_COMPOSE)


def leftovers() -> str:
    """What lies in the container that is ours, and what works there."""
    return shell(f"docker exec {POSTGRES} sh -c 'echo /tmp/xorb-runbook-*'").replace("/tmp/xorb-runbook-*", "")  # noqa: S108


def kept(ran: Ran) -> str:
    """What a restore in place has called what it replaced."""
    found = re.search(r"is kept as (cache\.keys_before_\w+)", ran.output)
    assert found, ran.output[-3000:]
    return found[1]


def test_host_has_no_program_of_its_own_and_every_set_was_restored() -> None:
    assert shell("ls /usr/lib/postgresql 2> /dev/null || echo none") == "none"
    for store in ("findings.main", "cache.keys"):
        newest = bed.sets("compose", store)[-1]
        assert json.loads(shell(f"cat {bed.STORES}/{store}/.receipts/{newest}.json"))["faults"] == []
    listed = run("backup_list")
    assert "findings.main" in listed.output and "cache.keys" in listed.output
    assert leftovers() == ""


def test_database_is_restored_beside_then_in_place_and_put_back() -> None:
    sql("CREATE TABLE after_the_set AS SELECT 1 AS id")
    run("backup_restore", **FINDINGS, **IDENTITIES)
    assert sql("SELECT count(*) FROM finding", "findings_recovery") == "3000"
    assert sql("SELECT count(*) FROM after_the_set") == "1"
    run("backup_restore", **FINDINGS, **IDENTITIES, backup_restore_in_place="findings")
    assert sql("SELECT to_regclass('after_the_set') IS NULL") == "t"
    (before,) = sql("SELECT datname FROM pg_database WHERE datname LIKE 'findings_before_%'", "postgres").split()
    run("backup_restore", **FINDINGS, backup_restore_undo=before)
    assert sql("SELECT count(*) FROM after_the_set") == "1"
    (undone,) = sql("SELECT datname FROM pg_database WHERE datname LIKE 'findings_undone_%'", "postgres").split()
    run("backup_restore", **FINDINGS, backup_restore_drop=undone)
    assert sql("SELECT count(*) FROM pg_database WHERE datname ~ '_(before|undone)_'", "postgres") == "0"
    assert leftovers() == ""
    sql("DROP TABLE after_the_set")


def test_keys_are_restored_in_place_and_put_back() -> None:
    identity = shell(f"docker inspect --format '{{{{.Id}}}}' {CACHE}")
    redis("DEL lost")
    redis("SET kept second")
    ran = run("backup_restore", **KEYS, **IDENTITIES, backup_restore_in_place="cache.keys")
    assert redis("MGET kept lost").split() == ["first", "first"]
    shell(f"docker restart {CACHE}")
    bed.until(lambda: redis("DBSIZE").isdecimal())
    assert redis("MGET kept lost").split() == ["first", "first"]
    run("backup_restore", **KEYS, backup_restore_undo=kept(ran))
    assert redis("MGET kept lost").split() == ["second"]
    assert shell(f"docker inspect --format '{{{{.Id}}}}' {CACHE}") == identity
    redis("MSET kept first lost first")


def test_dump_that_was_killed_leaves_nothing_in_the_container_once_another_run_came() -> None:
    before = bed.sets("compose", "findings.main")
    held = "BEGIN; LOCK TABLE finding; SELECT pg_sleep(3600)"
    shell(f"docker exec --detach {POSTGRES} sh -c '{PSQL} -Xq -h /tmp -U postgres -d findings -c \"{held}\"'")
    bed.until(lambda: sql(f"SELECT count(*) {HOLDERS}") == "1")
    running = bed.start("backup_create", *bed.ON_COMPOSE, "-e", "backup_create_services=findings")
    bed.until(leftovers)
    shell(f"kill -9 {bed.until(lambda: bed.holder('compose'))}")
    output, _none = running.communicate(timeout=bed.PATIENCE)
    assert running.returncode != 0 and "was killed" in output, output[-4000:]
    assert "pg_dump" in shell(f"docker top {POSTGRES}"), "what it had begun in the container goes on"
    assert leftovers()
    sql(f"SELECT pg_terminate_backend(pid) {HOLDERS}")
    ran = run("backup_create", backup_create_services=["findings"])
    assert leftovers() == "" and "pg_dump" not in shell(f"docker top {POSTGRES}")
    ended = [action for action in ran.report["actions"] if "nor in the container" in str(action)]
    assert len(ended) == 1, ran.report["actions"]
    assert bed.sets("compose", "findings.main")[:-1] == before
    run("backup_verify")


def test_platform_is_green_in_the_end() -> None:
    assert run("daily").status == 0
