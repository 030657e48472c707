# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Folders and files that only their owner reads, and that are on the disk when they are said to be."""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing; `Path.mkdir` would let others look into the ones above."""
    if not folder.is_dir():
        make_folders(folder.parent)
        folder.mkdir(exist_ok=True, mode=PRIVATE_FOLDER)


def write(path: Path, text: str) -> None:
    """Write a private file; it is on the disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, text: str) -> None:
    """Write a private file in the place of an earlier one: whenever this is cut off, one of both is whole."""
    make_folders(path.parent)
    beside = path.with_name(f".{path.name}")
    write(beside, text)
    beside.rename(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until what is in a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
