# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ways in which a runbook can end in a false green, each tried on real hosts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import yaml

from tests.support.procedures import Ran
from tests.testbed.layout import scenario_bed

Run = Callable[..., Ran]
Broken = Callable[[str], AbstractContextManager[None]]

#: The shipped deadline, and the time that a run may take beyond it.
DEADLINE, GRACE = 30, 600


def extra(**variables: object) -> tuple[str, str]:
    """Variables as an operator gives them on the command line."""
    return ("-e", yaml.safe_dump(variables, default_flow_style=True, width=10_000).strip())


def test_limit_with_a_critical_check_elsewhere_says_limited(run: Run, broken: Broken) -> None:
    with broken("disk_full"):
        ran = run("daily", "--limit", "monitor")
    assert ran.status == 0, ran.output
    assert "xorb-db/host.data.space" in ran.report["not_run"]
    assert "limited to monitor" in ran.output


def test_limit_on_the_failing_host_fails(run: Run, broken: Broken) -> None:
    with broken("disk_full"):
        assert run("daily", "--limit", "db").status != 0


def test_tags_cannot_leave_the_verdict_out(run: Run, broken: Broken) -> None:
    with broken("api_unready"):
        ran = run("health_check", "--tags", "report")
    assert ran.status != 0
    assert ran.causes == ["xorb-web/api.rest.readiness"]


def test_all_hosts_unreachable_are_named(run: Run) -> None:
    ran = run("health_check", *extra(ansible_port=1))
    assert ran.status != 0
    assert ran.seconds < DEADLINE + GRACE
    assert ran.report["received"] == 0
    assert {cause.split("/")[0] for cause in ran.causes} == {"xorb-db", "xorb-web", "xorb-monitor"}


def test_frozen_host_with_a_live_connection_is_named(run: Run, broken: Broken) -> None:
    assert run("health_check").status == 0, "the connection has to be alive before the host freezes"
    with broken("host_frozen"):
        ran = run("health_check")
    assert ran.status != 0
    assert ran.seconds < DEADLINE + GRACE
    assert "xorb-db/runbook.host.reachable" in ran.causes
    assert ran.statuses["xorb-monitor/prometheus.web.health"] == "ok"


def test_group_with_a_typo_is_critical(run: Run) -> None:
    ran = run("health_check", *extra(platform_overrides={"redis": {"hosts": "dbs"}}))
    assert ran.status != 0
    assert "did you mean 'db'?" in ran.message("/runbook.description.redis")


@pytest.mark.parametrize("playbook", ["health_check", "daily", "platform_check"])
def test_empty_inventory_is_refused(run: Run, tmp_path: Path, playbook: str) -> None:
    empty = tmp_path / "empty.yml"
    empty.write_text("all: {}\n")
    ran = run(playbook, inventory=empty)
    assert ran.status != 0
    assert "The inventory has no hosts" in ran.output


def test_probe_that_hangs_holds_up_nothing(run: Run, standin: Callable[[str], AbstractContextManager[None]]) -> None:
    # The time-out that it has without one of its own is longer than the deadline, so only the deadline can end it.
    with standin("hang"):
        ran = run("health_check", *extra(platform_deadline=4))
    assert ran.status != 0
    assert ran.seconds < 4 + GRACE
    assert ran.statuses["xorb-web/api.rest.health"] == "unknown"
    assert "deadline of 4 s" in ran.message("xorb-web/api.rest.health")
    assert ran.statuses["xorb-web/api.supervisor.state"] == "ok"
    assert ran.statuses["xorb-db/postgres.sql.query"] == "ok"


def test_undefined_variable_in_one_service_costs_that_service_only(run: Run) -> None:
    undefined = {"redis": {"endpoints": {"main": {"password": "{{ nowhere_defined }}"}}}}
    path = scenario_bed().directory / "undefined.yml"
    path.write_text(yaml.safe_dump({"platform_overrides": undefined}))
    ran = run("health_check", "-e", f"@{path}")
    assert ran.status != 0
    assert ran.statuses["xorb-db/redis.main.ping"] == "unknown"
    assert "'nowhere_defined' is undefined" in ran.message("xorb-db/redis.main.ping")
    assert ran.statuses["xorb-db/postgres.sql.query"] == "ok"
