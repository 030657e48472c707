# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is mounted where, by the kernel, and what should be, by systemd and /etc/fstab."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .._core.text import lines
from . import proc, systemd

FSTAB = Path("/etc/fstab")

#: Here where systemd is the first process (sd_booted).
BOOTED = Path("/run/systemd/system")

#: File systems that nothing can be written to, whatever they are mounted with.
_NEVER_WRITTEN = ("squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs")

#: ``emergency_ro`` is what newer kernels call a file system that went read-only after an error.
_READ_ONLY = ("ro", "emergency_ro")

_PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "Where",
    "Options",
    "FragmentPath",
    "SourcePath",
    "WantedBy",
    "RequiredBy",
)


@dataclass(frozen=True)
class Mount:
    """A file system that is mounted."""

    point: str
    kind: str
    read_only: bool

    @property
    def never_written(self) -> bool:
        """Whether its kind cannot be written at all."""
        return self.kind in _NEVER_WRITTEN


@dataclass(frozen=True)
class Meant:
    """What should be mounted, and the source of that: systemd or /etc/fstab."""

    point: str
    read_only: bool
    source: str


def within(path: str, folder: str) -> bool:
    """Whether a path is a folder or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def holding(path: str) -> Mount:
    """The mounted file system that a resolved path is on. Raises OSError where the kernel does not answer."""
    # Later lines cover earlier ones at the same path.
    found = [mount for mount in parse(proc.read("self/mountinfo")) if within(path, mount.point)]
    return max(enumerate(found), key=lambda pair: (len(pair[1].point), pair[0]))[1]


def parse(mountinfo: str) -> Iterator[Mount]:
    """Every line of ``/proc/PID/mountinfo``."""
    for line in lines(mountinfo):
        first, _dash, second = line.partition(" - ")
        if second:
            fields, (kind, _source, *options) = first.split(" "), second.split(" ", 2)
            words = [*fields[5].split(","), *"".join(options).split(",")]
            yield Mount(_plain(fields[4]), kind, any(word in _READ_ONLY for word in words))


def _plain(field: str) -> str:
    """A path without the kernel's and fstab's way to write blanks."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)


def meant(path: str, *, timeout: float) -> Meant | None:
    """What should be mounted at a resolved path or nearest above it; the root is no answer, since it always is.

    Raises `RunbookError` where systemd is there and does not answer.
    """
    try:
        text = FSTAB.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        text = ""
    known = [*of_fstab(text), *(_of_systemd(path, timeout) if BOOTED.is_dir() else ())]
    above = [one for one in known if one.point != "/" and within(path, one.point)]
    return max(above, key=lambda one: len(one.point), default=None)


def of_fstab(text: str) -> Iterator[Meant]:
    """What /etc/fstab has mounted at each start."""
    for line in lines(text):
        fields = line.split()
        if len(fields) < 3 or fields[0].startswith("#") or fields[2] == "swap" or not fields[1].startswith("/"):  # noqa: PLR2004 - device, path, kind
            continue
        options = (fields[3] if len(fields) > 3 else "defaults").split(",")  # noqa: PLR2004
        if "noauto" not in options:
            yield Meant(os.path.realpath(_plain(fields[1])), "ro" in options, str(FSTAB))


def _of_systemd(path: str, timeout: float) -> Iterator[Meant]:
    """The mount units for a path and what is above it that something wants, whether or not they are mounted now."""
    folders = [str(folder) for folder in (Path(path), *Path(path).parents) if str(folder) != "/"]
    if not folders:
        return
    for unit in systemd.show([unit_name(folder) for folder in folders], _PROPERTIES, timeout=timeout):
        wanted = unit.get("WantedBy") or unit.get("RequiredBy") or unit.get("SourcePath")
        if unit.get("LoadState") == "loaded" and unit.get("FragmentPath") and wanted:
            options = unit.get("Options", "").split(",")
            if "noauto" not in options:
                yield Meant(unit["Where"], "ro" in options, unit["Id"])


def unit_name(path: str) -> str:
    """What systemd calls the mount unit of a path (systemd-escape --path)."""
    allowed = string.ascii_letters + string.digits + ":_."
    escaped = []
    for index, byte in enumerate(os.fsencode(path.strip("/"))):
        character = chr(byte)
        if character == "/":
            escaped.append("-")
        elif character in allowed and not (character == "." and index == 0):
            escaped.append(character)
        else:
            escaped.append(f"\\x{byte:02x}")
    return "".join(escaped) + ".mount"
