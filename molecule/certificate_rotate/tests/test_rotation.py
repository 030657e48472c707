# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates of real services are rotated without a request being lost, and stay where that is not possible."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator

import pytest

from tests.support.rotated_bed import (
    BED,
    FOLDERS,
    Load,
    act,
    https,
    in_service,
    report,
    rotate,
    served,
    shell,
    snapshot,
    start,
    until,
)

NGINX, POSTGRES, REDIS = "/etc/nginx/tls", "/etc/postgresql/tls", "/etc/redis/tls"


def test_due_certificate_is_replaced_without_a_lost_request(due: str) -> None:
    before = snapshot("web")
    preview = rotate("--check", "--diff")
    assert preview.status == 0, preview.output
    assert "nginx server is replaced: CN=api.xorb.enterprise" in preview.output
    assert "expires in 5 days" in preview.output and "postgres server stays" in preview.output
    assert snapshot("web") == before, "check mode changed something"

    with Load(https(8443)) as plain, Load(https(9443, client="client")) as mutual:
        ran = rotate("-vvvv", platform_incident="INC-42")
    assert ran.status == 0, ran.output[-5000:]
    new = in_service("web", NGINX)
    assert served("web", 8443) == served("web", 9443) == new != due
    for load in (plain, mutual):
        assert load.failures == []
        assert len(load.answers) > 50
        assert {answer.lstrip("0") for answer in load.answers} == {due.lstrip("0"), new.lstrip("0")}
    assert "PRIVATE KEY" not in ran.output
    assert (BED.secrets_directory / "redis_password").read_text().strip() not in ran.output

    (action,) = report()["actions"]
    assert (action["host"], action["subject"], action["outcome"], action["incident"]) == (
        "xorb-web", "nginx server", "done", "INC-42",
    )  # fmt: skip
    assert f"certificate {new} is in service" in action["what"] and f"in place of {due}" in action["what"]
    with sqlite3.connect(BED.directory / "state/ledger.sqlite") as ledger:
        (row,) = ledger.execute("SELECT action FROM actions ORDER BY sequence DESC LIMIT 1")
    assert json.loads(row[0]) == action

    again = rotate()
    assert again.status == 0 and "changed=1" not in again.output
    assert "nginx server stays" in again.output
    assert in_service("web", NGINX) == new


def test_all_services_take_new_ones_without_a_lost_connection() -> None:
    redis, postgres = [in_service("db", folder) for folder in (REDIS, POSTGRES)]
    started = shell(
        "db", "systemctl show -p MainPID redis-server postgresql@17-main; systemctl show -p NRestarts nginx"
    )
    loads = {
        "nginx": Load(https(8443)),
        "redis": Load(lambda: served("db", 6380)),
        "postgres": Load(lambda: served("db", 5432, starttls="postgres")),
    }
    with loads["nginx"], loads["redis"], loads["postgres"]:
        ran = rotate(certificate_rotate_force=True)
    assert ran.status == 0, ran.output[-5000:]
    assert [load.failures for load in loads.values()] == [[], [], []]
    assert set(loads["redis"].answers) == {redis, in_service("db", REDIS)}
    assert set(loads["postgres"].answers) == {postgres, in_service("db", POSTGRES)}
    again = shell("db", "systemctl show -p MainPID redis-server postgresql@17-main; systemctl show -p NRestarts nginx")
    assert again == started, "a service was restarted that could have reloaded"


@pytest.mark.parametrize(
    ("role", "folder", "user"), [("web", NGINX, "root"), ("db", POSTGRES, "postgres"), ("db", REDIS, "redis")]
)
def test_key_belongs_to_its_service_alone(role: str, folder: str, user: str) -> None:
    keys = shell(role, f"find {folder} -name key.pem -type f -printf '%u %m %p\\n'").splitlines()
    assert len(keys) >= 2
    assert {tuple(line.split()[:2]) for line in keys} == {(user, "600")}
    shell(role, f"runuser -u {user} -- cat {folder}/key.pem > /dev/null")
    assert shell(role, f"runuser -u nobody -- cat {folder}/key.pem 2>&1 || echo refused").strip().endswith("refused")


@pytest.mark.parametrize("role", ["web", "db"])
def test_key_is_nowhere_else(role: str) -> None:
    places = "/tmp /var/tmp /root/.ansible /var/lib/xorb-runbook /var/log"  # noqa: S108 - nothing is written there
    assert shell(role, f"grep -rl 'PRIVATE KEY' {places} 2>/dev/null || :") == ""
    assert "PRIVATE KEY" not in shell(role, "journalctl --no-pager --since '-2 hours'")
    unfinished = shell(role, f"find {' '.join(FOLDERS[role])} -name '.pending' -o -name '.staging'")
    assert unfinished == ""


