# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts: their file systems, units and processes, and the drivers that our own probes need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.faults.matrix import GUEST, GUEST_ROLE, LASTS, Command, Expected, Row, Task
from tests.testbed.faults import FAULTS, Fault, shell

_DISK = Task("ansible.builtin.setup", {"gather_subset": ["!all", "mounts"]}, telling="$^")
_UNITS = "the runbook has no command for units"
_FAILED_UNITS = {"checks": {"units": {"kind": "failed_units"}}}
_DRIVERS, _OLD = "/usr/lib/python3/dist-packages", "/var/lib/xorb-lab/old-drivers"
_OWN = "/etc/xorb-lab/own"


def _row(
    name: str,
    sentence: str,
    role: str,
    broken: str,
    mended: str,
    look: Mapping[str, Any],
    *expected: Expected,
    command: Command | str = _UNITS,
    task: Task | str,
    takes_hold: str = "",
    harmless: bool = False,
    seen_as: str = "",
    observer: str = "",
) -> Row:
    return Row(
        fault=Fault(
            name=name,
            sentence=sentence,
            role=role,
            broken_by=shell(broken),
            mended_by=shell(mended),
            takes_hold=takes_hold,
        ),
        chapter="Hosts",
        look=look,
        expected=expected,
        command=command,
        task=task,
        uses=frozenset({f"{role}/{name}"}),
        harmless=harmless,
        seen_as=seen_as,
        observer=observer,
    )


def _services(telling: str, evidence: str) -> Task:
    return Task("ansible.builtin.service_facts", {}, telling=telling, evidence=evidence)


