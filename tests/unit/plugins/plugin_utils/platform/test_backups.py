# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The section ``backups``: what is accepted, what is refused in which words, and by what each backup logs in."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.backups import drilled_on, login, verifiers
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.reader import read

OF_PROBE = "sesame-of-probe"
GROUPS = {"all": ["db1", "spare1", "spare2"], "db": ["db1"], "spare": ["db1", "spare1", "spare2"], "none": []}
TEMPLATE = "{{ vault_password }}"
SQL = {"kind": "postgres", "user": "probe", "database": "app", "password": TEMPLATE}
QUERY = {"database": "a", "query": "SELECT 1"}
KEY = f"age1{'q' * 58}"


def platform(**backups: Any) -> Any:
    service = {
        "hosts": "db",
        "endpoints": {"sql": SQL, "cache": {"kind": "redis"}, "http": {"kind": "tcp", "port": 80}},
        "backups": backups,
    }
    return read({"platform_name": "test", "platform_services": {"app": service}}, GROUPS, lambda value: value)


def faults(**backups: Any) -> list[str]:
    return [str(problem).removeprefix("platform_services.app.") for problem in platform(**backups).problems]


def test_each_kind_is_a_point_of_the_topic_backups() -> None:
    read_one = platform(
        main={"kind": "postgres", "databases": ["app"], "endpoint": "sql", "recipients": [KEY]},
        keys={"kind": "redis", "endpoint": "cache"},
        config={"kind": "files", "paths": ["/etc/app"]},
    )
    assert read_one.problems == ()
    targets = read_one.targets(topics=["backups"])
    assert {target.point: target.kind.name for target in targets} == {
        "main": "backup_postgres",
        "keys": "backup_redis",
        "config": "backup_files",
    }
    assert [len(target.addresses()) for target in targets] == [4, 4, 4]


@pytest.mark.parametrize(
    ("backup", "fault"),
    [
        ({"paths": ["/etc"]}, "kind: expected one of postgres, redis, files"),
        ({"kind": "file", "paths": ["/etc"]}, "kind: expected one of postgres, redis, files, got 'file'"),
        ({"kind": ["files"]}, "kind: expected one of postgres, redis, files, got"),
        ({"kind": "backup_files", "paths": ["/etc"]}, "kind: expected one of postgres, redis, files, got 'backup_f"),
        ({"kind": "files"}, "paths: missing"),
        ({"kind": "files", "paths": ["/etc", "/etc"]}, "paths: a path stands there twice"),
        ({"kind": "files", "paths": ["/etc"], "recipients": ["alex"]}, "recipients: expected a public key"),
        ({"kind": "files", "paths": ["/etc"], "seen_from": ["db"]}, "seen_from: a backup_files can only be looked at"),
        ({"kind": "postgres", "databases": ["a"]}, "endpoint: missing; expected an endpoint of the service, or"),
        ({"kind": "postgres", "databases": ["a"], "endpoint": "sqll"}, "endpoint: the service has no endpoint 'sqll'"),
        ({"kind": "postgres", "databases": ["a"], "endpoint": "cache"}, "endpoint: expected an endpoint of the kind"),
        ({"kind": "redis", "endpoint": "http"}, "endpoint: expected an endpoint of the kind redis"),
        ({"kind": "redis", "endpoint": TEMPLATE}, "endpoint: expected the name of an endpoint, written out"),
        ({"kind": "redis", "login": {"password": "in the open"}}, "login.password: a secret must be a template"),
        ({"kind": "postgres", "databases": ["a"], "endpoint": "sql", "assertions": [QUERY]}, "assertions: each"),
        ({"kind": "files", "paths": ["/etc"], "verify_on": "sapre"}, "verify_on: 'sapre' is neither a group nor"),
        ({"kind": "files", "paths": ["/etc"], "verify_on": "db1"}, "verify_on: 'db1' has no host beside db1 itself"),
        ({"kind": "files", "paths": ["/etc"], "verify_on": "db"}, "verify_on: 'db' has no host beside db1 itself"),
        ({"kind": "files", "paths": ["/etc"], "verify_on": "none"}, "verify_on: 'none' has no hosts: sets would be"),
        ({"kind": "files", "paths": ["/etc"], "verify_on": TEMPLATE}, "verify_on: expected the name of a host or of a"),
        ({"kind": "files", "paths": ["/etc"], "verify_on": ["spare"]}, "verify_on: expected a text"),
        ({"kind": "files", "paths": ["/etc"], "verify_on": ""}, "verify_on: "),
        ("daily", "expected a map with the key 'kind'"),
    ],
)  # fmt: skip
def test_fault_names_the_key_and_what_was_expected(backup: Any, fault: str) -> None:
    (found,) = faults(main=backup)
    assert found.startswith((f"backups.main.{fault}", f"backups.main: {fault}"))


