# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every kind of backup can put back, whatever is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from ..._backup.manifest import Manifest
from ..progress import Progress
from .engine import Forecast, Proof

#: What stands between the name of what was replaced, or taken out of service again, and the time of that.
BEFORE, UNDONE = "_before_", "_undone_"


@dataclass(frozen=True)
class Destination:
    """Where a set goes.

    ``name`` is what is restored under that name, ``part`` what of the set (empty: all of it). ``stamp`` is the time
    of the run, as a set has one in its name: whatever is made on the way, or kept, is called after it. ``in_place``
    tells whether what is in service is replaced, and ``replaces`` whether anything has the name now, be it empty.
    ``paths`` are those of files that a set has, and empty for servers. ``at`` is the time whose state is restored (in
    seconds since 1970), and ``transaction`` the one before which that is, where it is another state than the set's own.
    """

    name: str
    part: str
    stamp: str
    in_place: bool
    replaces: bool
    paths: tuple[str, ...] = ()
    at: float | None = None
    transaction: str = ""

    @property
    def kept(self) -> str:
        """What that which had the name before is called afterwards, and what the operator types to put it back."""
        return f"{self.name}{BEFORE}{self.stamp}"

    @property
    def undone(self) -> str:
        """What that which was restored is called once the earlier one has its name again."""
        return f"{self.name}{UNDONE}{self.stamp}"

    def as_dict(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Destination:
        """From what the journal kept; raises KeyError or TypeError for anything else."""
        return cls(**{**values, "paths": tuple(values["paths"])})


@dataclass(frozen=True)
class Request:
    """What the operator wants restored, and where to; see the options of the module ``backup_set_restore``.

    ``origin`` is the copy that the set comes from, as a sentence names it, on a host that has nothing else.
    """

    set: str = ""
    at: float | None = None
    unverified: bool = False
    database: str = ""
    target: str = ""
    in_place: str = ""
    transaction: str = ""
    origin: str = ""


class Restorer(Protocol):
    """A kind of backup, made of its options like an `engine.Engine`; see `restorers.restorer_of`.

    Every method but `build` may be called again after it was cut off anywhere, and then ends what it began.
    """

    def destination(self, manifest: Manifest, request: Request, stamp: str) -> Destination:
        """Where a set goes. Raises `RunbookError` where the request names what is not there, or a wrong name."""

    def forecast(self, manifest: Manifest, destination: Destination) -> Forecast:
        """What the manifest and the host say of it: ``refused`` is why it cannot be done. Changes nothing."""

    def examine(self, plain: Path, manifest: Manifest, destination: Destination) -> tuple[str, ...]:
        """Why it cannot be done, by what only the plain files say. Changes nothing."""

    def container(self) -> str:
        """The identity of the container that the plain files go into (`inside.Inside`); empty where there is none."""

    def build(self, plain: Path, manifest: Manifest, destination: Destination, progress: Progress) -> Proof:
        """Restore beside what is in service, and compare with the manifest.

        Tools are started with their working folder beside ``plain``, so that the caller can end what is left of them.
        """

    def swap(self, destination: Destination) -> None:
        """Let what was built have the name; what had it before is kept as `Destination.kept`.

        Raises `RunbookError`; `put_back` follows then.
        """

    def in_effect(self, destination: Destination) -> bool:
        """Whether a swap that was begun has come to its end: what was built is in service."""

    def tidy(self, destination: Destination) -> None:
        """Remove what a swap that is in effect has left on the way."""

    def put_back(self, destination: Destination) -> None:
        """Leave all as it was before: what was kept has its name again, and nothing is left of what was built."""

    def undo(self, destination: Destination) -> None:
        """Let what was kept have its name again; what is in service is kept as `Destination.undone`.

        Raises `RunbookError`; `cancel_undo` follows then.
        """

    def is_undone(self, destination: Destination) -> bool:
        """Whether an `undo` that was begun has come to its end."""

    def cancel_undo(self, destination: Destination) -> None:
        """Leave in service what was restored, after an `undo` that did not come to its end."""

    def drop(self, name: str) -> None:
        """Remove what was kept, or undone, for good. Raises `RunbookError` where it is in use."""

    def held(self) -> Mapping[str, Sequence[str]]:
        """What is held back in copies that were restored, by the name of each copy."""

    def release(self, name: str) -> None:
        """Release what is held back in a copy."""

    def kept(self) -> Mapping[str, str]:
        """What is kept of earlier restores by its name, each with a few words about it."""
