# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every kind of backup can do, whatever is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..._backup.manifest import Manifest
from ..progress import Progress
from .space import Need


@dataclass(frozen=True)
class Forecast:
    """What a set would hold, found out without taking it.

    ``lines`` say it to the operator. ``plain_bytes`` is how much its files may take at most. ``refused`` are the
    reasons for which it cannot be taken, each a sentence that names what and what to do. ``needs`` is the room that it
    takes on file systems of this host, which the caller adds up with its own.
    """

    lines: tuple[str, ...] = ()
    plain_bytes: int = 0
    refused: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True)
class Taken:
    """What was taken: ``content`` is plain data that `Engine.prove` compares, ``versions`` of server and tools."""

    content: Mapping[str, Any]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Proof:
    """What a restore into scratch came to. ``restore_seconds`` is the restore alone, without what was compared.

    ``faults`` are sentences, each of which names what is missing or different; ``facts`` are counts for the receipt.
    ``unknown`` is what could not be found out, though it matters.
    """

    restore_seconds: float
    faults: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


class Engine(Protocol):
    """A kind of backup. Made of its options; see `engines.engine_of`."""

    def forecast(self) -> Forecast:
        """What a set would hold. Changes nothing. Raises `RunbookError` where that cannot be found out."""

    def take(self, folder: Path, progress: Progress) -> Taken:
        """Write the plain files of a set into an empty folder of this user's, with any subfolders.

        Raises `RunbookError` where anything at all is missing: half a set is none. Needs no undoing: where it fails or
        is killed, what it leaves is in the folder and, where there is a `container`, in the folder there that belongs
        to this one (`inside.Inside`), and nowhere else.
        """

    def unable(self, manifest: Manifest) -> Iterator[str]:
        """Why this host cannot prove a set, whatever is in it: a program is missing. Found out without trying.

        May raise KeyError, TypeError or ValueError for a manifest whose content is none of this engine's.
        """

    def container(self) -> str:
        """The identity of the container that files go through while a set is taken; empty where there is none."""

    def prove(self, plain: Path, manifest: Manifest, scratch: Path, progress: Progress) -> Proof:
        """Restore the plain files of a set into scratch, a folder of this user's, and compare it with the manifest.

        Never touches the source. Starts servers and tools with their working folder inside of scratch only, with no
        port, or in a container called `scratch.container_name`: so the caller can end whatever is left of them.
        """
