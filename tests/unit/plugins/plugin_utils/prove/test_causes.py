# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Root causes: what explains what, and what must never be explained away."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
    Check,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import Cause, Topology, explain

from tests.support.sample_reports import check

CHAIN = {"proxy": ("api",), "api": ("postgres",), "postgres": ()}


def silent(host: str) -> Check:
    """The check that says that a whole host was silent."""
    return check(host, "runbook", "host", "reachable", CRITICAL)


def blocked(checks: list[Check], depends_on: dict[str, tuple[str, ...]] | None = None) -> dict[str, str]:
    """What blocks each failing check; nothing stands for a root cause."""
    explained, causes = explain(checks, Topology(depends_on or {}))
    assert {cause.check for cause in causes} == {
        one.address for one in explained if one.status in (WARNING, UNKNOWN, CRITICAL) and not one.blocked_by
    }
    return {one.address: one.blocked_by for one in explained if one.status not in (OK, NOT_APPLICABLE)}


def test_explain_nothing_fails_has_no_cause() -> None:
    checks = [check("one", "api", "rest", "health"), check("one", "ui", "service", "available", NOT_APPLICABLE)]
    assert explain(checks, Topology()) == (checks, ())


def test_explain_dead_supervisor_explains_its_endpoints_on_its_host_only() -> None:
    checks = [
        check("one", "api", "supervisor", "state", CRITICAL),
        check("one", "api", "rest", "health", CRITICAL),
        check("two", "api", "rest", "health", CRITICAL),
    ]
    assert blocked(checks) == {
        "one/api.supervisor.state": "",
        "one/api.rest.health": "one/api.supervisor.state",
        "two/api.rest.health": "",
    }


def test_explain_dead_supervisor_explains_what_others_see_of_it() -> None:
    seen_from = replace(check("control", "api", "rest", "health", UNKNOWN), owner="one")
    checks = [check("one", "api", "supervisor", "state", CRITICAL), seen_from]
    assert blocked(checks)["control/api.rest.health@one"] == "one/api.supervisor.state"


def test_explain_silent_host_explains_all_its_checks_and_what_others_see_of_it() -> None:
    seen_from = replace(check("control", "api", "rest", "health", CRITICAL), owner="one")
    checks = [
        silent("one"),
        check("one", "api", "supervisor", "state", UNKNOWN),
        check("one", "host", "root", "space", UNKNOWN, topic="capacity"),
        seen_from,
        check("two", "api", "rest", "health", CRITICAL),
    ]
    found = blocked(checks)
    assert found.pop("two/api.rest.health") == found.pop("one/runbook.host.reachable") == ""
    assert set(found.values()) == {"one/runbook.host.reachable"}


def test_explain_deepest_failing_dependency_is_the_cause() -> None:
    checks = [
        check("web", "proxy", "https", "health", CRITICAL),
        check("web", "api", "rest", "readiness", CRITICAL),
        check("db", "postgres", "sql", "query", CRITICAL),
        check("db", "postgres", "supervisor", "state", CRITICAL),
    ]
    found = blocked(checks, CHAIN)
    assert found.pop("db/postgres.supervisor.state") == ""
    assert set(found.values()) == {"db/postgres.supervisor.state"}
    _explained, causes = explain(checks, Topology(CHAIN))
    assert causes == (
        Cause(
            "db/postgres.supervisor.state",
            ("web/proxy.https.health", "web/api.rest.readiness", "db/postgres.sql.query"),
        ),
    )


def test_explain_dependency_on_a_silent_host_is_the_silence() -> None:
    checks = [
        check("web", "api", "rest", "readiness", CRITICAL),
        silent("db"),
        check("db", "postgres", "sql", "query", UNKNOWN),
    ]
    assert blocked(checks, CHAIN)["web/api.rest.readiness"] == "db/runbook.host.reachable"


@pytest.mark.parametrize("status", [OK, WARNING, UNKNOWN, NOT_APPLICABLE])
def test_explain_dependency_that_is_not_critical_explains_nothing(status: str) -> None:
    checks = [check("web", "api", "rest", "readiness", CRITICAL), check("db", "postgres", "sql", "query", status)]
    assert blocked(checks, CHAIN)["web/api.rest.readiness"] == ""


def test_explain_supervisor_is_never_explained_by_a_dependency() -> None:
    checks = [check("web", "api", "supervisor", "state", CRITICAL), check("db", "postgres", "sql", "query", CRITICAL)]
    assert blocked(checks, CHAIN)["web/api.supervisor.state"] == ""


def test_explain_other_topics_stand_for_themselves() -> None:
    checks = [
        check("web", "api", "supervisor", "state", CRITICAL),
        check("web", "api", "tls", "certificate", CRITICAL, topic="certificates"),
        check("db", "postgres", "sql", "wraparound", CRITICAL, topic="database"),
        check("web", "proxy", "https", "health", WARNING),
    ]
    found = blocked(checks, {"proxy": ("postgres",)})
    assert found["web/api.tls.certificate"] == found["web/proxy.https.health"] == ""


