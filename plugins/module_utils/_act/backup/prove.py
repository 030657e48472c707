# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves one set by its method, wherever it lies: restored into scratch, compared, and what came of it as a receipt."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..._backup.backup_set import BackupSet
from ..._backup.manifest import Manifest
from ..._backup.receipt import Receipt
from ..progress import Progress
from .engine import Proof
from .method import Method
from .space import shortage


def prove(
    method: Method, one: BackupSet, host: str, identities: Sequence[str], folder: Path, progress: Progress
) -> Receipt:
    """Prove a set in an empty scratch folder. What is wrong with the set is in the receipt; raises for what is here.

    ``host`` is the name of this one.
    """
    begin = time.time()
    proof = _proof(method, one, identities, folder, progress)
    return Receipt(
        id=one.id,
        manifest_sha256=one.manifest_sha256,
        at=time.time(),
        host=host,
        seconds=time.time() - begin,
        restore_seconds=proof.restore_seconds,
        faults=proof.faults,
        facts=proof.facts,
        unknown=proof.unknown,
    )


def _proof(method: Method, one: BackupSet, identities: Sequence[str], folder: Path, progress: Progress) -> Proof:
    if one.manifest is None:
        return Proof(0, (one.fault,))
    proof = method.prove(one, one.manifest, identities, folder, progress)
    return replace(proof, faults=(one.fault, *proof.faults)) if one.fault else proof


def unable(
    method: Method,
    manifests: Sequence[Manifest],
    identities: Sequence[str],
    scratch: str | None,
    *,
    brought: bool = False,
) -> Iterator[str]:
    """Why this host cannot prove sets one after the other, found out without trying.

    ``scratch`` is where there is room to restore them, and ``brought`` whether their stored files lie there, too.
    """
    yield from method.undecryptable(manifests, identities)
    yield from dict.fromkeys(reason for one in manifests for reason in method.unable(one))
    if manifests:
        needed = max(room(method, one, brought=brought) for one in manifests)
        yield from shortage(Path(scratch or tempfile.gettempdir()), needed, "to restore a set there")


def room(method: Method, manifest: Manifest, *, brought: bool) -> int:
    """Bytes of scratch that it takes at most to prove a set, and to have its stored files there where it is brought."""
    return method.room(manifest, to_prove=True) + (manifest.size if brought else 0)
