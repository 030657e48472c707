# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real faults of the kinds that check hosts, their units, tools and files, and the real Prometheus."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.support.procedures import Ran

Run = Callable[..., Ran]
Shell = Callable[[str, str], str]
Broken = Callable[[str, str, str], AbstractContextManager[None]]

#: Prometheus of the test hosts scrapes every five seconds.
SCRAPED = 30


def wait(condition: Callable[[], bool]) -> None:
    """Wait until Prometheus has noticed something."""
    ends = time.monotonic() + SCRAPED
    while not condition():
        assert time.monotonic() < ends, "Prometheus does not notice"
        time.sleep(0.5)


def state_of_node(shell: Shell) -> str:
    """What Prometheus itself says of the exporter on host db."""
    targets = "http://localhost:9092/api/v1/query?query=up%7Bjob%3D%22node%22%7D%3D%3D0"
    return shell("monitor", f"python3 -c 'import urllib.request as u; print(u.urlopen(\"{targets}\").read().decode())'")


def rules(shell: Shell) -> str:
    """The rules that Prometheus has loaded, as it says."""
    url = "http://localhost:9092/api/v1/rules"
    return shell("monitor", f"python3 -c 'import urllib.request as u; print(u.urlopen(\"{url}\").read().decode())'")


def test_performance_of_a_sound_platform(run: Run) -> None:
    ran = run("performance_check")
    assert ran.status == 0, ran.output
    assert ran.report["received"] == ran.report["expected"] > 40
    assert {check["topic"] for check in ran.report["checks"]} <= {"performance", "capacity", "health"}
    assert not {"critical", "unknown", "warning"} & set(ran.statuses.values())
    assert "took at most" in ran.message("xorb-web/api.latency.p95")


def test_process_that_works_is_named_with_its_unit(run: Run, broken: Broken) -> None:
    started = "systemd-run --unit=busy.service --collect sh -c 'while :; do :; done'"
    with broken("web", started, "systemctl stop busy.service"):
        ran = run("performance_check", host={"checks": {"processes": {"cpu_warning": 2, "sample_seconds": 1}}})
    assert ran.statuses["xorb-web/host.processes.cpu"] == "warning"
    assert "of busy.service" in ran.message("xorb-web/host.processes.cpu")


def test_failed_unit_is_named(run: Run, broken: Broken) -> None:
    failed = "systemd-run --unit=nightly.service --service-type=oneshot false || :"
    with broken("db", failed, "systemctl reset-failed nightly.service"):
        ran = run("health_check")
    assert ran.status != 0
    assert ran.causes == ["xorb-db/host.units.failures"]
    assert ran.message("xorb-db/host.units.failures") == "1 failed: nightly.service (exit-code)"


def test_unit_that_is_restarted_for_ever_is_named(run: Run, broken: Broken) -> None:
    loop = "systemd-run --unit=loop.service -p Restart=always -p RestartSec=300 false"
    with broken("db", loop, "systemctl stop loop.service; systemctl reset-failed loop.service || :"):
        ran = run("health_check")
    assert ran.statuses["xorb-db/host.units.starts"] == "critical"
    assert "loop.service ended and waits to be started again" in ran.message("xorb-db/host.units.starts")


def test_stopped_timer_is_reported(run: Run, broken: Broken) -> None:
    timer = "systemd-tmpfiles-clean.timer"
    with broken("monitor", f"systemctl stop {timer}", f"systemctl start {timer}"):
        ran = run("health_check")
    assert ran.causes == ["xorb-monitor/host.cleanup.state"], ran.output
    assert ran.message("xorb-monitor/host.cleanup.state") == f"{timer} is inactive (dead)"
    assert ran.statuses["xorb-monitor/host.cleanup.fired"] == "unknown"


def test_timer_whose_service_fails_is_reported(run: Run, broken: Broken) -> None:
    started = "systemd-run --unit=doomed --on-calendar='*:0/1' false; systemctl start doomed.service || :"
    mended = "systemctl stop doomed.timer; systemctl reset-failed doomed.service || :"
    with broken("monitor", started, mended):
        ran = run("health_check", host={"checks": {"cleanup": {"unit": "doomed.timer"}}})
    assert ran.statuses["xorb-monitor/host.cleanup.state"] == "ok"
    assert ran.statuses["xorb-monitor/host.cleanup.service"] == "critical"
    assert "doomed.service failed: exit-code, exit status 1" in ran.message("xorb-monitor/host.cleanup.service")


