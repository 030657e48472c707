# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Web services: each fault has a stand-in of the API of its own, but for the one of the demo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.faults.catalogue.parts import dropped, not_dropped, of_unit
from tests.faults.matrix import Command, Expected, Row, Task
from tests.testbed.faults import FAULTS, Fault, shell

#: The machine that the tests run on decides how quick a service is; these limits only show something that is stuck.
_PATIENT = {"latency_warning_ms": 4000, "latency_critical_ms": 20000}
_HEALTH, _READINESS = "/api/v1/health", "/api/v1/readiness"


def _unit(port: int) -> str:
    return f"xorb-lab-api@{port}.service"


def _state(port: int, state: str) -> str:
    return f"echo {state} > /run/xorb-lab/state-{port}"


def _row(
    port: int,
    name: str,
    sentence: str,
    broken: str,
    *expected: Expected,
    readiness: bool = False,
    look: Mapping[str, Any] | None = None,
    harmless: bool = False,
    mended: str = ":",
) -> Row:
    path = _READINESS if readiness else _HEALTH
    pages: Mapping[str, Any] = look or {"kind": "http", ("readiness" if readiness else "health"): path, **_PATIENT}
    away = f"rm -f /run/xorb-lab/state-{port} /run/xorb-lab/environment-{port}"
    return Row(
        fault=of_unit(name, sentence, "web", _unit(port), broken, mended=f"{away}; {mended}"),
        chapter="Web services",
        look={"endpoints": {"rest": {"port": port, **pages}}},
        expected=expected,
        command=Command("health.api_readiness" if readiness else "health.api_health", changes={":8000": f":{port}"}),
        task=Task(
            "ansible.builtin.uri", {"url": f"http://localhost:{port}{path}", "return_content": True, "timeout": 8}
        ),
        uses=frozenset({f"web/api/{port}"}),
        harmless=harmless,
    )


