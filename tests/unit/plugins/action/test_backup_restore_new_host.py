# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The walk through the loss of a host, as docs/backup_restore.md has it: files, PostgreSQL, Redis out of one copy."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from tests.support.backups import Tools, identity
from tests.support.lab import Lab
from tests.support.peers import Server, postgres_programs, postgres_server
from tests.support.redis_hosts import RedisHost, running
from tests.support.walks import Walk

DATABASE = "xorb_db"
PASSWORD = "a password of some length"  # noqa: S105 - it opens servers of this test


def sql(server: Server, database: str, *statements: str, user: str = "postgres") -> list[tuple[Any, ...]]:
    where: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "dbname": database}
    with contextlib.closing(psycopg2.connect(**where, user=user, password=PASSWORD)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


class Site:
    """A host with one backup of each kind, the copies of them, and the server of the host that replaces it."""

    def __init__(self, lab: Lab, keys: RedisHost, old: Server, new: Server) -> None:
        self.lab, self.keys, self.new = lab, keys, new
        secret, recipient = identity()
        self.configuration = lab.folder / "etc/nginx"
        copy = {"repository": str(lab.folder / "copies"), "password": "{{ vault_copies }}", "answer_timeout": 300}
        common: dict[str, Any] = {
            "directory": str(lab.folder / "backups"),
            "recipients": [recipient],
            "copies": {"offsite": copy},
        }
        login = {"address": "127.0.0.1", "user": "postgres", "timeout": 60}
        self.login = {**login, "port": old.port}
        supervisor = {"kind": "systemd", "unit": "redis.service"}
        redis = {"address": "127.0.0.1", "port": keys.port, "timeout": 60}
        lab.hosts, lab.groups = {"one": {}}, {}
        for procedure in ("backup_create", "backup_verify", "backup_copy", "backup_restore"):
            lab.variables[f"{procedure}_host_state_dir"] = str(lab.folder / "host")
        lab.variables.update(
            # There is no sudo where tests run, and no other user is needed.
            ansible_become=False,
            vault_copies="of-the-repository",
            backup_restore_identities=[secret],
            backup_verify_identities=[secret],
            platform_services={
                "nginx": {
                    "hosts": "one",
                    "backups": {"configuration": {"kind": "files", "paths": [str(self.configuration)], **common}},
                },
                "postgres": {
                    "hosts": "one",
                    "backups": {"main": {"kind": "postgres", "databases": [DATABASE], "login": self.login, **common}},
                },
                "redis": {
                    "hosts": "one",
                    "supervisor": supervisor,
                    "backups": {"keys": {"kind": "redis", "login": redis, **common}},
                },
            },
        )

    def fill(self, server: Server) -> None:
        """What there is to lose."""
        self.configuration.mkdir(parents=True)
        (self.configuration / "nginx.conf").write_text("settings\n")
        (self.configuration / "key.pem").write_text("secret\n")
        (self.configuration / "key.pem").chmod(0o640)
        if os.geteuid() == 0:
            shutil.chown(self.configuration / "key.pem", "nobody", "nogroup")
        sql(server, "postgres", f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'", f"CREATE DATABASE {DATABASE} OWNER app")
        sql(
            server,
            DATABASE,
            "CREATE TABLE public.orders AS SELECT generate_series(1, 1000) AS id",
            "ALTER TABLE public.orders OWNER TO app",
            "CREATE FUNCTION public.calls() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$",
            "CREATE EVENT TRIGGER calls_out ON ddl_command_end EXECUTE FUNCTION public.calls()",
        )

    def lose(self) -> None:
        """Another machine in its place, which has the name, and servers that are empty."""
        for name in ("backups", "host", "etc"):
            shutil.rmtree(self.lab.folder / name)
        self.keys.client.flushall()
        self.login["port"] = self.new.port


@pytest.fixture
def site(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    tools = Tools(lab.folder / "commands", monkeypatch)
    tools.install("restic", "age", "age-keygen")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{postgres_programs()}")
    with (
        running(lab.folder, tools, "appendonly no", 'save "3600 1"') as keys,
        postgres_server() as old,
        postgres_server() as new,
    ):
        made = Site(lab, keys, old, new)
        made.fill(old)
        for procedure, options in (
            ("backup_create", ()), ("backup_verify", ()), ("backup_copy", ("-e", "backup_copy_initialize=true")),
        ):  # fmt: skip
            ran = lab.play(procedure, *options)
        assert ran.status == 0, ran.output
        made.lose()
        yield made


def test_walk_when_the_host_is_gone(lab: Lab, site: Site) -> None:
    new = site.new
    there = {path: path.stat().st_mtime_ns for path in (lab.folder / "copies").rglob("*")}
    walk = Walk(lab.play, "The host is gone")

    preview = walk.step()
    assert preview.status == 0, preview.output
    assert "comes from the copy offsite" in preview.output and "of the host one" in preview.output
    assert not site.configuration.exists() and not (lab.folder / "backups").exists()
    files = walk.step()
    assert files.statuses["one/nginx.configuration.recovery_time"] == "ok", files.output
    found = (site.configuration / "key.pem").stat()
    assert (site.configuration / "key.pem").read_text() == "secret\n"
    assert (oct(found.st_mode & 0o777), found.st_uid) == ("0o640", 65534 if os.geteuid() == 0 else os.geteuid())

    preview = walk.step()
    assert preview.status == 0, preview.output
    assert "makes the roles app, passwords included" in preview.output
    assert "is held back until it is released: event trigger calls_out" in preview.output
    assert sql(new, "postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'xorb%'") == [(0,)]
    databases = walk.step()
    assert databases.statuses["one/postgres.main.recovery_time"] == "ok", databases.output
    assert sql(new, DATABASE, "SELECT count(*) FROM public.orders", user="app") == [(1000,)]
    enabled = "SELECT evtenabled::text FROM pg_event_trigger"
    assert sql(new, DATABASE, enabled) == [("D",)]
    released = walk.step()
    assert "is released in xorb_db: event trigger calls_out" in released.output
    assert sql(new, DATABASE, enabled) == [("O",)]

    keys = walk.step()
    assert keys.statuses["one/redis.keys.recovery_time"] == "ok", keys.output
    assert site.keys.client.get("key 7") == "first 7"
    assert {path: path.stat().st_mtime_ns for path in there} == there, "nothing is written into the copies"

    assert keys.statuses["one/redis.keys.offsite.copied"] == "critical", "the new host has no copies of its own yet"
    walk.step()
    protected = walk.step()
    assert protected.status == 0, protected.output
    assert walk.ended
    unknown = lab.play(
        "backup_restore", "--check", "-e", "backup_restore_service=postgres", "-e", "backup_restore_backup=main",
        "-e", "backup_restore_from=ofsite",
    )  # fmt: skip
    assert unknown.status == 2 and "has no copy 'ofsite'" in unknown.output and "offsite" in unknown.output
