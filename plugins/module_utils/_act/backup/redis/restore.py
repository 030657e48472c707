# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restores Redis: loaded and compared in a server of its own, and then put in the place of the files of the other one.

A server that has an append-only file reads nothing else, and a server that is stopped writes what it has once more. So
both kinds of files are made beside, the service is stopped by what keeps it running, and only then is any file renamed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...._backup.manifest import Manifest
from ...._backup.store import folder_of
from ...._core.errors import RunbookError
from ...progress import Progress
from .. import restored_folder as folders
from ..engine import Forecast, Proof
from ..restored import Records
from ..restorer import Destination, Request
from ..space import Need
from ..supervisor import Supervisor, supervisor_of
from .client import Info, RedisClient, optional, patient, to_login
from .engine import RedisEngine
from .save import RDB
from .scratch import server
from .source import Host, host_of

#: What the files of the server are called while others have their names.
_BEFORE, _UNDONE = ".before-", ".undone-"

#: Seconds that a server may take to stop, or to load its data, beside what its save may take.
_PATIENCE = 600.0

#: Seconds for which writes are held back until the server is stopped: it saves what it has first.
_PAUSE = 600

#: Names by which Sentinels connect, and the clients of a cluster's bus.
_SENTINEL = re.compile(r"\bname=sentinel-")


@dataclass(frozen=True)
class Layout:
    """Where a server keeps its data, by its own settings; ``aof`` is its append-only file, or the folder of it."""

    folder: str
    rdb: str
    aof: str
    aof_name: str
    aof_on: bool
    uid: int
    gid: int

    @classmethod
    def of(cls, client: RedisClient, host: Host) -> Layout:
        """By what the server says; raises `RunbookError` where its folder is not on this host."""
        folder = str(host.folder(client.config("dir")))
        try:
            status = Path(folder).stat()
        except OSError as exc:
            raise RunbookError(
                f"{folder}: {exc.strerror}: the server keeps its data there: is it on this host?"
            ) from exc
        below, name = client.config("appenddirname"), client.config("appendfilename")
        aof_on = client.config("appendonly") == "yes"
        return cls(folder, client.config("dbfilename"), below or name, name, aof_on, status.st_uid, status.st_gid)

    @property
    def files(self) -> tuple[Path, Path]:
        """The files that hold the data."""
        return Path(self.folder, self.rdb), Path(self.folder, self.aof)


