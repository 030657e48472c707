# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Root causes: what explains what, and what must never be explained away."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.about import (
    ADDRESS,
    BRINGS,
    CERTIFICATE,
    CHAIN_OF,
    CLOSED,
    DENIED,
    DOWN,
    DRIVERS,
    DROPPED,
    ENDPOINT,
    EXPIRY,
    MISSING,
    PROCESS,
    REFUSED,
    REPORTED,
    SERVED,
    SILENT,
    UNIT,
    UNWELL,
    About,
    Fault,
    compatible,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
    Check,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import (
    Cause,
    Topology,
    explain,
    identities,
)

from tests.support.sample_reports import check

CHAIN = {"proxy": ("api",), "api": ("postgres",), "postgres": ()}


def met(address: str, reason: str, *, port: int = 0, status: str = CRITICAL, topic: str = "health") -> Check:
    """A check over the network that failed, ``owner/service.point.aspect``, as a probe makes it."""
    owner, _slash, name = address.partition("/")
    service, point, aspect = name.split(".")
    fault = Fault(reason, ((ENDPOINT, f"{owner}:{port}"),))
    about = About((fault,), compatible([reason]), opens=status == CRITICAL)
    return check(owner, service, point, aspect, status, topic=topic, about=str(about))


def with_faults(made: Check, *faults: Fault, **more: Any) -> Check:
    """The same check with what it is about."""
    return replace(made, about=str(About(faults, **more)))


def dead(host: str, service: str, unit: str = "") -> Check:
    """A supervisor whose process does not run."""
    fault = Fault.stated(DOWN, (UNIT, f"{host}:{unit or service}.service"))
    return with_faults(check(host, service, "supervisor", "state", CRITICAL), fault, process=True, opens=True)


Needs = Mapping[str, tuple[str, ...]]


def roots(checks: list[Check], needs: Needs | None = None, addresses: Mapping[str, str] | None = None) -> list[str]:
    """The root causes."""
    _explained, causes = explain(checks, Topology(needs or {}, addresses or {}))
    return [cause.check for cause in causes]


def silent(host: str) -> Check:
    """The check that says that a whole host was silent."""
    return check(host, "runbook", "host", "reachable", CRITICAL)


def blocked(checks: list[Check], depends_on: Needs | None = None) -> dict[str, str]:
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


# --- what checks are about


def test_about_travels_as_words() -> None:
    about = About(
        (Fault(REFUSED, ((ENDPOINT, "web:80"),)), Fault.stated("space", ("mount", "web:/srv/odd name, =%"))),
        frozenset({PROCESS}),
        opens=True,
    )
    assert str(about).startswith(
        "by=process marks=opens met=refused endpoint=web:80 is=space mount=web:/srv/odd%20name"
    )
    assert About.read(str(about)) == about
    assert str(About()) == "by=" and About.read("by=") == About()
    assert About.read("nonsense and=more met=") == About((Fault("", ()),))


def test_same_host_service_and_reason_is_one_cause_whatever_looked() -> None:
    checks = [
        met("db/redis.depth.availability", SILENT, port=6379, topic="database"),
        met("db/redis.access.valid", SILENT, port=6380, status=UNKNOWN, topic="access"),
        met("db/redis.main.ping", SILENT, port=6379),
        with_faults(check("db", "redis", "main", "memory", UNKNOWN)),
        met("db/postgres.sql.query", SILENT, port=5432),
        met("db2/redis.main.ping", SILENT, port=6379),
        met("db/redis.other.ping", REFUSED, port=6399),
    ]
    assert roots(checks) == [
        "db/redis.main.ping", "db/postgres.sql.query", "db/redis.other.ping", "db2/redis.main.ping",
    ]  # fmt: skip
    assert blocked(checks)["db/redis.main.memory"] == "db/redis.main.ping"


def test_same_port_is_one_cause_whatever_service_looks_at_it() -> None:
    checks = [met("web/proxy.https.health", REFUSED, port=443), met("web/edge.port.connect", REFUSED, port=443)]
    assert len(roots(checks)) == 1


