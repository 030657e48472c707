# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves one set that lies in a folder, wherever it came from: read, decrypted, restored into scratch, and compared."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..._backup.manifest import Manifest
from ..._backup.receipt import Receipt
from ..._backup.store import BackupSet, stray_files
from ..._core.text import excerpt
from ..progress import Progress
from .engine import Proof
from .engines import engine_of
from .sealing import Damaged, damage, unseal
from .space import shortage

#: How much room in scratch a set takes at least, of its plain size: its files, and what is restored from them.
_ROOM = 2

#: What comes of a manifest that holds something else than this version writes.
_MEANINGLESS = (LookupError, TypeError, ValueError)


def prove(
    given: Mapping[str, Any], one: BackupSet, identities: Sequence[str], folder: Path, progress: Progress
) -> Receipt:
    """Prove a set in an empty scratch folder. What is wrong with the set is in the receipt; raises for what is here.

    ``given`` is what an engine is made of, with ``host``, the name of this one.
    """
    begin = time.time()
    proof = _proof(given, one, identities, folder, progress)
    return Receipt(
        id=one.id,
        manifest_sha256=one.manifest_sha256,
        at=time.time(),
        host=given["host"],
        seconds=time.time() - begin,
        restore_seconds=proof.restore_seconds,
        faults=proof.faults,
        facts=proof.facts,
    )


def _proof(
    given: Mapping[str, Any], one: BackupSet, identities: Sequence[str], folder: Path, progress: Progress
) -> Proof:
    if one.manifest is None or (faults := stored_faults(one.folder, one.manifest, progress)):
        return Proof(0, tuple(faults) if one.manifest else (one.fault,))
    plain, place = folder / "plain", folder / "restored"
    for one_of_both in (plain, place):
        one_of_both.mkdir(mode=0o700)
    begin = time.monotonic()
    try:
        unseal(one.folder, one.manifest.files, plain, identities, progress)
    except Damaged as exc:
        return Proof(time.monotonic() - begin, (str(exc),))
    decrypting = time.monotonic() - begin
    try:
        proof = engine_of(given).prove(plain, one.manifest, place, progress)
    except _MEANINGLESS as exc:
        # The digests are right, so this is how it was written: a set that cannot be compared is not a proved one.
        why = excerpt(f"{type(exc).__name__}: {exc}", 200)
        return Proof(decrypting, (f"the manifest's content is none that this version can compare: {why}",))
    return replace(proof, restore_seconds=proof.restore_seconds + decrypting)


def stored_faults(folder: Path, manifest: Manifest, progress: Progress) -> list[str]:
    """What is wrong with the stored files of a set, without what is in them."""
    stray = (f"{name}: is in the set, and its manifest does not know it" for name in stray_files(folder, manifest))
    return [*damage(folder, manifest.files, progress), *stray]


def unable(
    given: Mapping[str, Any], manifests: Sequence[Manifest], identities: Sequence[str], *, brought: bool = False
) -> Iterator[str]:
    """Why this host cannot prove sets one after the other, found out without trying.

    ``brought``: whether their stored files lie in scratch, too.
    """
    encrypted = [one.id for one in manifests if one.recipients]
    if encrypted and not identities:
        yield f"{', '.join(encrypted)}: encrypted, and no identity is given that decrypts it"
    if encrypted and shutil.which("age") is None:
        yield "age is not installed here, and the set is encrypted; install the package age"
    for one in manifests:
        try:
            yield from engine_of(given).unable(one)
        except _MEANINGLESS:
            # That is the set's fault, which its proof finds.
            continue
    if manifests:
        needed = max(_ROOM * one.plain_size + (one.size if brought else 0) for one in manifests)
        yield from shortage(Path(given.get("scratch") or tempfile.gettempdir()), needed, "to restore a set there")
