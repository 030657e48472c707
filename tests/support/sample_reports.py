# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports as runs make them: a quiet morning, a bad night, and a large platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
    Check,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import Topology
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import (
    NoAnswer,
    Report,
    Run,
    assemble,
    run_check,
)

RUN = Run(
    id="20261123T031500-a1b2c3",
    platform="xorb-demo",
    procedure="daily",
    started_at="2026-11-23T03:15:00.000Z",
    who="alex",
)
FINISHED_AT = "2026-11-23T03:15:03.100Z"

TOPOLOGY = Topology({"api": ("postgres", "redis"), "proxy": ("api",)})

#: What one host of the demo has: point and aspect, value, unit, thresholds, and the evidence.
Known = tuple[str, str, str, Any, str, float | None, float | None, str]
POSTGRES: tuple[Known, ...] = (
    ("supervisor", "state", "health", None, "", None, None, "postgresql@17-main.service is active (running)"),
    ("sql", "query", "health", 3.1, "ms", 500, 2000, "SELECT 1 answered in 3.1 ms"),
    ("sql", "connections", "health", 4, "%", 80, 90, "4 of 100 connections are in use"),
    ("sql", "oldest_transaction", "health", 0, "s", 300, 900, "no transaction is open"),
)
REDIS: tuple[Known, ...] = (
    ("supervisor", "state", "health", None, "", None, None, "redis-server.service is active (running)"),
    ("cache", "ping", "health", 0.4, "ms", 100, 1000, "PONG"),
    ("cache", "memory", "capacity", 12, "%", 80, 90, "12.4 MiB of 100 MiB are in use"),
)
API: tuple[Known, ...] = (
    ("rest", "health", "health", 12.4, "ms", 500, 2000, "HTTP 200, status is healthy"),
    ("rest", "readiness", "health", 18.9, "ms", 500, 2000, "HTTP 200, database and cache are ready"),
)
PROXY: tuple[Known, ...] = (
    ("supervisor", "state", "health", None, "", None, None, "nginx.service is active (running)"),
    ("https", "health", "health", 15.2, "ms", 500, 2000, "HTTP 200, status is healthy"),
    ("https", "certificate", "certificates", 61.2, "days", 28, 7, "CN=demo.test ends on 2027-01-23"),
)
HOST: tuple[Known, ...] = (
    ("root", "space", "capacity", 43, "%", 80, 90, "8.6 GiB of 20 GiB are in use"),
    ("root", "inodes", "capacity", 6, "%", 80, 90, "78643 of 1310720 inodes are in use"),
    ("memory", "used", "capacity", 37.25, "%", 85, 95, "1.5 GiB of 4 GiB are in use"),
    ("cpu", "used", "capacity", 8.5, "%", 80, 95, "load of the last second"),
)
DEMO = {"db": {"postgres": POSTGRES, "redis": REDIS}, "web": {"api": API, "proxy": PROXY}}


def check(host: str, service: str, point: str, aspect: str, status: str = OK, **given: Any) -> Check:
    """A check with what matters to a test, and plain values for the rest."""
    return Check(
        **{
            "id": f"{service}.{point}.{aspect}",
            "name": f"{service} {point} {aspect}".replace("_", " "),
            "topic": "health",
            "service": service,
            "host": host,
            "owner": host,
            "target": f"{host}:{point}",
            "status": status,
            "message": "as it should be",
            "observed_at": "2026-11-23T03:15:01.000Z",
            "duration_ms": 4.2,
            **given,
        }
    )


def sound(host: str, services: Mapping[str, tuple[Known, ...]]) -> list[Check]:
    """The checks of a host on which all is well."""
    return [
        check(
            host, service, point, aspect, topic=topic, value=value, unit=unit, warning=warning, critical=critical,
            threshold_source="runbook" if warning is not None else "", message=message, falling=unit == "days",
        )
        for service, known in services.items()
        for point, aspect, topic, value, unit, warning, critical, message in known
    ]  # fmt: skip