def test_port_that_refuses_is_no_consequence_of_a_dependency_and_one_that_hangs_is() -> None:
    redis = met("db/redis.main.ping", REFUSED, port=6379)
    needs = {"api": ("redis",)}
    assert len(roots([redis, met("web/api.rest.health", REFUSED, port=80)], needs)) == 2
    assert len(roots([redis, met("web/api.rest.health", DROPPED, port=80)], needs)) == 2
    assert roots([redis, met("web/api.rest.health", SILENT, port=80)], needs) == ["db/redis.main.ping"]
    assert roots([redis, met("web/api.rest.health", CLOSED, port=80)], needs) == ["db/redis.main.ping"]
    assert roots([redis, met("web/api.rest.health", UNWELL, port=80)], needs) == ["db/redis.main.ping"]


def test_way_between_two_hosts_on_which_nothing_gets_through_is_one_cause() -> None:
    checks = [
        replace(met("web/nginx.https.health", DROPPED, port=443), host="mon"),
        replace(met("web/api.rest.health", DROPPED, port=80), host="mon"),
    ]
    assert len(roots(checks)) == 1
    through = check("mon", "ui", "port", "connect", owner="web")
    assert len(roots([*checks, through])) == 2, "a firewall in front of two ports"


def test_answer_is_no_consequence_of_a_dead_process() -> None:
    answered = met("web/api.rest.health", UNWELL, port=80)
    refused = met("web/api.rest.readiness", REFUSED, port=80)
    assert blocked([dead("web", "api"), answered, refused]) == {
        "web/api.supervisor.state": "",
        "web/api.rest.health": "",
        "web/api.rest.readiness": "web/api.supervisor.state",
    }


def test_answer_is_no_consequence_of_a_host_that_does_not_let_us_in() -> None:
    seen = [replace(met("web/api.rest.health", reason, port=80), host="mon") for reason in (UNWELL, SILENT)]
    assert len(roots([silent("web"), seen[0]])) == 2
    assert roots([silent("web"), seen[1]]) == ["web/runbook.host.reachable"]


def test_nearest_failing_dependency_is_blamed_and_what_explains_that_one_is_the_cause() -> None:
    proxy, api = met("web/proxy.https.health", UNWELL, port=443), met("web/api.rest.health", UNWELL, port=80)
    redis = met("db/redis.main.ping", SILENT, port=6379)
    needs = {"proxy": ("api",), "api": ("redis",)}
    assert roots([proxy, api, redis], needs) == ["db/redis.main.ping"]
    killed = met("web/api.rest.health", REFUSED, port=80)
    assert blocked([proxy, killed, redis], needs)["web/proxy.https.health"] == "web/api.rest.health"


EXPIRED = Fault.stated(EXPIRY, (CERTIFICATE, "ab"), (CHAIN_OF, "ab"))


def expired(host: str, service: str, point: str, *faults: Fault, **given: Any) -> Check:
    """A check that looks at certificates."""
    made = check(host, service, point, "expiry", CRITICAL, topic="certificates", **given)
    return with_faults(made, *(faults or (EXPIRED,)))


def test_certificate_is_the_cause_of_all_that_goes_through_it_on_every_host() -> None:
    ran_into = Fault(EXPIRY, ((CHAIN_OF, "ab"),))
    checks = [
        with_faults(check("monitor", "nginx", "https", "health", CRITICAL, owner="web"), ran_into),
        with_faults(check("web", "nginx", "access", "valid", UNKNOWN, topic="access"), ran_into),
        expired("web", "nginx", "tls", remedy=""),
        expired("web", "nginx", "server", remedy="certificate_rotate"),
        expired("web2", "nginx", "server"),
    ]
    assert roots(checks) == ["web/nginx.server.expiry"]