@pytest.mark.parametrize(("named", "hosts"), [("spare", ["spare1", "spare2"]), ("spare2", ["spare2"]), ("db", [])])
def test_sets_are_verified_on_any_host_of_a_group_but_their_own(named: str, hosts: list[str]) -> None:
    assert verifiers(named, "db1", GROUPS) == hosts
    assert bool(hosts) != bool(faults(main={"kind": "files", "paths": ["/etc"], "verify_on": named}))


def test_similar_name_is_suggested() -> None:
    (found,) = faults(main={"kind": "files", "paths": ["/etc"], "verify_on": "spare3"})
    assert "did you mean 'spare" in found


def test_no_probe_is_given_where_sets_are_verified() -> None:
    (target,) = platform(main={"kind": "files", "paths": ["/etc"], "verify_on": "spare"}).targets(topics=["backups"])
    assert "verify_on" not in target.kind.probe_options


def test_kind_of_the_section_is_refused_elsewhere() -> None:
    service = {"hosts": "db", "checks": {"main": {"kind": "backup_files", "paths": ["/etc"]}}}
    read_one = read({"platform_name": "test", "platform_services": {"app": service}}, GROUPS, lambda value: value)
    assert "a backup_files stands in the section 'backups', as kind: files" in str(read_one.problems[0])


ENDPOINT = {
    "address": "localhost",
    "port": 5433,
    "user": "probe",
    "password": OF_PROBE,
    "database": "app",
    "timeout": 3.0,
}


def test_login_is_that_of_the_endpoint_unless_the_backup_says_otherwise() -> None:
    found = login("postgres", {"port": 6000}, ENDPOINT)
    assert (found["address"], found["port"], found["user"], found["password"]) == (
        "localhost",
        6000,
        "probe",
        OF_PROBE,
    )
    assert found["timeout"] == 3.0 and "database" not in found


def test_password_of_another_user_is_not_taken_from_the_endpoint() -> None:
    assert login("postgres", {"user": "backup"}, ENDPOINT)["password"] is None
    assert login("postgres", {"user": "probe"}, ENDPOINT)["password"] == OF_PROBE
    found = login("postgres", {"user": "backup", "password": "of-backup"}, ENDPOINT)
    assert (found["user"], found["password"]) == ("backup", "of-backup")
    assert login("redis", {"username": "backup"}, {"password": OF_PROBE})["password"] is None


def test_login_of_the_system_goes_by_the_socket() -> None:
    found = login("postgres", {"os_user": "postgres"}, {})
    assert (found["user"], found["address"], found["port"]) == ("postgres", "/var/run/postgresql", 5432)
    assert login("redis", {}, {})["port"] == 6379


COPY = {"repository": "/srv/copies", "password": TEMPLATE}
FILES = {"kind": "files", "paths": ["/etc/app"]}


