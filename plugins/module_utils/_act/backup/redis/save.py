# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Has a Redis server write its data to its own files, knows when it has, and copies exactly those files.

BGSAVE answers before anything is written. So what counts is what the server says of its last save: another time than
before, and a good status. The file that is copied has to be another one than before, or it is that of another server.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...._core.errors import RunbookError
from ...._core.text import excerpt
from ...progress import Progress
from .client import Info, RedisClient, Refused, patient
from .source import Host

RDB = "dump.rdb"
AOF_FOLDER = "aof"

#: Other saves that may come between ours and its copy before it is given up.
_ATTEMPTS = 5

_STEP = 0.1

#: The time in a file may differ from the server's by what a second is rounded by.
_ROUNDED = 2


@dataclass(frozen=True)
class Saved:
    """What was copied, with INFO as it was when the save began, and after the copy."""

    before: Info
    after: Info

    @property
    def bounds(self) -> dict[str, list[int]]:
        """The least and the most keys that each database had when its data was written."""
        return bounds(self.before.keys, self.before.keys, changes(self.before, self.after, saved=True))


def bounds(first: Mapping[int, int], second: Mapping[int, int], changed: int) -> dict[str, list[int]]:
    """The least and the most keys of each database between two moments, with so many changes between them."""
    names = sorted({*first, *second})
    both = {name: (first.get(name, 0), second.get(name, 0)) for name in names}
    return {str(name): [max(0, min(pair) - changed), max(pair) + changed] for name, pair in both.items()}


def changes(before: Info, after: Info, *, saved: bool) -> int:
    """Keys that were written or went between two moments; ``saved`` where a save began at the first of them."""
    written = after.number("rdb_changes_since_last_save")
    if not saved:
        written -= before.number("rdb_changes_since_last_save")
    gone = sum(after.number(name) - before.number(name) for name in ("expired_keys", "evicted_keys"))
    return max(0, written) + max(0, gone)


def save(client: RedisClient, host: Host, folder: Path, seconds: float, progress: Progress) -> Saved:
    """Have the server save, and copy the file. Raises `RunbookError` where it fails, or takes longer than that."""
    end = time.monotonic() + seconds
    path = f"{client.config('dir').rstrip('/')}/{client.config('dbfilename')}"
    for _attempt in range(_ATTEMPTS):
        saved = _saved(client, host, path, end, progress)
        if saved is None:
            continue
        before, moment = saved
        progress.phase("copying", unit="bytes")
        host.copy(path, folder / RDB)
        if int(client.command("LASTSAVE")) == moment and not client.info().number("rdb_bgsave_in_progress"):
            return Saved(before, client.info())
    raise RunbookError(f"{path}: {_ATTEMPTS} times, another save came before the file was copied")


