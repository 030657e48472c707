# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Authorities in a file are exchanged by one renaming; what else it holds, its owner and its mode stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.chain import common
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.modules import certificate_trust_bundle

from tests.support import crash, issuing
from tests.support.modules import run_module

OLD, NEW, OTHER = (issuing.root(name) for name in ("Old", "New", "Other"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What somebody trusts: the old CA, and one that is none of ours."""
    path = tmp_path / "ca.pem"
    path.write_bytes(OLD.pem + OTHER.pem)
    path.chmod(0o640)
    return path


def run(file: Path, *trust: issuing.Issued, check_mode: bool = False) -> dict[str, Any]:
    result = run_module(
        certificate_trust_bundle,
        check_mode=check_mode,
        paths=[str(file)],
        authorities=(OLD.pem + NEW.pem).decode(),
        trust=b"".join(one.pem for one in trust).decode(),
        state_dir=str(file.parent / "state"),
    )
    if result.get("failed"):
        raise RunbookError(result["msg"])
    return result


def held(file: Path) -> list[str]:
    return sorted(common(one.subject).removeprefix("CN=") for one in load_bundle(file.read_bytes()))


def test_exchange_and_again(file: Path) -> None:
    planned = run(file, OLD, NEW, check_mode=True)
    assert planned["changed"] and planned["files"] == [str(file)]
    assert file.read_bytes() == OLD.pem + OTHER.pem
    assert run(file, OLD, NEW)["files"] == [str(file)]
    assert held(file) == ["New", "Old", "Other"]
    assert run(file, OLD, NEW)["changed"] is False
    assert run(file, NEW)["changed"] is True
    assert OTHER.pem in file.read_bytes() and OLD.pem not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in file.parent.iterdir()} == {"ca.pem", "state"}


def test_killed_anywhere_it_is_the_old_one_or_the_new_one(file: Path) -> None:
    def prepare() -> None:
        file.write_bytes(OLD.pem)

    points = 0
    for _point in crash.every_point(lambda: run(file, NEW), prepare=prepare):
        points += 1
        assert file.read_bytes() in (OLD.pem, NEW.pem)
        run(file, NEW)
        assert file.read_bytes() == NEW.pem
    assert points > 5


def test_what_cannot_be_exchanged_is_refused(file: Path) -> None:
    link = file.with_name("link.pem")
    link.symlink_to(file)
    with pytest.raises(RunbookError, match=r"link\.pem: is a link; name the file itself"):
        run(link, NEW)
    file.write_bytes(OLD.pem[:-30])
    with pytest.raises(RunbookError, match="no end"):
        run(file, NEW)
    with pytest.raises(RunbookError, match=r"nowhere\.pem: No such file"):
        run(file.with_name("nowhere.pem"), NEW)
