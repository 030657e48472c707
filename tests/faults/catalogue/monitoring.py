# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Monitoring: the platform's own Prometheus, what it scrapes, and what it alerts by."""

from __future__ import annotations

from tests.faults.catalogue.parts import dropped, not_dropped
from tests.faults.matrix import Command, Expected, Row, Task
from tests.testbed.faults import Fault, shell

_API = "http://monitor:9092/api/v1"
_RULES = "/etc/prometheus/rules"
_RELOAD = "systemctl kill --signal=HUP prometheus.service"


def _is(query: str, pattern: str) -> str:
    """A test of what Prometheus answers to a query, from any host."""
    return f"curl -s -G --data-urlencode 'query={query}' {_API}/query | grep -q '{pattern}'"


#: A rule counts once it has been evaluated.
_RULES_WORK = f"""curl -s {_API}/rules | grep XORBTargetDown | grep -qv '"health":"unknown"'"""
_TARGET = 'up{instance=~".*15:9100"}'
_SCANS = "ptaas_scans_active"

#: The Prometheus of the lab, which nothing else asks.
_LAB_PROMETHEUS = {
    "kind": "prometheus",
    "port": 9494,
    "timeout": 20,
    "rule_groups": ["lab"],
    "queries": {"pods": "sum(up)"},
}


#: A script that makes it find a number of pods, each with an annotation of so many characters.
_PODS = "/etc/xorb-lab/prometheus/pods"


def _pods_up(number: int) -> str:
    """A test of whether the lab's Prometheus has scraped so many pods and no other, and has evaluated its rules."""
    base = "http://localhost:9494/api/v1"
    scraped = f"curl -s -G --data-urlencode 'query=sum(up) == {number}' {base}/query | grep -q '\"result\":\\[{{'"
    return f"""{scraped} && curl -s {base}/rules | grep -q '"health":"ok"'"""


def _row(
    fault: Fault,
    expected: Expected,
    command: Command,
    uses: str,
    *,
    path: str,
    shown: tuple[str, str] = ("", ""),
    scraped: bool = False,
) -> Row:
    return Row(
        fault=fault,
        chapter="Monitoring",
        look={
            "endpoints": {
                "api": {
                    "kind": "prometheus",
                    "port": 9092,
                    "rule_groups": ["xorb"],
                    "queries": {"scans": _SCANS},
                    # They look back for minutes, at what other rows have broken.
                    "ignore_alerts": ["*"],
                }
            }
        },
        seen_as="prometheus",
        expected=(expected,),
        command=command,
        task=Task(
            "ansible.builtin.uri",
            {"url": f"http://localhost:9092{path}", "return_content": True, "timeout": 8},
            telling=shown[0],
            evidence=shown[1],
        ),
        # Each query needs Prometheus, and of targets that are down it does not say which metrics are missing.
        uses=frozenset(
            {
                uses,
                *([f"monitor/prometheus/{fault.name}"] if fault.name != "prometheus_stopped" else []),
                *(["monitor/prometheus/scraped"] if scraped else []),
            }
        ),
        observer="monitor",
    )


