# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that a reader never sees half-written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: The name that a report of ours has: procedure, moment, and some chance.
OURS = re.compile(r"[a-z0-9_]+-\d{8}T\d{6}-[0-9a-f]{6}")


def write_atomically(path: Path, text: str, *, mode: int = 0o640) -> None:
    """Write beside the file and rename, so that it holds either the old text or the new, whatever happens."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.chmod(mode)
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make the names of a folder outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def point_to(link: Path, target: str) -> None:
    """Make a symbolic link point to ``target`` in one step."""
    beside = link.with_name(f".{link.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.rename(link)
    sync(link.parent)


def write_report(folder: Path, stem: str, texts: Mapping[str, str], *, keep: int) -> dict[str, Path]:
    """Write one file for each suffix, point ``latest.<suffix>`` to it, and remove all but the ``keep`` newest.

    Raises `OSError`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    written = {}
    for suffix, text in texts.items():
        path = folder / f"{stem}.{suffix}"
        write_atomically(path, text)
        point_to(folder / f"latest.{suffix}", path.name)
        written[suffix] = path
        _prune(folder, suffix, keep)
    return written


def _prune(folder: Path, suffix: str, keep: int) -> None:
    # Files of this collection alone, whatever else is in the folder.
    aged = []
    for path in folder.iterdir():
        if OURS.fullmatch(path.stem) and path.suffix == f".{suffix}":
            # Another run may have removed it by now.
            with contextlib.suppress(FileNotFoundError):
                aged.append((path.stat().st_mtime_ns, path.name))
    for _age, name in sorted(aged, reverse=True)[max(1, keep) :]:
        (folder / name).unlink(missing_ok=True)


def json_text(data: Mapping[str, Any]) -> str:
    """Data as JSON that a person can read: a line for each key, and for each item of a list.

    Not indented any deeper: that is only done in Python, and takes longer than everything else for a large report.
    """
    return "{\n" + ",\n".join(f"  {_spelled(key)}: {_lines(value)}" for key, value in data.items()) + "\n}\n"


def _lines(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _spelled(value)
    return "[\n" + ",\n".join(f"    {_spelled(item)}" for item in value) + "\n  ]"


def _spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


#: What fixes a write that failed because there is no room.
FREE_SPACE = "free some space there (df -h, df -i), or give the file another path"


def space(exc: OSError) -> str:
    """What fixes an error where it is one of space, or nothing."""
    return FREE_SPACE if exc.errno in (errno.ENOSPC, errno.EDQUOT) else ""
