# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of files: everything that a file is comes back, and what could not be taken is never a set."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import struct
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.engine import Proof
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.engines import engine_of
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.files.content import of_file, sparse_digest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.files.engine import FilesEngine
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import backups, peers
from tests.support.backups import UNPRIVILEGED, Tools
from tests.support.issuing import key_pem, new_key
from tests.support.loopback import Authority, Pair

ROOT = os.geteuid() == 0

#: Access for user 1001 beside what the mode says, as the kernel keeps it (version 2; tag, permissions, number).
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *one)
    for one in ((1, 6, 0xFFFFFFFF), (2, 4, 1001), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF))
)

#: cap_net_bind_service+ep, as the kernel keeps it.
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "app.conf").write_text("answer = 42\n")
    return folder


def options(source: Path, **more: Any) -> dict[str, Any]:
    return backups.given("files", source.parent / "sets", **{"paths": [str(source)], **more})


def round_trip(source: Path, **more: Any) -> Proof:
    plain = source.parent / "plain"
    manifest = backups.take(options(source, **more), plain)
    return backups.prove(options(source, **more), plain, manifest)


def refusal(source: Path, **more: Any) -> str:
    """Why a set cannot be taken."""
    plain = source.parent / "plain"
    shutil.rmtree(plain, ignore_errors=True)
    with pytest.raises(RunbookError) as refused:
        backups.take(options(source, **more), plain)
    return str(refused.value)


