# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host with one backup: its sets are taken, proved and restored here, without a module."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import create, restore, verify
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.restorer import Request
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal, locked, recover
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress

from tests.support import crash


class Host:
    """The state of a host, and a backup of it; ``given`` are the options that its kind has."""

    def __init__(self, folder: Path, kind: str, engine: str, **given: Any) -> None:
        self.folder = folder
        self.given: Mapping[str, Any] = {
            "kind": kind,
            "engine": engine,
            "directory": str(folder / "backups"),
            "platform": "shop",
            "service": "main",
            "backup": "daily",
            "host": "one",
            "container": None,
            **given,
        }

    @property
    def name(self) -> str:
        """What is typed where the backup is no database."""
        return f"{self.given['service']}.{self.given['backup']}"

    def take(self, *, verified: bool = True) -> str:
        """Take a set and, unless that is not wanted, verify it."""
        with self.journal() as journal:
            made = create.create(self.given, journal, Progress())
            if verified:
                receipt = verify.verify(self.given, self.set_of(made.id), (), journal, Progress())
                assert receipt.passed, receipt.faults
        return made.id

    def set_of(self, name: str) -> Any:
        """A set on the disk."""
        return create.store_of(self.given).find(name)

    @contextlib.contextmanager
    def journal(self) -> Iterator[Journal]:
        """The lock of the host, and its journal."""
        with locked(self.folder / "state", what="test", operator="test") as journal:
            yield journal

    def restore(self, **request: Any) -> restore.Outcome:
        """Restore, having ended what was left half done."""
        with self.journal() as journal:
            self.recover(journal)
            return restore.restore(self.given, Request(**request), (), journal, Progress())

    def undo(self, name: str) -> str:
        """Put back what a restore replaced."""
        with self.journal() as journal:
            self.recover(journal)
            return restore.undo(self.given, name, journal, Progress())

    def drop(self, name: str) -> None:
        """Remove what was kept."""
        with self.journal() as journal:
            self.recover(journal)
            restore.drop(self.given, name, journal, Progress())

    def recover(self, journal: Journal) -> list[str]:
        """End what was left half done; returns how each of it ended."""
        ended, left = recover(journal, restore.recoveries(self.given))
        assert not left
        return [one.outcome for one in ended]

    def killed_everywhere(
        self, act: Callable[[], Any], prepare: Callable[[], Any], whole: Callable[[], None]
    ) -> set[str]:
        """Kill something at each point, have the next run end it, and see what is left; returns how those ended."""
        outcomes: set[str] = set()
        for _point in crash.every_point(act, prepare=prepare):
            with self.journal() as journal:
                outcomes |= set(self.recover(journal))
            whole()
        return outcomes