def test_copy_is_a_point_of_its_own_in_the_folder_of_its_backup() -> None:
    found = platform(config={**FILES, "directory": "/srv/sets", "copies": {"offsite": COPY, "bucket": COPY}})
    assert found.problems == ()
    points = {target.point: target for target in found.targets(topics=["backups"])}
    assert set(points) == {"config", "config.offsite", "config.bucket"}
    assert points["config.offsite"].given == {**COPY, "kind": "backup_copy", "directory": "/srv/sets"}
    assert "copies" not in points["config"].given
    assert points["config.offsite"].addresses() == [
        "db1/app.config.offsite.copied",
        "db1/app.config.offsite.copy_proved",
    ]
    (probe,) = points["config.offsite"].resolved(lambda value: value.replace(TEMPLATE, OF_PROBE), "localhost")
    assert (probe.options["repository"], probe.options["age_warning"]) == ("/srv/copies", 36.0)


@pytest.mark.parametrize(
    ("copies", "fault"),
    [
        ({}, "copies: expected a map of names to descriptions"),
        ([COPY], "copies: expected a map of names to descriptions"),
        (TEMPLATE, "copies: expected a map of names to descriptions, written out"),
        ({"off-site": COPY}, "copies.off-site: a name has letters, digits and underscores only"),
        ({"offsite": "/srv"}, "copies.offsite: expected a map with the keys 'repository' and 'password'"),
        ({"offsite": {"password": TEMPLATE}}, "copies.offsite.repository: missing"),
        ({"offsite": {"repository": "/srv"}}, "copies.offsite.password: missing"),
        ({"offsite": {**COPY, "password": "in the open"}}, "copies.offsite.password: a secret must be a template"),
        ({"offsite": {**COPY, "directory": "/srv"}}, "copies.offsite: directory: unknown key; it follows from"),
        ({"offsite": {**COPY, "kepe": {}}}, "copies.offsite.kepe: unknown key; did you mean 'keep'?"),
        ({"offsite": {**COPY, "keep": {"dayly": 1}}}, "copies.offsite.keep.dayly: unknown key; did you mean 'daily'"),
        ({"offsite": {**COPY, "age_warning": 99}}, "copies.offsite.age_warning: 99 is above age_critical (72"),
        ({"offsite": {**COPY, "repository": "rest:http://a"}}, "copies.offsite.repository: expected an absolute path"),
        ({"offsite": {**COPY, "repository": "sftp:a@b:/c"}}, "copies.offsite.identity: missing; sftp needs it"),
        ({"offsite": {**COPY, "identity": TEMPLATE}}, "copies.offsite.identity: is of no use for folder"),
        ({"offsite": {**COPY, "repository": "s3:http://a:b@c/d"}}, "copies.offsite.repository: must not contain"),
    ],
)
def test_fault_of_a_copy_names_its_key(copies: Any, fault: str) -> None:
    found = faults(config={**FILES, "copies": copies})
    assert any(one.startswith(f"backups.config.{fault}") for one in found), found


def of_the_owner(found: Any) -> list[str]:
    """What the host of the backup inspects of it."""
    return [target.point for target in found.targets(observer="db1", topics=["backups"])]


def test_drill_is_a_point_that_another_host_looks_at() -> None:
    found = platform(
        config={**FILES, "copies": {"offsite": {**COPY, "drill": {"hosts": "spare1", "rto_critical": 60}}}}
    )
    assert found.problems == ()
    assert of_the_owner(found) == ["config", "config.offsite"]
    (target,) = found.targets(observer="spare1")
    assert (target.point, target.owner, target.observer) == ("config.offsite.drill", "db1", "spare1")
    assert target.addresses() == [
        f"spare1/app.config.offsite.drill.{aspect}@db1" for aspect in ("drilled", "rto", "rpo")
    ]
    (probe,) = target.resolved(lambda value: value, "localhost")
    assert (probe.options["rto_critical"], probe.options["drilled_critical"], probe.options["owner"]) == (
        60,
        35.0,
        "db1",
    )
    assert "hosts" not in target.kind.probe_options and not target.kind.secrets
    assert len(found.targets(kinds=["backup_drill"])) == 1
    assert "drill" not in found.targets(kinds=["backup_copy"])[0].given


