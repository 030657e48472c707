# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An operation on sets that another version left half done is refused by name, and what is in service stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import change, deploy, trust
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import NotUnderstood
from ansible_collections.xorb.runbook.plugins.modules import certificate_request

from tests.support import crash
from tests.support.modules import run_module
from tests.support.rotating import Site

Lines = list[dict[str, Any]]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.install()
    return made


def cut_off(site: Site) -> tuple[Path, Lines]:
    """The file of a deployment that was killed after the new set was staged, and its lines."""
    issued = site.issued(site.given(), site.request(site.given()).csr)
    with journals.locked(site.state, what="test", operator="test"):
        pass
    assert crash.killed(lambda: site.deploy(issued), at=130)
    (path,) = (site.state / "journal").iterdir()
    lines = [json.loads(line) for line in path.read_bytes().rpartition(b"\n")[0].splitlines()]
    assert change.STAGE in [line.get("step") for line in lines]
    return path, lines


def write(path: Path, lines: Lines) -> None:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def everything(site: Site) -> dict[str, object]:
    """Every file of the host with what it holds, but for the lock."""
    files = {path for path in site.folder.rglob("*") if path.name != "lock"}
    return {str(path): path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes() for path in files}


def as_of_the_first_format(lines: Lines) -> None:
    """What the version before formats were counted wrote."""
    del lines[0]["format"]
    lines += [{"line": "step", "at": lines[0]["at"], "step": name, "learned": {}} for name in ("tell", "take_back")]


def needed(lines: Lines) -> dict[str, Any]:
    found: dict[str, Any] = lines[0]["needs"]["sets"][0]
    return found


def stage(lines: Lines) -> dict[str, Any]:
    return next(line for line in lines if line.get("step") == change.STAGE)


FOREIGN: dict[str, Callable[[Lines], object]] = {
    "the first format": as_of_the_first_format,
    "a step of another name": lambda lines: lines.append({**lines[-1], "step": "tell"}),
    "no sets": lambda lines: lines[0]["needs"].update(sets=[]),
    "sets by name": lambda lines: lines[0]["needs"].update(sets={"server": needed(lines)}),
    "a set that is a name": lambda lines: lines[0]["needs"].update(sets=["server"]),
    "no new set": lambda lines: needed(lines).pop("new"),
    "a need of another type": lambda lines: needed(lines).update(secrets="no"),
    "an option of another name": lambda lines: needed(lines)["given"].update(folder="/etc/nginx"),
    "no folder": lambda lines: needed(lines)["given"].pop("directory"),
    "old sets of another number": lambda lines: stage(lines)["learned"].update(old=[]),
    "old sets of another type": lambda lines: stage(lines)["learned"].update(old=[None]),
    "no old sets": lambda lines: stage(lines)["learned"].clear(),
    "a change of trust without its parts": lambda lines: lines[0].update(procedure=trust.PROCEDURE),
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_operation_that_is_not_understood_is_refused_by_name(foreign: str, site: Site) -> None:
    path, lines = cut_off(site)
    FOREIGN[foreign](lines)
    write(path, lines)
    before = everything(site)
    with pytest.raises(NotUnderstood) as caught:
        site.recover(site.given())
    message = str(caught.value)
    assert f"{lines[0]['procedure']} of nginx server, begun {lines[0]['at']}" in message
    assert "End it by a run of the version that began it" in message and str(path) in message
    assert everything(site) == before


@pytest.mark.parametrize("arguments", [{"only_decide": True}, {}, {"force": True}])
def test_module_refuses_what_an_earlier_version_left_half_done(arguments: dict[str, Any], site: Site) -> None:
    path, lines = cut_off(site)
    as_of_the_first_format(lines)
    write(path, lines)
    before = everything(site)
    given = {key: value for key, value in site.given().items() if value is not None}
    result = run_module(certificate_request, certificates=[given], state_dir=str(site.state), **arguments)
    assert result["failed"] and f"{deploy.PROCEDURE} of nginx server, begun " in result["msg"]
    assert f"it is written in format 1, and this version reads {journals.FORMAT}" in result["msg"]
    assert everything(site) == before
    # What the message asks for: with the file away, the host can be changed again.
    path.rename(site.folder / "moved")
    result = run_module(certificate_request, certificates=[given], state_dir=str(site.state), **arguments)
    assert "failed" not in result and result["unfinished"] == []
