# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Probes of all kinds that meet one and the same fault say so as data: the report makes one root cause of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import process_table, tls
from ansible_collections.xorb.runbook.plugins.module_utils._core.about import About
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, Check
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import container, prometheus
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.runner import Probe, run_probes
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import Topology, explain

from tests.support.loopback import DAY, Authority, Client, Pair, hang, options, served

SQL = {"user": "u", "database": "d", "password": "a password"}
ACCESS = {"password": "a password", "not_applicable": {"plaintext": "speaks no TLS"}}


def checked(*probes: tuple[str, dict[str, Any]], service: str = "s") -> list[Check]:
    """The checks of some probes of one service on the host ``o``."""
    made = [
        Probe(KINDS[kind], {**part, "service": service, "point": f"point{number}"})
        for number, (kind, given) in enumerate(probes)
        for part in KINDS[kind].split(options(kind, **{"address": "127.0.0.1", "timeout": 1.0, **given}))
    ]
    return [replace(check, host="o") for check in run_probes(made, deadline=60)]


def roots(checks: list[Check]) -> list[str]:
    """The root causes."""
    return [cause.check for cause in explain(checks, Topology())[1]]


def reasons(checks: list[Check]) -> set[str]:
    """Every reason that was found."""
    return {fault.reason for check in checks for fault in About.read(check.about).faults}


#: Probes that need nothing but a port.
EVERYTHING: list[tuple[str, dict[str, Any]]] = [
    ("tcp", {}),
    ("http", {"health": "/health", "readiness": "/ready"}),
    ("redis", {}),
    ("redis_stats", {}),
    ("postgres", SQL),
    ("postgres_stats", SQL),
    ("tls", {}),
    ("latency", {"path": "/", "seconds": 0.1}),
    ("access_http", {"path": "/", "token": "a good token"}),
    ("access_redis", ACCESS),
    ("access_postgres", {**SQL, "sslmode": "prefer"}),
    ("access_tls", {}),
    ("prometheus", {}),
]


def test_port_that_refuses_is_one_cause_whatever_probes_it(closed_port: int) -> None:
    checks = checked(*((kind, {"port": closed_port, **given}) for kind, given in EVERYTHING))
    assert {check.status for check in checks} <= {CRITICAL, UNKNOWN, "not_applicable"}
    assert reasons(checks) == {"refused"}
    assert roots(checks) == ["o/s.point0.connect"]


def test_server_that_hangs_is_one_cause_whatever_probes_it() -> None:
    with served(hang) as port:
        checks = checked(*((kind, {"port": port, **given}) for kind, given in EVERYTHING[1:]))
    assert reasons(checks) == {"silent"}
    assert roots(checks) == ["o/s.point0.health"]


def well(client: Client) -> None:
    """Answer whatever comes as a web service that is well."""
    client.request()
    client.send(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"status":"healthy"}')


def through(pair: Pair, authority: Authority) -> list[Check]:
    """What several kinds find of a server with a certificate, and of its file."""
    given = {"ca": str(authority.file), "server_name": "localhost"}
    with served(well, pair.server_context()) as port:
        return checked(
            ("http", {"port": port, "scheme": "https", "health": "/", **given}),
            ("tls", {"port": port, **given}),
            ("latency", {"port": port, "scheme": "https", "seconds": 0.5, **given}),
            ("redis", {"port": port, "tls": True, **given}),
            ("access_tls", {"port": port, **given}),
            ("certificate_files", {"paths": [str(pair.certificate)], "trust": str(authority.file)}),
        )


def test_certificate_that_expired_is_the_cause_of_all_that_goes_through_it(authority: Authority) -> None:
    checks = through(authority.issue("localhost", begins=-90 * DAY, ends=-DAY), authority)
    assert sum(check.status not in (OK, "not_applicable") for check in checks) > 10
    assert roots(checks) == ["o/s.point1.expiry"]


def test_certificate_of_another_name_is_one_cause(authority: Authority) -> None:
    checks = [one for one in through(authority.issue("elsewhere.example"), authority) if "point5" not in one.id]
    assert roots(checks) == ["o/s.point0.health"] and reasons(checks) == {"names"}


def test_certificate_of_another_authority_is_one_cause(authority: Authority, foreign: Authority) -> None:
    assert (
        len(roots([one for one in through(foreign.issue("localhost"), authority) if "point5.key" not in one.id])) == 1
    )


def test_two_certificates_that_expired_are_two_causes(authority: Authority) -> None:
    one, two = (authority.issue(name, begins=-90 * DAY, ends=-DAY) for name in ("localhost", "localhost"))
    both = checked(("certificate_files", {"paths": [str(one.certificate), str(two.certificate)]}), service="tree")
    checks = [*through(one, authority), *both]
    assert roots(checks) == ["o/s.point1.expiry", "o/tree.point0.expiry"]