ROWS = (
    Row(
        fault=FAULTS["disk_full"],
        chapter="Hosts",
        look={"checks": {"data": {"kind": "disk", "path": "/srv/data"}}},
        expected=(Expected("data.space", "critical", "(100 %)"),),
        command=Command("performance.disk", telling=r"100%\s+/srv/data", evidence="100% in one of its lines"),
        task=Task(
            "ansible.builtin.setup",
            {"gather_subset": ["!all", "mounts"]},
            telling=r'"mount": "/srv/data"',
            evidence="size_available of each mount, where it lists the file system",
        ),
        uses=frozenset({"db/data"}),
    ),
    _row(
        "inodes_exhausted",
        "a file system has space, and no inode left for another file",
        "monitor",
        "cd /srv/lab; touch $(seq 300) 2> /dev/null || :",
        "find /srv/lab -type f -delete",
        {"checks": {"lab": {"kind": "disk", "path": "/srv/lab"}}},
        Expected("lab.inodes", "critical", "(100 %)"),
        Expected("lab.space", "ok"),
        command=Command("performance.disk"),
        task=_DISK,
        takes_hold="! touch /srv/lab/another",
    ),
    _row(
        "unit_failed",
        "a nightly job of systemd has failed",
        "monitor",
        "systemd-run --unit=xorb-lab-nightly.service --service-type=oneshot false 2> /dev/null || :",
        "systemctl reset-failed xorb-lab-nightly.service 2> /dev/null || :",
        _FAILED_UNITS,
        Expected("units.failures", "critical", "xorb-lab-nightly.service (exit-code)"),
        task=_services(
            r'"xorb-lab-nightly.service": \{[^}]*"status": "failed"', "status: failed of one unit among all"
        ),
        seen_as="monitor_units",
    ),
    _row(
        "unit_starting_for_ever",
        "a unit ends at its start, and is started again and again",
        "monitor",
        "systemd-run --unit=xorb-lab-loop.service -p Restart=always -p RestartSec=300 false 2> /dev/null",
        "systemctl stop xorb-lab-loop.service 2> /dev/null || :; "
        "systemctl reset-failed xorb-lab-loop.service 2> /dev/null || :",
        _FAILED_UNITS,
        Expected("units.starts", "critical", "xorb-lab-loop.service ended and waits to be started again"),
        task=_services("$^", ""),
        takes_hold="systemctl show -P SubState xorb-lab-loop.service | grep -q auto-restart",
        seen_as="monitor_units",
    ),
    _row(
        "zombie_processes",
        "a service does not collect its dead children: they fill the table of processes",
        "monitor",
        "systemd-run --unit=xorb-lab-zombies.service python3 -c "
        f"'import os, time; [os.fork() or os._exit(0) for _ in range(120)]; time.sleep({LASTS})' 2> /dev/null",
        "systemctl stop xorb-lab-zombies.service 2> /dev/null || :",
        _FAILED_UNITS,
        Expected("units.zombies", "critical", "zombie processes: python3"),
        command=Command("performance.cpu", telling=r"1\d\d zombie", evidence="a number in a line of its head"),
        task=_services("$^", ""),
        takes_hold="test $(ps -eo stat= | grep -c ^Z) -ge 120",
        seen_as="monitor_units",
    ),
    _row(
        "processes_hidden",
        "a user without rights inspects a host whose /proc hides the processes of others (hidepid),"
        " and a service fills the table of processes with dead ones",
        GUEST_ROLE,
        "systemd-run --unit=xorb-lab-zombies.service python3 -c "
        f"'import os, time; [os.fork() or os._exit(0) for _ in range(120)]; time.sleep({LASTS})' 2> /dev/null; "
        "mount -o remount,hidepid=2 /proc",
        "mount -o remount,hidepid=0 /proc; systemctl stop xorb-lab-zombies.service 2> /dev/null || :",
        {
            "supervisor": {"kind": "systemd", "unit": "prometheus-node-exporter.service"},
            # Of failed units, other rows have plenty.
            "checks": {"units": {"kind": "failed_units", "ignore": ["*"]}},
        },
        Expected("units.zombies", "unknown", "so this user sees only its own processes"),
        Expected("supervisor.state", "unknown", "is stopped is not determined"),
        command=Command("performance.cpu", telling=r"1\d\d zombie", evidence="a number in a line of its head"),
        task=_services("$^", ""),
        takes_hold="test $(ps -eo stat= | grep -c ^Z) -ge 120",
        observer=GUEST,
    ),
    _row(
        "unit_without_process",
        "a unit is active, and the process that should do its work has ended",
        "monitor",
        "systemctl stop xorb-lab-worker.service; "
        "systemd-run --unit=xorb-lab-worker.service -p RemainAfterExit=yes true 2> /dev/null",
        "systemctl stop xorb-lab-worker.service 2> /dev/null || :; "
        "systemd-run --unit=xorb-lab-worker.service -p RemainAfterExit=yes sleep infinity 2> /dev/null",
        {"supervisor": {"kind": "systemd", "unit": "xorb-lab-worker.service"}},
        Expected("supervisor.state", "critical", "it has no process"),
        task=_services("$^", ""),
        takes_hold="systemctl show -P SubState xorb-lab-worker.service | grep -q exited",
    ),
    _row(
        "timer_failed",
        "a timer fires, and what it starts fails",
        "monitor",
        "systemctl stop xorb-lab-job.timer; systemd-run --unit=xorb-lab-job --on-calendar='*:0/1' false 2> /dev/null; "
        "systemctl start xorb-lab-job.service 2> /dev/null || :",
        "systemctl stop xorb-lab-job.timer 2> /dev/null || :; "
        "systemctl reset-failed xorb-lab-job.service 2> /dev/null || :; "
        "systemd-run --unit=xorb-lab-job --on-calendar='*:0/1' true 2> /dev/null",
        {"checks": {"job": {"kind": "timer", "unit": "xorb-lab-job.timer"}}},
        Expected("job.service", "critical", "xorb-lab-job.service failed: exit-code, exit status 1"),
        Expected("job.state", "ok"),
        task=_services(r'"xorb-lab-job.service": \{[^}]*"status": "failed"', "status: failed of one unit among all"),
        # It is a failed unit, too; what the check says of those is the business of other rows.
        takes_hold="systemctl is-failed --quiet xorb-lab-job.service",
    ),
    _row(
        "timer_stopped",
        "the timer that cleans up is stopped, and will not fire again",
        "monitor",
        "systemctl stop systemd-tmpfiles-clean.timer",
        "systemctl start systemd-tmpfiles-clean.timer",
        {"checks": {"cleanup": {"kind": "timer", "unit": "systemd-tmpfiles-clean.timer"}}},
        Expected("cleanup.state", "critical", "is inactive (dead)"),
        task=_services("$^", ""),
    ),
    _row(
        "driver_missing",
        "the driver that our own probe needs is not installed on the host that looks; PostgreSQL is well",
        "monitor",
        f"mv {_DRIVERS}/psycopg2 {_DRIVERS}/psycopg2.away",
        f"test ! -e {_DRIVERS}/psycopg2.away || mv {_DRIVERS}/psycopg2.away {_DRIVERS}/psycopg2",
        {
            "hosts": "xorb-db",
            "endpoints": {
                "sql": {
                    "kind": "postgres",
                    "user": "xorb_monitor",
                    "database": "xorb_db",
                    "password": "{{ lab_password }}",
                    "port": 5440,
                    "seen_from": ["xorb-monitor"],
                }
            },
        },
        Expected("sql.query", "unknown", "install the package python3-psycopg2"),
        command=Command("health.postgres_ready", changes={"-h localhost -p 5432": "-h db -p 5440"}),
        task=Task(
            "community.postgresql.postgresql_ping",
            {
                "login_host": "db",
                "login_port": 5440,
                "login_user": "xorb_monitor",
                "login_password": "{{ lab_password }}",
                "login_db": "xorb_db",
            },
            telling='"is_available": false',
            evidence="is_available: false",
        ),
        harmless=True,
    ),
    _row(
        "driver_old",
        "the driver that our own probe needs is older than any it was tried with; the certificate is well",
        "monitor",
        f"mv {_DRIVERS}/cryptography {_DRIVERS}/cryptography.away; cp -r {_OLD}/cryptography {_DRIVERS}",
        f"test ! -e {_DRIVERS}/cryptography.away"
        f" || {{ rm -rf {_DRIVERS}/cryptography; mv {_DRIVERS}/cryptography.away {_DRIVERS}/cryptography; }}",
        {
            "certificates": {
                "set": {
                    "directory": _OWN,
                    "names": ["localhost"],
                    "files": {"fullchain": None},
                }
            }
        },
        Expected("set.expiry", "unknown", "driver too old: cryptography 3.4.8"),
        command=Command("certificates.expiry", changes={"./secrets/tls": _OWN}),
        task=Task("community.crypto.x509_certificate_info", {"path": f"{_OWN}/cert.pem"}),
        harmless=True,
    ),
    _row(
        "disk_unmounted",
        "a disk is not mounted, and what is written there fills the file system above",
        "monitor",
        "umount /srv/lab-disk",
        "mountpoint -q /srv/lab-disk || mount /srv/lab-disk",
        {"checks": {"disk": {"kind": "disk", "path": "/srv/lab-disk"}}},
        Expected("disk.mount", "critical", "/srv/lab-disk is not mounted, and"),
        Expected("disk.space", "unknown", "is not mounted"),
        command=Command("performance.disk"),
        task=_DISK,
    ),
    _row(
        "disk_read_only",
        "a file system was mounted anew for reading only, as the kernel does after an error",
        "monitor",
        "mount -o remount,ro /srv/lab-frozen",
        "mount -o remount,rw /srv/lab-frozen",
        {"checks": {"disk": {"kind": "disk", "path": "/srv/lab-frozen"}}},
        Expected("disk.mount", "critical", "is read-only: nothing can be written"),
        Expected("disk.space", "ok"),
        command=Command("performance.disk"),
        task=_DISK,
        takes_hold="! touch /srv/lab-frozen/another",
    ),
    _row(
        "file_name_not_text",
        "a backup has a name whose bytes are not UTF-8",
        "monitor",
        "mkdir -p /var/lib/xorb-lab/names; cd /var/lib/xorb-lab/names; sleep 0.1; echo data > \"$(printf 'caf\\351')\"",
        "rm -rf /var/lib/xorb-lab/names; mkdir -p /var/lib/xorb-lab/names; echo data > /var/lib/xorb-lab/names/plain",
        {"checks": {"backup": {"kind": "file_age", "path": "/var/lib/xorb-lab/names/*"}}},
        Expected("backup.age", "ok", "caf\\udce9"),
        command="the runbook has no command for the age of a file",
        task=Task("ansible.builtin.find", {"paths": "/var/lib/xorb-lab/names"}),
        harmless=True,
    ),
    _row(
        "timer_skipped",
        "a timer fires, and what it starts finds that there is nothing to do (ExecCondition)",
        "monitor",
        "systemctl stop xorb-lab-skipped.timer; systemd-run --unit=xorb-lab-skipped --on-calendar='*:0/1' "
        "-p ExecCondition=/bin/false true 2> /dev/null; systemctl start xorb-lab-skipped.service 2> /dev/null || :",
        "systemctl stop xorb-lab-skipped.timer 2> /dev/null || :; "
        "systemctl reset-failed xorb-lab-skipped.service 2> /dev/null || :; "
        "systemd-run --unit=xorb-lab-skipped --on-calendar='*:0/1' true 2> /dev/null",
        {"checks": {"job": {"kind": "timer", "unit": "xorb-lab-skipped.timer"}}},
        Expected("job.service", "ok", "had nothing to do"),
        Expected("job.state", "ok"),
        task=_services("$^", ""),
        takes_hold="systemctl show -P Result xorb-lab-skipped.service | grep -q exec-condition",
        harmless=True,
    ),
)
