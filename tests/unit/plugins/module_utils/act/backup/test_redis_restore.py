# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Redis that is restored, of real servers: into a folder or in place, refused before anything, and undone."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.redis.source import host_of
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.restore import prepare
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.restorer import Request
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash, peers
from tests.support.backups import Tools
from tests.support.redis_hosts import RedisHost as World
from tests.support.redis_hosts import running

NAME = "main.daily"

SETTINGS = {
    "RDB": ("appendonly no", 'save "3600 1"'),
    "nothing saved": ("appendonly no", 'save ""'),
    "AOF": ("appendonly yes", 'save ""'),
}


@pytest.fixture(params=[(name, container) for container in (False, True) for name in SETTINGS], ids=str)
def world(request: pytest.FixtureRequest, tmp_path: Path, tools: Tools) -> Iterator[World]:
    name, container = request.param
    with running(tmp_path, tools, *SETTINGS[name], container=container) as made:
        yield made


@pytest.fixture
def inside(tmp_path: Path, tools: Tools) -> Iterator[World]:
    """A server in a container of Compose."""
    with running(tmp_path, tools, *SETTINGS["AOF"], container=True) as made:
        yield made


@pytest.fixture
def plain(tmp_path: Path, tools: Tools) -> Iterator[World]:
    with running(tmp_path, tools, *SETTINGS["RDB"]) as made:
        yield made


def change(world: World) -> None:
    """Lose some keys, and write others."""
    world.client.delete("key 7")
    world.client.set("key 8", "second")
    world.client.set("later", "second")


def is_first(world: World) -> bool:
    """Whether the server has what was there when the set was taken, and nothing else; fails where it is neither."""
    found = (world.client.get("key 7"), world.client.get("key 8"), world.client.get("later"), world.client.dbsize())
    assert found in (("first 7", "first 8", None, 50), (None, "second", "second", 50))
    return found[0] is not None


def test_in_place_every_key_of_the_set_is_there_and_no_other(world: World) -> None:
    stored = world.folder / "backups/main.daily" / world.take() / "dump.rdb"
    before = hashlib.sha256(stored.read_bytes()).hexdigest()
    change(world)
    outcome = world.restore(in_place=NAME)
    assert is_first(world)
    world.restart()
    assert is_first(world)
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == before
    assert outcome.kept.startswith("main.daily_before_")
    assert (world.client.config_get("appendonly")["appendonly"] == "yes") == ("appendonlydir" in world.files())


def test_undo_brings_back_what_was_written_last(world: World) -> None:
    world.take()
    change(world)
    outcome = world.restore(in_place=NAME)
    world.client.set("since", "third")
    undone = world.undo(outcome.kept)
    assert not is_first(world)
    world.restart()
    assert not is_first(world)
    world.drop(undone)
    assert not [name for name in world.files() if "-2026" in name or "-20" in name]


def test_into_a_folder_the_server_goes_on(plain: World) -> None:
    plain.take()
    change(plain)
    process = plain.client.info()["process_id"]
    outcome = plain.restore()
    assert [path.name for path in Path(outcome.name).iterdir()] == ["dump.rdb"]
    assert not is_first(plain)
    assert plain.client.info()["process_id"] == process


class TestRefusals:
    """What would not last, or could not be read, is said while the server serves and its files are as they were."""

    @pytest.fixture(autouse=True)
    def nothing_changes(self, plain: World) -> Iterator[None]:
        plain.take()
        change(plain)
        plain.client.save()
        before, process = self.digest(plain), plain.client.info()["process_id"]
        yield
        assert (self.digest(plain), plain.client.info()["process_id"]) == (before, process)
        assert not [name for name in plain.files() if "before" in name or "restore" in name]

    @staticmethod
    def digest(plain: World) -> str:
        return hashlib.sha256((plain.data / "dump.rdb").read_bytes()).hexdigest()

    def test_a_replica(self, plain: World) -> None:
        plain.client.replicaof("127.0.0.1", "1")
        with pytest.raises(RunbookError, match="the server is a replica"):
            plain.restore(in_place=NAME)
        plain.client.replicaof("NO", "ONE")

    def test_a_master_with_replicas(self, plain: World) -> None:
        with peers.redis_server("--replicaof", "127.0.0.1", str(plain.port)) as replica:
            other = redis.Redis(port=replica.port)
            end = time.monotonic() + 60
            while other.info()["master_link_status"] != "up" and time.monotonic() < end:
                time.sleep(0.05)
            with pytest.raises(RunbookError, match="1 replicas are attached"):
                plain.restore(in_place=NAME)

    def test_a_server_that_sentinels_watch(self, plain: World) -> None:
        sentinel = redis.Redis(port=plain.port, client_name="sentinel-1a2b3c-cmd")
        sentinel.ping()
        with pytest.raises(RunbookError, match="Sentinels watch the server"):
            plain.restore(in_place=NAME)
        sentinel.close()

    def test_no_supervisor(self, plain: World) -> None:
        plain.given = {**plain.given, "unit": None}
        with pytest.raises(RunbookError, match="names no supervisor of the service"):
            plain.restore(in_place=NAME)

    def test_a_set_of_a_newer_server(self, plain: World, monkeypatch: pytest.MonkeyPatch) -> None:
        plain.altered(monkeypatch, lambda values: values["versions"].update(redis="99.1.0"))
        with pytest.raises(RunbookError, match=r"older than the 99\.1\.0 that the set is of"):
            plain.restore(in_place=NAME)

    def test_modules_that_the_server_lacks(self, plain: World, monkeypatch: pytest.MonkeyPatch) -> None:
        plain.altered(monkeypatch, lambda values: values["content"].update(modules=["search 20812"]))
        with pytest.raises(RunbookError, match="lacks the modules of the set: search 20812"):
            plain.restore(in_place=NAME)


