# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where things are kept when nobody says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils import _places


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
def test_of_place(state_dir: str | None, environment: dict[str, str], state: Path) -> None:
    places = _places.of("lab", state_dir, environment=environment)
    assert (places.state, places.ledger, places.reports) == (state, state / "ledger.sqlite", state / "reports")


@pytest.mark.parametrize("platform", ["", ".", "..", "../other", "a/b", "a\0b"])
def test_of_name_that_leads_elsewhere_is_refused(platform: str) -> None:
    with pytest.raises(RunbookError, match="platform_name: "):
        _places.of(platform)
