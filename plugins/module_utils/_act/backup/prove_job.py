# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The work of the module ``backup_set_prove``: a set that came from elsewhere, or comes now, is proved on this host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..._backup import manifest as manifests
from ..._backup.backup_set import BackupSet
from ..._backup.manifest import Manifest
from ..._backup.private import write
from ..._backup.store import read_set
from ..._backup.stream import Arrival
from ..._core.errors import RunbookError
from ..inbox import NO_MORE, Inbox
from ..job import inbox
from ..journal import Journal, unfinished
from ..long_module import act_in_job
from ..module import Parameters, Recovered, Result
from ..progress import Progress
from . import in_scratch, verify
from .engines import engine_of
from .folder_method import FolderMethod
from .parameters import given_of
from .prove import prove, unable
from .recoveries import recoveries

#: Seconds without a piece of the set after which the run that brings it is taken for dead.
PATIENCE = 300.0

#: Where a set arrives, in its scratch folder.
_ARRIVED = "arrived"


def plan(parameters: Parameters) -> Result:
    """Why the set cannot be proved here."""
    manifest = _manifest(parameters)
    return {
        "changed": True,
        "set": manifest.id,
        "unfinished": [entry.summary for entry in unfinished(parameters["state_dir"])],
        "refused": list(_refused(parameters, manifest)),
    }


def prove_brought(parameters: Mapping[str, Any], progress: Progress) -> Result:
    """Wait until the set is here, and prove it, in a process of its own."""
    return act_in_job(verify.PROCEDURE, parameters, _apply, recoveries, progress)


def _apply(parameters: Parameters, journal: Journal, _recovered: Recovered, progress: Progress) -> Result:
    manifest = _manifest(parameters)
    if refused := list(_refused(parameters, manifest)):
        return {"changed": False, "refused": refused}
    subject = f"{manifest.service}.{manifest.backup} {manifest.id} of {manifest.host}"
    with in_scratch.operation(journal, verify.PROCEDURE, subject, parameters["scratch_dir"]) as work:
        one = _there(parameters, manifest, work.folder, progress)
        method, identities = _method(parameters), parameters["identities"]
        receipt = prove(method, one, parameters["host"], identities, work.folder, progress)
        work.outcome = receipt.outcome
    # The host itself is as it was: the receipt belongs to the store that the set came from.
    return {"changed": False, "receipt": asdict(receipt)}


def _there(parameters: Parameters, manifest: Manifest, folder: Path, progress: Progress) -> BackupSet:
    """The set, in the folder that it lies in, or in scratch once all of it has arrived there."""
    if parameters["folder"]:
        return read_set(Path(parameters["folder"]), manifest.id)
    arrived = folder / _ARRIVED
    arrived.mkdir(mode=0o700)
    write(arrived / manifests.NAME, parameters["manifest"])
    receive(arrived, manifest, inbox(Path(parameters["state_dir"]), parameters["job"]), progress)
    return read_set(arrived, manifest.id)


def receive(folder: Path, manifest: Manifest, pieces: Inbox, progress: Progress, patience: float = PATIENCE) -> None:
    """Take the stored files of a set, piece by piece. Raises `RunbookError` where they do not come as they should."""
    progress.phase("bringing", total=manifest.size, unit="bytes")
    with closing(Arrival(folder, manifest.files)) as arrival:
        while not arrival.complete:
            piece = pieces.take(patience)
            if piece is None:
                here = f"{arrival.position} of {arrival.total} bytes"
                raise RunbookError(f"nothing more of the set came for {patience:g} s, and {here} are here: not proved")
            number, data = piece
            if number == NO_MORE:
                raise RunbookError(data.decode("utf-8", "replace"))
            arrival.add(number, data)
            progress.at(arrival.position)


def _method(parameters: Parameters) -> FolderMethod:
    """What proves it: the set is in a folder here, whatever its store is."""
    given = given_of(parameters)
    return FolderMethod(given, engine_of(given))


def _manifest(parameters: Parameters) -> Manifest:
    """What the set says of itself. Raises `RunbookError` where it is damaged, or is not the only one given."""
    if bool(parameters["folder"]) == bool(parameters["manifest"]):
        raise RunbookError("folder, manifest: expected one of them, the set that is here or that of the one that comes")
    if parameters["manifest"]:
        return manifests.parse(parameters["manifest"])
    path = Path(parameters["folder"]) / manifests.NAME
    return manifests.parse(path.read_bytes().decode("ascii", "replace"))


def _refused(parameters: Parameters, manifest: Manifest) -> Iterator[str]:
    identities, scratch, brought = parameters["identities"], parameters["scratch_dir"], not parameters["folder"]
    yield from unable(_method(parameters), [manifest], identities, scratch, brought=brought)


#: What the job calls.
FUNCTION = f"{__name__}:{prove_brought.__name__}"