class TestVolumes:
    """What is put into the folder of a container has to outlive it, and to be what the server reads."""

    @pytest.fixture(autouse=True)
    def nothing_changes(self, inside: World) -> Iterator[None]:
        inside.take()
        change(inside)
        process = inside.client.info()["process_id"]
        yield
        assert inside.client.info()["process_id"] == process
        assert not is_first(inside)
        assert not [name for name in inside.files() if "before" in name or "restore" in name]

    @pytest.mark.parametrize(
        ("mounts", "message"),
        [
            ([], "is in no volume of the container, and goes with it"),
            ([{"Type": "tmpfs", "Source": "", "Destination": "{data}"}], "is in no volume of the container"),
            ([{"Type": "volume", "Source": "{data}", "Destination": "{data}er"}], "is in no volume of the container"),
            ([{"Type": "bind", "Source": "{data}", "Destination": "{data}", "RW": False}], "to be read only"),
            ([{"Type": "volume", "Source": "{data}/..", "Destination": "{data}"}], "as the engine has it"),
            ([{"Type": "volume", "Source": "/nowhere", "Destination": "{data}"}], "as the engine has it"),
            (
                [
                    {"Type": "bind", "Source": "{data}", "Destination": "{data}"},
                    {"Type": "bind", "Source": "/x", "Destination": "{data}/dump.rdb"},
                ],
                "dump.rdb is a mount of its own",
            ),
            (
                [
                    {"Type": "bind", "Source": "/", "Destination": "/"},
                    {"Type": "tmpfs", "Source": "", "Destination": "{data}"},
                ],
                "is in no volume of the container",
            ),
        ],
    )
    def test_refused(self, inside: World, mounts: list[dict[str, Any]], message: str) -> None:
        inside.mounts(
            inside.folder, *(json.loads(json.dumps(one).replace("{data}", str(inside.data))) for one in mounts)
        )
        with pytest.raises(RunbookError, match=message):
            inside.restore(in_place=NAME)


def test_undo_is_refused_where_the_server_keeps_its_data_elsewhere_by_now(inside: World) -> None:
    inside.take()
    change(inside)
    outcome = inside.restore(in_place=NAME)
    inside.client.set("since", "third")
    moved = inside.data.with_name("moved")
    subprocess.run(["systemctl", "stop"], check=True)
    shutil.copytree(inside.data, moved)
    configuration = inside.folder / "redis.conf"
    configuration.write_text(configuration.read_text().replace(f"dir {inside.data}", f"dir {moved}"))
    inside.mounts(inside.folder, {"Type": "volume", "Source": str(moved), "Destination": str(moved), "RW": True})
    inside.start()
    with pytest.raises(RunbookError, match=r"the server keeps its data in .*/moved by now, and what is kept is in"):
        inside.undo(outcome.kept)
    assert inside.client.get("since") == "third"


def test_the_place_of_a_volume_is_that_of_the_server(inside: World, tmp_path: Path) -> None:
    """A bind mount, of which the server has a folder below: as paths inside and outside have nothing in common."""
    inner = tmp_path / "as-the-container-has-it"
    inner.symlink_to(inside.data.parent)
    mount = {"Type": "bind", "Source": str(inside.data.parent), "Destination": str(inner), "RW": True}
    inside.mounts(inside.folder, mount)
    assert host_of(inside.given).folder(f"{inner}/data") == inside.data


def test_preview_names_what_is_stopped(inside: World) -> None:
    inside.take()
    found = prepare(inside.given, Request(in_place=NAME), time.time())
    assert "the container of cache is stopped, and started again" in found.lines


def test_killed_anywhere_the_server_in_a_container_has_the_old_or_the_new(
    inside: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash, "CHANGES", ("pwrite", "rename"))
    inside.take()

    def before() -> None:
        inside.start()
        change(inside)

    def whole() -> None:
        is_first(inside)
        assert not [name for name in inside.files() if ".xorb-restore-" in name]

    outcomes = inside.killed_everywhere(lambda: inside.restore(in_place=NAME), before, whole)
    assert outcomes == {"done", "rolled_back"}


def test_killed_anywhere_the_server_has_the_old_or_the_new(plain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Only calls that rename or that the journal makes: whatever is written besides lies in folders of the run's own.
    monkeypatch.setattr(crash, "CHANGES", ("pwrite", "rename", "unlink"))
    plain.take()

    def prepare() -> None:
        plain.start()
        change(plain)

    def whole() -> None:
        is_first(plain)
        assert not [name for name in plain.files() if ".xorb-restore-" in name]

    outcomes = plain.killed_everywhere(lambda: plain.restore(in_place=NAME), prepare, whole)
    assert outcomes == {"done", "rolled_back"}