def test_one_host_of_a_group_drills_the_copy_of_each_owner_and_none_its_own() -> None:
    hosts = [f"host{number}" for number in range(40)]
    found = drilled_on("app.main.offsite.drill", {"hosts": "all"}, hosts, {"all": hosts})
    assert sorted(owner for owners in found.values() for owner in owners) == sorted(hosts)
    assert not any(host in owners for host, owners in found.items())
    assert len(found) > len(hosts) / 4, "the work is shared"
    # A host that goes leaves the others what they had.
    left = drilled_on("app.main.offsite.drill", {"hosts": "all"}, hosts[1:], {"all": hosts[1:]})
    kept = [owner for host, owners in found.items() for owner in owners if host != "host0" and owner != "host0"]
    assert all(any(owner in left.get(host, ()) for host in found if owner in found[host]) for owner in kept)


@pytest.mark.parametrize(
    ("drill", "fault"),
    [
        ("spare", "drill: expected a map with the key 'hosts'"),
        ({}, "drill.hosts: missing"),
        ({"hosts": "sapre"}, "drill.hosts: 'sapre' is neither a group nor"),
        ({"hosts": "db1"}, "drill.hosts: 'db1' has no host beside db1 itself: sets would be drilled nowhere"),
        ({"hosts": "db"}, "drill.hosts: 'db' has no host beside db1 itself"),
        ({"hosts": "none"}, "drill.hosts: 'none' has no hosts"),
        ({"hosts": TEMPLATE}, "drill.hosts: expected the name of a host or of a group, written out"),
        ({"hosts": "spare", "kind": "files"}, "drill: kind: unknown key"),
        ({"hosts": "spare", "rpo_warnign": 1}, "drill.rpo_warnign: unknown key; did you mean 'rpo_warning'?"),
        ({"hosts": "spare", "rpo_warning": 99}, "drill.rpo_warning: 99 is above rpo_critical (72"),
        ({"hosts": "spare", "seen_from": ["db"]}, "drill.seen_from: a backup_drill can only be looked at"),
    ],
)
def test_fault_of_a_drill_names_its_key_and_costs_no_copy(drill: Any, fault: str) -> None:
    found = platform(config={**FILES, "copies": {"offsite": {**COPY, "drill": drill}}})
    faults_found = [str(problem) for problem in found.problems]
    assert any(f"backups.config.copies.offsite.{fault}" in one for one in faults_found), faults_found
    assert of_the_owner(found) == ["config", "config.offsite"]
    assert not any(target.owner == target.observer for target in found.targets(kinds=["backup_drill"]))
    assert found.structure("app") == platform(
        config={**FILES, "copies": {"offsite": {**COPY, "drill": drill}}}
    ).structure("app")


def test_sets_of_pgbackrest_are_neither_copied_nor_brought_to_another_host() -> None:
    whole = {"kind": "postgres", "engine": "pgbackrest", "repository": {"stanza": "main"}, "endpoint": "sql"}
    (copied,) = faults(main={**whole, "copies": {"offsite": COPY}})
    assert copied.startswith("backups.main.copies: pgbackrest keeps copies in further repositories")
    assert any(
        one.startswith("backups.main.verify_on: sets of pgbackrest are verified on their own host")
        for one in faults(main={**whole, "verify_on": "all"})
    )


def test_copy_stands_below_its_backup_only() -> None:
    service = {"hosts": "db", "checks": {"main": {"kind": "backup_copy", **COPY}}}
    read_one = read({"platform_name": "test", "platform_services": {"app": service}}, GROUPS, lambda value: value)
    assert "a backup_copy stands below 'copies' of a backup" in str(read_one.problems[0])
    service["checks"] = {"main": {"kind": "backup_drill", "hosts": "spare"}}
    read_one = read({"platform_name": "test", "platform_services": {"app": service}}, GROUPS, lambda value: value)
    assert "a backup_drill stands below 'drill' of a copy" in str(read_one.problems[0])
