# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What two versions of Docker printed, and a ``docker`` that prints it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import fake_docker

RECORDINGS = sorted((Path(__file__).parent / "docker").glob("*.json"))


@pytest.fixture(params=RECORDINGS, ids=[path.stem for path in RECORDINGS])
def recording(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What one version printed. Of the containers' details, only what is judged was kept."""
    found: dict[str, Any] = json.loads(request.param.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Path]:
    """Put a docker into the PATH that answers from a recording; returns the file with its arguments."""

    def install(answers: dict[str, Any]) -> Path:
        fake_docker.install(tmp_path, answers)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return tmp_path / "log"

    return install
