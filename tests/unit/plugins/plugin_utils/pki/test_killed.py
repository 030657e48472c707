# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run that is killed at any point leaves a CA that is as before, or that the next run finishes."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority

from tests.support.authorities import NAMES, made, opened
from tests.support.crash import killed
from tests.support.signing_requests import request, verified

CSR = request()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where there is one: a disk that really writes makes a thousand deaths last for minutes."""
    memory = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def every_state(action: Callable[[], Any], *, prepare: Callable[[], Any]) -> Iterator[int]:
    """Kill something in every state that it leaves the disk in: what is after one change is before the next one."""
    for point in itertools.count(1, 2):
        prepare()
        if not killed(action, at=point):
            assert point > 1, "it changes nothing at all"
            return
        yield point


def clean(directory: Path) -> None:
    """Assert that nothing half done is left."""
    names = {path.name for path in directory.rglob("*")}
    assert not [name for name in names if name.startswith(".") and name != ".lock"], names
    assert made(directory).changes == []


def works(directory: Path, folder: Path) -> None:
    """Assert that a CA issues what its own bundle vouches for, and knows all of it."""
    authority = opened(directory)
    issued = authority.issue(CSR, profile="server", names=NAMES)
    assert verified(issued.certificate, issued.ca, folder) == "leaf.pem: OK\n"
    kept = {path.stem for path in (directory / "intermediate/newcerts").iterdir()}
    assert kept == {row.serial for row in authority.register()}


@pytest.fixture
def restored(directory: Path, tmp_path: Path) -> Callable[[], None]:
    """Puts the directory back as it was."""
    backup = tmp_path / "backup"
    shutil.copytree(directory, backup, symlinks=True)

    def restore() -> None:
        shutil.rmtree(directory)
        shutil.copytree(backup, directory, symlinks=True)

    return restore


def test_making_killed_at_every_state(tmp_path: Path) -> None:
    directory = tmp_path / "ca"
    outcomes = set()
    for point in every_state(lambda: made(directory), prepare=lambda: shutil.rmtree(directory, ignore_errors=True)):
        outcomes.add(made(directory).outcome)
        clean(directory)
        if point % 25 == 0:
            works(directory, tmp_path)
    assert outcomes == {"created", "present"}


def test_issuing_killed_at_every_state(directory: Path, tmp_path: Path, restored: Callable[[], None]) -> None:
    answer = tmp_path / "answer"

    def issue() -> None:
        answer.unlink(missing_ok=True)
        answer.write_text(opened(directory).issue(CSR, profile="server", names=NAMES).serial)

    registered = set()
    for point in every_state(issue, prepare=restored):
        got_out = answer.exists() and answer.read_text()
        # Without a change nothing is recovered, and without recovery nothing may be unknown that got out.
        before = {row.serial for row in Authority.open(directory).register()}
        assert not got_out or got_out in before
        works(directory, tmp_path)
        registered.add(len(opened(directory).register()))
        clean(directory)
        assert point < 200
    # Killed early it was not issued, killed late it was.
    assert registered == {1, 2}


def test_revoking_killed_at_every_state(directory: Path, tmp_path: Path, restored: Callable[[], None]) -> None:
    serial = opened(directory).issue(CSR, profile="server", names=NAMES).serial
    shutil.rmtree(tmp_path / "backup")
    shutil.copytree(directory, tmp_path / "backup", symlinks=True)

    def revoke() -> None:
        authority = opened(directory)
        authority.revoke(serial, reason="key_compromise")
        authority.crl()

    numbers = []
    for _point in every_state(revoke, prepare=restored):
        authority = opened(directory)
        (row,) = authority.register()
        assert row.status in ("valid", "revoked")
        authority.revoke(serial, reason="key_compromise")
        authority.crl()
        numbers.append((directory / "intermediate/crlnumber").read_text())
        clean(directory)
    assert len(set(numbers)) == 2, "killed after its number was used up, a list takes the next one"


BOTH = ["root", "intermediate"]


@pytest.mark.parametrize(
    ("levels", "steps", "step"),
    [
        (BOTH, [], "prepare_next"),
        (["intermediate"], [], "prepare_next"),
        (BOTH, ["prepare_next"], "activate_next"),
        (BOTH, ["prepare_next", "activate_next"], "reactivate_previous"),
        (["intermediate"], ["prepare_next"], "abandon_next"),
        (BOTH, ["prepare_next", "activate_next"], "withdraw_previous"),
    ],
)
def test_phase_killed_at_every_state(
    levels: list[str], steps: list[str], step: str, directory: Path, tmp_path: Path, restored: Callable[[], None]
) -> None:
    def take(name: str) -> None:
        authority = opened(directory)
        if name == "prepare_next":
            authority.prepare_next(levels=levels)
        else:
            getattr(authority, name)()

    for name in steps:
        take(name)
    before = opened(directory).phase
    shutil.rmtree(tmp_path / "backup")
    shutil.copytree(directory, tmp_path / "backup", symlinks=True)
    take(step)
    after = opened(directory).phase
    assert before != after

    phases = set()
    for point in every_state(lambda: take(step), prepare=restored):
        made(directory)
        phases.add(opened(directory).phase)
        take(step)
        assert opened(directory).phase == after
        clean(directory)
        if point % 25 == 0:
            works(directory, tmp_path)
    assert phases == {before, after}
