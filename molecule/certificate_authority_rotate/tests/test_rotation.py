# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The CA of real services is replaced, and at every moment each has a certificate that its clients trust."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from contextlib import ExitStack

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.issuance import serial_text

from tests.support.authority_bed import (
    DIRECTORY,
    FOLDERS,
    PORTS,
    accepts,
    client,
    issued,
    opened,
    overrides,
    revoke,
    rotate,
    variables,
)
from tests.support.revoked_bed import secret
from tests.support.rotated_bed import BED, Load, report, shell, start, until

TRUST = {
    "web": ["/etc/nginx/tls/ca.pem", "/etc/xorb/tls/ca.pem"],
    "db": ["/etc/postgresql/tls/ca.pem", "/etc/redis/tls/ca.pem", "/etc/xorb/tls/ca.pem"],
    "monitor": ["/etc/xorb/clients/ca.pem", "/etc/xorb/tls/ca.pem"],
}


def in_charge() -> str:
    """The serial number of the intermediate that issues."""
    return serial_text(opened().certificates()["intermediate"].serial_number)


def trusted(role: str, path: str) -> set[str]:
    """The subjects of the CA of the bed in a file on a host, by openssl."""
    script = f"openssl crl2pkcs7 -nocrl -certfile {path} | openssl pkcs7 -print_certs -noout"
    return set(re.findall(r"subject=.*CN ?= ?(Bed .*)", shell(role, script)))


def snapshot() -> str:
    """Everything that a run could change."""
    found = [
        shell(role, f"find {' '.join(folders)} /var/lib/xorb-runbook -printf '%p %T@ %s %l\\n' 2>/dev/null || :")
        for role, folders in FOLDERS.items()
    ]
    kept = {str(path): path.stat().st_mtime_ns for path in DIRECTORY.rglob("*") if path.name != ".lock"}
    return "".join(found) + json.dumps(kept)


def loads() -> dict[str, Load]:
    """A client of each service, which trusts what every consumer has to trust at the moment."""
    return {service: Load(client(str(DIRECTORY / "ca.pem"), service)) for service in PORTS}


def forget(name: str) -> None:
    """Revoke what was issued for no set of the description, or the CA would not be withdrawn."""
    opened().revoke(*[row.serial for row in opened().register() if row.common_name == name], reason="superseded")


def test_ca_is_replaced_without_a_connection_that_fails() -> None:
    old, outsider = in_charge(), issued("client", "outsider.xorb.local")
    forget("outsider.xorb.local")
    assert accepts("postgres", *outsider) and accepts("redis", *outsider)
    before = snapshot()
    preview = rotate("--check", certificate_authority_rotate_ca_serial=old)
    assert preview.status == 0, preview.output[-5000:]
    assert "the CA is in the phase standby" in preview.output
    for sentence in (
        "xorb-web: nginx server trusts both",
        "xorb-db: redis server trusts both",
        "xorb-monitor: prometheus client trusts both",
        "xorb-monitor: /etc/xorb/tls/ca.pem trusts both",
    ):
        assert sentence in preview.output
    assert snapshot() == before, "check mode changed something"

    with ExitStack() as stack:
        running = {service: stack.enter_context(load) for service, load in loads().items()}
        ran = rotate("-vvv", certificate_authority_rotate_ca_serial=old, platform_incident="INC-77")
    assert ran.status == 0, ran.output[-8000:]
    for service, load in running.items():
        assert load.failures == [], service
        assert len(load.answers) > 20
        assert set(load.answers) == {"CN=Bed Intermediate CA", "CN=Bed Intermediate CA G2"}, service
    assert "PRIVATE KEY" not in ran.output

    both = {"Bed Root CA G2", "Bed Intermediate CA G2"}
    for role, paths in TRUST.items():
        assert {path: trusted(role, path) for path in paths} == dict.fromkeys(paths, both)
    assert not accepts("postgres", *outsider) and not accepts("redis", *outsider)
    insider = issued("client", "insider.xorb.local")
    assert accepts("postgres", *insider) and accepts("redis", *insider)
    forget("insider.xorb.local")
    found = {f"{check['host']}/{check['id']}": check for check in report()["checks"]}
    assert found["xorb-monitor/nginx.https.health"]["status"] == "ok"
    assert "port 9443: HTTP 200" in found["xorb-monitor/prometheus.client.acceptance"]["message"]
    for name in ("web/nginx.server", "db/postgres.server", "db/redis.server", "monitor/prometheus.client"):
        assert found[f"xorb-{name}.refusal"]["status"] == "ok", found[f"xorb-{name}.refusal"]
    assert "where a stranger gets HTTP 400" in found["xorb-web/nginx.server.acceptance"]["message"]
    assert "refused: HTTP 400 (The SSL certificate error)" in found["xorb-monitor/prometheus.client.refusal"]["message"]

    deeds = report()["actions"]
    assert {deed["procedure"] for deed in deeds} == {"certificate_authority_rotate"}
    assert {deed["host"] for deed in deeds} == {"xorb-web", "xorb-db", "xorb-monitor"}
    with sqlite3.connect(BED.directory / "state/ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT action FROM actions WHERE action LIKE '%INC-77%'").fetchall()
    # The ledger may hold those of an earlier run, too.
    recorded = [json.loads(row[0]) for row in rows]
    assert [recorded.count(deed) for deed in deeds] == [1] * len(deeds)


