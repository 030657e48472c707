# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of Redis, of real servers: what was saved is what is loaded again, and a save that failed is none."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.engine import Proof
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.engines import engine_of
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.redis.client import Info, RedisClient, to_login
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.redis.save import bounds, changes
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import Manifest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import backups, local_docker, peers
from tests.support.backups import Tools
from tests.support.loopback import Authority, Pair
from tests.support.peers import Server


@pytest.fixture(autouse=True)
def installed(tools: Tools) -> None:
    """The host has Redis's own programs."""
    tools.install("redis-server", "redis-check-rdb", "redis-check-aof")


@pytest.fixture
def server() -> Iterator[Server]:
    with peers.redis_server() as running:
        yield running


def client(server: Server, database: int = 0, **options: Any) -> redis.Redis:
    return redis.Redis(port=server.port, db=database, **options)


def send(server: Server, *words: str) -> None:
    client(server).execute_command(*words)  # type: ignore[no-untyped-call]


def options(server: Server, tmp_path: Path, login: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    reached = {"address": "127.0.0.1", "port": server.port, "timeout": 60.0, **(login or {})}
    return backups.given("redis", tmp_path / "sets", login=reached, save_timeout=300.0, **more)


def taken(server: Server, tmp_path: Path, **more: Any) -> tuple[dict[str, Any], Path, Manifest]:
    given = options(server, tmp_path, **more)
    return given, tmp_path / "plain", backups.take(given, tmp_path / "plain")


def round_trip(server: Server, tmp_path: Path, **more: Any) -> Proof:
    return backups.prove(*taken(server, tmp_path, **more))


def refusal(server: Server, tmp_path: Path, **more: Any) -> str:
    with pytest.raises(RunbookError) as refused:
        taken(server, tmp_path, **more)
    return str(refused.value)


def fill(server: Server) -> int:
    """Keys of every type, some of them long, binary or about to go; returns how many there are."""
    one, other = client(server), client(server, 3)
    one.mset({f"number {number}": os.urandom(20) for number in range(400)})
    one.set(b"\xff\x00 binary\r\n", b"\x00\xfe")
    one.set("large", os.urandom(3 << 20))
    one.rpush("list", *range(2500))
    one.sadd("set", *range(700))
    one.hset("hash", mapping={str(number): number for number in range(600)})
    one.zadd("zset", {f"m{number}": number / 7 for number in range(2300)})
    for number in range(30):
        one.xadd("stream", {"field": number})
    one.xgroup_create("stream", "group", "5-0")
    one.xreadgroup("group", "consumer", {"stream": ">"}, count=3)
    one.set("tomorrow", "x", ex=86_400)
    other.set("soon", "x", px=300)
    other.set("stays", "x")
    return 410


class TestRoundTrip:
    def test_every_type_and_time_comes_back(self, server: Server, tmp_path: Path) -> None:
        count = fill(server)
        proof = round_trip(server, tmp_path, samples=1000)
        assert proof.faults == ()
        # What was about to go may have gone before the save.
        assert proof.facts["keys"] in (count, count - 1)
        assert proof.facts["samples"] >= count - 1

    def test_no_keys_at_all(self, server: Server, tmp_path: Path) -> None:
        proof = round_trip(server, tmp_path)
        assert (proof.faults, proof.facts["keys"]) == ((), 0)

    def test_keys_that_expire_between_save_and_proof(self, server: Server, tmp_path: Path) -> None:
        fill(server)
        client(server).mset({"a": 1, "b": 2})
        plain = tmp_path / "plain"
        given = options(server, tmp_path, samples=1000)
        for name in ("a", "b"):
            client(server).pexpireat(name, int(time.time() * 1000) + 20_000)
        manifest = backups.take(given, plain)
        _until(lambda: not client(server).exists("a", "b"))
        proof = backups.prove(given, plain, manifest)
        assert proof.faults == ()
        assert proof.facts["expired"] >= 2

    def test_what_is_written_meanwhile_is_no_fault(self, server: Server, tmp_path: Path) -> None:
        fill(server)
        over = threading.Event()

        def write() -> None:
            other = client(server, 1)
            number = 0
            while not over.is_set():
                other.set(f"new {number}", number)
                other.incr("counter")
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            given, plain, manifest = taken(server, tmp_path)
        finally:
            over.set()
            writer.join()
        assert backups.prove(given, plain, manifest).faults == ()

    def test_users_and_functions_belong_to_it(self, server: Server, tmp_path: Path) -> None:
        send(server, "ACL", "SETUSER", "app", "on", ">a password of this user", "~app:*", "+@read")
        send(server, "FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
        given, plain, manifest = taken(server, tmp_path)
        assert manifest.content["users"] == 2 and manifest.content["functions"]
        assert "a password of this user" not in (plain / "users.acl").read_text()
        assert "a password of this user" not in manifest.to_text()
        assert backups.prove(given, plain, manifest).faults == ()
        (plain / "users.acl").write_text("user default on nopass +@nothing-like-it\nuser app on +@all\n")
        (fault,) = backups.prove(given, plain, manifest).faults
        assert fault.startswith("users that cannot be restored: default (")

    def test_the_files_are_private_and_the_source_keeps_its_settings(self, server: Server, tmp_path: Path) -> None:
        before = client(server).config_get("*")
        taken(server, tmp_path)
        assert client(server).config_get("*") == before
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "plain").iterdir()} == {0o600}

    def test_a_replica_says_that_it_is_one(self, server: Server, tmp_path: Path) -> None:
        fill(server)
        with peers.redis_server(
            "--replicaof", f"127.0.0.1 {server.port}", "--repl-diskless-sync-delay", "0"
        ) as replica:
            _until(lambda: client(replica).info("replication")["master_link_status"] == "up")
            forecast = engine_of(options(replica, tmp_path)).forecast()
            assert "it is a replica, and its link is up" in forecast.lines
            assert forecast.refused == ()
            assert round_trip(replica, tmp_path).faults == ()
        with peers.redis_server("--replicaof", f"127.0.0.1 {peers.free_port()}") as alone:
            assert "has no link to its master" in engine_of(options(alone, tmp_path)).forecast().refused[0]


