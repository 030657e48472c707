# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each fault that the demo can break is reported with its root cause; without one, everything is green."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.support.procedures import Ran
from tests.testbed.faults import FAULTS

#: The first root cause that each fault must be reported with, and a check that it must explain (if any).
ROOT_CAUSES = {
    "postgres_stopped": ("xorb-db/postgres.supervisor.state", "xorb-web/api.rest.readiness"),
    "redis_hung": ("xorb-db/redis.supervisor.state", "xorb-web/api.rest.readiness"),
    "api_unready": ("xorb-web/api.rest.readiness", None),
    "disk_full": ("xorb-db/host.data.space", None),
    "certificate_expired": ("xorb-web/nginx.certificate.expiry", None),
    "host_frozen": ("xorb-db/runbook.host.reachable", "xorb-web/api.rest.readiness"),
}

#: The faults that the daily check finds by itself; the matrix of faults has the others, too.
DAILY = {name for name, fault in FAULTS.items() if fault.found_by == "daily"}


def test_every_fault_has_a_root_cause() -> None:
    assert set(ROOT_CAUSES) == DAILY


@pytest.mark.parametrize("fault", sorted(DAILY))
def test_daily_fault_is_reported_by_its_root_cause(
    fault: str, run: Callable[..., Ran], broken: Callable[[str], AbstractContextManager[None]]
) -> None:
    cause, explained = ROOT_CAUSES[fault]
    with broken(fault):
        ran = run("daily")
    assert ran.status != 0, ran.output
    assert cause in ran.causes, ran.output
    assert ran.report["received"] <= ran.report["expected"]
    if explained:
        (check,) = [check for check in ran.report["checks"] if f"{check['host']}/{check['id']}" == explained]
        assert check["blocked_by"] == cause, ran.output


def test_daily_mended_platform_is_green(run: Callable[..., Ran]) -> None:
    ran = run("daily")
    assert ran.status == 0, ran.output
    assert ran.report["received"] == ran.report["expected"] > 30
    assert not {"critical", "unknown", "warning"} & set(ran.statuses.values())


def test_health_check_looks_at_health_and_backups_only(run: Callable[..., Ran]) -> None:
    ran = run("health_check")
    assert ran.status == 0, ran.output
    assert {check["topic"] for check in ran.report["checks"]} == {"health", "backups"}
