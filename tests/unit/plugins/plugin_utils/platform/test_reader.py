# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The platform description: what is accepted, what is refused and in which words, and which host looks at which."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import NOT_APPLICABLE, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import InvalidOptions, RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.messages import brief
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.model import Platform
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.reader import circles, read

GROUPS = {"all": ["db1", "web1", "web2"], "db": ["db1"], "web": ["web1", "web2"], "empty": []}
TEMPLATE = "{{ vault_password }}"


def resolve(value: Any) -> Any:
    """Stands for the templating engine: knows no variable at all."""
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, str) and "{{" in value:
        raise AnsibleUndefinedVariable("'vault_password' is undefined")
    return value


def platform(services: Any, **variables: Any) -> Platform:
    return read({"platform_name": "test", "platform_services": services, **variables}, GROUPS, resolve)


def faults(services: Any, **variables: Any) -> list[str]:
    return [str(problem) for problem in platform(services, **variables).problems]


def service(**options: Any) -> dict[str, Any]:
    return {"api": {"hosts": "web", **options}}


def endpoint(**options: Any) -> dict[str, Any]:
    return service(endpoints={"rest": {"kind": "tcp", "port": 80, **options}})


def certificate(**options: Any) -> dict[str, Any]:
    """A service with one set of certificates, which is sound but for these options."""
    return service(certificates={"server": {"directory": "/etc/api/tls", "names": ["api.example.com"], **options}})


def reloaded(**options: Any) -> dict[str, Any]:
    return certificate(reload=options)


def disk(**options: Any) -> dict[str, Any]:
    """A service with one file system, which is sound but for these options."""
    return service(checks={"root": {"kind": "disk", "path": "/", **options}})


def prometheus(**options: Any) -> dict[str, Any]:
    """A service with one query, which is sound but for these options."""
    return service(endpoints={"p": {"kind": "prometheus", "queries": {"q": {"query": "up", **options}}}})