def _saved(client: RedisClient, host: Host, path: str, end: float, progress: Progress) -> tuple[Info, int] | None:
    """Save once: INFO as it was then, and the time of it. Nothing where another child of the server came first."""
    idle(client, end)
    file = host.status(path)
    last = int(client.command("LASTSAVE"))
    # The server counts in seconds: two saves in one of them look like one.
    patient(lambda: client.time_ms() // 1000 > last, seconds=_ROUNDED * 10, why="the clock of redis stands still")
    first, reply = client.together(["INFO"], ["BGSAVE"])
    if isinstance(first, Refused):
        raise first
    before = Info.parse(first)
    if isinstance(reply, Refused):
        if "in progress" in str(reply) or "rewriting" in str(reply):
            return None
        raise reply
    progress.phase("saving", total=sum(before.keys.values()), unit="keys")
    after = _await(client, before, end, progress)
    moment = int(client.command("LASTSAVE"))
    if after.values.get("rdb_last_bgsave_status") != "ok" or moment <= last:
        raise RunbookError(
            "redis could not save: BGSAVE ended with the status"
            f" {after.values.get('rdb_last_bgsave_status')}; its log says why (a full disk, a folder that it may not"
            " write, too little memory for a copy)"
        )
    now = host.status(path)
    if now is None:
        raise RunbookError(f"{path}: redis says that it saved there, and there is no such file: is it on another host?")
    if now == file:
        raise RunbookError(f"{path}: redis says that it saved, and this file is still the old one: on another host?")
    return before, moment


def idle(client: RedisClient, end: float) -> None:
    """Wait until the server has its data, and no child that writes it."""

    def ready() -> bool:
        info = client.info()
        return not any(
            info.number(name)
            for name in ("loading", "rdb_bgsave_in_progress", "aof_rewrite_in_progress", "master_sync_in_progress")
        )

    patient(ready, seconds=end - time.monotonic(), why="another save of redis did not end in time (save_timeout)")


def _await(client: RedisClient, before: Info, end: float, progress: Progress) -> Info:
    while True:
        info = client.info()
        if info.values.get("run_id") != before.values.get("run_id"):
            raise RunbookError("redis was restarted while it saved")
        if not info.number("rdb_bgsave_in_progress"):
            return info
        if time.monotonic() >= end:
            raise RunbookError("the save of redis did not end in time (save_timeout)")
        progress.at(info.number("current_save_keys_processed"))
        time.sleep(_STEP)


@dataclass(frozen=True)
class RdbFacts:
    """What `redis-check-rdb` read in a file. ``header`` is its first 9 bytes, ``ctime`` in seconds since 1970."""

    header: str
    version: str
    ctime: int
    keys: int
    expires: int
    checksum: bool


class TooNew(RunbookError):
    """A file that this host's Redis does not know the format of, which says nothing about the file."""


def check_rdb(host: Host, folder: Path) -> RdbFacts:
    """Have every byte of a file read; raises `RunbookError` where it is not whole."""
    outcome = host.check(["redis-check-rdb", RDB], folder)
    text = outcome.stdout
    with (folder / RDB).open("rb") as file:
        header = file.read(9).decode("ascii", "replace")
    if "Can't handle RDB format version" in text:
        raise TooNew(f"this host's Redis cannot read files of the format {header}, so nothing is known of the set")
    if outcome.status or "RDB looks OK!" not in text:
        raise RunbookError(f"redis-check-rdb: {excerpt(_last(text) or outcome.stderr, 300)}")
    return RdbFacts(
        header=header,
        version=_found(r"AUX FIELD redis-ver = '([^']*)'", text, "unknown"),
        ctime=int(_found(r"AUX FIELD ctime = '(\d+)'", text, "0")),
        keys=int(_found(r"\[info\] (\d+) keys read", text, "-1")),
        expires=int(_found(r"\[info\] (\d+) expires", text, "-1")),
        checksum="Checksum OK" in text,
    )


def refuse_foreign(facts: RdbFacts, before: Info, after: Info) -> None:
    """Raise where a file is from another time than the save, and so from another server."""
    begin, end = (info.number("server_time_usec") // 1_000_000 for info in (before, after))
    if facts.ctime and begin and not begin - _ROUNDED <= facts.ctime <= end + _ROUNDED:
        raise RunbookError("the file of this host was written at another time than redis saved: it is another server's")


def _found(pattern: str, text: str, otherwise: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else otherwise


def _last(text: str) -> str:
    return " ".join(text.strip().splitlines()[-3:])


# -- The append-only file ----------------------------------------------------------------------------------------------


def copy_aof(
    client: RedisClient, host: Host, folder: Path, seconds: float, progress: Progress
) -> dict[str, Any] | None:
    """Copy the append-only file as it was at one moment; nothing where it is off. Changes no setting of the server.

    A base is never written again and the others only grow, so their first bytes are what they were; a list that is
    another one afterwards says that a rewrite came between, and then all of it is done again.
    """
    end = time.monotonic() + seconds
    info = client.info()
    if not info.number("aof_enabled"):
        return None
    if info.values.get("aof_last_write_status", "ok") != "ok":
        raise RunbookError("redis cannot write its append-only file: aof_last_write_status is not ok")
    progress.phase("copying the append-only file")
    why = ""
    for _attempt in range(_ATTEMPTS):
        idle(client, end)
        before = client.info()
        try:
            name = _copied(client, host, folder / AOF_FOLDER)
        except RunbookError as exc:
            why = str(exc)
            continue
        after = client.info()
        if after.number("rdb_last_save_time") != before.number("rdb_last_save_time"):
            why = "another save came meanwhile"
            continue
        changed = changes(before, after, saved=False)
        return {"name": name, "databases": bounds(before.keys, after.keys, changed)}
    raise RunbookError(f"the append-only file could not be copied as it was at one moment: {why}")


def _copied(client: RedisClient, host: Host, folder: Path) -> str:
    """Copy the files, have them checked, and return the name of the first; raises where one changed meanwhile."""
    base, name = client.config("dir").rstrip("/"), client.config("appendfilename")
    below = client.config("appenddirname")
    if not below:  # before Redis 7 it is one file
        names = [name]
        source = base
    else:
        name, source = f"{name}.manifest", f"{base}/{below}"
        names = []
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    if below:
        names = _parts(host, f"{source}/{name}", folder / name)
    sizes = {one: _size(host, f"{source}/{one}") for one in names}
    for one, size in sizes.items():
        host.copy(f"{source}/{one}", folder / one, size)
    if below and _parts(host, f"{source}/{name}", folder / ".again") != names:
        raise RunbookError("it was rewritten meanwhile")
    (folder / ".again").unlink(missing_ok=True)
    outcome = host.check(["redis-check-aof", name], folder)
    if outcome.status:
        raise RunbookError(f"redis-check-aof: {excerpt(_last(outcome.stdout) or outcome.stderr, 300)}")
    return name


def _size(host: Host, path: str) -> int:
    status = host.status(path)
    if status is None:
        raise RunbookError(f"{path}: is missing, and redis writes to it: is it on another host?")
    return status[1]


def _parts(host: Host, path: str, target: Path) -> list[str]:
    """Copy the list of the files without those that are about to be removed, and return their names."""
    host.copy(path, target)
    lines = [line for line in target.read_text(encoding="utf-8").splitlines() if line.strip()]
    words = [dict(zip(parts[::2], parts[1::2])) for parts in map(shlex.split, lines)]
    kept = [(line, one) for line, one in zip(lines, words) if one.get("type") != "h"]
    target.write_text("".join(f"{line}\n" for line, _one in kept), encoding="utf-8")
    names = [one.get("file", "") for _line, one in kept]
    if any(not name or "/" in name for name in names):
        raise RunbookError(f"{path}: is no list of the parts of an append-only file")
    return names