def test_killed_rotation_is_taken_back() -> None:
    old = in_charge()
    run = start("ansible-playbook", "xorb.runbook.certificate_authority_rotate", "-e",
                variables(certificate_authority_rotate_ca_serial=old))  # fmt: skip
    issuer = "openssl x509 -in /etc/postgresql/tls/cert.pem -noout -issuer"
    try:
        until(lambda: "Bed Intermediate CA G3" in shell("db", issuer), seconds=600)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    # What it had begun on a host goes on there for a moment, and no other run may change that host as long.
    for role in FOLDERS:
        shell(role, "test ! -e /var/lib/xorb-runbook/lock || flock -w 60 /var/lib/xorb-runbook/lock true")
    assert opened().phase == "activated"
    with ExitStack() as stack:
        running = {service: stack.enter_context(load) for service, load in loads().items()}
        back = rotate(certificate_authority_rotate_rollback=True)
    assert back.status == 0, back.output[-8000:]
    assert [load.failures for load in running.values()] == [[], [], []]
    assert (opened().phase, in_charge()) == ("standby", old)
    for role, paths in TRUST.items():
        wanted = {"Bed Root CA G2", "Bed Intermediate CA G2"}
        assert {path: trusted(role, path) for path in paths} == dict.fromkeys(paths, wanted)
    assert {client(str(DIRECTORY / "ca.pem"), service)() for service in PORTS} == {"CN=Bed Intermediate CA G2"}


def test_revoked_root_is_replaced_once() -> None:
    old = in_charge()
    described = overrides()
    # Redis does not tell what a session was opened with.
    described["redis"]["certificates"]["server"]["sessions"] = {"kind": "redis", "password": secret("redis_password")}
    incident = {
        "certificate_revoke_scope": "root",
        "certificate_revoke_incident": "INC-78",
        "platform_overrides": described,
    }
    with ExitStack() as stack:
        running = {service: stack.enter_context(load) for service, load in loads().items()}
        ran = revoke(**incident)
    assert ran.status == 0, ran.output[-8000:]
    # Every client of Redis is cut off at the end.
    assert running["nginx"].failures == running["postgres"].failures == []
    new = in_charge()
    assert new != old
    ended = {f"{check['host']}/{check['id']}": check for check in report()["checks"]}["xorb-db/redis.server.sessions"]
    assert ended["message"].startswith("the sessions of all clients were ended (")
    for role, paths in TRUST.items():
        assert all(len(trusted(role, path)) == 2 for path in paths)
    again = revoke("--check", **incident)
    assert again.status == 0, again.output[-5000:]
    assert f"{old} was replaced already" in again.output
    assert in_charge() == new


@pytest.mark.parametrize("role", ["web", "db", "monitor"])
def test_key_is_nowhere_else(role: str) -> None:
    """After all that, and a run that was killed."""
    places = "/tmp /var/tmp /root/.ansible /var/lib/xorb-runbook /var/log"  # noqa: S108 - nothing is written there
    # As PEM has it, and what a key of a proof begins with on its way.
    key = "'PRIVATE KEY|MIGHAgEAMBMGByqGSM49'"
    assert shell(role, f"grep -rlE {key} {places} 2>/dev/null || :") == ""
    assert shell(role, f"journalctl --no-pager --since '-2 hours' | grep -E {key} || :") == ""