class TestLogin:
    def test_by_tls_and_a_user_of_its_own(self, tmp_path: Path, authority: Authority, leaf: Pair) -> None:
        port = peers.free_port()
        tls = ["--tls-port", str(port), "--tls-cert-file", str(leaf.certificate), "--tls-key-file", str(leaf.key)]
        with peers.redis_server(*tls, "--tls-auth-clients", "no") as server:
            fill(server)
            rules = ["+info", "+bgsave", "+config|get", "+lastsave", "+time", "+select", "+acl|list", "+module|list"]
            rules += ["+function|list", "+@read", "~*"]
            send(server, "ACL", "SETUSER", "backup", "on", ">a long password", *rules)
            login = {"port": port, "tls": True, "ca": str(authority.file), "username": "backup"}
            given = options(server, tmp_path, {**login, "password": "a long password"})
            manifest = backups.take(given, tmp_path / "plain")
            assert backups.prove(given, tmp_path / "plain", manifest).faults == ()
            shutil.rmtree(tmp_path / "plain")
            assert "login refused" in refusal(server, tmp_path, login={**login, "password": "a wrong password"})
            shutil.rmtree(tmp_path / "plain")
            send(server, "ACL", "SETUSER", "backup", "-acl|list")
            message = refusal(server, tmp_path, login={**login, "password": "a long password"})
            assert "ACL: the user may not do this" in message

    def test_no_server(self, tmp_path: Path) -> None:
        with peers.redis_server() as server:
            pass
        assert "no connection to port" in refusal(server, tmp_path)