class TestRoundTrip:
    def test_everything_that_a_file_is_comes_back(self, source: Path) -> None:
        odd = source / "x\ny"
        odd.write_text("a name of two lines")
        with open(os.fsencode(source) + b"/\xff\xfe" + b"\xfd" * 120, "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("no text")
        (source / ("ü" * 110)).write_text("a long name")
        (source / "-rf *[a]\\n").touch(mode=0o600)
        (source / "app.conf").chmod(0o4751)
        os.link(source / "app.conf", source / "other name")
        (source / "link").symlink_to("../nowhere")
        (source / "empty").mkdir(mode=0o750)
        os.utime(source / "empty", ns=(1, 1_000_000_001))
        os.setxattr(odd, "user.note", b"\0\xff=\n7 a=b")
        if ROOT:
            os.setxattr(odd, "system.posix_acl_access", ACL)
            os.setxattr(source / "-rf *[a]\\n", "security.capability", CAPABILITY)
            os.chown(source / "link", 1234, 4321, follow_symlinks=False)
            os.chown(odd, 54321, 12345)
        proof = round_trip(source)
        assert proof.faults == ()
        assert proof.facts["entries"] == 9 and proof.facts["files"] == 6

    def test_a_file_of_holes_takes_neither_time_nor_room(self, source: Path) -> None:
        with (source / "sparse").open("wb") as file:
            file.truncate(1 << 40)
            file.seek((1 << 39) + 5)
            file.write(b"here I am")
        proof = round_trip(source)
        assert proof.faults == ()
        assert sum(path.stat().st_size for path in (source.parent / "plain").iterdir()) < 1 << 20

    @given(
        st.dictionaries(
            st.binary(min_size=1, max_size=200).filter(
                lambda name: name not in (b".", b"..") and not {0, 47} & {*name}
            ),
            st.binary(max_size=3000),
            min_size=1,
            max_size=30,
        )
    )
    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def test_any_names_and_any_bytes(self, tmp_path: Path, files: dict[bytes, bytes]) -> None:
        source = tmp_path / os.urandom(8).hex() / "source"
        source.mkdir(parents=True)
        for name, data in files.items():
            with open(os.path.join(os.fsencode(source), name), "wb") as file:  # noqa: PTH118, PTH123
                file.write(data)
        assert round_trip(source).faults == ()

    def test_without_zstd_it_is_gzip(self, source: Path, tools: Tools) -> None:
        tools.only("tar", "gzip")
        manifest = backups.take(options(source), source.parent / "plain")
        assert manifest.content["archive"] == "files.tar.gz"
        assert backups.prove(options(source), source.parent / "plain", manifest).faults == ()

    def test_what_is_left_out_and_skipped_is_said(self, source: Path) -> None:
        os.mkfifo(source / "pipe")
        with socket.socket(socket.AF_UNIX) as bound:
            here = os.open(source, os.O_RDONLY)
            bound.bind(f"/proc/self/fd/{here}/listening")
            os.close(here)
        (source / "cache").mkdir()
        (source / "cache" / "large").write_bytes(bytes(10_000))
        forecast = engine_of(options(source, exclude=["cache"])).forecast()
        assert forecast.refused == ()
        text = "\n".join(forecast.lines)
        assert f"{source}/pipe (FIFO)" in text and f"{source}/listening (socket)" in text
        assert f"left out: {source}/cache" in text
        proof = round_trip(source, exclude=["cache"])
        assert (proof.faults, proof.facts["entries"]) == ((), 2)

    def test_the_sets_themselves_are_left_out(self, source: Path) -> None:
        sets = source / "sets"
        sets.mkdir()
        (sets / "old").write_text("a set")
        plain = source.parent / "plain"
        given_options = backups.given("files", sets, paths=[str(source)])
        assert backups.take(given_options, plain).content["entries"] == 2

    def test_a_path_inside_of_another_is_taken_once(self, source: Path) -> None:
        proof = round_trip(source, paths=[str(source), str(source / "app.conf"), f"{source}/"])
        assert (proof.faults, proof.facts["entries"]) == ((), 2)


class TestRefused:
    def test_a_path_that_is_missing(self, source: Path) -> None:
        assert refusal(source, paths=[str(source), "/nowhere/at all"]) == (
            "what cannot be read cannot be backed up: /nowhere/at all: No such file or directory"
        )

    def test_a_link_that_leads_elsewhere(self, source: Path) -> None:
        link = source.parent / "link"
        link.symlink_to(source)
        assert "is a link to" in refusal(source, paths=[str(link)])
        assert engine_of(options(source, paths=[str(link), str(source)])).forecast().refused == ()

    @pytest.mark.parametrize("path", ["/", "etc", "//"])
    def test_a_path_that_means_nothing(self, source: Path, path: str) -> None:
        assert "expected the absolute path" in refusal(source, paths=[path])

    def test_what_cannot_be_read(self) -> None:
        # Where pytest keeps its folders, no other user gets in.
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "source"
            source.mkdir()
            Path(folder).chmod(0o777)
            (source / "secret").touch(mode=0o000)
            (source / "closed").mkdir(mode=0o000)
            assert _unprivileged(lambda: refusal(source)) == (
                f"what cannot be read cannot be backed up: {source}/closed: Permission denied; {source}/secret:"
                " Permission denied"
            )

    def test_the_folder_of_postgresql_while_it_runs(self, source: Path) -> None:
        folder = source / "15" / "main"
        folder.mkdir(parents=True)
        (folder / "PG_VERSION").write_text("15\n")
        (folder / "postmaster.pid").write_text("4711\n")
        assert f"{folder}: is the folder of a database that runs, by its postmaster.pid" in refusal(source)
        (folder / "postmaster.pid").unlink()
        shutil.rmtree(source.parent / "plain")
        assert round_trip(source).faults == ()

    def test_the_folder_of_a_server_that_runs(self, source: Path) -> None:
        with peers.redis_server() as server:
            message = refusal(source, paths=[str(server.folder)])
            assert f"{server.folder}: is the folder of a Redis server that runs; back it up as a database" in message
        with peers.postgres_server() as database:
            assert "PostgreSQL server that runs" in refusal(source, paths=[str(database.folder)])


class TestChanging:
    def test_a_log_that_grows_all_the_time(self, source: Path) -> None:
        log = source / "app.log"
        with Growing(log):
            assert refusal(source) == (
                f"inconsistent: while it was read, 3 times, {log} changed; stop what writes there, or declare it as"
                " volatile"
            )

    def test_a_log_that_may_grow(self, source: Path) -> None:
        (source / "logs").mkdir()
        with Growing(source / "logs" / "app.log"):
            assert round_trip(source, volatile=["logs"]).faults == ()

    def test_a_folder_in_which_files_come_and_go(self, source: Path) -> None:
        folder = source / "spool"
        folder.mkdir()
        with Growing(folder / "log", coming=folder):
            assert round_trip(source, volatile=["spool"]).faults == ()

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ("echo new > {0}/app.conf", "{0}/app.conf changed"),
            ("rm {0}/app.conf", "{0}/app.conf vanished"),
            ("touch {0}/new", "{0}/new appeared"),
            ("chmod 600 {0}/app.conf", "{0}/app.conf changed"),
            # The same size, and the same time.
            ("cp -p {0}/app.conf {1}; echo answer = 43 >{0}/app.conf; touch -r {1} {0}/app.conf",
             "{0}/app.conf changed"),
        ],
    )  # fmt: skip
    def test_what_changes_once_is_read_again(self, source: Path, tools: Tools, change: str, named: str) -> None:
        once = source.parent / "once"
        change = change.format(source, source.parent / "copy")
        tools.instead_of("tar", f'[ -e {once} ] || {{ touch {once}; {change}; }}; exec $REAL "$@"')
        plain = source.parent / "plain"
        plain.mkdir()
        engine = FilesEngine(options(source))
        _entries, _seen, changed = engine._attempt(plain, Progress())
        assert [f"/{name} {how}" for name, how in changed.items()] == [named.format(source)]
        once.unlink()
        shutil.rmtree(plain)
        assert round_trip(source).faults == ()

    def test_what_vanishes_may_be_volatile(self, source: Path, tools: Tools) -> None:
        (source / "session").write_text("short")
        tools.instead_of("tar", f'case "$*" in *--create*) rm -f {source}/session;; esac; exec $REAL "$@"')
        proof = round_trip(source, volatile=["session"])
        assert (proof.faults, proof.facts["entries"]) == ((), 2)


