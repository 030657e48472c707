# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The walk through a restore at three in the morning, as docs/backup_restore.md has it, on a real PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from tests.support.lab import Lab
from tests.support.peers import Server, postgres_server
from tests.support.walks import Walk


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


def query(server: Server, database: str, statement: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname=database)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def orders(server: Server, database: str = "xorb") -> int:
    ((count,),) = query(server, database, "SELECT count(*) FROM public.orders")
    return int(count)


def databases(server: Server) -> list[str]:
    found = query(server, "postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'xorb%' ORDER BY 1")
    return [name for (name,) in found]


@pytest.fixture
def lab(lab: Lab, server: Server) -> Lab:
    """One host with a database of which a set was taken and verified, and which then lost its rows."""
    for name in databases(server):
        query(server, "postgres", f'DROP DATABASE "{name}"')
    query(server, "postgres", "CREATE DATABASE xorb")
    query(server, "xorb", "CREATE TABLE public.orders AS SELECT generate_series(1, 1000) AS id")
    lab.hosts = {"one": {}}
    for procedure in ("backup_create", "backup_verify", "backup_list", "backup_restore"):
        lab.variables[f"{procedure}_host_state_dir"] = str(lab.folder / "host")
    login = {"address": "127.0.0.1", "port": server.port, "user": "postgres", "timeout": 60}
    described = {"kind": "postgres", "databases": ["xorb"], "login": login, "directory": str(lab.folder / "backups")}
    lab.variables.update(
        # There is no sudo where tests run, and no other user is needed.
        ansible_become=False,
        platform_services={"postgres": {"hosts": "one", "backups": {"main": described}}},
    )
    for procedure in ("backup_create", "backup_verify"):
        lab.play(procedure)
    query(server, "xorb", "DELETE FROM public.orders WHERE id > 3")
    return lab


def test_walk_at_three_in_the_morning(lab: Lab, server: Server) -> None:
    walk = Walk(lab.play, "At three in the morning")
    listed = walk.step()
    assert listed.status == 0, listed.output
    assert "verified 20" in listed.output

    preview = walk.step()
    assert preview.status == 0, preview.output
    assert "xorb becomes xorb_recovery: 1 tables, 1000 rows" in preview.output
    assert databases(server) == ["xorb"]

    beside = walk.step()
    assert beside.status == 0, beside.output
    assert (orders(server, "xorb_recovery"), orders(server)) == (1000, 3)
    assert beside.statuses["one/postgres.main.recovery_time"] == "ok"
    assert beside.statuses["one/postgres.main.recovery_point"] == "ok"
    (action,) = beside.report["actions"]
    assert re.search(r"restored as xorb_recovery and verified in .*; RTO .*, RPO ", action["what"])

    in_place = walk.step()
    assert in_place.status == 0, in_place.output
    assert orders(server) == 1000

    undone = walk.step()
    assert undone.status == 0, undone.output
    assert orders(server) == 3

    dropped = walk.step()
    assert dropped.status == 0, dropped.output
    assert databases(server) == ["xorb", "xorb_recovery"]
    assert walk.ended

    again = lab.play("backup_restore", "-e", "backup_restore_service=postgres", "-e", "backup_restore_backup=main")
    assert again.status == 2
    assert "xorb_recovery is not empty" in again.message("one/runbook.act.backup_restore_plan")
    assert orders(server, "xorb_recovery") == 1000
