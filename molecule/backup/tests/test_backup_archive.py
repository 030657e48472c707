# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets of pgBackRest and the WAL between them, by the programs of Debian 12 and 13: proved, restored to a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import backup_bed as bed
from tests.support.procedures import Ran

#: The hosts with a server, each with the version of pgBackRest that its Debian has.
VERSIONS = {"db": "2.55", "db12": "2.45"}
BOTH = ("--limit", "xorb-db,xorb-db12")
CONFIG, REPOSITORY, STORE = "/etc/xorb/pgbackrest.conf", "/var/lib/xorb-pgbackrest", "postgres.whole"
DESCRIBED = {
    "kind": "postgres",
    "engine": "pgbackrest",
    "repository": {"stanza": "main", "config": CONFIG, "os_user": "postgres"},
    "login": {"os_user": "postgres"},
    "assertions": [{"database": "xorb_db", "query": "SELECT count(*) FROM marker", "min": 1}],
}
WHOLE = {"platform_overrides": {"postgres": {"backups": {"whole": DESCRIBED}}}}
RESTORE = {**WHOLE, "backup_restore_service": "postgres", "backup_restore_backup": "whole"}


def version(role: str) -> str:
    """The major version of the server of a host."""
    return bed.shell(role, "pg_lsclusters --no-header | cut -d ' ' -f 1").strip()


def restart(role: str, checksums: str) -> None:
    """Restart a server, with the checksums of its pages enabled or disabled."""
    number = version(role)
    unit, data = f"postgresql@{number}-main", f"/var/lib/postgresql/{number}/main"
    words = f"/usr/lib/postgresql/{number}/bin/pg_checksums --{checksums} -D {data} > /dev/null"
    bed.shell(role, f"cd /; systemctl stop {unit}; runuser -u postgres -- {words}; systemctl start {unit}")
    bed.until(lambda: bed.shell(role, "pg_isready -q && echo ready || :"))


def pgbackrest(role: str, words: str) -> str:
    return bed.shell(role, f"cd /; runuser -u postgres -- pgbackrest --config={CONFIG} --stanza=main {words}")


def copy_of(role: str) -> str:
    """Where a restore puts its copy, unless it is given another folder."""
    return f"/var/lib/postgresql/{version(role)}/main_recovery"


@pytest.fixture(scope="module", autouse=True)
def archived() -> Iterator[Ran]:
    """A stanza on each host, with the settings that the preview has shown; the fixture is that preview."""
    for role in VERSIONS:
        bed.sql(role, "CREATE TABLE marker AS SELECT 'in the set' AS word")
        bed.shell(
            role,
            f"install -d -o postgres -m 0700 {REPOSITORY}; printf '%s\\n' '[global]' repo1-path={REPOSITORY} "
            f"start-fast=y compress-level=1 log-level-file=off '[main]' "
            f"pg1-path=/var/lib/postgresql/{version(role)}/main > {CONFIG}",
        )
        pgbackrest(role, "stanza-create")
    preview = bed.procedure("backup_create", "--check", *BOTH, backup_create_backups=[STORE], **WHOLE)
    try:
        for role in VERSIONS:
            for change in shown(preview, role):
                bed.sql(role, change)
            # Without, whether pages are damaged would not be known.
            restart(role, "enable")
        yield preview
    finally:
        for role in VERSIONS:
            bed.sql(role, "ALTER SYSTEM RESET archive_mode")
            bed.sql(role, "ALTER SYSTEM RESET archive_command")
            restart(role, "disable")
            bed.sql(role, "DROP TABLE marker")
            bed.shell(role, f"rm -rf {REPOSITORY} {CONFIG} {bed.STORES}/{STORE} {copy_of(role)}")


def shown(preview: Ran, role: str) -> list[str]:
    """The changes of a server's settings that a preview asks for."""
    lines = [line for line in preview.output.splitlines() if line.startswith(f"xorb-{role}: {STORE}")]
    return re.findall(r"needed: (ALTER SYSTEM SET \w+ = '.*?');", "\n".join(lines))


def whole(playbook: str, **given: Any) -> Ran:
    return bed.procedure(playbook, *BOTH, **{f"{playbook}_backups": [STORE]}, **WHOLE, **given)


@pytest.fixture(scope="module")
def proved(archived: Ran) -> Ran:
    """The first sets, proved; then something good, a disaster and what came later, all in the archive."""
    assert archived.status != 0
    whole("backup_create")
    ran = whole("backup_verify")
    for role in VERSIONS:
        bed.sql(role, "INSERT INTO marker VALUES ('good')")
    return ran