@pytest.mark.parametrize(
    ("age", "status"), [("2 hours ago", "ok"), ("30 hours ago", "warning"), ("60 hours ago", "critical")]
)
def test_old_file_is_reported(run: Run, broken: Broken, age: str, status: str) -> None:
    dump = {"kind": "file_age", "path": "/srv/data/*.dump", "topic": "performance"}
    made = f"echo dump > /srv/data/a.dump; touch -d '{age}' /srv/data/a.dump"
    with broken("db", made, "rm -f /srv/data/a.dump"):
        ran = run("performance_check", postgres={"checks": {"backup": dump}})
    assert ran.statuses["xorb-db/postgres.backup.age"] == status
    assert (ran.status != 0) == (status == "critical")


def test_missing_and_old_tools_are_reported(run: Run, broken: Broken) -> None:
    here = {"kind": "command", "argv": ["nikto", "-Version"], "status": [0, 1], "topic": "performance"}
    old = {
        "kind": "command",
        "argv": ["/usr/local/bin/scanner"],
        "minimum": "2.1",
        "status": [1],
        "topic": "performance",
    }
    place = "/usr/local/bin/scanner"
    made = rf"printf '#!/bin/sh\necho scanner v2.0.9 >&2\nexit 1\n' > {place}; chmod +x {place}"
    with broken("web", made, f"rm -f {place}"):
        ran = run("performance_check", api={"checks": {"nikto": here, "scanner": old}})
    assert ran.status != 0
    assert ran.message("xorb-web/api.nikto.version").startswith("nikto is not installed (searched ")
    assert ran.message("xorb-web/api.scanner.version") == "/usr/local/bin/scanner is version 2.0.9, older than 2.1"


def test_target_that_is_down_is_named_by_the_real_prometheus(run: Run, broken: Broken, shell: Shell) -> None:
    exporter = "prometheus-node-exporter.service"
    with broken("db", f"systemctl stop {exporter}", f"systemctl start {exporter}"):
        wait(lambda: "node" in state_of_node(shell))
        ran = run("daily")
    assert ran.status != 0
    assert ran.statuses["xorb-monitor/prometheus.api.targets"] == "critical"
    message = ran.message("xorb-monitor/prometheus.api.targets")
    assert re.match(r"\d+ of \d+ targets up; down: node at ", message) and "connect: connection refused" in message
    assert ran.statuses["xorb-monitor/prometheus.api.up"] == "critical"
    assert "job=node} is 0" in ran.message("xorb-monitor/prometheus.api.up")
    wait(lambda: "node" not in state_of_node(shell))


def test_empty_vector_and_nan_are_unknown(run: Run) -> None:
    queries = {
        "vanished": {"query": "xorb_vanished_metric", "critical": 100},
        "average": "avg_over_time(http_request_duration_seconds[5m])",
        "nothing": {"query": "vector(0) / 0", "critical": 1},
    }
    ran = run("daily", prometheus={"endpoints": {"api": {"queries": queries}}})
    assert ran.status != 0
    for name in queries:
        assert ran.statuses[f"xorb-monitor/prometheus.api.{name}"] == "unknown"
    assert "no data: the result of avg_over_time" in ran.message("xorb-monitor/prometheus.api.average")
    assert ran.statuses["xorb-monitor/prometheus.api.up"] == "ok"


def test_rules_that_are_not_loaded_are_reported(run: Run, broken: Broken, shell: Shell) -> None:
    reload = "systemctl kill --signal=HUP prometheus.service"
    hidden = f"cd /etc/prometheus/rules; mv xorb.yml xorb.hidden; {reload}"
    back = f"cd /etc/prometheus/rules; test ! -e xorb.hidden || mv xorb.hidden xorb.yml; {reload}"
    with broken("monitor", hidden, back):
        wait(lambda: "XORBTargetDown" not in rules(shell))
        named = run("daily")
        unnamed = run("daily", prometheus={"endpoints": {"api": {"rule_groups": []}}})
    # A rule that was read again has no health before its first evaluation, which is a warning.
    wait(lambda: "XORBTargetDown" in rules(shell) and '"health":"unknown"' not in rules(shell))
    assert named.message("xorb-monitor/prometheus.api.rules") == "not loaded: xorb"
    assert unnamed.statuses["xorb-monitor/prometheus.api.rules"] == "warning"


def test_mended_platform_is_green(run: Run) -> None:
    ran = run("daily")
    assert ran.status == 0, ran.output
    assert not {"critical", "unknown", "warning"} & set(ran.statuses.values()), ran.output