def assembled(
    received: Iterable[Check], *, expected: Iterable[Check] | None = None, run: Run = RUN, **given: Any
) -> Report:
    """The report that a run with these checks makes."""
    arrived = list(received)
    awaited = [
        replace(one, value=None, unit="", warning=None, critical=None)
        for one in (arrived if expected is None else expected)
    ]
    absent = given.pop("absent", ())
    ledger = given.pop("ledger", {"sequence": 42, "sha256": "9f86d081" * 8, "path": "/var/lib/state/ledger.sqlite"})
    report = assemble(
        run,
        finished_at=FINISHED_AT,
        expected={one.key: one for one in awaited if one.host not in absent},
        received=arrived,
        left_out=[one.address for one in awaited if one.host in absent],
        **{"silent": {}, "about_run": (), "topology": TOPOLOGY, **given},
    )
    return replace(report, ledger=ledger)


def demo_checks() -> list[Check]:
    """Three hosts on which all is well."""
    checks = [found for host, services in DEMO.items() for found in sound(host, {**services, "host": HOST})]
    checks += sound("control", {"host": HOST, "proxy": PROXY[1:]})
    return checks


def quiet_morning() -> Report:
    """Three hosts, everything fine, one service that the platform does not have."""
    absent = check(
        "web", "temporal_ui", "service", "available", NOT_APPLICABLE,
        name="temporal ui available", message="no UI image in the production file",
    )  # fmt: skip
    return assembled([*demo_checks(), absent], expected=demo_checks())


def bad_night() -> Report:
    """PostgreSQL is dead, a certificate ends, a disk fills, a host is silent, another one was left out."""
    changes: dict[str, dict[str, Any]] = {
        "db/postgres.supervisor.state": {
            "status": CRITICAL,
            "message": "postgresql@17-main.service is failed: Result=exit-code, exit status 1, since 03:11:42; the last"
            " line of its journal is 'could not write lock file: No space left on device'",
            "remedy": "ansible-playbook xorb.runbook.service_recover -e service=postgres",
        },
        "db/postgres.sql.query": {"status": CRITICAL, "message": "connection refused on db:5432", "value": None},
        "db/postgres.sql.connections": {"status": UNKNOWN, "message": "connection refused on db:5432", "value": None},
        "db/postgres.sql.oldest_transaction": {
            "status": UNKNOWN, "message": "connection refused on db:5432", "value": None,
        },
        "db/host.root.space": {
            "status": CRITICAL, "value": 97.6, "message": "19.5 GiB of 20 GiB are in use",
            "remedy": "ansible-playbook xorb.runbook.capacity_report --limit db",
        },
        "web/api.rest.readiness": {
            "status": CRITICAL, "value": 2104.0, "message": "HTTP 503, database is unavailable: expected 200",
        },
        "web/proxy.https.certificate": {
            "status": WARNING, "value": 12.7, "message": "CN=demo.test ends on 2026-12-05",
            "remedy": "ansible-playbook xorb.runbook.certificate_rotate",
        },
        "web/host.memory.used": {"status": WARNING, "value": 88.1, "message": "3.5 GiB of 4 GiB are in use"},
    }  # fmt: skip
    expected = demo_checks()
    arrived = [
        replace(one, **changes.get(one.address, {})) for one in expected if one.host != "control"
    ]  # fmt: skip
    left_out = sound("spare", {"host": HOST})
    return assembled(
        arrived,
        expected=[*expected, *left_out],
        run=replace(RUN, limited_to="db:web:control"),
        silent={
            "control": NoAnswer(CRITICAL, "unreachable: ssh: connect to host control port 22: Connection timed out")
        },
        absent=["spare"],
    )


def rotation() -> Report:
    """A run that changed something on one host, and rolled back what it tried on another."""
    common = {"procedure": "certificate_rotate", "who": "alex", "at": "2026-11-23T03:15:02.000Z"}
    done = {
        **common, "host": "web", "subject": "proxy server", "outcome": "done", "incident": "INC-7",
        "what": "certificate 5e2a is in service until 2026-12-23 03:10 UTC, in place of 41c7",
        "why": "CN=demo.test expires in 6.2 days",
    }  # fmt: skip
    rolled_back = {
        **common, "host": "db", "subject": "postgres server", "outcome": "rolled_back", "incident": "", "why": "",
        "what": "certificate 77aa was rolled back: systemctl reload failed",
    }  # fmt: skip
    failing = run_check("certificate_rotate", CRITICAL, "systemctl reload failed", host="db", point="act")
    report = assembled(demo_checks(), about_run=[failing], run=replace(RUN, procedure="certificate_rotate"))
    return replace(report, actions=(done, rolled_back))


