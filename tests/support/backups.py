# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups as tests take and prove them: an engine alone, or with all that is around it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.engine import Proof
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.engines import engine_of
from ansible_collections.xorb.runbook.plugins.module_utils._act.progress import Progress
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import Manifest
from ansible_collections.xorb.runbook.plugins.module_utils._backup.spec import KINDS
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults

from tests.support import peers

UNPRIVILEGED = 65534


def given(kind: str, directory: Path, **options: Any) -> dict[str, Any]:
    """The options of a backup as an engine is made of them."""
    names = {"platform": "test", "service": "app", "backup": "main", "host": "h1", "kind": kind}
    login = options.pop("login", None)
    resolved = with_defaults(KINDS[kind], {"directory": str(directory), **options})
    return {**resolved, **names, "container": None, **({"login": login} if login else {})}


def take(options: dict[str, Any], plain: Path) -> Manifest:
    """Take the plain files of a set; its manifest has been through JSON, as one that is read has."""
    plain.mkdir(mode=0o700)
    taken = engine_of(options).take(plain, Progress())
    content = json.loads(json.dumps(taken.content))
    names = {name: options[name] for name in ("platform", "service", "backup", "host", "kind", "engine")}
    return Manifest(id="20261130T094500Z", begin=0, end=1, content=content, versions=taken.versions, **names)


def prove(options: dict[str, Any], plain: Path, manifest: Manifest) -> Proof:
    """Prove plain files in a new scratch folder beside them, which is gone afterwards."""
    scratch = plain.parent / f"xorb-runbook-scratch-{os.urandom(4).hex()}"
    restored = scratch / "restored"
    restored.mkdir(parents=True)
    try:
        return engine_of(options).prove(plain, manifest, restored, Progress())
    finally:
        shutil.rmtree(scratch)


class Tools:
    """The first folder of ``PATH``, in which a test has the commands that it wants."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self._folder = folder
        self._path = os.environ["PATH"]
        self._patch = monkeypatch
        monkeypatch.setenv("PATH", f"{folder}:{self._path}")

    def install(self, *tools: str) -> None:
        """Have commands that come from Debian's packages."""
        peers.commands(self._folder, *tools)

    def instead_of(self, tool: str, script: str) -> None:
        """Run a shell script in the place of a tool; ``$REAL`` in it is that tool."""
        real = shutil.which(tool, path=self._path)
        assert real
        path = self._folder / tool
        path.write_text(f"#!/bin/bash\nREAL={real}\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def only(self, *tools: str) -> None:
        """Have no other commands than these, of the machine's own."""
        for tool in tools:
            real = shutil.which(tool, path=self._path)
            assert real
            (self._folder / tool).symlink_to(real)
        self._patch.setenv("PATH", str(self._folder))


def identity() -> tuple[str, str]:
    """A new identity of age, and the recipient that it belongs to."""
    printed = subprocess.run(peers.program("age-keygen"), capture_output=True, check=True, text=True)
    secret = next(line for line in printed.stdout.splitlines() if line.startswith("AGE-SECRET-KEY-"))
    return secret, printed.stderr.strip().rpartition(" ")[2]