class TestFiveTriggers:
    """What an archive of files can meet, and what is said of each, word for word."""

    def test_each_has_its_line(self, source: Path, tools: Tools) -> None:
        os.mkfifo(source / "pipe")
        with socket.socket(socket.AF_UNIX) as bound:
            here = os.open(source, os.O_RDONLY)
            bound.bind(f"/proc/self/fd/{here}/socket")
            os.close(here)
        (line,) = [one for one in engine_of(options(source)).forecast().lines if one.startswith("skipped")]
        each = "since each is made anew by what uses it"
        assert line == f"skipped, {each}: {source}/pipe (FIFO), {source}/socket (socket)"
        with Growing(source / "app.log"):
            growing = refusal(source)
        again = "stop what writes there, or declare it as volatile"
        assert growing == f"inconsistent: while it was read, 3 times, {source}/app.log changed; {again}"
        (source / "app.log").unlink()
        (source / "session").write_text("short")
        (source.parent / "kept").write_text("short")
        tools.instead_of(
            "tar",
            f'case "$*" in *--create*) rm -f {source}/session; "$REAL" "$@"; status=$?; '
            f'cp {source.parent}/kept {source}/session; exit $status;; esac; exec $REAL "$@"',
        )
        assert f"{source}/session" in refusal(source)
        with tempfile.TemporaryDirectory() as folder:
            closed = Path(folder) / "source"
            closed.mkdir()
            Path(folder).chmod(0o777)
            (closed / "secret").touch(mode=0o000)
            read = "what cannot be read cannot be backed up"
            assert _unprivileged(lambda: refusal(closed)) == f"{read}: {closed}/secret: Permission denied"


