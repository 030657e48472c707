# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host with two backups of files, for whole runs of the playbooks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._backup.receipt import Receipt
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import Store
from ansible_collections.xorb.runbook.plugins.modules import backup_set, backup_set_verify

from tests.support.backup_jobs import worked
from tests.support.lab import Lab


@dataclass
class BackupLab:
    """The service ``proxy`` of the host ``one``, with the backups ``config`` and ``other``."""

    lab: Lab

    def __post_init__(self) -> None:
        """Describe them."""
        for name in ("config", "other"):
            folder = self.lab.folder / name
            folder.mkdir()
            (folder / "settings").write_text(f"what {name} is set to\n" * 100)
        self.lab.hosts = {"one": {}}
        for procedure in ("backup_create", "backup_verify", "backup_list"):
            self.lab.variables[f"{procedure}_host_state_dir"] = str(self.state)
        self.lab.variables.update(
            # There is no sudo where tests run, and no other user is needed.
            ansible_become=False,
            platform_services={"proxy": {"hosts": "one", "backups": {}}},
        )
        self.backups.update({name: self.described(name) for name in ("config", "other")})

    @property
    def state(self) -> Path:
        """Where lock and journal of the host are."""
        return self.lab.folder / "host"

    @property
    def folder(self) -> Path:
        """Where the sets are."""
        return self.lab.folder / "backups"

    @property
    def backups(self) -> dict[str, Any]:
        """The description of the backups."""
        found: dict[str, Any] = self.lab.variables["platform_services"]["proxy"]["backups"]
        return found

    def described(self, name: str) -> dict[str, Any]:
        """The description of one."""
        return {"kind": "files", "directory": str(self.folder), "paths": [str(self.lab.folder / name)]}

    def sets(self, backup: str = "config") -> list[str]:
        """The names of the sets of a backup, the newest first."""
        return [one.id for one in Store(self.folder, "proxy", backup).sets()]

    def take(self, backup: str = "config") -> str:
        """Take a set without a playbook; returns its name."""
        return str(worked(backup_set, **self._arguments(backup))["set"]["id"])

    def receipt(self, name: str, backup: str = "config") -> Receipt | None:
        """What is known of a set."""
        return Store(self.folder, "proxy", backup).find(name).receipt

    def verify(self, backup: str = "config") -> None:
        """Verify the newest set without a playbook."""
        assert worked(backup_set_verify, **self._arguments(backup))["receipts"]

    def _arguments(self, backup: str) -> dict[str, Any]:
        files = {key: value for key, value in self.backups[backup].items() if key not in ("kind", "copies")}
        names = {"platform": "lab", "service": "proxy", "backup": backup, "host": "one"}
        return {**names, "files": files, "state_dir": str(self.state)}