def test_explain_circle_of_services_blames_none_of_its_own() -> None:
    checks = [check("one", name, "port", "connect", CRITICAL) for name in ("a", "b", "c")]
    found = blocked(checks, {"a": ("b",), "b": ("a",), "c": ("a",)})
    assert found["one/a.port.connect"] == found["one/b.port.connect"] == ""
    assert found["one/c.port.connect"] in ("one/a.port.connect", "one/b.port.connect")


def test_explain_status_stays_and_a_blocker_is_never_blocked() -> None:
    checks = [
        silent("db"),
        check("db", "postgres", "supervisor", "state", UNKNOWN),
        check("web", "api", "supervisor", "state", CRITICAL),
        check("web", "api", "rest", "health", CRITICAL),
        check("web", "proxy", "https", "health", WARNING),
    ]
    explained, causes = explain(checks, Topology(CHAIN))
    assert [one.status for one in explained] == [one.status for one in checks]
    roots = {cause.check for cause in causes}
    assert {one.blocked_by for one in explained if one.blocked_by} <= roots


def test_explain_worst_cause_first_then_the_one_with_most_consequences() -> None:
    checks = [
        check("one", "disk", "root", "space", WARNING),
        check("one", "alone", "port", "connect", CRITICAL),
        silent("two"),
        check("two", "api", "rest", "health", UNKNOWN),
        check("one", "odd", "port", "connect", UNKNOWN),
    ]
    _explained, causes = explain(checks, Topology())
    assert [cause.check for cause in causes] == [
        "two/runbook.host.reachable",
        "one/alone.port.connect",
        "one/odd.port.connect",
        "one/disk.root.space",
    ]


def test_explain_id_that_no_probe_makes_costs_nothing_else() -> None:
    odd = replace(check("one", "api", "port", "connect", CRITICAL), id="odd")
    assert blocked([odd, check("one", "api", "rest", "health", CRITICAL)]) == {"one/odd": "", "one/api.rest.health": ""}


def test_explain_look_cut_short_is_explained_whatever_its_topic() -> None:
    checks = [
        check("web", "nginx", "supervisor", "state", CRITICAL),
        check("web", "nginx", "https", "handshake", CRITICAL, topic="certificates"),
        check("web", "nginx", "https", "expiry", UNKNOWN, topic="certificates"),
    ]
    found = blocked(checks)
    assert found["web/nginx.https.handshake"] == found["web/nginx.https.expiry"] == "web/nginx.supervisor.state"


def test_explain_what_a_failed_look_could_not_find_out() -> None:
    checks = [
        check("db", "redis", "main", "ping", CRITICAL),
        check("db", "redis", "main", "memory", UNKNOWN),
        check("db", "redis", "other", "memory", UNKNOWN),
    ]
    assert blocked(checks) == {
        "db/redis.main.ping": "",
        "db/redis.main.memory": "db/redis.main.ping",
        "db/redis.other.memory": "",
    }


def test_explain_full_disk_is_no_consequence_of_a_dead_process() -> None:
    checks = [
        check("db", "postgres", "supervisor", "state", CRITICAL),
        check("db", "postgres", "data", "space", CRITICAL, topic="capacity"),
        check("db", "postgres", "data", "inodes", UNKNOWN, topic="capacity"),
    ]
    assert blocked(checks)["db/postgres.data.space"] == ""
    assert blocked(checks)["db/postgres.data.inodes"] == ""


def test_explain_latency_that_nobody_could_measure_by_the_dead_process() -> None:
    dead = check("one", "api", "supervisor", "state", CRITICAL)
    failures, p95 = (
        check("one", "api", "latency", aspect, status, topic="performance")
        for aspect, status in (("failures", CRITICAL), ("p95", UNKNOWN))
    )
    assert blocked([dead, failures, p95]) == {
        dead.address: "",
        failures.address: dead.address,
        p95.address: dead.address,
    }
    assert blocked([failures, p95])[p95.address] == failures.address
    slow = replace(p95, status=CRITICAL)
    assert blocked([dead, slow])[slow.address] == "", "a slow answer is an answer"


def test_explain_certificates_on_the_disk_stand_for_themselves_and_what_is_served_does_not() -> None:
    def of_set(aspect: str, status: str) -> Check:
        made = check("one", "nginx", "server", aspect, status)
        return replace(made, topic="certificates", target="one:/etc/nginx/tls")

    checks = [
        check("one", "nginx", "supervisor", "state", CRITICAL),
        of_set("expiry", CRITICAL),
        of_set("revocation", UNKNOWN),
        of_set("served", UNKNOWN),
    ]
    found = blocked(checks)
    assert found["one/nginx.server.served"] == "one/nginx.supervisor.state"
    assert found["one/nginx.server.expiry"] == found["one/nginx.server.revocation"] == ""
    alone = blocked(checks[1:])
    assert alone["one/nginx.server.served"] == ""


def test_explain_certificate_that_cannot_be_read_explains_what_nobody_knows_of_it() -> None:
    checks = [
        replace(check("one", "nginx", "server", aspect, status), topic="certificates", target="one:/etc/nginx/tls")
        for aspect, status in (("readable", CRITICAL), ("expiry", UNKNOWN), ("permissions", CRITICAL))
    ]
    found = blocked(checks)
    assert found["one/nginx.server.expiry"] == "one/nginx.server.readable"
    assert found["one/nginx.server.permissions"] == ""