@pytest.mark.parametrize(
    ("services", "fault"),
    [
        (service(hosts="wep"), "platform_services.api.hosts: 'wep' is neither a group nor a host of the inventory"),
        (service(hosts="wep"), "the service would never be checked; did you mean 'web'?"),
        (
            service(hosts="empty"),
            "platform_services.api.hosts: 'empty' has no hosts: the service would never be checked",
        ),
        ({"api": {}}, "platform_services.api.hosts: missing; expected a text"),
        ({"api": "web"}, "platform_services.api: expected a map with the keys"),
        ({"a-b": {"hosts": "web"}}, "platform_services.a-b: a service name has letters, digits and underscores only"),
        ({"runbook": {"hosts": "web"}}, "platform_services.runbook: a service name"),
        (service(endpoint={}), "platform_services.api.endpoint: unknown key; did you mean 'endpoints'?"),
        (service(available=False), "platform_services.api.reason: missing; say why the service is not available"),
        (service(depends_on=["ap"]), "platform_services.api.depends_on[0]: no such service: 'ap'; did you mean 'api'?"),
        (endpoint(prot=80), "platform_services.api.endpoints.rest.prot: unknown key; did you mean 'port'?"),
        (service(hosts=["web"]), "platform_services.api.hosts: expected a text, got ['web']"),
        (endpoint(port=580000), ".rest.port: expected a whole number from 1 to 65535, got 580000"),
        (endpoint(timeout=-1), ".rest.timeout: expected a number above 0, got -1"),
        (endpoint(kind="http", paths={}), ".rest.paths: is empty; expected a map"),
        (endpoint(kind="http", paths={"x": {"path": "/", "status": [20]}}), ".paths.x.status[0]: expected a whole"),
        (disk(warning=95, critical=90), ".root.warning: 95 is above critical (90), so that it would fail before it"),
        (disk(warning=97), ".root.warning: 97 is above critical (90, the default), so that it would fail before"),
        (disk(inodes_critical=70), ".root.inodes_critical: 70 is below inodes_warning (80, the default)"),
        (disk(critical=120), ".root.critical: expected a number from 0 to 100, got 120"),
        (disk(path="srv/data"), ".root.path: expected an absolute path without variables, got 'srv/data'"),
        (certificate(warning_days=7, critical_days=28), ".server.warning_days: 7 is below critical_days (28)"),
        (prometheus(warning=2, critical=1), ".p.queries.q.warning: 2 is above critical (1)"),
        (prometheus(warning=1, critical=2, falling=True), ".p.queries.q.warning: 1 is below critical (2)"),
        (
            service(supervisor={"kind": "systemd", "unit": ""}),
            "platform_services.api.supervisor.unit: is empty; expected a text",
        ),
        (
            service(supervisor={"kind": "compose", "project_src": "shop", "service": "web"}),
            "supervisor.project_src: expected an absolute path without variables, got 'shop'",
        ),
        (
            {**service(), "API": {"hosts": "web", "endpoints": {}}},
            "platform_services.API: differs from 'api' in upper and lower case only",
        ),
        (
            service(endpoints={"rest": {"kind": "tcp", "port": 1}}, checks={"Rest": {"kind": "memory"}}),
            "platform_services.api.Rest: differs from 'rest' in upper and lower case only",
        ),
        (service(depends_on=["api"]), "platform_services.api.depends_on: a circle: api needs api"),
        (endpoint(topic="Health"), "written out; did you mean 'health'?"),
        (endpoint(port="eighty"), ".rest.port: expected a whole number from 1 to 65535, got 'eighty'"),
        (endpoint(port=True), ".rest.port: expected a whole number from 1 to 65535, got True"),
        (endpoint(kind="tpc"), "platform_services.api.endpoints.rest.kind: expected one of"),
        (endpoint(kind="tpc"), "got 'tpc'; did you mean 'tcp'?"),
        (endpoint(seen_from=["wbe"]), "platform_services.api.endpoints.rest.seen_from[0]: 'wbe' is neither"),
        (endpoint(topic="helth"), "platform_services.api.endpoints.rest.topic: expected one of health"),
        (service(endpoints=["rest"]), "platform_services.api.endpoints: expected a map of names to descriptions"),
        (
            service(endpoints={"supervisor": {"kind": "tcp", "port": 1}}),
            "platform_services.api.endpoints.supervisor: a name",
        ),
        (service(supervisor={"kind": "upstart"}), "supervisor.kind: expected one of systemd, compose, got 'upstart'"),
        (
            service(supervisor={"kind": "compose", "service": "web"}),
            "platform_services.api.supervisor.project_src: missing; expected the folder of a Compose project",
        ),
        (
            service(supervisor={"kind": "compose", "project": "shop"}),
            "platform_services.api.supervisor.service: missing; expected a text",
        ),
        (
            service(supervisor={"kind": "compose", "container": "shop", "service": "web"}),
            "platform_services.api.supervisor.container: unknown key",
        ),
        (service(supervisor={"kind": "systemd"}), "platform_services.api.supervisor.unit: missing; expected a text"),
        (
            service(checks={"root": {"kind": "disk", "path": "/", "seen_from": ["db"]}}),
            "platform_services.api.checks.root.seen_from: a disk can only be looked at on its own host",
        ),
        (
            service(certificates=["server"]),
            "platform_services.api.certificates: expected a map of names to descriptions",
        ),
        (certificate(kind="certificate"), "certificates.server.kind: unknown key; every point of this section is a"),
        (
            service(checks={"pair": {"kind": "certificate", "directory": "/d", "names": ["n"]}}),
            "platform_services.api.checks.pair.kind: a certificate stands in the section 'certificates'",
        ),
        (
            {"api": {**certificate()["api"], "endpoints": {"server": {"kind": "tcp", "port": 1}}}},
            "platform_services.api.certificates.server: a name has letters, digits and underscores only, is used once",
        ),
        (certificate(directory=None), "platform_services.api.certificates.server.directory: missing; expected a path"),
        (certificate(directory="tls"), "certificates.server.directory: expected an absolute path"),
        (certificate(names=[]), "certificates.server.names: is empty; expected a list"),
        (certificate(names=["a b"]), "certificates.server.names[0]: expected a DNS name or an address, got 'a b'"),
        (certificate(days=0), "certificates.server.days: expected a whole number of at least 1, got 0"),
        (certificate(profil="client"), "certificates.server.profil: unknown key; did you mean 'profile'?"),
        (certificate(profile="servr"), "certificates.server.profile: expected one of server, client, both"),
        (certificate(key_mode="0644"), "certificates.server.key_mode: expected one of 0400, 0440, 0600, 0640"),
        (certificate(files={"cert": "a.pem"}), "certificates.server.files.cert: unknown key; known are certificate,"),
        (certificate(files={"key": None}), "certificates.server.files.key: cannot be left out"),
        (certificate(files={"ca": "../ca.pem"}), "certificates.server.files.ca: expected the name of a file in the"),
        (certificate(files={"ca": "key.pem"}), "certificates.server.files: key.pem is used twice"),
        (certificate(seen_from=["db"]), "certificates.server.seen_from: a certificate can only be looked at on its"),
        (
            certificate(served_by=[{"prt": 1}]),
            "certificates.server.served_by[0].prt: unknown key; did you mean 'port'?",
        ),
        (certificate(served_by=[{}]), "certificates.server.served_by[0].port: missing; expected a whole number"),
        (
            certificate(served_by=[{"port": 1, "client_key": "/k"}]),
            "certificates.server.served_by[0].client_cert: missing; a key alone is no identity",
        ),
        (reloaded(), "certificates.server.reload.kind: missing; expected one of systemd, redis, compose, command"),
        (reloaded(kind="systemd"), "certificates.server.reload.unit: missing; systemd needs it"),
        (reloaded(kind="compose", service="s"), "certificates.server.reload.project_src: missing; compose needs it"),
        (reloaded(kind="command"), "certificates.server.reload.argv: missing; command needs it"),
        (reloaded(kind="systemd", unti="u"), "certificates.server.reload.unti: unknown key; did you mean 'unit'?"),
    ],
)
def test_read_wrong_description_names_the_key(services: Any, fault: str) -> None:
    assert any(fault in problem for problem in faults(services)), faults(services)


