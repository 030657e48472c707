# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups of Redis and of files: what cannot be taken, and sets that look good and are not."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.catalogue.backups import (
    AGE,
    CUT,
    DATE,
    DIGESTED,
    FLIP,
    PLACE,
    TAKES,
    VERIFIED,
    no_sets,
    on_newest,
    python,
    store,
)
from tests.faults.matrix import Command, Expected, Row, Task
from tests.testbed.faults import Fault, shell

_CREATE, _VERIFY = "backup.configuration", "backup.configuration_verify"

#: The number of keys that each server of Redis has here.
_KEYS = 50

#: Puts a file of Redis with fewer keys into a set, and lets the manifest say what is there now.
_OTHER_FILE = (
    """
import hashlib, json, pathlib
path = pathlib.Path('manifest.json')
values = json.loads(path.read_text())
values.pop('sha256')
data = pathlib.Path('dump.rdb').read_bytes()
digest = hashlib.sha256(data).hexdigest()
for one in values['files']:
    if one['path'] == 'dump.rdb':
        one.update(size=len(data), sha256=digest, plain_size=len(data), plain_sha256=digest)
"""
    + DIGESTED
)


def _redis(
    port: int, name: str, sentence: str, broken: str, *expected: Expected, procedures: Sequence[str], mended: str = ":"
) -> Row:
    """A row about the sets of a Redis of the lab; what fixes it takes them away, and new ones are made."""
    cli, unit = f"redis-cli -p {port}", f"xorb-lab-redis@{port}.service"
    script = f"for number = 1, {_KEYS} do redis.call('SET', 'key:' .. number, 'value ' .. number) end"
    filled = f'until {cli} PING | grep -q PONG; do sleep 0.1; done; {cli} EVAL "{script}" 0 > /dev/null'
    return Row(
        fault=Fault(
            name=name,
            sentence=sentence,
            role="db",
            broken_by=shell(broken),
            mended_by=shell(f"{mended}; systemctl restart {unit}; {filled}; {no_sets(name)}"),
        ),
        chapter="Backups",
        look={
            "backups": {
                "main": {
                    "kind": "redis",
                    "login": {"address": "localhost", "port": port},
                    "directory": store(name),
                    "samples": 2 * _KEYS,
                }
            }
        },
        expected=expected,
        command="the runbook has no backup of Redis",
        task="no module of another collection saves Redis",
        uses=frozenset({f"db/redis/{port}", f"db/backups/{name}"}),
        procedures=tuple(procedures),
    )


def _files(
    name: str,
    sentence: str,
    broken: str,
    *expected: Expected,
    role: str = "web",
    command: str = _CREATE,
    procedures: Sequence[str] = TAKES,
    mended: str = ":",
) -> Row:
    """A row about the backup of a folder that is laid out as the runbook has it."""
    folder = _folder(name)
    made = (
        f"mkdir -p {folder}/infra {folder}/config; cd {folder}; echo services: > docker-compose.yml; echo A=1 > .env; "
        f"head -c 20M /dev/urandom > infra/image; echo answer=42 > config/app.conf"
    )
    packed = f"tar -czf config_backup_{DATE}.tar.gz docker-compose*.yml infra/ config/ .env*"
    task = (
        Task(
            "ansible.builtin.unarchive", {"src": f"{folder}/module.tar.gz", "dest": f"{folder}/out", "remote_src": True}
        )
        if command == _VERIFY
        else Task(
            "community.general.archive",
            {"path": [f"{folder}/{one}" for one in _PATHS], "dest": f"{folder}/module.tar.gz", "force_archive": True},
        )
    )
    out = f"mkdir -p {folder}/out; cp config_backup_{DATE}.tar.gz module.tar.gz"
    return Row(
        fault=Fault(
            name=name,
            sentence=sentence,
            role=role,
            broken_by=shell(broken),
            mended_by=shell(f"{mended}; rm -rf {folder}; {made}; {packed}; {out}; {no_sets(name)}"),
        ),
        chapter="Backups",
        look={
            "backups": {
                "main": {
                    "kind": "files",
                    "paths": [f"{folder}/{one}" for one in _PATHS],
                    "directory": store(name),
                }
            }
        },
        expected=expected,
        command=Command(command, folder=folder),
        task=task,
        uses=frozenset({f"{role}/backups/{name}"}),
        procedures=tuple(procedures),
    )