ROWS = (
    Row(
        fault=FAULTS["api_unready"],
        chapter="Web services",
        look={
            "endpoints": {
                "rest": {
                    "kind": "http",
                    "port": 8000,
                    "host_header": "api.xorb.enterprise",
                    "readiness": _READINESS,
                    **_PATIENT,
                }
            }
        },
        expected=(Expected("rest.readiness", "critical", "HTTP 503, expected 200"),),
        # As it stands: the real API refuses what curl accepts, and the name that the runbook uses.
        command=Command("health.api_readiness"),
        task=Task("ansible.builtin.uri", {"url": f"http://localhost:8000{_READINESS}", "timeout": 8}),
        uses=frozenset({"web/api/main"}),
    ),
    _row(
        8101,
        "api_stopped",
        "the API is stopped",
        f"systemctl stop {_unit(8101)}",
        Expected("rest.health", "critical", "refused"),
    ),
    _row(
        8102,
        "api_frozen",
        "the API is frozen by SIGSTOP: its port is open, and no answer comes",
        f"systemctl kill --signal=SIGSTOP {_unit(8102)}",
        Expected("rest.health", "critical", "no complete answer within 5 s"),
    ),
    _row(
        8103,
        "api_unhealthy_body",
        "the API answers 200, and its body says that it is unhealthy",
        _state(8103, "unhealthy_body"),
        Expected("rest.health", "critical", 'status is "unhealthy"'),
    ),
    _row(
        8104,
        "api_degraded",
        "the API answers 200, and its body says that it is degraded",
        _state(8104, "degraded"),
        Expected("rest.health", "warning", 'status is "degraded"'),
    ),
    _row(
        8105,
        "api_array_body",
        "the API is not ready, and answers 200 with an array in which the 503 is text",
        _state(8105, "array_body"),
        Expected("rest.readiness", "critical", "the body is not a JSON object"),
        readiness=True,
    ),
    _row(
        8106,
        "api_error",
        "the API answers every request with 500",
        _state(8106, "error_500"),
        Expected("rest.health", "critical", "HTTP 500, expected 200"),
    ),
    _row(
        8107,
        "api_host_refused",
        "the API does not accept the name that a request has for it (Invalid host header)",
        _state(8107, "invalid_host api.xorb.enterprise"),
        Expected("rest.health", "critical", "Invalid host header (set host_header to a name that is allowed)"),
    ),
    _row(
        8108,
        "api_accept_refused",
        "the API refuses the header Accept: */* that curl sends, and serves its clients well",
        _state(8108, "accept_filter"),
        Expected("rest.health", "ok"),
        harmless=True,
    ),
    _row(
        8109,
        "api_login_page",
        "each request to the API is redirected to a login page, which answers 200",
        _state(8109, "redirect_login"),
        Expected("rest.health", "critical", "HTTP 302 redirects to /login, expected 200"),
    ),
    _row(
        8110,
        "api_truncated",
        "the answer of the API breaks off half way",
        _state(8110, "truncated"),
        Expected("rest.health", "critical", "the answer is truncated"),
    ),
    _row(
        8111,
        "api_slow",
        "the API answers, and takes two seconds for it",
        _state(8111, "slow 2"),
        Expected("rest.p95", "critical", "95 % of"),
        look={
            "kind": "latency",
            "path": _HEALTH,
            "seconds": 5,
            "p50_warning_ms": 1000,
            "p50_critical_ms": 1500,
            "p95_warning_ms": 1500,
            "p95_critical_ms": 1900,
        },
    ),
    _row(
        8112,
        "api_hangs",
        "the API accepts the connection and never answers",
        _state(8112, "hang"),
        Expected("rest.health", "critical", "no complete answer within 5 s"),
    ),
    _row(
        8113,
        "api_behind_firewall",
        "a firewall drops everything for the API, instead of refusing it",
        dropped(8113),
        Expected("rest.health", "critical", "no answer within 5 s"),
        mended=not_dropped(8113),
    ),
    _row(
        8114,
        "api_clock_wrong",
        "the clock of the API is a day behind (libfaketime): its tokens and time stamps are wrong",
        "library=$(dpkg -L libfaketime | grep 'libfaketimeMT.so.1$'); "
        "printf 'LD_PRELOAD=%s\\nFAKETIME=-1d\\nFAKETIME_DONT_FAKE_MONOTONIC=1\\n' \"$library\" "
        "> /run/xorb-lab/environment-8114; "
        f"systemctl restart {_unit(8114)}",
        Expected("rest.health", "critical", "s behind this host's"),
    ),
    _row(
        8117,
        "api_early_hints",
        "the API sends hints (103) before each answer, as HTTP allows and its clients expect",
        _state(8117, "early_hints"),
        Expected("rest.health", "ok"),
        harmless=True,
    ),
    _row(
        8116,
        "api_stalls",
        "the API stalls for four of every four and a half seconds, and answers at once in between",
        f"systemd-run --unit=xorb-lab-stalls.service sh -c 'while :; do systemctl kill --signal=SIGSTOP {_unit(8116)}; "
        f"sleep 4; systemctl kill --signal=SIGCONT {_unit(8116)}; sleep 0.5; done' 2> /dev/null",
        Expected("rest.max", "critical", "the slowest of"),
        look={
            "kind": "latency",
            "path": _HEALTH,
            "timeout": 10,
            "spread": 5,
            **{f"{name}_{level}_ms": 60000 for name in ("p50", "p95") for level in ("warning", "critical")},
            "max_warning_ms": 2000,
            "max_critical_ms": 2500,
        },
        mended="systemctl stop xorb-lab-stalls.service 2> /dev/null || :; "
        f"systemctl kill --signal=SIGCONT {_unit(8116)} || :",
    ),
    Row(
        fault=Fault(
            name="api_name_unknown",
            sentence="the name of the API cannot be resolved any more",
            role="monitor",
            broken_by=shell("grep -v xorb-lab.invalid /etc/hosts > /run/hosts; cat /run/hosts > /etc/hosts"),
            mended_by=shell(
                "address=$(getent hosts web | cut -d ' ' -f 1); "
                'grep -q xorb-lab.invalid /etc/hosts || echo "$address xorb-lab.invalid" >> /etc/hosts'
            ),
        ),
        chapter="Web services",
        look={
            "hosts": "xorb-web",
            "endpoints": {
                "rest": {"kind": "http", "port": 8115, "health": _HEALTH, "seen_from": ["xorb-monitor"], **_PATIENT}
            },
        },
        expected=(Expected("rest.health", "critical", "xorb-lab.invalid"),),
        command=Command("health.api_health", changes={"localhost:8000": "xorb-lab.invalid:8115"}),
        task=Task("ansible.builtin.uri", {"url": f"http://xorb-lab.invalid:8115{_HEALTH}", "timeout": 8}),
        uses=frozenset({"monitor/names"}),
    ),
    Row(
        fault=Fault(
            name="grafana_database_gone",
            sentence="Grafana answers, and says that its database is gone",
            role="web",
            broken_by=shell("echo grafana.unhealthy_body > /run/xorb-standin/state"),
            mended_by=("rm", "-f", "/run/xorb-standin/state"),
        ),
        chapter="Web services",
        look={
            "endpoints": {
                "web": {
                    "kind": "http",
                    "port": 3010,
                    "health": {"path": "/api/health", "expect": [{"path": "database", "equals": "ok"}]},
                    **_PATIENT,
                }
            }
        },
        expected=(Expected("web.health", "critical", 'database is "failing"'),),
        command=Command("grafana.health"),
        task=Task("ansible.builtin.uri", {"url": "http://localhost:3010/api/health", "timeout": 8}),
        # The same file of states.
        uses=frozenset({"web/api/main"}),
    ),
)