class TestPrograms:
    @pytest.mark.parametrize(
        ("tool", "script", "why"),
        [
            ("tar", "echo no room >&2; exit 2", "tar ended with 2: no room"),
            ("tar", "kill -KILL $$", "tar was killed by signal 9"),
            ("zstd", "head -c 10 >/dev/null; exit 70", "zstd ended with 70"),
            ("zstd", "kill -TERM $$", "zstd was killed by signal 15"),
            (
                "zstd",
                'case "$*" in *-d*) exec $REAL "$@";; esac; $REAL "$@" | head -c 60',
                "files.tar.zst: cannot be read",
            ),
        ],
    )
    def test_the_status_of_each_is_looked_at(
        self, source: Path, tools: Tools, tool: str, script: str, why: str
    ) -> None:
        (source / "data").write_bytes(os.urandom(200_000))
        tools.instead_of(tool, script)
        assert refusal(source).startswith(why)

    def test_a_host_that_cannot_unpack_says_nothing_about_the_set(self, source: Path, tools: Tools) -> None:
        plain = source.parent / "plain"
        manifest = backups.take(options(source), plain)
        tools.only("tar", "gzip")
        with pytest.raises(RunbookError, match="install the package zstd"):
            backups.prove(options(source), plain, manifest)

    def test_a_full_disk_says_nothing_about_the_set(
        self, source: Path, tools: Tools, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain = source.parent / "plain"
        manifest = backups.take(options(source), plain)
        tools.instead_of("tar", "cat > /dev/null; echo No space left on device >&2; exit 2")
        with pytest.raises(RunbookError, match="the archive is sound, and cannot be unpacked there: tar ended with 2"):
            backups.prove(options(source), plain, manifest)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 10, 0))
        with pytest.raises(RunbookError, match="0 bytes are free"):
            backups.prove(options(source), plain, manifest)

    def test_a_scratch_folder_without_attributes_says_nothing_about_the_set(
        self, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.setxattr(source / "app.conf", "user.note", b"1")
        plain = source.parent / "plain"
        manifest = backups.take(options(source), plain)

        def refuse(*_words: Any, **_options: Any) -> None:
            raise OSError(errno.ENOTSUP, "Operation not supported")

        monkeypatch.setattr(os, "setxattr", refuse)
        with pytest.raises(RunbookError, match="takes no extended attribute"):
            backups.prove(options(source), plain, manifest)


class TestDamage:
    @pytest.fixture
    def taken(self, source: Path) -> tuple[dict[str, Any], Path, Any]:
        (source / "b").write_bytes(os.urandom(100_000))
        (source / "link").symlink_to("b")
        plain = source.parent / "plain"
        return options(source), plain, backups.take(options(source), plain)

    @pytest.mark.parametrize("keep", [0, 1, 100, 50_000, -1])
    def test_an_archive_that_is_cut_off(self, taken: Any, keep: int) -> None:
        given_options, plain, manifest = taken
        archive = plain / manifest.content["archive"]
        archive.write_bytes(archive.read_bytes()[:keep])
        faults = backups.prove(given_options, plain, manifest).faults
        assert any("cannot be unpacked" in fault or "is missing" in fault for fault in faults)

    @pytest.mark.parametrize(
        ("field", "value", "how"),
        [
            ("sha256", "0" * 64, "has another content"),
            ("mode", 0o600, "has another mode"),
            ("size", 5, "has another size"),
            ("mtime_ns", 1, "has another time of change"),
            ("type", "folder", "is a file, and was a folder"),
            ("same_as", "x", "has another first name of the same file"),
            ("xattrs", {"user.note": "MQ=="}, "has other extended attributes"),
        ],
    )
    def test_what_differs_from_the_listing(self, taken: Any, field: str, value: Any, how: str) -> None:
        given_options, plain, manifest = taken
        listing = plain / "listing.jsonl"
        lines = [json.loads(line) for line in listing.read_text().splitlines()]
        entry = next(line for line in lines[1:] if line["path"].endswith("/b"))
        entry[field] = value
        listing.write_text("".join(json.dumps(line) + "\n" for line in lines))
        faults = backups.prove(given_options, plain, manifest).faults
        assert any(fault.startswith(f"/{entry['path']}: {how}") for fault in faults)

    def test_an_entry_that_the_listing_does_not_have(self, taken: Any) -> None:
        given_options, plain, manifest = taken
        listing = plain / "listing.jsonl"
        lines = [line for line in listing.read_text().splitlines() if '/b"' not in line or '"link"' in line]
        listing.write_text("".join(f"{line}\n" for line in lines))
        faults = backups.prove(given_options, plain, manifest).faults
        assert "the manifest counts 2 files, and the listing of the set 1" in faults
        assert any(fault.endswith("/b: was restored, and is not in the listing of the set") for fault in faults)

    def test_an_archive_of_other_files(self, taken: Any, source: Path) -> None:
        given_options, plain, manifest = taken
        (source / "b").unlink()
        other = source.parent / "other"
        backups.take(given_options, other)
        name = manifest.content["archive"]
        shutil.copyfile(other / name, plain / name)
        assert any(fault.endswith("/b: is missing") for fault in backups.prove(given_options, plain, manifest).faults)

    def test_a_listing_that_is_none(self, taken: Any) -> None:
        given_options, plain, manifest = taken
        (plain / "listing.jsonl").write_text("{}\n")
        (fault,) = backups.prove(given_options, plain, manifest).faults
        assert fault.startswith("listing.jsonl: is no listing of files")

    def test_a_manifest_that_lies(self, taken: Any) -> None:
        given_options, plain, manifest = taken
        lying = replace(manifest, content={**manifest.content, "bytes": 3})
        assert backups.prove(given_options, plain, lying).faults == (
            "the manifest counts 3 bytes, and the listing of the set 100012",
        )


class TestCertificates:
    def test_pairs_are_paired_again(self, source: Path, authority: Authority) -> None:
        _keep(source / "good", authority.issue("a.example"))
        broken = authority.issue("b.example")
        _keep(source / "broken", broken)
        (source / "broken" / "server.key").write_bytes(key_pem(new_key()))
        proof = round_trip(source)
        assert (proof.faults, proof.facts["pairs"]) == ((), 1)

    def test_a_key_that_fits_no_more(self, source: Path, authority: Authority) -> None:
        _keep(source / "tls", authority.issue("a.example"))
        plain = source.parent / "plain"
        manifest = backups.take(options(source), plain)
        (source / "tls" / "server.key").write_bytes(key_pem(new_key()))
        other = source.parent / "other"
        backups.take(options(source), other)
        name = manifest.content["archive"]
        shutil.copyfile(other / name, plain / name)
        faults = backups.prove(options(source), plain, manifest).faults
        assert f"{source}/tls/server.key: is not the key of {source}/tls/server.crt any more" in faults


class TestHoles:
    @given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=8), st.integers(0, 5000))
    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def test_the_digest_does_not_depend_on_where_holes_are(
        self, tmp_path: Path, writes: list[tuple[int, int]], rest: int
    ) -> None:
        size = 60 * 4096 + rest
        with_holes, full = tmp_path / "holes", tmp_path / "full"
        data = bytearray(size)
        with with_holes.open("wb") as file:
            file.truncate(size)
            for block, length in writes:
                file.seek(block * 4096 + length)
                piece = os.urandom(length * 700)
                file.write(piece)
                data[block * 4096 + length :][: len(piece)] = piece
                data[block * 4096 + length : block * 4096 + length + len(piece)] = piece
        full.write_bytes(data)
        found = {of_file(str(path), sparse=True)[:2] for path in (with_holes, full)}
        assert found == {(size, sparse_digest(size, [(0, size)], lambda begin, length: bytes(data[begin:][:length])))}
        assert of_file(str(with_holes), sparse=False)[1] == of_file(str(full), sparse=False)[1]

    def test_one_byte_makes_another_digest(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(bytes(100_000))
        before = of_file(str(path), sparse=True)[1]
        path.write_bytes(bytes(99_999) + b"1")
        assert of_file(str(path), sparse=True)[1] != before


def _keep(folder: Path, pair: Pair) -> None:
    folder.mkdir()
    shutil.copyfile(pair.certificate, folder / "server.crt")
    shutil.copyfile(pair.key, folder / "server.key")


class Growing:
    """A file that is written to until all is over."""

    def __init__(self, path: Path, coming: Path | None = None) -> None:
        self._path, self._over, self._coming = path, threading.Event(), coming
        path.write_text("begin\n")
        self._thread = threading.Thread(target=self._grow)

    def _grow(self) -> None:
        number = 0
        while not self._over.wait(0.001):
            with self._path.open("a") as file:
                file.write("one more line\n" * 100)
            if self._coming is not None:
                number += 1
                (self._coming / f"{number}").write_text("short")
                (self._coming / f"{number - 5}").unlink(missing_ok=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()


def _unprivileged(call: Any) -> str:
    """The text that a call returns where it may not do everything: in a process of an ordinary user."""
    if not ROOT:
        return str(call())
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(UNPRIVILEGED)
            os.setuid(UNPRIVILEGED)
            os.write(writes, str(call()).encode())
        finally:
            os._exit(0)
    os.close(writes)
    os.waitpid(child, 0)
    with os.fdopen(reads, "rb") as pipe:
        return pipe.read().decode()
