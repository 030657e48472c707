# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two hosts, one of which proves the sets of the other: what the steps do, with the modules alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.modules import (
    backup_set_deliver,
    backup_set_prove,
    backup_set_read,
    backup_set_receipt,
)

from tests.support.modules import run_module

#: Seconds that a module waits for a job, which may take long on a machine that does much besides.
_WAIT = 120


@dataclass
class Prover:
    """Another host: a state and a scratch of its own. ``source`` are the arguments of the backup on its own host."""

    folder: Path
    source: dict[str, Any]
    kind: str = "files"
    identities: list[str] = field(default_factory=list)
    #: Bytes of a piece.
    size: int = 4096

    def __post_init__(self) -> None:
        """Make its folders."""
        self.scratch.mkdir(parents=True)
        # Servers that are started there have users of their own.
        self.folder.chmod(0o711)

    @property
    def scratch(self) -> Path:
        """Where it restores."""
        return self.folder / "scratch"

    @property
    def state(self) -> Path:
        """Its lock and journal."""
        return self.folder / "state"

    @property
    def arguments(self) -> dict[str, Any]:
        """What proves a set here."""
        names = ("platform", "service", "backup", self.kind)
        given = {name: self.source[name] for name in names}
        return {**given, "host": "other", "state_dir": str(self.state), "scratch_dir": str(self.scratch),
                "identities": self.identities}  # fmt: skip

    def read(self, name: str, **given: Any) -> dict[str, Any]:
        """What the host of a set reads of it."""
        return run_module(backup_set_read, **self._set(name), **given)

    def begin(self, name: str) -> dict[str, Any]:
        """Begin the job that a set is brought to."""
        manifest = self.read(name)["manifest"]
        return run_module(backup_set_prove, **self.arguments, manifest=manifest, wait=0.1)

    def bring(self, name: str, job: str) -> None:
        """Bring a set to its job."""
        done = 0
        while data := self.read(name, offset=done, size=self.size)["data"]:
            taken = self.deliver(job, offset=done, data=data)
            if taken.get("failed"):
                # The job says why it did not wait.
                return
            done += taken["taken"]

    def deliver(self, job: str, **given: Any) -> dict[str, Any]:
        """Hand something to a job."""
        return run_module(backup_set_deliver, job=job, state_dir=str(self.state), **given)

    def end(self, name: str, job: str) -> dict[str, Any]:
        """The result of a job."""
        manifest = self.read(name)["manifest"]
        return run_module(backup_set_prove, **self.arguments, manifest=manifest, job=job, wait=_WAIT)

    def prove(self, name: str) -> dict[str, Any]:
        """All of it; returns the result of the job."""
        begun = self.begin(name)
        if "job" not in begun:
            return begun
        self.bring(name, begun["job"])
        return self.end(name, begun["job"])

    def keep(self, name: str, receipt: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Have the host of a set keep a receipt."""
        state = self.source["state_dir"]
        return run_module(backup_set_receipt, **self._set(name), receipt=receipt, state_dir=state, **given)

    def outcomes(self) -> list[tuple[str, str]]:
        """How each operation of its journal ended, the first one first: outcome and message."""
        found = []
        for path in sorted((self.state / "journal").glob("*.jsonl")):
            last = json.loads(path.read_text().splitlines()[-1])
            found.append((str(last.get("outcome", "unfinished")), str(last.get("message", ""))))
        return found

    def _set(self, name: str) -> dict[str, Any]:
        source = self.source
        directory = source[self.kind]["directory"]
        return {"service": source["service"], "backup": source["backup"], "directory": directory, "set": name}