def large_platform(hosts: int = 40) -> Report:
    """Many hosts with 25 checks each: two with a full disk, one silent, one with a warning."""
    apps: tuple[Known, ...] = tuple(
        (f"worker_{number}", "health", "health", 4.0 + number, "ms", 500, 2000, "HTTP 200, status is healthy")
        for number in range(1, 12)
    )
    names = [f"node{number:02d}" for number in range(1, hosts + 1)]
    expected = [
        found
        for name in names
        for found in sound(name, {"host": HOST, "worker": apps, "postgres": POSTGRES, "redis": REDIS, "proxy": PROXY})
    ]
    arrived = []
    for number, one in enumerate(expected):
        changed = one
        if one.host in ("node07", "node23") and one.id == "host.root.space":
            changed = replace(one, status=CRITICAL, value=95.5, message="19.1 GiB of 20 GiB are in use")
        elif one.host == "node31" and one.id == "redis.cache.memory":
            changed = replace(one, status=WARNING, value=83, message="83 MiB of 100 MiB are in use")
        elif isinstance(one.value, float):
            changed = replace(one, value=round(one.value * (1 + number % 7 / 10), 1))
        if one.host != "node12":
            arrived.append(changed)
    return assembled(
        arrived,
        expected=expected,
        silent={"node12": NoAnswer(CRITICAL, "did not answer within 40 s: the host, or its connection, hangs")},
    )


def dead_databases(hosts: int, dead: int) -> Report:
    """Many hosts of which every so many have a dead PostgreSQL, and an API that is unavailable because of it."""
    names = [f"node{number:04d}" for number in range(1, hosts + 1)]
    expected = [found for name in names for found in sound(name, {"host": HOST, "postgres": POSTGRES, "api": API})]
    broken = set(names[:: max(hosts // dead, 1)][:dead])
    refused = {"message": "connection refused on port 5432", "value": None}
    changes: dict[str, dict[str, Any]] = {
        "postgres.supervisor.state": {"status": CRITICAL, "message": "postgresql@17-main.service is failed"},
        "postgres.sql.query": {"status": CRITICAL, **refused},
        "postgres.sql.connections": {"status": UNKNOWN, **refused},
        "postgres.sql.oldest_transaction": {"status": UNKNOWN, **refused},
        "api.rest.readiness": {"status": CRITICAL, "value": 59.0, "message": "HTTP 503, database is unavailable"},
    }
    arrived = [replace(one, **changes.get(one.id, {})) if one.host in broken else one for one in expected]
    return assembled(arrived, expected=expected)


def fleet(hosts: int, failing: int = 0) -> Report:
    """Many hosts with 43 checks each, three of which do not apply; on the last ``failing`` the database is dead."""
    workers: tuple[Known, ...] = tuple(
        (f"worker_{number}", "health", "health", 4.0 + number, "ms", 500, 2000, "HTTP 200, status is healthy")
        for number in range(1, 25)
    )
    services = {"host": HOST, "worker": workers, "postgres": POSTGRES, "redis": REDIS, "api": API, "proxy": PROXY}
    names = [f"node{number:05d}" for number in range(1, hosts + 1)]
    dead = set(names[hosts - failing :])
    expected = [found for name in names for found in sound(name, services)]
    arrived = [
        _dead(one, number) if one.host in dead and one.service in ("postgres", "api") else _varied(one, number)
        for number, one in enumerate(expected)
    ]
    arrived += [
        check(name, "queue", f"part_{number}", "available", NOT_APPLICABLE, message="no image in the production file")
        for name in names
        for number in range(3)
    ]
    return assembled(arrived, expected=expected)


def _varied(one: Check, number: int) -> Check:
    """The same on another host: other numbers, in the value and in the message."""
    if not isinstance(one.value, float):
        return one
    value = round(one.value * (1 + number % 89 / 100), 1)
    return replace(one, value=value, message=f"{one.message}, seen {number % 997} times")


def _dead(one: Check, number: int) -> Check:
    """What is found where no database runs; each host finds it at its own time."""
    if one.service == "api":
        return replace(one, status=CRITICAL, value=30.0 + number % 40, message="HTTP 503, database is unavailable")
    message = f"postgresql@17-main.service is failed since 03:{number % 60:02d}:42: connection refused on {one.target}"
    return replace(one, status=CRITICAL if one.value is None else UNKNOWN, value=None, message=message)
