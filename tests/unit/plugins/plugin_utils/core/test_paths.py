# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where things are kept unless an option says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core import paths


@pytest.mark.parametrize(
    ("state_dir", "environment", "state"),
    [
        ("/srv/state", {"XDG_STATE_HOME": "/xdg"}, Path("/srv/state")),
        ("~/state", {}, Path.home() / "state"),
        ("", {"XDG_STATE_HOME": "/xdg"}, Path("/xdg/xorb-runbook/lab")),
        (None, {"XDG_STATE_HOME": "relative"}, Path.home() / ".local/state/xorb-runbook/lab"),
        (None, {"XDG_STATE_HOME": ""}, Path.home() / ".local/state/xorb-runbook/lab"),
        (None, {}, Path.home() / ".local/state/xorb-runbook/lab"),
    ],
)
def test_paths_of_a_platform(state_dir: str | None, environment: dict[str, str], state: Path) -> None:
    found = paths.of("lab", state_dir, environment=environment)
    assert (found.state, found.ledger, found.reports) == (state, state / "ledger.sqlite", state / "reports")


@pytest.mark.parametrize("platform", ["", ".", "..", "../other", "a/b", "a\0b"])
def test_of_name_that_leads_elsewhere_is_refused(platform: str) -> None:
    with pytest.raises(RunbookError, match="platform_name: "):
        paths.of(platform)


MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 0:40 / / rw,relatime - overlay overlay rw,lowerdir=/a
30 27 8:1 /vol /data rw,relatime shared:1 - ext4 /dev/sda1 rw
31 27 0:50 / /run rw,nosuid - tmpfs tmpfs rw
32 27 8:2 / /with\040space rw - xfs /dev/sdb rw
33 27 8:3 / /twice rw - ext4 /dev/sdc rw
34 27 0:51 / /twice rw - tmpfs tmpfs rw
""".strip()


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("/srv/ca", True),
        ("/data/ca/not/yet/there", False),
        ("/data", False),
        ("/database/ca", True),
        ("/run/ca", True),
        ("/with space/ca", False),
        ("/twice/ca", True),
        ("/data/../srv/ca", True),
    ],
)
def test_folder_of_a_container_is_gone_unless_it_is_a_volume(path: str, gone: bool) -> None:
    why = paths.thrown_away(Path(path), inside=True, mounts=MOUNTS)
    assert bool(why) is gone
    assert not gone or "would be thrown away with it; mount a volume there" in why


def test_folder_outside_of_a_container_stays() -> None:
    assert not paths.thrown_away(Path("/srv/ca"), inside=False, mounts=MOUNTS)