def in_archive(role: str) -> None:
    """Wait until all WAL of a server until now is in its archive."""
    segment = bed.sql(role, "SELECT pg_walfile_name(pg_switch_wal())")
    bed.until(lambda: bed.sql(role, "SELECT last_archived_wal FROM pg_stat_archiver") >= segment)


def now(role: str) -> str:
    """The time of a server, with what is before it and after it well apart."""
    bed.sql(role, "SELECT pg_sleep(0.5)")
    found = bed.sql(role, "SELECT now()").replace(" ", "T")
    bed.sql(role, "SELECT pg_sleep(0.5)")
    return f"{found}:00"


@pytest.mark.parametrize("role", VERSIONS)
def test_preview_shows_the_settings_that_are_needed_and_they_are_enough(archived: Ran, proved: Ran, role: str) -> None:
    assert VERSIONS[role] in bed.shell(role, "pgbackrest version")
    assert [change.split()[3] for change in shown(archived, role)] == ["archive_mode", "archive_command"]
    assert proved.statuses[f"xorb-{role}/{STORE}.verified"] == "ok", proved.output[-5000:]
    (there,) = json.loads(pgbackrest(role, "info --output=json"))
    assert [one["type"] for one in there["backup"]] == ["full"]


@pytest.mark.usefixtures("proved")
def test_second_set_is_built_on_the_first_and_listed() -> None:
    whole("backup_create")
    listed = bed.procedure("backup_list", *BOTH, **WHOLE)
    for role in VERSIONS:
        (there,) = json.loads(pgbackrest(role, "info --output=json"))
        assert [one["type"] for one in there["backup"]] == ["full", "incr"]
        for one in there["backup"]:
            assert one["label"] in listed.output
    ran = whole("backup_verify")
    assert {ran.statuses[f"xorb-{role}/{STORE}.verified"] for role in VERSIONS} == {"ok"}, ran.output[-5000:]


@pytest.mark.usefixtures("proved")
@pytest.mark.parametrize("role", VERSIONS)
def test_server_is_restored_to_just_before_the_disaster(role: str) -> None:
    limit = ("--limit", f"xorb-{role}")
    when = now(role)
    bed.sql(role, "DELETE FROM marker")
    in_archive(role)
    sets = pgbackrest(role, "info")
    preview = bed.procedure("backup_restore", "--check", *limit, **RESTORE, backup_restore_at=when)
    assert copy_of(role) in preview.output, preview.output[-5000:]
    assert bed.shell(role, f"ls -d {copy_of(role)} 2> /dev/null || :") == ""
    ran = bed.procedure("backup_restore", *limit, **RESTORE, backup_restore_at=when)
    assert "RTO" in ran.output and ran.report["actions"][-1]["outcome"] == "done", ran.output[-5000:]
    assert words_of_copy(role) == ["good", "in the set"]
    assert bed.sql(role, "SELECT count(*) FROM marker") == "0"
    assert pgbackrest(role, "info") == sets


def words_of_copy(role: str) -> list[str]:
    """What is in a copy, started as the page of the restore says."""
    copy = copy_of(role)
    server = f"/usr/lib/postgresql/{version(role)}/bin/postgres -D {copy}/data -c config_file={copy}/server.conf"
    bed.shell(role, f"cd {copy}; systemd-run --quiet --collect --uid=postgres --unit=xorb-test-copy {server}")
    try:
        psql = f"cd /; runuser -u postgres -- psql -XAtq -h {copy}/s -d xorb_db"
        found: str = bed.until(lambda: bed.shell(role, f"{psql} -c 'TABLE marker' 2> /dev/null || :"))
        return sorted(found.splitlines())
    finally:
        bed.shell(role, "systemctl stop xorb-test-copy.service")


@pytest.mark.usefixtures("proved")
def test_hole_in_the_archive_is_named_before_anything_is_written() -> None:
    bed.shell("db", f"rm -rf {copy_of('db')}")
    bed.sql("db", "INSERT INTO marker VALUES ('behind the hole')")
    in_archive("db")
    missing = bed.sql("db", "SELECT last_archived_wal FROM pg_stat_archiver")
    when = now("db")
    bed.sql("db", "INSERT INTO marker VALUES ('later')")
    in_archive("db")
    bed.shell("db", f"rm $(find {REPOSITORY} -name '{missing}-*')")
    ran = bed.procedure("backup_restore", "--limit", "xorb-db", **RESTORE, backup_restore_at=when)
    assert ran.status != 0 and missing in ran.output, ran.output[-5000:]
    assert bed.shell("db", f"ls -d {copy_of('db')} 2> /dev/null || :") == ""