@pytest.mark.parametrize("wrong", [None, [], "text", {}])
def test_read_without_a_description_is_refused(wrong: Any) -> None:
    with pytest.raises(RunbookError, match="platform_services: expected a map"):
        platform(wrong)


def test_read_without_a_name_is_refused() -> None:
    with pytest.raises(RunbookError, match="platform_name: missing"):
        read({"platform_services": service()}, GROUPS, resolve)


def test_read_plain_text_secret_is_refused_and_not_repeated() -> None:
    sql = {"kind": "postgres", "user": "u", "database": "d", "password": "correct horse"}
    found = faults({"db": {"hosts": "db", "endpoints": {"sql": sql}}})
    assert found == [
        (
            "platform_services.db.endpoints.sql.password: a secret must be a template or an inline !vault value,"
            " never plain text"
        )
    ]


def test_read_plain_text_secret_header_is_refused() -> None:
    web = {"kind": "http", "port": 80, "health": "/h", "secret_headers": {"Authorization": "Bearer 0123456789"}}
    found = faults(service(endpoints={"rest": web}))
    assert len(found) == 1 and "secret_headers" in found[0] and "0123456789" not in found[0]


def test_read_plain_text_secret_inside_an_option_is_refused_and_not_repeated() -> None:
    found = faults(reloaded(kind="redis", username="ops", password="correct horse"))  # noqa: S106 - the point of it
    assert found == [
        (
            "platform_services.api.certificates.server.reload.password: a secret must be a template or an inline"
            " !vault value, never plain text"
        )
    ]


def test_read_plain_text_secrets_of_a_list_are_refused() -> None:
    tree = {"kind": "certificate_files", "paths": ["/tls"], "passphrases": [TEMPLATE, "correct horse"]}
    found = faults(service(checks={"tree": tree}))
    assert len(found) == 1 and "checks.tree.passphrases: a secret" in found[0] and "correct" not in found[0]


def test_read_certificates_are_points_of_an_implied_kind() -> None:
    described = platform(certificate(files={"ca": None}, reload={"kind": "redis", "password": TEMPLATE}))
    assert described.problems == ()
    (target,) = described.targets(observer="web1", kinds=["certificate"])
    assert (target.service, target.point, target.topic) == ("api", "server", "certificates")
    assert "served" not in {check.id.rsplit(".", 1)[1] for check in target.placeholders("never")}
    with pytest.raises(AnsibleUndefinedVariable):
        target.resolved(resolve, "localhost")