_PATHS = ("docker-compose.yml", "infra", "config", ".env")


def _folder(name: str) -> str:
    return f"{PLACE}/files/{name}"


def _unit(name: str) -> str:
    """What a row runs in the background, which ends with the lab."""
    return f"xorb-lab-{name.replace('_', '-')}"


#: A file that the kernel lets nobody read, root neither.
_CLOSED = "/proc/sys/net/ipv4/route/flush"


def _flipped_archives(name: str) -> str:
    """One bit of each archive, in the middle as that of the set."""
    flip = (
        "import pathlib\nfor path in pathlib.Path('.').glob('*.tar.gz'):\n"
        "    data = bytearray(path.read_bytes())\n    data[len(data) // 2] ^= 1\n    path.write_bytes(data)"
    )
    return f"cd {_folder(name)}; {python(flip)}"


ROWS = (
    _redis(
        7090,
        "backup_redis_cannot_save",
        "Redis cannot write its file: the folder is closed to it",
        f"{no_sets('backup_redis_cannot_save')}; cd /var/lib/xorb-lab-redis; chown root 7090; chmod 0555 7090",
        Expected(AGE, "critical", "never"),
        procedures=TAKES,
        mended="cd /var/lib/xorb-lab-redis 2> /dev/null && chown redis 7090 && chmod 0755 7090 || :",
    ),
    _redis(
        7091,
        "backup_redis_truncated",
        "the newest set of Redis lacks its last byte",
        on_newest("backup_redis_truncated", python(CUT)),
        Expected(VERIFIED, "critical", "bytes"),
        procedures=("backup_verify",),
    ),
    _redis(
        7092,
        "backup_redis_key_lost",
        "the newest set of Redis has a key less than the server had; every digest is right",
        "redis-cli -p 7092 DEL key:7; redis-cli -p 7092 SAVE; "
        + on_newest(
            "backup_redis_key_lost", f"cp /var/lib/xorb-lab-redis/7092/dump.rdb dump.rdb; {python(_OTHER_FILE)}"
        ),
        Expected(VERIFIED, "critical", "key"),
        procedures=("backup_verify",),
    ),
    _files(
        "backup_file_unreadable",
        "a file of the configuration cannot be read",
        f"{no_sets('backup_file_unreadable')}; cd {_folder('backup_file_unreadable')}; echo secret > config/key; "
        f"mount --bind {_CLOSED} config/key",
        Expected(AGE, "critical", "never"),
        mended="cd /; if mountpoint -q {0}; then umount {0}; fi".format(
            f"{_folder('backup_file_unreadable')}/config/key"
        ),
    ),
    _files(
        "backup_file_changing",
        "a file of the configuration is written to all the time",
        f"{no_sets('backup_file_changing')}; systemd-run --quiet --unit={_unit('backup_file_changing')} "
        # Often enough for every reader, and at no cost to the other hosts of the machine.
        f'python3 -c \'import time; image = open("{_folder("backup_file_changing")}/infra/image", "ab", 0);'
        ' all(image.write(b"more") and not time.sleep(0.001) for _again in iter(int, 1))\'',
        Expected(AGE, "critical", "never"),
        mended=f"systemctl stop {_unit('backup_file_changing')}.service 2> /dev/null || :",
    ),
    _files(
        "backup_archive_flipped_bit",
        "one bit of the newest archive of the configuration has changed on the disk",
        f"{on_newest('backup_archive_flipped_bit', python(FLIP))}; {_flipped_archives('backup_archive_flipped_bit')}",
        Expected(VERIFIED, "critical", "is not as it was written"),
        command=_VERIFY,
        procedures=("backup_verify",),
    ),
    _files(
        "backup_second_run",
        "another run is at work, on the host and on the file that an archive goes into",
        f"{no_sets('backup_second_run')}; mkdir -p -m 0700 /var/lib/xorb-runbook; cd {_folder('backup_second_run')}; "
        f"systemd-run --quiet --unit={_unit('backup_second_run')} flock /var/lib/xorb-runbook/lock sh -c "
        f"'exec >> {_folder('backup_second_run')}/config_backup_'{DATE}'.tar.gz; while :; do date; sleep 0.1; done'",
        Expected(AGE, "critical", "never"),
        role="monitor",
        mended=f"systemctl stop {_unit('backup_second_run')}.service 2> /dev/null || :",
    ),
)
