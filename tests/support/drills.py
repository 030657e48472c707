# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host that drills a copy of another one: a state, a scratch and receipts of its own, and the modules alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._backup import drill_record
from ansible_collections.xorb.runbook.plugins.module_utils._backup.drill_record import Drill, Record
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Finding
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds.backup_drill import KIND
from ansible_collections.xorb.runbook.plugins.modules import backup_set_drill

from tests.support.backup_jobs import worked
from tests.support.copies import PASSWORD, PATIENCE
from tests.support.modules import run_module

#: What is described of a copy alone, and not of its backup.
_ACCESS = ("repository", "password", "access_key_id", "secret_access_key", "identity", "known_hosts", "answer_timeout")


@dataclass
class DrillHost:
    """The host ``spare``. ``source`` are the arguments of the backup on its own host, with its ``kind``."""

    folder: Path
    source: dict[str, Any]
    access: dict[str, Any]
    kind: str = "files"
    identities: list[str] = field(default_factory=list)

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
    def receipts(self) -> Path:
        """Where the receipts of drills are."""
        return self.folder / "drills"

    @property
    def arguments(self) -> dict[str, Any]:
        """The parameters of the module."""
        names = {name: self.source[name] for name in ("platform", "service", "backup", self.kind)}
        access = {"password": PASSWORD, "answer_timeout": PATIENCE, **self.access}
        return {
            **names,
            "host": "spare",
            "owner": self.source["host"],
            "copy": "offsite",
            "access": {name: value for name, value in access.items() if name in _ACCESS},
            "directory": str(self.receipts),
            "state_dir": str(self.state),
            "scratch_dir": str(self.scratch),
            "identities": self.identities,
            "operator": "alex",
        }

    def drill(self, **options: Any) -> dict[str, Any]:
        """Hold a drill."""
        return worked(backup_set_drill, **{**self.arguments, **options})

    def plan(self, **options: Any) -> dict[str, Any]:
        """What it would do."""
        return run_module(backup_set_drill, only_plan=True, **{**self.arguments, **options})

    @property
    def place(self) -> Path:
        """Where the record is."""
        name = f"{self.source['service']}.{self.source['backup']}.offsite"
        return drill_record.path(self.receipts, name, self.source["host"])

    @property
    def record(self) -> Record:
        """What is kept of the drills."""
        found = drill_record.read(self.place)
        assert found
        return found

    @property
    def last(self) -> Drill:
        """The receipt of the last drill."""
        return self.record.drills[-1]

    def findings(self, **options: Any) -> dict[str, Finding]:
        """What the probe finds."""
        names = {"service": self.source["service"], "point": f"{self.source['backup']}.offsite.drill"}
        shipped = {name: option.default for name, option in KIND.options.items()}
        given = {**shipped, **names, "owner": self.source["host"], "directory": str(self.receipts), **options}
        return {one.aspect: one for one in KIND.run(given)}

    def statuses(self, **options: Any) -> tuple[str, ...]:
        """The same, without what is said: of the last drill, of RTO and of RPO."""
        return tuple(one.status for one in self.findings(**options).values())

    def left(self) -> list[str]:
        """What is on the host beside the receipt, lock, journal and folders of jobs that have ended."""
        known = {self.place}
        files = (path for path in self.folder.rglob("*") if path.is_file() and self.state not in path.parents)
        return [str(path) for path in files if path not in known]

    def outcomes(self) -> list[tuple[str, str]]:
        """How each operation of its journal ended, the first one first: outcome and message."""
        found = []
        for path in sorted((self.state / "journal").glob("*.jsonl")):
            last = json.loads(path.read_text().splitlines()[-1])
            found.append((str(last.get("outcome", "unfinished")), str(last.get("message", ""))))
        return found
