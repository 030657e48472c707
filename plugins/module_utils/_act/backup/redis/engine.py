# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of Redis: what the server itself saved, and sampled keys with which a loaded copy is compared.

Keys and digests of values say something about data, so they are in a file of the set, which is encrypted where the set
is, and not in its manifest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ...._backup.manifest import Manifest
from ...._clients import proc
from ...._core.errors import RunbookError
from ...._core.text import excerpt, size, some_of
from ...progress import Progress
from ..engine import Forecast, Proof, Taken
from .client import Info, RedisClient, Refused, optional, to_login
from .sample import Sample, keys, sample, samples
from .save import AOF_FOLDER, RDB, TooNew, check_rdb, copy_aof, refuse_foreign, save
from .scratch import NotLoaded, expired_at_load, server
from .source import Host, host_of, missing_programs

#: Files of a set, beside the data.
SAMPLES, USERS = "samples.json", "users.acl"

#: Settings that decide how data behaves once it is restored; none of them is a secret.
_SETTINGS = (
    *("databases", "maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "save", "cluster-enabled"),
    *("notify-keyspace-events", "hash-max-listpack-entries"),
)

_SAVED = ("--save", "", "--appendonly", "no", "--dbfilename", RDB)

#: How much more memory than the source a copy may take while it loads.
_MARGIN = 1.2


class RedisEngine:
    """See `engine.Engine`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def forecast(self) -> Forecast:
        """What the server has now, and whether this user may have it saved."""
        refused = []
        host = host_of(self._given)
        with closing(to_login(self._given["login"])) as client:
            info = client.info()
            path = f"{client.config('dir').rstrip('/')}/{client.config('dbfilename')}"
            memory = size(info.number("used_memory"))
            counted = f"{sum(info.keys.values())} keys in {len(info.keys)} databases of Redis {info.version}"
            lines = [f"{counted}, {memory} in memory; saved to {path}"]
            if info.values.get("role") == "slave":
                lines.append(f"it is a replica, and its link is {info.values.get('master_link_status')}")
                if info.values.get("master_link_status") != "up":
                    refused.append("the replica has no link to its master: what it has may be old; back up another one")
            old = host.status(path)
            aof = info.number("aof_current_size") if info.number("aof_enabled") else 0
            if aof:
                lines.append(f"its append-only file is copied, too: {size(aof)}")
        plain = max(_data_bytes(info), old[1] if old else 0)
        return Forecast(tuple(lines), plain + 2 * aof, tuple(refused))

    def take(self, folder: Path, progress: Progress) -> Taken:
        """Have the server save, and copy what it wrote."""
        host, seconds = host_of(self._given), float(self._given["save_timeout"])
        with closing(to_login(self._given["login"])) as client:
            progress.phase("sampling")
            chosen = list(keys(client, client.info().keys, int(self._given["samples"])))
            before = samples(client, chosen)
            functions = _functions(client)
            saved = save(client, host, folder, seconds, progress)
            progress.phase("checking")
            facts = check_rdb(host, folder)
            if not self._given.get("container"):
                refuse_foreign(facts, saved.before, saved.after)
            aof = copy_aof(client, host, folder, seconds, progress)
            progress.phase("sampling")
            after = samples(client, chosen)
            # What did not change between the two is what the save must have, whatever happened meanwhile.
            same = [one for one, again in zip(before, after) if one and one.same(again)]
            _write(folder / SAMPLES, json.dumps([one.as_dict() for one in same]))
            users = _users(client)
            if users is not None:
                _write(folder / USERS, "".join(f"{line}\n" for line in users))
            content = {
                "header": facts.header,
                "keys": facts.keys,
                "expires": facts.expires,
                "checksum": facts.checksum,
                "databases": saved.bounds,
                "changed": len([one for one in before if one]) - len(same),
                "samples": len(same),
                "users": len(users or ()),
                "functions": functions if functions == _functions(client) else None,
                "role": saved.before.values.get("role", ""),
                "used_memory": saved.before.number("used_memory"),
                "config": {name: client.config(name) for name in _SETTINGS},
                "modules": _modules(client),
                "aof": aof,
            }
        return Taken(content, {"redis": saved.before.version, "rdb": facts.header})

    def unable(self, manifest: Manifest) -> Iterator[str]:  # noqa: ARG002 - any version that is too old says so itself
        """The programs that are missing."""
        if not self._given.get("container"):
            yield from missing_programs()

    def container(self) -> str:
        return ""

    def prove(self, plain: Path, manifest: Manifest, scratch: Path, progress: Progress) -> Proof:
        """Load a copy of what was saved into a server of its own, and compare."""
        content, host = manifest.content, host_of(self._given)
        try:
            expected = _read_samples(plain / SAMPLES)
            header = _header(plain / RDB)
        except NoSamples as exc:
            return Proof(0, (str(exc),))
        except FileNotFoundError:
            return Proof(0, (f"{RDB}: is missing, and is the data of the set",))
        _refuse_little_memory(int(content["used_memory"]))
        faults = []
        if len(expected) != content["samples"]:
            faults.append(f"the manifest counts {content['samples']} samples, and the set has {len(expected)}")
        if header != content["header"]:
            faults.append(f"{RDB}: begins with {header!r}, and the manifest says {content['header']!r}")
        try:
            facts = check_rdb(host, plain)
        except TooNew:
            raise
        except RunbookError as exc:
            return Proof(0, (*faults, f"{RDB}: {exc}"))
        if facts.keys != content["keys"]:
            faults.append(f"{RDB}: has {facts.keys} keys, and the manifest says {content['keys']}")
        progress.phase("loading", total=facts.keys, unit="keys")
        begin = time.monotonic()
        # The copy is what a server may do with as it likes; nothing ever writes to the files of the set.
        shutil.copyfile(plain / RDB, scratch / RDB)
        try:
            with server(host, scratch, self._settings(content)) as client:
                seconds = time.monotonic() - begin
                faults += _count_faults(client.info(), content["databases"], facts.keys, scratch)
                progress.phase("comparing", total=len(expected), unit="keys")
                sampled = _Sampled(client, expected)
                faults += sampled.faults
                faults += _other_faults(client, content, plain / USERS)
        except NotLoaded as exc:
            return Proof(time.monotonic() - begin, (*faults, f"{RDB}: {exc}"))
        faults += self._prove_aof(host, plain, content, scratch)
        counted = {
            "keys": facts.keys,
            "samples": len(expected),
            "expired": sampled.expired,
            "aof": bool(content["aof"]),
        }
        return Proof(seconds, tuple(faults), counted)

    def _settings(self, content: Mapping[str, Any], *also: str) -> list[str]:
        databases = content["config"].get("databases") or "16"
        return [*(also or _SAVED), "--databases", databases]

    def _prove_aof(self, host: Host, plain: Path, content: Mapping[str, Any], scratch: Path) -> Iterator[str]:
        """Load the append-only file, in another server: a server that has one never looks at the other file."""
        aof = content["aof"]
        if not aof:
            return
        for left in list(scratch.iterdir()):
            left.unlink()
        name = str(aof["name"])
        multiple = name.endswith(".manifest")
        target = scratch / AOF_FOLDER if multiple else scratch
        shutil.copytree(plain / AOF_FOLDER, target, dirs_exist_ok=True)
        words = [
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfilename",
            name[: -len(".manifest")] if multiple else name,
        ]
        words += ["--appenddirname", AOF_FOLDER] if multiple else []
        words += ["--auto-aof-rewrite-percentage", "0"]
        try:
            with server(host, scratch, self._settings(content, *words)) as client:
                for fault in _count_faults(client.info(), aof["databases"], None, scratch):
                    yield f"the append-only file: {fault}"
        except NotLoaded as exc:
            yield f"the append-only file: {exc}"


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8", errors="surrogateescape")


def _data_bytes(info: Info) -> int:
    """Bytes of memory that the data itself takes; a server that has nearly none subtracts too much, and says 2^64."""
    memory, data = info.number("used_memory"), info.number("used_memory_dataset")
    return data if 0 < data <= memory else memory


def _header(path: Path) -> str:
    """How a file of Redis begins, which says its format."""
    with path.open("rb") as file:
        return file.read(9).decode("ascii", "replace")


class NoSamples(RunbookError):
    """A file of a set that should have the samples, and has none."""


def _read_samples(path: Path) -> list[Sample]:
    try:
        return [Sample(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as exc:
        raise NoSamples(f"{path.name}: holds no samples: {exc}") from exc


def _users(client: RedisClient) -> list[str] | None:
    """The lines of all users, as a file of users has them; nothing where the version has none."""
    reply = optional(lambda: client.command("ACL", "LIST"))
    return None if reply is None else [line.decode("utf-8", "surrogateescape") for line in reply]


def _modules(client: RedisClient) -> list[str]:
    reply = optional(lambda: client.command("MODULE", "LIST")) or []
    found = []
    for module in reply:
        about = dict(zip(module[::2], module[1::2]))
        found.append(f"{about[b'name'].decode('utf-8', 'replace')} {about[b'ver']}")
    return sorted(found)


def _functions(client: RedisClient) -> str | None:
    """A digest of all libraries of functions; nothing where there are none, or the version has no such thing."""
    reply = optional(lambda: client.command("FUNCTION", "LIST", "WITHCODE"))
    if not reply:
        return None
    libraries = sorted(repr(dict(zip(one[::2], one[1::2]))[b"library_code"]) for one in reply)
    return hashlib.sha256("\n".join(libraries).encode()).hexdigest()


def _refuse_little_memory(needed: int) -> None:
    """A copy takes as much memory as its source has, and the kernel would end the largest process: the source."""
    found = [line.split() for line in proc.read("meminfo").splitlines() if line.startswith("MemAvailable:")]
    available = int(found[0][1]) * 1024 if found else 0
    if found and available < needed * _MARGIN:
        raise RunbookError(
            f"{size(available)} of memory are free on this host, and a copy of this Redis takes"
            f" {size(needed * _MARGIN)}: verify it on another host"
        )


def _count_faults(info: Info, databases: Mapping[str, list[int]], total: int | None, scratch: Path) -> Iterator[str]:
    """Where the number of keys is not what it must be. Those that have expired since are counted by the server."""
    found = info.keys
    expired = info.number("expired_keys")
    at_load = expired_at_load(info, scratch) if total is not None else 0
    if total is not None and at_load is not None and sum(found.values()) + expired + at_load != total:
        yield (
            f"{sum(found.values())} keys were loaded and {expired + at_load} had expired, and {total} are in the file"
        )
    gone = expired + (at_load if at_load is not None else (total or 0) - sum(found.values()))
    for name in sorted({*databases, *map(str, found)}, key=int):
        least, most = databases.get(name, [0, 0])
        count = found.get(int(name), 0)
        if not max(0, least - gone) <= count <= most:
            between = f"{least}" if least == most else f"{least} to {most}"
            yield f"database {name}: has {count} keys, and had {between} when it was saved"


class _Sampled:
    """The sampled keys in a server: what is wrong with them, and how many have expired since."""

    def __init__(self, client: RedisClient, expected: list[Sample]) -> None:
        self.expired = 0
        self.faults: list[str] = []
        for one in expected:
            found = sample(client, one.database, base64.b64decode(one.key))
            if one.same(found):
                continue
            if found is None and one.expires and one.expires <= client.time_ms():
                self.expired += 1
                continue
            self.faults.append(f"database {one.database}: the key {excerpt(one.name)} {_how(one, found)}")


def _how(expected: Sample, found: Sample | None) -> str:
    if found is None:
        return "is missing"
    if expected.type != found.type:
        return f"is a {found.type}, and was a {expected.type}"
    return "has another value" if expected.digest != found.digest else "expires at another time"


def _other_faults(client: RedisClient, content: Mapping[str, Any], users: Path) -> Iterator[str]:
    if content["functions"] and _functions(client) != content["functions"]:
        yield "the functions of the server are not what they were"
    lines = users.read_text(encoding="utf-8", errors="surrogateescape").splitlines() if users.exists() else []
    if len(lines) != content["users"]:
        yield f"the manifest counts {content['users']} users, and the set has {len(lines)}"
    yield from _user_faults(client, lines)


def _user_faults(client: RedisClient, lines: list[str]) -> Iterator[str]:
    """Users that a server cannot be given as they were. The one that we are logged in as comes last."""
    failed = []
    for line in sorted(lines, key=lambda one: one.startswith("user default ")):
        _user, name, *rules = line.encode("utf-8", "surrogateescape").split(b" ")
        try:
            client.command("ACL", "SETUSER", name, "reset", *rules)
        except Refused as exc:
            failed.append(f"{name.decode('utf-8', 'replace')} ({exc})")
    if failed:
        yield f"users that cannot be restored: {some_of(failed, 3, '; ')}"
