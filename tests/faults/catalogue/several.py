# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two faults that have nothing to do with each other, where one could be taken for a consequence of the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.faults.matrix import Expected, Row, Task
from tests.testbed.faults import Fault, shell

_TLS = "/etc/xorb-lab/tls"
_NO_COMMAND = "the runbook has no command that tells two faults apart"


def _row(
    name: str,
    sentence: str,
    role: str,
    units: tuple[str, str],
    broken: str,
    look: Mapping[str, Any],
    needed: Mapping[str, Any],
    *expected: Expected,
) -> Row:
    """A row of a service and one that it needs, both broken, each by itself."""
    return Row(
        fault=Fault(
            name=name,
            sentence=sentence,
            role=role,
            broken_by=shell(broken),
            mended_by=shell(f"systemctl restart {' '.join(units)}"),
        ),
        chapter="Two faults at once",
        look={**look, "depends_on": [f"{name}_needed"]},
        also={f"{name}_needed": needed},
        independent=2,
        expected=expected,
        command=_NO_COMMAND,
        task=Task("ansible.builtin.service_facts", {}, telling="$^"),
        uses=frozenset(f"{role}/{unit}" for unit in units),
    )


def _redis(port: int) -> dict[str, Any]:
    return {"endpoints": {"main": {"kind": "redis", "port": port}}}


ROWS = (
    _row(
        "redis_stopped_needs_hung",
        "Redis is stopped, and the server that it needs is frozen",
        "db",
        ("xorb-lab-redis@7050.service", "xorb-lab-redis@7051.service"),
        "systemctl stop xorb-lab-redis@7050.service; systemctl kill --signal=SIGSTOP xorb-lab-redis@7051.service",
        _redis(7050),
        _redis(7051),
        Expected("main.ping", "critical", "refused"),
    ),
    _row(
        "api_stopped_needs_expired",
        "the API is stopped, and the certificate of the server that it needs has expired",
        "web",
        ("xorb-lab-api@8120.service", "xorb-lab-nginx@8477.service"),
        "systemctl stop xorb-lab-api@8120.service; cd /etc/xorb-lab/served/8477; "
        f"cp {_TLS}/outdated.pem cert.pem; cp {_TLS}/outdated.key key.pem; "
        "systemctl reload xorb-lab-nginx@8477.service; sleep 1",
        {"endpoints": {"rest": {"kind": "http", "port": 8120, "health": "/api/v1/health"}}},
        {
            "endpoints": {
                "tls": {"kind": "tls", "port": 8477, "ca": f"{_TLS}/ca.pem"},
                "https": {"kind": "http", "scheme": "https", "port": 8477, "ca": f"{_TLS}/ca.pem", "health": "/"},
                "access": {"kind": "access_tls", "port": 8477, "ca": f"{_TLS}/ca.pem"},
            }
        },
        Expected("rest.health", "critical", "refused"),
    ),
    _row(
        "api_frozen_needs_stopped",
        "the API is frozen, and the server that it needs is stopped",
        "web",
        ("xorb-lab-api@8121.service", "xorb-lab-nginx@8478.service"),
        "systemctl kill --signal=SIGSTOP xorb-lab-api@8121.service; systemctl stop xorb-lab-nginx@8478.service",
        {
            "supervisor": {"kind": "systemd", "unit": "xorb-lab-api@8121.service"},
            "endpoints": {"rest": {"kind": "http", "port": 8121, "health": "/api/v1/health"}},
        },
        {"endpoints": {"tls": {"kind": "tls", "port": 8478, "ca": f"{_TLS}/ca.pem"}}},
        Expected("rest.health", "critical", "no complete answer within 5 s"),
        Expected("supervisor.state", "critical", "is stopped by a signal"),
    ),
)
