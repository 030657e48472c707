# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drills on a host that is not the source's: what they prove, what fails, what is not known, and what is left."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import time_of
from ansible_collections.xorb.runbook.plugins.modules import backup_set, backup_set_verify

from tests.support import backups, peers
from tests.support.backup_jobs import worked
from tests.support.backups import Tools
from tests.support.copies import PASSWORD, Copies
from tests.support.drills import DrillHost
from tests.support.postgres_backups import Source

KILLS = """#!/bin/bash
case " $* " in *" {command} "*) ;; *) exec {real} "$@" ;; esac
[ -e {done} ] && exec {real} "$@"
touch {done}
if [ {when} = after ]; then {real} "$@"; status=$?; kill -9 $PPID; exit $status; fi
kill -9 $PPID
exec {real} "$@"
"""


@pytest.fixture
def spare(site: Copies) -> DrillHost:
    """Another host, which reaches the repository."""
    return DrillHost(site.folder / "spare", site.backup, {"repository": str(site.repository)})


def tree(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def gone(site: Copies) -> None:
    """Nothing is left of the source."""
    for name in ("etc", "backups", "state"):
        shutil.rmtree(site.folder / name)


class TestPassed:
    def test_source_is_gone_and_all_is_proved_from_the_repository_alone(self, site: Copies, spare: DrillHost) -> None:
        name = site.initialized()
        gone(site)
        before = tree(site.repository)
        assert spare.statuses() == ("critical", "unknown", "unknown")
        due = spare.plan()["due"]
        assert (due["set"], due["measured"], due["folder"]) == (name, False, str(spare.scratch))
        assert not spare.receipts.exists() and not spare.state.exists()
        began = time.time()
        done = spare.drill()
        assert not done.get("failed"), done
        held = done["drill"]
        assert (held["verdict"], held["set"], held["host"], held["who"]) == ("passed", name, "spare", "alex")
        assert held["repository_id"] and held["facts"]["files"] >= 1
        kept = spare.last
        assert kept.fetch_seconds > 0 and 0 < kept.restore_seconds < kept.seconds - kept.fetch_seconds
        assert spare.last.at >= began and spare.last.rpo_seconds == spare.last.at - time_of(name)
        assert spare.statuses() == ("ok", "ok", "ok")
        assert tree(site.repository) == before, "nothing is written there, not even a lock"
        assert spare.left() == [] and spare.outcomes() == [("done", "passed")]
        assert {path.stat().st_mode & 0o777 for path in (spare.place, spare.receipts)} == {0o600, 0o700}

    def test_second_run_drills_again_and_is_predicted_by_the_first(self, site: Copies, spare: DrillHost) -> None:
        site.initialized()
        spare.drill()
        due = spare.plan()["due"]
        assert due["measured"] and due["seconds"] == pytest.approx(spare.last.seconds, abs=0.1)
        done = spare.drill()
        assert done["changed"] and len(done["drills"]) == 2 and spare.left() == []

    def test_newest_copy_counts_and_a_damaged_older_one_does_not_matter(self, site: Copies, spare: DrillHost) -> None:
        old = site.initialized()
        (site.folder / "etc/settings").write_text("another\n" * 1000)
        new = site.take()
        site.copy()
        older = next(one for one in site.snapshots() if f"set:{old}" in one["tags"])
        trees = site.restic("cat", "snapshot", older["id"])
        assert old != new and trees
        (site.repository / "snapshots" / older["id"]).unlink()
        assert spare.drill()["drill"]["set"] == new

    def test_what_lies_here_under_the_same_names_is_of_another_host(self, site: Copies, spare: DrillHost) -> None:
        """The drill host may have the same service: its sets, its record and its repository are its own."""
        name = site.initialized()
        own = Path(site.backup["files"]["directory"]) / "proxy.config"
        manifest = own / name / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"one"', '"two"'))
        record = own / ".copies/offsite.json"
        record.write_text(record.read_text().replace(site.record.repository_id, "0" * 64))
        assert spare.drill()["drill"]["verdict"] == "passed"

    def test_real_database(self, source: Source, site: Copies) -> None:
        with source.database("app", "CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 5000) g"):
            given = _of_postgres(source, site)
            name = worked(backup_set, **given)["set"]["id"]
            assert worked(backup_set_verify, **given)["receipts"]
            _copied(site, given)
        with tempfile.TemporaryDirectory() as folder:  # the path of a socket is short
            spare = DrillHost(Path(folder), given, {"repository": str(site.repository)}, kind="postgres")
            done = spare.drill()
            assert not done.get("failed"), done
            assert (done["drill"]["set"], done["drill"]["facts"]["rows"]) == (name, 5000)
            assert spare.left() == []

    def test_real_redis(self, site: Copies, tools: Tools) -> None:
        tools.install("redis-server", "redis-check-rdb", "redis-check-aof")
        with peers.redis_server() as server:
            client = redis.Redis(port=server.port)
            client.mset({f"key:{number}": "x" * number for number in range(50)})
            names = {"platform": "lab", "service": "cache", "backup": "keys", "host": "one"}
            login = {"address": "127.0.0.1", "port": server.port, "timeout": 60.0}
            options = {"login": login, "directory": str(site.folder / "backups"), "save_timeout": 300.0}
            given = {**names, "redis": options, "state_dir": str(site.folder / "state")}
            name = worked(backup_set, **given)["set"]["id"]
            assert worked(backup_set_verify, **given)["receipts"]
            _copied(site, given)
        # The server is gone.
        spare = DrillHost(site.folder / "spare", given, {"repository": str(site.repository)}, kind="redis")
        done = spare.drill()
        assert not done.get("failed"), done
        assert (done["drill"]["set"], done["drill"]["facts"]["keys"]) == (name, 50)
        assert spare.left() == []

    def test_encrypted_set_needs_its_identity_and_no_secret_is_kept(
        self, site: Copies, spare: DrillHost, tools: Tools
    ) -> None:
        tools.install("age")
        identity, recipient = backups.identity()
        site.backup["files"]["recipients"] = [recipient]
        worked(backup_set, **site.backup)
        assert worked(backup_set_verify, **site.backup, identities=[identity])["receipts"]
        assert site.copy(initialize=True)["copied"]
        refused = spare.plan()
        assert refused["failed"] and "no identity is given that decrypts it" in refused["msg"]
        refused = spare.drill()
        assert refused["drill"]["verdict"] == "no result" and spare.outcomes() == []
        spare.identities = [identity]
        assert spare.drill()["drill"]["verdict"] == "passed"
        for path in (path for path in spare.folder.rglob("*") if path.is_file()):
            assert not any(secret.encode() in path.read_bytes() for secret in (identity, PASSWORD)), path


def _of_postgres(source: Source, site: Copies) -> dict[str, Any]:
    options = source.given("app")
    names = {key: options[key] for key in ("platform", "service", "backup", "host")}
    login = {key: value for key, value in options["login"].items() if value is not None}
    postgres = {"databases": ["app"], "login": login, "directory": str(site.folder / "backups")}
    return {**names, "postgres": postgres, "state_dir": str(site.folder / "state")}


def _copied(site: Copies, given: dict[str, Any]) -> None:
    names = {name: given[name] for name in ("platform", "service", "backup", "host")}
    done = site.copy(initialize=True, **names)
    assert not done.get("failed") and done["copied"], done


class TestFailed:
    def test_rotten_pack_fails_until_a_drill_passes(self, site: Copies, spare: DrillHost) -> None:
        site.initialized()
        spare.drill()
        packs = sorted((site.repository / "data").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
        whole = packs[-1].read_bytes()
        packs[-1].chmod(0o600)
        packs[-1].write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        done = spare.drill()
        assert done["failed"] and done["drill"]["verdict"] == "failed", done
        assert "damaged" in done["msg"] and spare.left() == []
        assert spare.statuses() == ("critical", "ok", "ok")
        # A run that comes to no result does not make it better.
        away = site.repository.rename(site.folder / "away")
        with_nothing = spare.drill(access={**spare.arguments["access"], "repository": "s3:http://127.0.0.1:9/b/r",
                                           "access_key_id": "A" * 20, "secret_access_key": "B" * 20,
                                           "answer_timeout": 2.0})  # fmt: skip
        assert with_nothing["drill"]["verdict"] == "no result"
        assert spare.statuses()[0] == "critical"
        away.rename(site.repository)
        packs[-1].write_bytes(whole)
        assert not spare.drill().get("failed")
        assert spare.statuses() == ("ok", "ok", "ok")

    @pytest.mark.parametrize(
        ("what", "verdict", "words"),
        [
            ("password", "failed", "this password does not open it"),
            ("emptied", "failed", "there is no copy of any set"),
            ("gone", "failed", "there is no repository"),
            ("unreachable", "no result", "cannot be reached"),
        ],
    )
    def test_each_state_of_the_repository_has_its_own_words(
        self, site: Copies, spare: DrillHost, what: str, verdict: str, words: str
    ) -> None:
        site.initialized()
        spare.drill()
        if what == "password":
            spare.access["password"] = "of-another-one"  # noqa: S105 - opens nothing
        elif what == "emptied":
            for path in (site.repository / "snapshots").iterdir():
                path.unlink()
        elif what == "gone":
            shutil.rmtree(site.repository)
        else:
            keys = {"access_key_id": "A" * 20, "secret_access_key": "B" * 20}
            spare.access.update(repository="s3:http://127.0.0.1:9/bucket/r", answer_timeout=2.0, **keys)
        before = spare.outcomes()
        planned = spare.plan()
        assert planned["failed"] and words in planned["msg"]
        done = spare.drill()
        assert done["failed"] and words in done["msg"]
        assert (done["drill"]["verdict"], spare.last.verdict) == (verdict, verdict)
        assert spare.outcomes() == before, "nothing was begun"
        found = spare.findings()["drilled"]
        assert (found.status, words in found.message) == ("critical" if verdict == "failed" else "unknown", True)

    def test_snapshot_that_lacks_a_file_is_no_copy(self, site: Copies, spare: DrillHost) -> None:
        name = site.initialized()
        half = site.folder / "half" / name
        shutil.copytree(site.store.folder / name, half)
        next(path for path in half.iterdir() if path.name != "manifest.json").unlink()
        tags = [word for one in site.snapshots() for tag in one["tags"] for word in ("--tag", tag)]
        site.restic("forget", *(one["id"] for one in site.snapshots()))
        site.restic("backup", "--host", "one", *tags, str(half.parent))
        done = spare.drill()
        assert (done["drill"]["verdict"], done["failed"]) == ("failed", True) and "is missing" in done["msg"]

    def test_set_of_another_backup_under_these_tags(self, site: Copies, spare: DrillHost) -> None:
        site.initialized()
        snapshot = site.snapshots()[0]
        site.restic("tag", "--set", ",".join(tag.replace("backup:config", "backup:other") for tag in snapshot["tags"]),
                    snapshot["id"])  # fmt: skip
        spare.source = {**spare.source, "backup": "other"}
        done = spare.drill()
        assert done["failed"] and "is a set of the backup 'config', and 'other' is expected" in done["msg"]

    def test_newest_copy_that_was_drilled_and_has_gone(self, site: Copies, spare: DrillHost) -> None:
        old = site.initialized()
        new = site.take()
        site.copy()
        assert spare.drill()["drill"]["set"] == new
        newer = next(one for one in site.snapshots() if f"set:{new}" in one["tags"])
        (site.repository / "snapshots" / newer["id"]).unlink()
        done = spare.drill()
        assert done["failed"] and f"{new} was drilled before, and has gone" in done["msg"]
        assert (done["drill"]["set"], done["drill"]["verdict"]) == (old, "failed")

    def test_set_from_the_future(self, site: Copies, spare: DrillHost) -> None:
        name = site.initialized()
        spare.drill()
        record = spare.place.read_text().replace(name, "20991231T000000Z")
        spare.place.write_text(record)
        assert spare.statuses() == ("ok", "ok", "critical")


class TestRefused:
    def test_source_itself(self, site: Copies, spare: DrillHost) -> None:
        site.initialized()
        for result in (spare.plan(host="one"), spare.drill(host="one")):
            assert result["failed"] and "one: is the host of the backup itself" in result["msg"]
        assert not spare.receipts.exists()

    def test_programs_that_are_missing(self, site: Copies, spare: DrillHost, tools: Tools) -> None:
        site.initialized()
        tools.only("cat", "env")
        tools.install("restic")
        for result in (spare.plan(), spare.drill()):
            assert result["failed"] and "tar is not installed here; install the package tar" in result["msg"]
        assert spare.last.verdict == "no result" and spare.outcomes() == [] and spare.left() == []
        (site.folder / "commands/restic").unlink()
        for result in (spare.plan(), spare.drill()):
            assert result["failed"] and "install the package restic" in result["msg"]
        assert spare.last.verdict == "no result"

    def test_small_disk(self, site: Copies, spare: DrillHost, monkeypatch: pytest.MonkeyPatch) -> None:
        site.initialized()
        real = os.statvfs

        def small(path: Any) -> Any:
            return os.statvfs_result([*list(real(path))[:4], 10, *list(real(path))[5:10]])

        monkeypatch.setattr(os, "statvfs", small)
        result = spare.plan()
        assert result["failed"] and f"{spare.scratch}: " in result["msg"] and "to restore a set there" in result["msg"]
        assert not spare.receipts.exists()

    @pytest.mark.parametrize("text", ["", "{}", '{"format": 2}', '{"format": 1, "platform": "other", "drills": []}'])
    def test_record_that_is_none_or_of_another_platform(self, site: Copies, spare: DrillHost, text: str) -> None:
        site.initialized()
        spare.receipts.mkdir()
        spare.place.write_text(text)
        for result in (spare.plan(), spare.drill()):
            assert result["failed"] and str(spare.place) in result["msg"]
        assert spare.place.read_text() == text and spare.outcomes() == []

    def test_options_that_cannot_be_meant(self, spare: DrillHost) -> None:
        spare.access = {"repository": "sftp:a@b:/c"}
        assert "identity: missing; sftp needs it" in run_module_message(spare)


def run_module_message(spare: DrillHost) -> str:
    return str(spare.plan()["msg"])


class TestKilled:
    @pytest.mark.parametrize(
        ("command", "when"),
        [("restore", "before"), *((word, "after") for word in ("restore", "cat", "snapshots", "ls", "dump"))],
    )
    def test_next_run_removes_what_was_left(self, site: Copies, spare: DrillHost, command: str, when: str) -> None:
        name = site.initialized()
        before = tree(site.repository)
        path = site.folder / "commands/restic"
        own, real = path.read_text(), shlex.join(peers.program("restic"))
        path.write_text(KILLS.format(command=command, when=when, real=real, done=site.folder / "killed"))
        cut_off = spare.drill()
        assert cut_off["failed"] and "was killed" in cut_off["msg"], cut_off
        path.write_text(own)
        assert not spare.place.exists()
        begun = command == "restore"
        assert bool(spare.plan()["unfinished"]) == begun
        done = spare.drill()
        assert not done.get("failed"), done
        assert len(done["recovered"]) == begun
        assert done["drill"]["set"] == name and len(spare.record.drills) == 1
        assert spare.left() == [] and list(spare.scratch.iterdir()) == [] and tree(site.repository) == before

    def test_killed_while_it_restores(self, site: Copies, spare: DrillHost, tools: Tools) -> None:
        site.initialized()
        killed = site.folder / "killed"
        tools.instead_of("tar", f'[ -e {killed} ] || {{ touch {killed}; kill -9 $PPID; }}\nexec $REAL "$@"')
        cut_off = spare.drill()
        assert cut_off["failed"] and "was killed" in cut_off["msg"], cut_off
        assert list(spare.scratch.iterdir()) and not spare.place.exists()
        done = spare.drill()
        assert len(done["recovered"]) == 1 and done["drill"]["verdict"] == "passed", done
        assert spare.left() == [] and list(spare.scratch.iterdir()) == []
        assert [outcome for outcome, _message in spare.outcomes()] == ["rolled_back", "done"]