def test_canary_that_fails_spares_the_others_and_is_reported() -> None:
    """PostgreSQL cannot read a key of root's: it goes on with the certificate that it has, and that shows."""
    before = {"db": in_service("db", POSTGRES), "web": in_service("web", NGINX)}
    wrong = {"postgres": {"certificates": {"server": {"user": "root"}}}}
    ran = rotate(certificate_rotate_force=True, platform_overrides=wrong, platform_only_services=["postgres", "nginx"])
    assert ran.status == 2
    assert in_service("db", POSTGRES) == served("db", 5432, starttls="postgres") == before["db"]
    assert in_service("web", NGINX) == served("web", 8443) == before["web"]
    checks = {f"{check['host']}/{check['id']}": check for check in report()["checks"]}
    failed = checks["xorb-db/runbook.act.certificate_rotate_replace"]
    assert failed["status"] == "critical"
    assert "port 5432 serves the certificate" in failed["message"]
    assert "the old set is in service again" in failed["message"]
    spared = checks["xorb-web/runbook.act.certificate_rotate_replace"]
    assert spared["message"] == "not done, since it failed on xorb-db"
    assert [action["outcome"] for action in report()["actions"]] == ["rolled_back"]


def test_nginx_that_refuses_keeps_its_certificate() -> None:
    before = in_service("web", NGINX)
    shell("web", "cp -a /etc/nginx/nginx.conf /root/nginx.conf; echo 'nonsense on;' >> /etc/nginx/nginx.conf")
    try:
        with Load(https(8443)) as load:
            ran = act("web")
    finally:
        shell("web", "mv /root/nginx.conf /etc/nginx/nginx.conf; systemctl reload nginx")
    assert ran.status == 2
    assert "systemctl reload nginx.service failed" in ran.output
    assert in_service("web", NGINX) == served("web", 8443) == before
    assert load.failures == [] and {answer.lstrip("0") for answer in load.answers} == {before.lstrip("0")}


@pytest.fixture
def small_disk() -> Iterator[None]:
    """A disk of its own under the folder of nginx, with what is there now."""
    shell(
        "web",
        "cp -a /etc/nginx/tls /root/tls; mount -t tmpfs -o size=256k tmpfs /etc/nginx/tls;"
        " cp -a /root/tls/. /etc/nginx/tls/",
    )
    yield
    shell("web", "umount /etc/nginx/tls; rm -rf /root/tls")


@pytest.mark.usefixtures("small_disk")
def test_full_or_read_only_disk_keeps_the_certificate() -> None:
    before = in_service("web", NGINX)
    shell("web", "dd if=/dev/zero of=/etc/nginx/tls/filler bs=4k 2>/dev/null || :")
    ran = act("web")
    assert ran.status == 2 and "No space left" in ran.output
    assert in_service("web", NGINX) == served("web", 8443) == before
    shell("web", "rm /etc/nginx/tls/filler; mount -o remount,ro /etc/nginx/tls")
    ran = act("web")
    assert ran.status == 2 and "Read-only file system" in ran.output
    assert in_service("web", NGINX) == served("web", 8443) == before


SHIFTED = """
import time
real = time.time
time.time = lambda: real() + 600
"""


def test_clock_that_is_off_changes_nothing() -> None:
    before = snapshot("web")
    shell("web", "mkdir -p /opt/shifted; cat > /opt/shifted/sitecustomize.py", data=SHIFTED)
    wrapper = '#!/bin/sh\nPYTHONPATH=/opt/shifted exec /usr/bin/python3 "$@"\n'
    shell("web", "cat > /opt/shifted/python3; chmod 755 /opt/shifted/python3", data=wrapper)
    try:
        ran = act("web", variables={"ansible_python_interpreter": "/opt/shifted/python3"})
    finally:
        shell("web", "rm -r /opt/shifted")
    assert ran.status == 2
    assert "s ahead of the control node's" in ran.output
    assert snapshot("web") == before


def test_killed_run_is_found_and_finished_by_the_next_one() -> None:
    before = in_service("web", NGINX)
    hanging = {
        "nginx": {"certificates": {"server": {"reload": {"kind": "command", "argv": ["sleep", "600"], "unit": None}}}}
    }
    run = start(
        "ansible-playbook", "xorb.runbook.certificate_rotate", "-e",
        json.dumps({"certificate_rotate_force": True, "platform_overrides": hanging}),
        "-e", '{"platform_only_services": ["nginx"]}',
    )  # fmt: skip
    try:
        until(
            lambda: (
                '"step": "reload"' in shell("web", "tail -qn 1 $(ls -t /var/lib/xorb-runbook/journal/* | head -n 1)")
            ),
            seconds=600,
        )
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        holder = json.loads(shell("web", "cat /var/lib/xorb-runbook/lock"))["process"]
        shell("web", f"kill -9 $(pgrep -P {holder}) {holder}")
    # The new pair lies there, its service was not reloaded, and what is served is the old one: both are whole.
    new = in_service("web", NGINX)
    assert served("web", 8443) == before != new

    preview = rotate("--check")
    assert preview.status == 0
    assert "left half done by a run that was killed" in preview.output
    assert served("web", 8443) == before

    with Load(https(8443)) as load:
        ran = rotate()
    assert ran.status == 0, ran.output[-5000:]
    assert load.failures == []
    assert in_service("web", NGINX) == served("web", 8443) == new
    assert "cut off: done, its new set is in service" in report()["actions"][0]["what"]
    again = rotate("--check")
    assert "left half done" not in again.output and "changed=1" not in again.output