class RedisRestorer:
    """See `restorer.Restorer`. In place, the name is ``service.backup``; else it is the path of a folder."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._store = folder_of(given)
        self._records = Records(self._store)

    def destination(self, manifest: Manifest, request: Request, stamp: str) -> Destination:  # noqa: ARG002 - all of it
        return folders.destination(self._store, request, stamp)

    def forecast(self, manifest: Manifest, destination: Destination) -> Forecast:
        content = manifest.content
        lines = [f"{content['keys']} keys of Redis {manifest.versions['redis']}"]
        if not destination.in_place:
            lines.append(f"the file {RDB} is put into {destination.name}, once a server has loaded a copy of it")
            target = Path(destination.name)
            needs = (Need(target.parent, manifest.plain_size, f"for {RDB}"),)
            return Forecast(tuple(lines), manifest.plain_size, tuple(folders.refusals(target)), needs)
        with closing(to_login(self._given["login"])) as client:
            layout = Layout.of(client, host_of(self._given))
            refused = [*_role_refuses(client), *_version_refuses(client, manifest)]
            lines.append(
                f"replaces {sum(client.info().keys.values())} keys in {layout.folder}; its files are kept there"
            )
        lines.append("users and settings of the server stay as they are")
        supervisor = supervisor_of(self._given)
        if supervisor is None:
            refused.append("the description names no supervisor of the service, so it cannot be stopped and started")
        else:
            lines.append(f"{supervisor} is stopped, and started again")
        needs = (Need(Path(layout.folder), 2 * manifest.plain_size, "for the files of the server"),)
        return Forecast(tuple(lines), manifest.plain_size, tuple(refused), needs)

    def examine(self, plain: Path, manifest: Manifest, destination: Destination) -> tuple[str, ...]:  # noqa: ARG002
        found = (plain / RDB).open("rb").read(9).decode("ascii", "replace")
        if not destination.in_place:
            return ()
        with closing(to_login(self._given["login"])) as client:
            own = Layout.of(client, host_of(self._given)).files[0]
        theirs = own.open("rb").read(9).decode("ascii", "replace") if own.is_file() else found
        if theirs.startswith("REDIS") and theirs < found:
            return (f"the set has the format {found}, and the server writes {theirs}: it is too old to read the set",)
        return ()

    def container(self) -> str:
        return ""

    def build(self, plain: Path, manifest: Manifest, destination: Destination, progress: Progress) -> Proof:
        loaded = plain.parent / "restored"
        loaded.mkdir(mode=0o700)
        proof = RedisEngine(self._given).prove(plain, manifest, loaded, progress)
        progress.phase("copying")
        root = self._root(destination)
        root.mkdir(mode=0o700)
        _copied(plain / RDB, root / RDB)
        if destination.in_place:
            layout = self._layout()
            if layout.aof_on:
                progress.phase("writing the append-only file")
                self._write_aof(plain, manifest, root, layout)
            for path in (root / RDB, *root.rglob("*")):
                os.chown(path, layout.uid, layout.gid)
        return proof

    def swap(self, destination: Destination) -> None:
        if not destination.in_place:
            folders.rename(self._root(destination), Path(destination.name))
            return
        layout, root = self._layout(), self._root(destination)
        self._records.write(destination.stamp, {"what": layout.folder, "layout": asdict(layout)})
        self._save_and_pause()
        self._supervisor().stop()
        for path in layout.files:
            folders.aside(path, _called(path, _BEFORE, destination))
        rdb, aof = layout.files
        if layout.aof_on:
            folders.rename(root / layout.aof, aof)
        folders.rename(root / RDB, rdb)
        self._start()

    def in_effect(self, destination: Destination) -> bool:
        if not destination.in_place:
            return not self._root(destination).exists() and Path(destination.name).is_dir()
        return self._records.has(destination.stamp) and not (self._root(destination) / RDB).exists()

    def tidy(self, destination: Destination) -> None:
        if destination.in_place:
            self._start()
        shutil.rmtree(self._root(destination), ignore_errors=True)

    def put_back(self, destination: Destination) -> None:
        root = self._root(destination)
        if destination.in_place and self._records.has(destination.stamp):
            self._supervisor().stop()
            for path in self._recorded(destination).files:
                kept = _called(path, _BEFORE, destination)
                if os.path.lexists(kept):
                    folders.remove(path)
                    folders.rename(kept, path)
            self._start()
            self._records.forget(destination.stamp)
        shutil.rmtree(root, ignore_errors=True)

    def undo(self, destination: Destination) -> None:
        kept, now = self._recorded(destination).folder, self._layout().folder
        if kept != now:
            raise RunbookError(f"the server keeps its data in {now} by now, and what is kept is in {kept}")
        self._save_and_pause()
        self._supervisor().stop()
        for path in self._recorded(destination).files:
            undone = _called(path, _UNDONE, destination)
            if not os.path.lexists(undone):
                folders.aside(path, undone)
            folders.aside(_called(path, _BEFORE, destination), path)
        self._start()
        self._records.write(destination.stamp, {**self._records.read(destination.stamp), "undone": True})

    def is_undone(self, destination: Destination) -> bool:
        return bool(self._records.read(destination.stamp).get("undone"))

    def cancel_undo(self, destination: Destination) -> None:
        self._supervisor().stop()
        for path in self._recorded(destination).files:
            undone = _called(path, _UNDONE, destination)
            if os.path.lexists(undone):
                folders.aside(path, _called(path, _BEFORE, destination))
                folders.rename(undone, path)
        self._start()

    def drop(self, name: str) -> None:
        stamp = name[-len("20261130T094500Z") :]
        if not self._records.has(stamp):
            return
        record = self._records.read(stamp)
        for path in Layout(**record["layout"]).files:
            folders.remove(path.with_name(f"{path.name}{_UNDONE if record.get('undone') else _BEFORE}{stamp}"))
        self._records.forget(stamp)

    def held(self) -> Mapping[str, Sequence[str]]:
        return {}

    def release(self, name: str) -> None:
        """Nothing is held back."""

    def kept(self) -> Mapping[str, str]:
        return self._records.kept(self._store.folder.name)

    def _root(self, destination: Destination) -> Path:
        """Where the files are made: in the folder of the server's data, or beside the folder that they become."""
        if not destination.in_place:
            return folders.root_beside(Path(destination.name), destination.stamp)
        if self._records.has(destination.stamp):
            return Path(self._recorded(destination).folder) / f".xorb-restore-{destination.stamp}"
        return Path(self._layout().folder) / f".xorb-restore-{destination.stamp}"

    def _layout(self) -> Layout:
        with closing(to_login(self._given["login"])) as client:
            return Layout.of(client, host_of(self._given))

    def _recorded(self, destination: Destination) -> Layout:
        return Layout(**self._records.read(destination.stamp)["layout"])

    def _supervisor(self) -> Supervisor:
        found = supervisor_of(self._given)
        if found is None:
            raise RunbookError(
                "the description names no supervisor of the service, so it cannot be stopped and started"
            )
        return found

    def _save_and_pause(self) -> None:
        """Have the server save what it has, and take no more: what is kept is all that was there."""
        with closing(to_login(self._login_for_saving())) as client:
            optional(lambda: client.command("CLIENT", "PAUSE", _PAUSE * 1000, "WRITE"))
            client.command("SAVE")

    def _login_for_saving(self) -> dict[str, Any]:
        return {**self._given["login"], "timeout": float(self._given.get("save_timeout") or _PATIENCE)}

    def _start(self) -> None:
        """Start the service, and wait until it has loaded its data."""
        self._supervisor().start()
        patient(self._has_loaded, seconds=_PATIENCE, why=f"redis has not loaded its data within {_PATIENCE:.0f} s")

    def _has_loaded(self) -> bool:
        try:
            with closing(to_login(self._given["login"])) as client:
                return not client.info().number("loading")
        except RunbookError:
            return False

    def _write_aof(self, plain: Path, manifest: Manifest, root: Path, layout: Layout) -> None:
        """Have a server of our own write the append-only file of what the set has, as the one in service names it."""
        made = plain.parent / "appended"
        made.mkdir(mode=0o700)
        shutil.copyfile(plain / RDB, made / RDB)
        words = ["--save", "", "--appendonly", "no", "--dbfilename", RDB, "--appendfilename", layout.aof_name]
        words += ["--appenddirname", layout.aof] if layout.aof != layout.aof_name else []
        words += ["--databases", manifest.content["config"].get("databases") or "16"]
        with server(host_of(self._given), made, words) as client:
            client.command("CONFIG", "SET", "appendonly", "yes")
            seconds = float(self._given.get("save_timeout") or _PATIENCE)
            patient(lambda: _has_rewritten(client.info()), seconds=seconds, why="the append-only file was not written")
        written = made / layout.aof
        for path in [written, *written.rglob("*")]:
            if path.is_dir():
                (root / path.relative_to(made)).mkdir(mode=0o700)
            else:
                _copied(path, root / path.relative_to(made))