def test_missing_drivers_are_one_cause(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    for name in ("psycopg2", "redis"):
        monkeypatch.setitem(sys.modules, name, None)
    probes: list[tuple[str, dict[str, Any]]] = [
        ("redis", {}),
        ("redis_stats", {}),
        ("postgres", SQL),
        ("postgres_stats", SQL),
        ("access_redis", ACCESS),
    ]
    checks = checked(*((kind, {"port": closed_port, **given}) for kind, given in probes))
    assert {check.status for check in checks} == {UNKNOWN}
    assert len(roots(checks)) == 1


def test_server_that_answers_every_page_with_an_error_is_one_cause() -> None:
    def broken(client: Client) -> None:
        client.request()
        client.send(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")

    with served(broken) as port:
        checks = checked(
            ("http", {"port": port, "health": "/a", "readiness": "/b", "paths": {"other": "/c"}}),
            ("latency", {"port": port, "path": "/", "seconds": 0.5}),
            ("access_http", {"port": port, "path": "/", "token": "a good token"}),
        )
    assert reasons(checks) == {"unwell"} and len(roots(checks)) == 1


def test_check_that_is_as_it_should_be_is_about_nothing() -> None:
    with served(hang) as port:
        (check,) = checked(("tcp", {"port": port}))
    assert check.about == "" and "about" not in check.as_dict()


def test_fingerprint_is_that_of_the_certificate_whatever_reads_it(authority: Authority) -> None:
    pair = authority.issue("localhost")
    der = tls._first_of(str(pair.certificate))
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(pair.certificate), "-noout", "-fingerprint", "-sha256"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert shown.strip().partition("=")[2].replace(":", "").lower().startswith(tls.fingerprint(der))
    assert tls._first_of("/nonexistent") == b"" and tls.fingerprint(b"") == ""


def test_process_that_remains_stopped_is_distinguished_from_one_that_runs() -> None:
    process = subprocess.Popen(["sleep", "600"])
    try:
        assert not process_table.remains_stopped(process.pid)
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert process_table.remains_stopped(process.pid)
        process.send_signal(signal.SIGCONT)
        os.waitid(os.P_PID, process.pid, os.WCONTINUED)
        assert not process_table.remains_stopped(process.pid)
    finally:
        process.kill()
        process.wait()
    assert not process_table.remains_stopped(process.pid)


def test_file_system_is_one_cause_whichever_of_its_paths_is_probed(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    full = {"warning": 0.0, "critical": 0.0}
    checks = checked(*(("disk", {"path": str(path), **full}) for path in (tmp_path, tmp_path / "deeper")))
    assert roots([check for check in checks if check.id.endswith(".space")]) == ["o/s.point0.space"]


def test_containers_are_known_by_their_names() -> None:
    paused, sick = (
        {"Name": f"/{name}", "State": {"Status": status, "Health": {"Status": "unhealthy"}}}
        for name, status in (("api", "paused"), ("ui", "running"))
    )
    found = container.judge([paused, sick], "running", 1, now=datetime.now(UTC))
    assert [(fault.reason, fault.subjects) for fault in found.faults] == [
        ("down", (("unit", "container api"),)),
        ("unwell", (("service", ""), ("unit", "container ui"))),
    ]


def test_what_prometheus_reports_has_the_address_that_it_scrapes() -> None:
    target = {"health": "down", "scrapeUrl": "http://10.0.0.2:9090/metrics", "labels": {"job": "a", "instance": "api"}}
    given = options("prometheus")
    assert [fault.subjects for fault in prometheus.targets([target], given).faults] == [(("address", "10.0.0.2:9090"),)]
    alert = {"state": "firing", "labels": {"severity": "critical", "instance": "10.0.0.2:9090"}}
    groups = [{"rules": [{"name": "Down", "alerts": [alert, {"state": "firing", "labels": {}}]}]}]
    found = prometheus.alerts(groups, given)
    assert {fault.subjects for fault in found.faults} == {(("address", "10.0.0.2:9090"),), (("address", ""),)}
    assert {fault.known for fault in found.faults} == {"reported"}


def test_certificate_that_was_cut_off_is_the_cause_of_a_key_without_one(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("localhost")
    (tmp_path / "key.pem").write_bytes(pair.key.read_bytes())
    (tmp_path / "key.pem").chmod(0o600)
    (tmp_path / "cert.pem").write_bytes(pair.certificate.read_bytes()[:300])
    (tmp_path / "ca.pem").write_bytes(authority.file.read_bytes())
    checks = checked(("certificate_files", {"paths": [str(tmp_path)]}))
    assert {"readable", "key"} <= {check.id.rpartition(".")[2] for check in checks if check.status == CRITICAL}
    assert roots(checks) == ["o/s.point0.readable"]