ROWS = (
    _row(
        Fault(
            name="prometheus_target_down",
            sentence="a target does not let Prometheus scrape it any more",
            role="db12",
            broken_by=shell("systemctl stop prometheus-node-exporter.service"),
            mended_by=shell("systemctl start prometheus-node-exporter.service"),
            takes_hold=_is(f"{_TARGET} == 0", "node"),
            holds_no_more=_is(f"{_TARGET} == 1", "node"),
        ),
        Expected("api.targets", "critical", "connect: connection refused"),
        Command("prometheus.up", telling='"0"', evidence='a "0" in the list of values'),
        "db12/node_exporter",
        scraped=True,
        path="/api/v1/query?query=up",
        shown=(r'\\"0\\"', 'a "0" in the list of values'),
    ),
    _row(
        Fault(
            name="prometheus_metric_vanished",
            sentence="a metric has vanished: the query for it gives an empty vector",
            role="web",
            broken_by=shell(dropped(9090)),
            mended_by=shell(not_dropped(9090)),
            takes_hold=f"! {_is(_SCANS, _SCANS)}",
            holds_no_more=_is(_SCANS, _SCANS),
        ),
        Expected("api.scans", "unknown", "no data: the result of ptaas_scans_active is empty"),
        Command("prometheus.scans_active"),
        "web/metrics",
        scraped=True,
        path=f"/api/v1/query?query={_SCANS}",
    ),
    _row(
        Fault(
            name="prometheus_rules_not_loaded",
            sentence="Prometheus has not loaded its rules, so that nothing would ever alert",
            role="monitor",
            broken_by=shell(f"mv {_RULES}/xorb.yml {_RULES}/xorb.hidden; {_RELOAD}"),
            mended_by=shell(
                f"test ! -e {_RULES}/xorb.hidden || {{ mv {_RULES}/xorb.hidden {_RULES}/xorb.yml; {_RELOAD}; }}"
            ),
            takes_hold=f"curl -s {_API}/rules | grep -q '\"groups\":\\[\\]'",
            holds_no_more=_RULES_WORK,
        ),
        Expected("api.rules", "critical", "not loaded: xorb"),
        Command("prometheus.alert_rules"),
        "monitor/prometheus/rules",
        path="/api/v1/rules",
    ),
    _row(
        Fault(
            name="prometheus_stopped",
            sentence="Prometheus is stopped",
            role="monitor",
            broken_by=shell("systemctl stop prometheus.service"),
            mended_by=shell("systemctl start prometheus.service"),
            holds_no_more=f"{_is(f'{_TARGET} == 1', 'node')} && {_is(_SCANS, _SCANS)} && {_RULES_WORK}",
        ),
        Expected("api.targets", "critical", "refused"),
        Command("prometheus.up"),
        "monitor/prometheus",
        path="/api/v1/query?query=up",
    ),
    Row(
        fault=Fault(
            name="prometheus_alert_critical",
            sentence="an alert fires that calls itself Critical, with a capital letter",
            role="monitor",
            broken_by=shell(
                "printf '%s\\n' 'groups:' '- name: lab' '  rules:' '  - alert: LabOnFire' '    expr: vector(1)' "
                f"'    labels: {{severity: Critical}}' > {_RULES}/lab.yml; {_RELOAD}"
            ),
            mended_by=shell(f"if test -e {_RULES}/lab.yml; then rm {_RULES}/lab.yml; {_RELOAD}; fi"),
            takes_hold=f"curl -s {_API}/alerts | grep LabOnFire | grep -q firing",
            holds_no_more=f"! curl -s {_API}/rules | grep -q LabOnFire",
        ),
        chapter="Monitoring",
        # Alerts of others look back for minutes, at what other rows have broken.
        look={"endpoints": {"api": {"kind": "prometheus", "port": 9092, "ignore_alerts": ["[!L]*"]}}},
        expected=(Expected("api.alerts", "critical", "LabOnFire (critical)"),),
        command=Command("prometheus.alert_rules"),
        task=Task(
            "ansible.builtin.uri",
            {"url": "http://localhost:9092/api/v1/alerts", "return_content": True, "timeout": 8},
            telling="LabOnFire",
            evidence="the alert among all",
        ),
        uses=frozenset({"monitor/prometheus/rules", "monitor/prometheus/scraped"}),
    ),
    Row(
        fault=Fault(
            name="prometheus_many_targets",
            sentence="Prometheus has found a hundred pods with long annotations: its list of targets is 6 MB",
            role="monitor",
            broken_by=shell(f"{_PODS} 100 62000"),
            mended_by=shell(f"{_PODS} 1 0; systemctl restart xorb-lab-prometheus.service"),
            takes_hold=_pods_up(100),
            holds_no_more=_pods_up(1),
        ),
        chapter="Monitoring",
        look={"endpoints": {"api": _LAB_PROMETHEUS, "bounded": {**_LAB_PROMETHEUS, "max_body_bytes": 1_048_576}}},
        expected=(
            *(Expected(f"api.{aspect}", "ok") for aspect in ("targets", "rules", "alerts", "pods")),
            # A limit of our own is not Prometheus's fault, and costs nothing else.
            Expected(
                "bounded.targets", "unknown", "the body is larger than the 1.0 MiB that are read (max_body_bytes)"
            ),
            *(Expected(f"bounded.{aspect}", "ok") for aspect in ("rules", "alerts", "pods")),
        ),
        command=Command("prometheus.up", changes={":9092": ":9494"}),
        task=Task(
            "ansible.builtin.uri",
            {"url": "http://localhost:9494/api/v1/targets", "return_content": True, "timeout": 8},
        ),
        uses=frozenset({"monitor/lab-prometheus"}),
        harmless=True,
    ),
)