def test_look_at_many_certificates_is_explained_by_those_that_look_at_each() -> None:
    other = Fault.stated(EXPIRY, (CERTIFICATE, "cd"), (CHAIN_OF, "cd"))
    tree, one, two = (
        expired("web", "host", "tree", EXPIRED, other),
        expired("web", "a", "set"),
        expired("web", "b", "set", other),
    )
    assert sorted(roots([tree, one, two])) == ["web/a.set.expiry", "web/b.set.expiry"]
    assert sorted(roots([tree, one])) == ["web/a.set.expiry", "web/host.tree.expiry"], "no other check found the other"


def test_intermediate_that_expired_is_the_cause_of_the_chain_that_clients_refuse() -> None:
    above = Fault.stated(EXPIRY, (CERTIFICATE, "ca"), (CHAIN_OF, "ab"))
    client = with_faults(check("web", "nginx", "https", "health", CRITICAL), Fault(EXPIRY, ((CHAIN_OF, "ab"),)))
    assert roots([client, expired("web", "nginx", "server", above)]) == ["web/nginx.server.expiry"]


def test_server_that_was_not_reloaded_is_the_cause_of_what_is_wrong_with_its_old_certificate() -> None:
    served = with_faults(
        check("web", "nginx", "server", "served", CRITICAL, topic="certificates"),
        Fault.stated(SERVED, (ENDPOINT, "web:443")),
        Fault(EXPIRY, ((CHAIN_OF, "ab"),), BRINGS),
    )
    assert roots([expired("web", "nginx", "tls"), served]) == ["web/nginx.server.served"]
    key = with_faults(
        check("web", "nginx", "server", "key", CRITICAL, topic="certificates"),
        Fault.stated("key", ("file", "web:/tls/key.pem")),
        Fault(SERVED, ((ENDPOINT, "web:443"),), BRINGS),
    )
    assert roots([expired("web", "nginx", "tls"), served, key]) == ["web/nginx.server.key"]


def test_missing_drivers_are_one_cause_on_whichever_hosts() -> None:
    missing = Fault.stated(MISSING, (DRIVERS, "python"))
    checks = [
        with_faults(check(host, service, "main", aspect, UNKNOWN), missing)
        for host in ("db", "db2")
        for service, aspect in (("redis", "ping"), ("redis", "memory"), ("postgres", "query"))
    ]
    assert roots(checks) == ["db/postgres.main.query"]


def test_unit_is_one_cause_whichever_check_lists_it() -> None:
    units = [Fault.stated(DOWN, (UNIT, f"web:{name}.service")) for name in ("api", "nginx")]
    listed = with_faults(check("web", "host", "units", "failures", CRITICAL), *units)
    assert roots([listed, dead("web", "api")]) == ["web/api.supervisor.state", "web/host.units.failures"]
    assert roots([listed, dead("web", "api"), dead("web", "nginx")]) == [
        "web/api.supervisor.state", "web/nginx.supervisor.state",
    ]  # fmt: skip


def test_engine_that_is_down_explains_its_services_ports() -> None:
    engine = Fault(DOWN, ((UNIT, "web:docker.service"),))
    supervisors = [
        with_faults(check("web", name, "supervisor", "state", UNKNOWN), engine, process=True) for name in ("api", "ui")
    ]
    port = met("web/ui.port.connect", REFUSED, port=80)
    assert roots([*supervisors, port]) == ["web/api.supervisor.state"]
    unit = dead("web", "host", "docker")
    assert roots([*supervisors, port, unit]) == ["web/host.supervisor.state"]


# --- what is only reported


def reporting(aspect: str, *addresses: str, status: str = CRITICAL) -> Check:
    """A check of a monitoring system that says where something is wrong."""
    faults = [Fault(DOWN, ((ADDRESS, address),), REPORTED) for address in addresses]
    return with_faults(check("mon", "prometheus", "api", aspect, status, topic="monitoring"), *faults)


ADDRESSES = {"10.0.0.2": "web", "mon": "mon"}


