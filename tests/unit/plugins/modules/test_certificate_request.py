# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modules of rotation as Ansible runs them: arguments in, one line of JSON out."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import deploy
from ansible_collections.xorb.runbook.plugins.modules import certificate_deploy, certificate_request

from tests.support import crash
from tests.support.rotating import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.install()
    return made


def options(site: Site, **more: Any) -> dict[str, Any]:
    """The options of a set as a playbook gives them."""
    return {key: value for key, value in {**site.given(), **more}.items() if value is not None}


def run(module: Any, capsys: pytest.CaptureFixture[str], site: Site, **arguments: Any) -> dict[str, Any]:
    given = {"state_dir": str(site.state), "certificates": [options(site)], **arguments}
    with patch_module_args(given), pytest.raises(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def everything(folder: Path) -> set[tuple[str, float]]:
    return {(str(path), path.lstat().st_mtime) for path in folder.rglob("*")}


@pytest.mark.parametrize("decide", [{"_ansible_check_mode": True}, {"only_decide": True}])
def test_deciding_changes_nothing(site: Site, capsys: pytest.CaptureFixture[str], decide: dict[str, Any]) -> None:
    before = everything(site.folder)
    result = run(certificate_request, capsys, site, **decide)
    assert everything(site.folder) == before
    (found,) = result["certificates"]
    assert found["due"] and "expires in 5 days" in found["reasons"][0] and found["csr"] == ""
    assert result["changed"] is ("_ansible_check_mode" in decide)
    assert "expires in 5 days" in result["diff"]["after"]["nginx server"]


def test_request_and_deployment_and_nothing_after_that(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    requested = run(certificate_request, capsys, site)
    assert requested["changed"] and requested["certificates"][0]["key_made"]
    assert "PRIVATE" not in json.dumps(requested)
    issued = site.issued(site.given(), requested["certificates"][0]["csr"])
    pems = {name: getattr(issued, name) for name in ("certificate", "fullchain", "ca")}
    checked = run(certificate_deploy, capsys, site, certificates=[options(site, **pems)], _ansible_check_mode=True)
    assert checked["changed"] and checked["certificates"] == []
    done = run(certificate_deploy, capsys, site, certificates=[options(site, **pems)])
    assert done["changed"] and done["certificates"][0]["outcome"] == "done"
    assert site.in_service() == done["certificates"][0]["fingerprint"]
    again = run(certificate_request, capsys, site)
    assert (again["changed"], again["certificates"][0]["due"]) == (False, False)
    twice = run(certificate_deploy, capsys, site, certificates=[options(site, **pems)])
    assert twice["failed"] and "there is no pending key" in twice["msg"]


@pytest.mark.parametrize(("off", "way"), [(-600, "ahead of"), (600, "behind")])
def test_clock_that_is_off_decides_nothing(
    site: Site, capsys: pytest.CaptureFixture[str], off: float, way: str
) -> None:
    before = everything(site.folder)
    result = run(certificate_request, capsys, site, controller_time=time.time() + off)
    assert result["failed"] and f"s {way} the control node's" in result["msg"]
    assert everything(site.folder) == before


def test_cut_off_deployment_is_seen_and_ended(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    issued = site.issued(site.given(), site.request(site.given()).csr)
    with journal.locked(site.state, what="test", operator="test"):
        pass
    assert crash.killed(lambda: site.deploy(issued), at=130)
    steps = journal.unfinished(site.state)[0].steps
    seen = run(certificate_request, capsys, site, only_decide=True)
    assert seen["unfinished"][0].startswith(f"{deploy.PROCEDURE} of nginx server, begun ")
    ended = run(certificate_request, capsys, site)
    assert "cut off: " in ended["recovered"][0] and ended["changed"]
    assert ended["certificates"][0]["due"] is ("swap" not in steps)


def test_cut_off_deployment_of_a_set_that_has_gone_waits_for_its_password(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    given = site.given(reload={"kind": "redis", "port": 1, "password": "sesame-open-wide"})
    issued = site.issued(given, site.request(given).csr)
    with journal.locked(site.state, what="test", operator="test"):
        pass
    assert crash.killed(lambda: site.deploy(issued), at=130)
    site.install("other")
    other = [options(site, point="other", directory=str(site.folder / "other"))]
    for arguments in ({"only_decide": True}, {}):
        seen = run(certificate_request, capsys, site, certificates=other, **arguments)
        assert len(seen["unfinished"]) == 1 and seen["pending"] == seen["unfinished"] and not seen["recovered"]
    same = [options(site, reload=given["reload"])]
    seen = run(certificate_request, capsys, site, certificates=same, only_decide=True)
    assert len(seen["unfinished"]) == 1 and not seen["pending"]


def test_host_that_is_being_changed_is_refused(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with journal.locked(site.state, what="lockdown", operator="alice"):
        result = run(certificate_request, capsys, site)
    assert result["failed"] and "another run is changing this host (lockdown by alice" in result["msg"]


def test_folder_that_is_not_there_is_named(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(certificate_request, capsys, site, certificates=[options(site, directory=str(site.folder / "no"))])
    assert result["failed"] and result["msg"].endswith("/no: No such file or directory")
