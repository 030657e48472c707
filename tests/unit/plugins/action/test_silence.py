# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Silences from end to end: refused where they would do nothing, and never green."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.action.silence import wanted
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support.lab import Lab

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
GIVEN: dict[str, Any] = {
    "state": "silenced", "hosts": [], "services": ["api"], "checks": [], "reason": "upgrade", "until": None,
    "duration": "2h", "ledger_retention_days": 90,
}  # fmt: skip


def test_wanted_ends_when_it_was_told_to() -> None:
    assert wanted(GIVEN, NOW, "alex").until == "2026-11-23T05:00:00.000000Z"
    moment = {**GIVEN, "duration": None, "until": "2026-11-23T18:00+01:00"}
    assert wanted(moment, NOW, "alex").until == "2026-11-23T17:00:00.000000Z"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"reason": "  "}, "reason: missing"),
        ({"services": []}, "at least one pattern"),
        ({"duration": None}, "every silence ends"),
        ({"duration": "two hours"}, "duration: expected a duration"),
        ({"duration": "91d"}, "later than the ledger keeps"),
        ({"duration": "0m"}, "is over"),
        ({"duration": None, "until": "2026-11-23T18:00"}, "another moment in every time zone"),
        ({"duration": None, "until": "tomorrow"}, "expected a moment"),
        ({"duration": None, "until": (NOW - timedelta(hours=1)).isoformat()}, "is over"),
    ],
)
def test_wanted_refuses(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RunbookError, match=sentence):
        wanted({**GIVEN, **given}, NOW, "alex")


def test_silence_from_end_to_end(lab: Lab, closed_port: int) -> None:
    port = {"port": {"kind": "tcp", "port": closed_port}}
    lab.variables["platform_services"] = {"api": {"hosts": "web", "endpoints": port}}
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    given = ("-e", f'{{"silence_hosts": "web", "silence_reason": "upgrade", "silence_until": "{until}"}}')
    assert lab.play("health_check").status == 2
    assert "changed=1" in lab.play("silence_create", *given, "--check", "--diff").output
    assert "changed=1" in lab.play("silence_create", *given).output
    assert "in force already: silence 2 of hosts one" in lab.play("silence_create", *given).output
    ran = lab.play("health_check")
    assert ran.status == 0, ran.output
    assert ran.statuses == {"one/api.port.connect": "critical"}
    assert [suppression["silence"] for suppression in ran.report["suppressed"]] == [2]
    refused = lab.play("silence_create", *given, "-e", "silence_services=nothing")
    assert refused.status == 2 and "nothing that is described matches" in refused.output
    expired = lab.play("silence_expire", "-e", "silence_id=2")
    assert expired.status == 0 and re.search(r"expired by \S+: silence 2 of hosts one", expired.output)
    assert lab.play("health_check").status == 2