def test_resolved_certificate_has_what_looking_and_acting_need() -> None:
    (target,) = platform(
        certificate(
            files={"fullchain": None},
            reload={"kind": "systemd", "unit": "api.service"},
            served_by=[{"port": 443, "starttls": "postgres"}],
        )
    ).targets(observer="web1")
    (probe,) = target.resolved(resolve, "localhost")
    options = probe.options
    assert options["files"] == {"fullchain": None} and options["key_type"] == "ecdsa-p256"
    assert options["reload"]["action"] == "reload" and options["served_by"][0]["address"] == "localhost"
    assert "served" in {check.id.rsplit(".", 1)[1] for check in target.placeholders("never")}


def test_read_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    found = faults(endpoint(remedy="see https://user:hunter22@wiki/"))
    assert len(found) == 1 and "user:password@" in found[0] and "hunter22" not in found[0]


def test_read_one_fault_leaves_the_other_services() -> None:
    described = platform({**endpoint(), "bad": {"hosts": "nowhere"}})
    assert {target.service for target in described.targets()} == {"api"}
    assert [problem.service for problem in described.problems] == ["bad"]


def test_read_override_changes_one_key_and_keeps_the_rest() -> None:
    described = platform(endpoint(), platform_overrides={"api": {"endpoints": {"rest": {"port": 81}}}})
    assert [dict(target.given) for target in described.targets(observer="web1")] == [{"kind": "tcp", "port": 81}]


def test_read_override_of_an_unknown_service_is_a_fault() -> None:
    assert faults(endpoint(), platform_overrides={"apy": {}}) == [
        "platform_overrides.apy: no such service; did you mean 'api'?"
    ]


def test_looks_owner_looks_at_itself() -> None:
    assert [(target.observer, target.owner) for target in platform(endpoint()).targets()] == [
        ("web1", "web1"),
        ("web2", "web2"),
    ]


def test_looks_seen_from_replaces_the_owner() -> None:
    targets = platform(endpoint(seen_from=["db", "web1"])).targets()
    assert [(target.observer, target.owner) for target in targets] == [
        ("db1", "web1"),
        ("db1", "web2"),
        ("web1", "web1"),
        ("web1", "web2"),
    ]


def test_looks_selectors_narrow_down() -> None:
    described = platform({**endpoint(), "host": {"hosts": "db", "checks": {"root": {"kind": "disk", "path": "/"}}}})
    assert {target.service for target in described.targets(topics=["health"])} == {"api"}
    assert {target.service for target in described.targets(kinds=["disk"])} == {"host"}
    assert {target.service for target in described.targets(services=["api"], observer="web2")} == {"api"}
    assert described.targets(topics=["kpi"]) == []


def test_looks_systemd_supervisor_is_a_unit() -> None:
    targets = platform(service(supervisor={"kind": "systemd", "unit": "api.service"})).targets(observer="web1")
    assert [(target.point, target.kind.name, dict(target.given)) for target in targets] == [
        ("supervisor", "unit", {"unit": "api.service"})
    ]


def test_looks_compose_supervisor_is_a_container() -> None:
    given = {"kind": "compose", "project_src": "/opt/shop", "service": "web", "files": ["prod.yml"], "replicas": 2}
    (target,) = platform(service(supervisor=given)).targets(observer="web1")
    (probe,) = target.resolved(lambda value: value, "localhost")
    assert (target.point, target.kind.name, probe.kind.target(probe.options)) == (
        "supervisor",
        "container",
        "/opt/shop/web",
    )
    assert probe.options["compose_service"] == "web" and probe.options["service"] == "api"
    assert (probe.options["files"], probe.options["replicas"], probe.options["point"]) == (
        ["prod.yml"],
        2,
        "supervisor",
    )
    assert [check.id for check in target.placeholders("why")] == ["api.supervisor.state"]


def test_not_applicable_says_the_reason_for_each_owner() -> None:
    checks = platform(service(available=False, reason="no image")).not_applicable(GROUPS["all"])
    assert [(check.host, check.status, check.message) for check in checks] == [
        ("web1", NOT_APPLICABLE, "no image"),
        ("web2", NOT_APPLICABLE, "no image"),
    ]