def _called(path: Path, what: str, destination: Destination) -> Path:
    return path.with_name(f"{path.name}{what}{destination.stamp}")


def _copied(source: Path, target: Path) -> None:
    """Copy a private file; it is on the disk when this returns."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, source.open("rb") as content:
        shutil.copyfileobj(content, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())


def _has_rewritten(info: Info) -> bool:
    """Whether the first append-only file is there. Raises `RunbookError` where it could not be written."""
    working = info.number("aof_rewrite_in_progress") or info.number("aof_rewrite_scheduled")
    if not working and info.values.get("aof_last_bgrewrite_status") != "ok":
        raise RunbookError("the append-only file could not be written")
    return not working and info.number("aof_enabled") == 1


def _role_refuses(client: RedisClient) -> Iterator[str]:
    """Whose data it would not be alone: replicas take it over, and a master, a Sentinel or a cluster undoes it."""
    info = client.info()
    if info.values.get("role") != "master":
        yield "the server is a replica, and takes its data from its master: restore there"
    if replicas := info.number("connected_slaves"):
        yield f"{replicas} replicas are attached, which would lose their data with it: detach them first"
    if info.number("cluster_enabled"):
        yield "the server is part of a cluster, whose other nodes have the rest of the data"
    if _SENTINEL.search((client.command("CLIENT", "LIST") or b"").decode("utf-8", "replace")):
        yield "Sentinels watch the server, and would replace it while it is stopped: remove it from them first"


def _version_refuses(client: RedisClient, manifest: Manifest) -> Iterator[str]:
    own, source = client.info().version, manifest.versions["redis"]
    if _number(own) < _number(source):
        yield f"the server is Redis {own}, older than the {source} that the set is of"
    there = {one.partition(" ")[0] for one in _modules(client)}
    lacking = [one for one in manifest.content["modules"] if one.partition(" ")[0] not in there]
    if lacking:
        yield f"the server lacks the modules of the set: {', '.join(lacking)}"


def _modules(client: RedisClient) -> list[str]:
    reply = optional(lambda: client.command("MODULE", "LIST")) or []
    return [dict(zip(module[::2], module[1::2]))[b"name"].decode("utf-8", "replace") for module in reply]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))