class TestSave:
    def test_a_save_that_is_running_is_waited_for(self, server: Server, tmp_path: Path) -> None:
        one = client(server)
        one.mset({f"k{number}": "x" for number in range(50)})
        one.config_set("rdb-key-save-delay", 20_000)
        one.bgsave()
        begin = one.lastsave()
        proof = round_trip(server, tmp_path)
        assert proof.faults == ()
        assert one.info("persistence")["rdb_saves"] == 2 and one.lastsave() > begin

    def test_a_folder_that_is_gone(self, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        folder.mkdir()
        with peers.redis_server("--dir", str(folder)) as server:
            folder.rmdir()
            assert "BGSAVE ended with the status err; its log says why" in refusal(server, tmp_path)

    def test_a_server_that_is_killed_in_mid_save(self, server: Server, tmp_path: Path) -> None:
        one = client(server)
        one.mset({f"k{number}": "x" for number in range(200)})
        one.config_set("rdb-key-save-delay", 100_000)

        def kill() -> None:
            _saving(server)
            server.process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        message = refusal(server, tmp_path)
        killer.join()
        assert re.search("connection lost|refuses the connection|no connection", message)

    def test_a_child_that_is_killed_in_mid_save(self, server: Server, tmp_path: Path) -> None:
        one = client(server)
        one.mset({f"k{number}": "x" for number in range(200)})
        one.config_set("rdb-key-save-delay", 100_000)

        def kill() -> None:
            _saving(server)
            number = server.process.pid
            for child in Path(f"/proc/{number}/task/{number}/children").read_text().split():
                os.kill(int(child), 9)

        killer = threading.Thread(target=kill)
        killer.start()
        message = refusal(server, tmp_path)
        killer.join()
        server.process.kill()
        assert "redis could not save: BGSAVE ended with the status err" in message

    def test_a_save_that_takes_too_long(self, server: Server, tmp_path: Path) -> None:
        one = client(server)
        one.mset({f"k{number}": "x" for number in range(200)})
        one.config_set("rdb-key-save-delay", 1_000_000)
        given = {**options(server, tmp_path), "save_timeout": 3.0}
        with pytest.raises(RunbookError, match="did not end in time"):
            backups.take(given, tmp_path / "plain")
        server.process.kill()

    def test_the_file_of_another_server(self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a server on another host says of its folder may be a folder of this host, too."""
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "dump.rdb").write_bytes(b"REDIS0010")
        real = RedisClient.config

        def elsewhere(self: Any, name: str) -> str:
            return str(tmp_path / "data") if name == "dir" else real(self, name)

        monkeypatch.setattr(RedisClient, "config", elsewhere)
        assert "this file is still the old one: on another host?" in refusal(server, tmp_path)
        shutil.rmtree(tmp_path / "plain")
        (tmp_path / "data" / "dump.rdb").unlink()
        assert "there is no such file: is it on another host?" in refusal(server, tmp_path)

    def test_without_the_programs(self, server: Server, tmp_path: Path, tools: Tools) -> None:
        (tmp_path / "commands" / "redis-check-rdb").unlink()
        tools.only("tar")
        assert "redis-check-rdb is not installed here; install the package redis-tools" in refusal(server, tmp_path)


class TestAppendOnlyFile:
    @pytest.fixture
    def server(self) -> Iterator[Server]:
        with peers.redis_server("--appendonly", "yes") as running:
            yield running

    def test_it_is_copied_and_loaded_too(self, server: Server, tmp_path: Path) -> None:
        fill(server)
        one = client(server)
        one.bgrewriteaof()
        _until(lambda: not one.info("persistence")["aof_rewrite_in_progress"])
        one.set("after the rewrite", 1)
        given, plain, manifest = taken(server, tmp_path)
        assert manifest.content["aof"]["name"] == "appendonly.aof.manifest"
        assert backups.prove(given, plain, manifest).faults == ()

    def test_while_it_is_written_to_and_rewritten(self, server: Server, tmp_path: Path) -> None:
        fill(server)
        over = threading.Event()

        def write() -> None:
            other = client(server, 1)
            for number in range(100_000):
                if over.is_set():
                    return
                other.set(f"new {number}", number)
                if number == 50:
                    other.bgrewriteaof()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            given, plain, manifest = taken(server, tmp_path)
        finally:
            over.set()
            writer.join()
        assert backups.prove(given, plain, manifest).faults == ()

    def test_one_that_lost_its_keys(self, server: Server, tmp_path: Path) -> None:
        fill(server)
        given, plain, manifest = taken(server, tmp_path)
        part = next((plain / "aof").glob("*.incr.aof"))
        data = part.read_bytes()
        part.write_bytes(data[: data.index(b"*3")])
        faults = backups.prove(given, plain, manifest).faults
        assert any(fault.startswith("the append-only file: database 0: has ") for fault in faults)

    def test_the_dump_is_not_ignored_where_it_is_on(self, tmp_path: Path) -> None:
        """A server that is switched to an append-only file ignores its dump; a proof loads each by itself."""
        with peers.redis_server() as server:
            fill(server)
            client(server).config_set("appendonly", "yes")
            _until(lambda: not client(server).info("persistence")["aof_rewrite_in_progress"])
            given, plain, manifest = taken(server, tmp_path)
            before = hashlib.sha256((plain / "dump.rdb").read_bytes()).hexdigest()
            shutil.rmtree(plain / "aof")
            (plain / "aof").mkdir()
            faults = backups.prove(given, plain, manifest).faults
            assert faults and all(fault.startswith("the append-only file") for fault in faults)
            assert hashlib.sha256((plain / "dump.rdb").read_bytes()).hexdigest() == before


@pytest.mark.parametrize(
    ("dataset", "expected"), [("18446744073709548656", 900), ("-2960", 900), ("0", 900), ("", 900), ("700", 700)]
)
def test_a_server_with_nearly_no_data_needs_no_more_than_its_memory(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, expected: int
) -> None:
    values = {"used_memory": "900", "used_memory_dataset": dataset, "redis_version": "8.0.2"}
    monkeypatch.setattr(RedisClient, "info", lambda _client: Info(values))
    assert engine_of(options(server, tmp_path)).forecast().plain_bytes == expected


class TestContainer:
    @pytest.mark.parametrize("settings", [[], ["--appendonly", "yes"]])
    def test_through_its_container(self, tmp_path: Path, settings: list[str]) -> None:
        local_docker.install(tmp_path / "commands")
        container = local_docker.project(tmp_path / "project")
        with peers.redis_server(*settings) as server:
            fill(server)
            given = {**options(server, tmp_path), "container": container}
            manifest = backups.take(given, tmp_path / "plain")
            assert bool(manifest.content["aof"]) == bool(settings)
            assert backups.prove(given, tmp_path / "plain", manifest).faults == ()
            (tmp_path / "plain" / "dump.rdb").write_bytes(b"REDIS0010 cut off")
            assert backups.prove(given, tmp_path / "plain", manifest).faults
        assert list((tmp_path / "commands").glob("*.pid")) == []


class TestDamage:
    @pytest.fixture
    def parts(self, server: Server, tmp_path: Path) -> tuple[dict[str, Any], Path, Manifest]:
        fill(server)
        return taken(server, tmp_path, samples=1000)

    def test_one_bit_and_a_cut(self, parts: Any) -> None:
        given, plain, manifest = parts
        path = plain / "dump.rdb"
        data = path.read_bytes()
        flipped = bytearray(data)
        flipped[len(data) // 2] ^= 4
        for damaged in (bytes(flipped), data[: len(data) // 2], data[:-1], b""):
            path.write_bytes(damaged)
            assert any(fault.startswith("dump.rdb: ") for fault in backups.prove(given, plain, manifest).faults)

    def test_a_dump_of_less(self, parts: Any, server: Server) -> None:
        given, plain, manifest = parts
        client(server).delete("list", "number 7")
        client(server, 3).set("one more", 1)
        client(server).save()
        shutil.copyfile(server.folder / "dump.rdb", plain / "dump.rdb")
        faults = backups.prove(given, plain, manifest).faults
        assert "database 0: the key 'list' is missing" in faults
        assert any(re.match("database 0: has 40[0-9] keys, and had 4", fault) for fault in faults)
        assert any(fault.startswith("dump.rdb: has ") for fault in faults)

    @pytest.mark.parametrize(
        ("change", "how"),
        [
            ({"digest": "0" * 64}, "has another value"),
            ({"type": "hash"}, "was a hash"),
            ({"expires": 1}, "expires at another time"),
            ({"key": "bm93aGVyZQ=="}, "is missing"),
            ({"database": 2}, "is missing"),
        ],
    )
    def test_a_sample_that_differs(self, parts: Any, change: dict[str, Any], how: str) -> None:
        given, plain, manifest = parts
        path = plain / "samples.json"
        samples = json.loads(path.read_text())
        number = next(number for number, one in enumerate(samples) if not one["expires"] and one["type"] == "zset")
        samples[number].update(change)
        path.write_text(json.dumps(samples))
        (fault,) = backups.prove(given, plain, manifest).faults
        assert fault.startswith("database ") and fault.endswith(how)

    @pytest.mark.parametrize(
        ("change", "how"),
        [
            ({"keys": 5}, "and the manifest says 5"),
            ({"samples": 5}, "the manifest counts 5 samples"),
            ({"users": 5}, "the manifest counts 5 users"),
            ({"header": "REDIS0099"}, "and the manifest says 'REDIS0099'"),
            ({"functions": "0"}, "the functions of the server are not what they were"),
            ({"databases": {"0": [7, 7]}}, "keys, and had 7 when it was saved"),
        ],
    )
    def test_a_manifest_that_lies(self, parts: Any, change: dict[str, Any], how: str) -> None:
        given, plain, manifest = parts
        lying = replace(manifest, content={**manifest.content, **change})
        assert any(how in fault for fault in backups.prove(given, plain, lying).faults)

    def test_a_newer_format_says_nothing_about_the_set(self, parts: Any) -> None:
        given, plain, manifest = parts
        path = plain / "dump.rdb"
        data = bytearray(path.read_bytes())
        data[5:9] = b"0099"
        path.write_bytes(bytes(data))
        with pytest.raises(RunbookError, match="this host's Redis cannot read files of the format REDIS0099"):
            backups.prove(given, plain, manifest)

    def test_little_memory_says_nothing_about_the_set(self, parts: Any) -> None:
        given, plain, manifest = parts
        huge = replace(manifest, content={**manifest.content, "used_memory": 1 << 60})
        with pytest.raises(RunbookError, match="verify it on another host"):
            backups.prove(given, plain, huge)

    @pytest.mark.parametrize("name", ["dump.rdb", "samples.json", "users.acl"])
    def test_a_file_that_is_missing(self, parts: Any, name: str) -> None:
        given, plain, manifest = parts
        (plain / name).unlink()
        assert backups.prove(given, plain, manifest).faults

    def test_nothing_is_left_running(self, parts: Any) -> None:
        given, plain, manifest = parts
        backups.prove(given, plain, manifest)
        working = [os.readlink(entry) for entry in Path("/proc").glob("[0-9]*/cwd") if _is_link(entry)]  # noqa: PTH115
        assert not [folder for folder in working if str(plain.parent) in folder]


class TestBounds:
    def test_exact_where_nothing_changed(self) -> None:
        assert bounds({0: 3, 2: 1}, {0: 3, 2: 1}, 0) == {"0": [3, 3], "2": [1, 1]}

    def test_each_change_widens_them(self) -> None:
        assert bounds({0: 3}, {0: 5, 1: 1}, 2) == {"0": [1, 7], "1": [0, 3]}

    def test_what_counts_as_a_change(self) -> None:
        def info(**values: int) -> Info:
            return Info({name: str(value) for name, value in values.items()})

        before = info(rdb_changes_since_last_save=5, expired_keys=1, evicted_keys=0)
        after = info(rdb_changes_since_last_save=7, expired_keys=4, evicted_keys=2)
        assert changes(before, after, saved=True) == 7 + 3 + 2
        assert changes(before, after, saved=False) == 2 + 3 + 2


class TestClient:
    def test_binary_replies_and_errors(self, server: Server) -> None:
        reached = to_login({"address": "127.0.0.1", "port": server.port, "timeout": 60.0})
        reached.command("SET", b"\xff", b"\x00\xff")
        assert reached.command("GET", b"\xff") == b"\x00\xff"
        assert reached.in_database(5, "DBSIZE") == 0
        good, bad = reached.together(["PING"], ["NONSENSE"])
        assert good == b"PONG" and isinstance(bad, RunbookError)
        with pytest.raises(RunbookError, match="NONSENSE: the server refuses: "):
            reached.command("NONSENSE")
        reached.close()


def _is_link(path: Path) -> bool:
    try:
        return bool(os.readlink(path))  # noqa: PTH115
    except OSError:
        return False


def _saving(server: Server) -> None:
    _until(lambda: client(server).info("persistence")["rdb_bgsave_in_progress"])


def _until(holds: Any) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
