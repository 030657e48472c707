# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A throwaway Redis server: a folder and a socket of its own, no port, and it writes nothing of what it loads."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...._core.errors import RunbookError
from ...._core.text import excerpt
from .. import scratch
from .client import Info, RedisClient, to_socket
from .source import Host

#: Seconds in which a server answers at all; loading is waited for as long as it goes on.
_PATIENCE = 120
_STEP = 0.05

_SOCKET, _LOG = "redis.sock", "redis.log"

#: What a server says that is too old for a file, or lacks a module: that says nothing about the file.
_UNABLE = re.compile(r"Can't handle RDB format version|module|Unknown RDB (?:encoding|opcode|AUX)", re.IGNORECASE)


class NotLoaded(RunbookError):
    """The server cannot load what it was given; the message is its own."""


@contextmanager
def server(host: Host, folder: Path, settings: Sequence[str]) -> Iterator[RedisClient]:
    """A server that has loaded what is in a folder below scratch, with some settings, for a while.

    Raises `NotLoaded` where the data is at fault, and `RunbookError` where this host is.
    """
    name = scratch.container_name(folder.parent)
    words = ["--port", "0", "--unixsocket", _SOCKET, "--unixsocketperm", "700", "--dir", ".", "--daemonize", "no"]
    words += ["--protected-mode", "yes", "--maxmemory", "0", "--logfile", _LOG, *settings]
    # Beside the folder a path can be longer than the name of a socket may be.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    client = None
    try:
        host.serve(words, folder, name)
        client = _loaded(host, folder, name, f"/proc/self/fd/{descriptor}/{_SOCKET}")
        yield client
    finally:
        if client is not None:
            client.close()
        host.end(name)
        os.close(descriptor)


def expired_at_load(info: Info, folder: Path) -> int | None:
    """How many keys the server left out when it loaded, since they had expired; nothing where it does not say so."""
    if "rdb_last_load_keys_expired" in info.values:
        return info.number("rdb_last_load_keys_expired")
    found = re.search(r"keys expired: (\d+)", _log(folder))
    return int(found[1]) if found else None


def _loaded(host: Host, folder: Path, name: str, socket: str) -> RedisClient:
    """The connection to a server that has loaded its data; waits as long as it is alive and loads."""
    end = time.monotonic() + _PATIENCE
    while True:
        if not host.serving(name):
            raise _why_not(folder)
        client = None
        try:
            client = to_socket(socket)
            if not client.info().number("loading"):
                return client
            end = time.monotonic() + _PATIENCE
        except RunbookError:
            if time.monotonic() > end and host.serving(name):
                raise
        if client is not None:
            client.close()
        time.sleep(_STEP)


def _why_not(folder: Path) -> RunbookError:
    """Why a server ended: by what it wrote last."""
    text = _log(folder) or _text(folder / "output")
    lines = [line for line in text.splitlines() if re.search(r"^\S+ .* #|Can't|Fatal|rror|FATAL", line)]
    why = excerpt(" ".join(lines[-3:] or text.splitlines()[-3:]), 400)
    if _UNABLE.search(why):
        return RunbookError(f"this host's redis-server cannot read such a file, so nothing is known of the set: {why}")
    if "rror" in why or "orrupt" in why or "Bad file format" in why or "Internal error" in why:
        return NotLoaded(f"redis-server cannot load it: {why}")
    return RunbookError(f"the throwaway redis-server ended: {why}")


def _log(folder: Path) -> str:
    return _text(folder / _LOG)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
