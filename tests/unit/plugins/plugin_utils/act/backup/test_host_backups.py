# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the description comes to for the modules: login of an endpoint, container of a supervisor, faults."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.parameters import BACKUP_OPTIONS, given_of
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import problems
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.backup.host_backups import Backup, described
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.reader import read

TEMPLATE = "{{ vault }}"
PASSWORD = "sesame-open-wide"  # noqa: S105 - opens nothing
SERVICE = {
    "hosts": "db",
    "supervisor": {"kind": "compose", "project_src": "/opt/app", "files": ["prod.yml"], "service": "sql"},
    "endpoints": {"sql": {"kind": "postgres", "port": 5433, "user": "probe", "database": "a", "password": TEMPLATE}},
    "backups": {
        "main": {"kind": "postgres", "databases": ["app"], "endpoint": "sql", "login": {"timeout": 30}},
        "config": {"kind": "files", "paths": ["/etc/app"], "keep": {"daily": 3}, "directory": "/srv/sets"},
    },
}


def resolve(value: Any) -> Any:
    """Stands for the templating engine: knows one variable."""
    if isinstance(value, str) and "{{" in value:
        if value != TEMPLATE:
            raise AnsibleUndefinedVariable("'nowhere' is undefined")
        return PASSWORD
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    return [resolve(item) for item in value] if isinstance(value, list) else value


def context(service: Any = None, **options: Any) -> Any:
    described_one = {"platform_name": "lab", "platform_services": {"app": service or SERVICE}}
    platform = read(described_one, {"all": ["db1", "db2"], "db": ["db1"]}, lambda value: value)
    return SimpleNamespace(
        host="db1",
        platform=platform,
        inventory=SimpleNamespace(resolver=lambda _host: resolve),
        options={"services": [], "backups": [], **options},
    )


def found(**options: Any) -> dict[str, Backup]:
    backups, faults = described(context(**options))
    assert faults == []
    return {one.label: one for one in backups}


def test_login_is_resolved_and_merged_and_fits_the_module() -> None:
    one = found()["app.main"]
    login = one.options["login"]
    assert (login["address"], login["port"], login["user"]) == ("localhost", 5433, "probe")
    assert (login["password"], login["timeout"]) == (PASSWORD, 30.0)
    assert one.container == {"project_src": "/opt/app", "files": ["prod.yml"], "service": "sql"}
    arguments = one.arguments(context())
    assert list(problems(BACKUP_OPTIONS, arguments)) == []
    assert given_of({**dict.fromkeys(BACKUP_OPTIONS), **arguments})["kind"] == "postgres"


def test_other_host_gets_no_secret_of_the_server_and_none_of_its_container() -> None:
    one = found()["app.main"]
    arguments = one.arguments_on("spare1", context())
    assert (arguments["host"], arguments["container"], arguments["unit"]) == ("spare1", None, None)
    assert PASSWORD not in str(arguments) and PASSWORD in str(one.arguments(context()))
    assert list(problems(BACKUP_OPTIONS, arguments)) == []
    assert given_of({**dict.fromkeys(BACKUP_OPTIONS), **arguments})["login"]["user"] == "probe"


def test_store_has_what_lists_and_removes_sets() -> None:
    store = found()["app.config"].store()
    assert (store["directory"], store["keep"]["daily"]) == ("/srv/sets", 3)
    assert PASSWORD not in str(store)


def test_selection_by_name() -> None:
    assert list(found(backups=["app.config"])) == ["app.config"]
    with pytest.raises(RunbookError, match=r"there is no backup 'app\.confg'.*app\.config"):
        described(context(backups=["app.confg"]))
    with pytest.raises(RunbookError, match="there is no such service"):
        described(context(services=["apq"]))


def test_fault_of_one_costs_no_other() -> None:
    endpoints = {"sql": {**SERVICE["endpoints"]["sql"], "password": "{{ nowhere }}"}}  # type: ignore[index]
    backups, faults = described(context({**SERVICE, "endpoints": endpoints}))
    assert [one.label for one in backups] == ["app.config"]
    assert len(faults) == 1 and "nowhere" in faults[0] and PASSWORD not in faults[0]


def test_other_hosts_have_none_of_it() -> None:
    elsewhere = context()
    elsewhere.host = "db2"
    assert described(elsewhere) == ([], [])