def test_look_placeholders_are_unknown_and_have_every_aspect() -> None:
    target = platform(endpoint()).targets(observer="web1")[0]
    assert [(check.key, check.status) for check in target.placeholders("no answer")] == [
        (("web1", "web1", "api.rest.connect"), UNKNOWN)
    ]


def test_look_with_an_undefined_variable_is_expected_all_the_same() -> None:
    sql = {"kind": "postgres", "user": "u", "database": "d", "password": TEMPLATE}
    described = platform({"db": {"hosts": "db", "endpoints": {"sql": sql}}})
    (target,) = described.targets()
    assert described.problems == ()
    assert {check.id for check in target.placeholders("")} >= {"db.sql.query"}
    with pytest.raises(AnsibleUndefinedVariable):
        target.resolved(resolve, "localhost")


def test_look_resolved_short_secret_is_refused_and_not_repeated() -> None:
    sql = {"kind": "postgres", "user": "u", "database": "d", "password": TEMPLATE}
    (target,) = platform({"db": {"hosts": "db", "endpoints": {"sql": sql}}}).targets()
    with pytest.raises(InvalidOptions) as caught:
        target.resolved(lambda given: "hunter2" if given == TEMPLATE else given, "localhost")
    assert "platform_services.db.endpoints.sql.password: a secret must have at least 8 characters" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_look_resolved_is_complete() -> None:
    (target,) = platform(endpoint()).targets(observer="web1")
    (probe,) = target.resolved(resolve, "192.0.2.1")
    assert probe.options["address"] == "192.0.2.1"
    assert probe.options["timeout"] == 5.0
    assert "kind" not in probe.options


def test_brief_is_one_line_without_source() -> None:
    assert brief(AnsibleUndefinedVariable("'x' is\nundefined")) == "'x' is undefined"


def chain(needs: dict[str, list[str]]) -> dict[str, Any]:
    """Services that need each other, sound but for that."""
    return {name: {**endpoint()["api"], "depends_on": others} for name, others in needs.items()}


def test_read_circles_of_dependencies_are_named_once_each() -> None:
    needs = {"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": ["d"], "e": ["a"], "f": []}
    assert faults(chain(needs)) == [
        "platform_services.a.depends_on: a circle: a needs b needs c needs a",
        "platform_services.d.depends_on: a circle: d needs d",
    ]


def test_read_dependencies_that_meet_are_no_circle() -> None:
    assert faults(chain({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []})) == []


def test_circles_of_a_long_chain_are_found_without_recursion() -> None:
    needs = {str(number): [str(number + 1)] for number in range(5000)}
    assert list(circles(needs)) == []
    assert len(next(circles({**needs, "5000": ["0"]}))) == 5001


def test_read_pair_of_thresholds_of_which_one_is_a_template_is_judged_when_it_is_resolved() -> None:
    described = platform(disk(critical=70, warning="{{ low }}"))
    assert described.problems == ()
    (target,) = described.targets(observer="web1")
    assert target.resolved(lambda given: 60 if given == "{{ low }}" else given, "localhost")
    with pytest.raises(InvalidOptions, match=r"root.critical|root.warning: 75 is above critical \(70\)"):
        target.resolved(lambda given: 75 if given == "{{ low }}" else given, "localhost")


def test_read_several_faults_of_one_look_are_named_at_once() -> None:
    assert [fault.partition("root.")[2].partition(":")[0] for fault in faults(disk(path="x", warning=95))] == [
        "path",
        "warning",
    ]


@pytest.mark.parametrize(
    ("kind", "name"), [("http", "timeout"), ("cpu", "sample_seconds"), ("latency", "seconds"), ("disk", "timeout")]
)
def test_resolved_time_longer_than_the_deadline_is_refused(kind: str, name: str) -> None:
    given = {"kind": kind, name: 60}
    given |= {"port": 80, "health": "/h"} if kind == "http" else {}
    given |= {"port": 80, "path": "/h"} if kind == "latency" else {}
    given |= {"path": "/"} if kind == "disk" else {}
    (target, _other) = platform(service(checks={"x": given})).targets()
    assert target.resolved(resolve, "localhost", 60)
    with pytest.raises(
        InvalidOptions, match=rf"checks.x.{name}: 60 seconds are longer than platform_deadline, the 30 s"
    ):
        target.resolved(resolve, "localhost", 30)