def test_alarm_is_explained_by_what_is_wrong_at_its_address() -> None:
    refused = met("web/api.rest.health", REFUSED, port=8000)
    assert roots([reporting("targets", "10.0.0.2:8000"), refused], addresses=ADDRESSES) == ["web/api.rest.health"]
    # No other check looks at that port, and something of the host is down.
    assert roots([reporting("targets", "10.0.0.2:9090"), refused], addresses=ADDRESSES) == ["web/api.rest.health"]
    fine = check("web", "api", "metrics", "metrics", target="web:9090")
    assert len(roots([reporting("targets", "10.0.0.2:9090"), refused, fine], addresses=ADDRESSES)) == 2
    assert roots([reporting("targets", "10.0.0.2:9090"), silent("web")], addresses=ADDRESSES) == [
        "web/runbook.host.reachable"
    ]
    assert roots([reporting("alerts", "localhost:80"), met("mon/x.y.z", SILENT, port=80)]) == ["mon/x.y.z"]


def test_alarm_without_an_address_or_of_something_unknown_stands_for_itself() -> None:
    refused = met("web/api.rest.health", REFUSED, port=8000)
    for alarm in (reporting("alerts", ""), reporting("alerts", "10.0.0.9:1"), reporting("alerts", "10.0.0.2:8000", "")):
        assert len(roots([alarm, refused], addresses=ADDRESSES)) == 2


def test_alarms_of_one_thing_are_one_cause() -> None:
    alarms = [reporting(aspect, "10.0.0.9:1") for aspect in ("targets", "up", "alerts")]
    assert len(roots(alarms)) == 1


# --- two faults, and many


@pytest.mark.parametrize(
    "checks",
    [
        [
            dead("web", "api"),
            met("db/redis.main.ping", REFUSED, port=6379),
            met("web/api.rest.health", REFUSED, port=1),
        ],
        [silent("db"), met("web/api.rest.health", REFUSED, port=1), check("db", "redis", "main", "ping", UNKNOWN)],
        [expired("web", "nginx", "tls"), met("db/redis.main.ping", SILENT, port=6379)],
        [expired("web", "nginx", "tls"), met("web/nginx.https.health", REFUSED, port=443)],
        [met("db/postgres.sql.query", "login", port=5432), met("db/postgres.other.query", REFUSED, port=5433)],
        [
            met("db/postgres.depth.locks", DENIED, port=5432, status=UNKNOWN),
            met("db/postgres.sql.query", UNWELL, port=1),
        ],
    ],
)
def test_two_faults_are_two_causes(checks: list[Check]) -> None:
    assert len(roots(checks, {"api": ("redis", "postgres"), "nginx": ("api",)})) == 2


def test_circle_of_explanations_has_one_cause() -> None:
    # Both look at one port, and one needs the other.
    one, two = met("web/a.port.connect", SILENT, port=80), met("web/b.port.connect", SILENT, port=80)
    for needs in ({"a": ("b",)}, {"b": ("a",)}, {"a": ("b",), "b": ("a",)}):
        assert len(roots([one, two], needs)) == 1


def test_identities_leave_out_what_is_only_reporting() -> None:
    assert identities(met("web/api.rest.health", REFUSED, port=80)) == {
        (REFUSED, ENDPOINT, "web:80"),
        (REFUSED, "service", "web/api"),
    }
    assert identities(reporting("up", "web:1")) == identities(check("web", "a", "b", "c", CRITICAL)) == frozenset()


def seconds(hosts: int) -> float:
    """What it takes to explain many hosts, a share of which fails in all that it has."""
    checks = [
        met(f"node{host}/service{number % 9}.point{number}.connect", (REFUSED, SILENT, UNWELL)[number % 3], port=number)
        if host % 4 == 0
        else check(f"node{host}", f"service{number % 9}", f"point{number}", "connect")
        for host in range(hosts)
        for number in range(43)
    ]
    needs = {f"service{number}": (f"service{number + 1}",) for number in range(8)}
    began = time.process_time()
    explain(checks, Topology(needs))
    return time.process_time() - began


def test_cost_grows_with_the_number_of_checks_and_no_faster() -> None:
    few = min(seconds(50) for _time in range(3))
    assert seconds(500) < 40 * few
