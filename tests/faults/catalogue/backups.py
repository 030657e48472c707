# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backups: sets that look good and are not, and what cannot be taken, each beside a dump as the runbook makes it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.matrix import IDENTITY, LASTS, PREPARATIONS, RECIPIENT, Command, Expected, Row, Task
from tests.testbed.faults import Fault, shell

PLACE = "/var/lib/xorb-lab"
_DUMP, _VERIFY = "backup.database_dump", "backup.database_verify"
DATE = "$(date +%Y%m%d)"

#: One server for the faults of sets, which leave it alone, and one for each that is about the server itself.
_SERVER = 5470

#: A key whose other half was thrown away.
_STRANGER = "age1f8lgw4xjh8fu33kvk7x7cguqzwdywce7zfpml6ra7m6dxnecdussgy85a5"


def store(name: str) -> str:
    """The folder that a row's sets lie below."""
    return f"{PLACE}/backups/{name}"


def dumps(name: str) -> str:
    """The folder in which a row's command and module work."""
    return f"{PLACE}/dumps/{name}"


def sets(name: str) -> str:
    """The folder of a row's sets, one below that of its store."""
    return f"{store(name)}/{name}.main"


#: Several rows fill the same server side by side, and IF NOT EXISTS alone does not keep them apart.
_TABLE = "SELECT pg_advisory_xact_lock(1); CREATE TABLE IF NOT EXISTS purchases AS SELECT generate_series(1, 100) id"
#: A role that reads every table, and sees the rows that policies let it see.
_ROLE = "CREATE ROLE dumper LOGIN IN ROLE pg_read_all_data"


def filled(port: int) -> str:
    """A script that waits for a server, and lets it have a table with something in it, and a role."""
    return (
        f"for _ in $(seq 240); do pg_isready -q -h /run/xorb-lab -p {port} && break; sleep 0.5; done; "
        f"{sql(port, f'SET client_min_messages = error; {_TABLE}')}; {sql(port, _ROLE)} 2> /dev/null || :"
    )


def dumped(name: str, port: int) -> str:
    """A script that makes a dump as the runbook does, so that there is one to be broken."""
    folder = dumps(name)
    return (
        f"mkdir -p {folder}; cd {folder}; "
        f"runuser -u postgres -- pg_dump -h /run/xorb-lab -p {port} -d xorb_db > backup_{DATE}.sql; "
        f"gzip -f backup_{DATE}.sql; cp backup_{DATE}.sql.gz whole.sql.gz"
    )


def on_newest(name: str, script: str) -> str:
    """A script that stands in the newest set of a row."""
    return f"cd $(ls -d {sets(name)}/2*Z | tail -n 1); {script}"


def python(text: str) -> str:
    """A script that runs one of Python's."""
    return f"python3 -c {shlex.quote(text)}"


FLIP = """
import os, pathlib
files = [path for path in pathlib.Path('.').rglob('*') if path.is_file() and path.name != 'manifest.json']
path = max(files, key=lambda one: one.stat().st_size)
data = bytearray(path.read_bytes())
data[len(data) // 2] ^= 1
path.write_bytes(data)
"""

CUT = """
import os, pathlib
files = [path for path in pathlib.Path('.').rglob('*') if path.is_file() and path.name != 'manifest.json']
path = max(files, key=lambda one: one.stat().st_size)
os.truncate(path, path.stat().st_size - 1)
"""

_FLIP_MANIFEST = """
import pathlib, re
path = pathlib.Path('manifest.json')
text = path.read_text()
path.write_text(re.sub(r'"begin": (\\d)', lambda found: '"begin": ' + str(int(found[1]) ^ 1), text, count=1))
"""

#: A manifest that another hand has written: its digest is right, and what it says is not.
_LIE = """
import hashlib, json, pathlib
path = pathlib.Path('manifest.json')
values = json.loads(path.read_text())
values.pop('sha256')
def more(key, value):
    if isinstance(value, dict):
        return {name: more(name, one) for name, one in value.items()}
    if isinstance(value, list):
        return [more('', one) for one in value]
    return value + 1 if key == 'public.purchases' and type(value) is int else value
before = json.dumps(values['content'])
values['content'] = more('', values['content'])
assert json.dumps(values['content']) != before, before
"""


DIGESTED = """
text = json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(',', ':'))
path.write_text(json.dumps({**values, 'sha256': hashlib.sha256(text.encode()).hexdigest()}, indent=1) + '\\n')
"""

#: Encrypts every file of a set for another key, and lets the manifest say what is there now.
_FOR_A_STRANGER = (
    f"""
import hashlib, json, pathlib, subprocess
path = pathlib.Path('manifest.json')
values = json.loads(path.read_text())
values.pop('sha256')
for one in values['files']:
    words = ['age', '--decrypt', '--identity', '-', one['path']]
    plain = subprocess.run(words, input=b'{IDENTITY}\\n', capture_output=True, check=True).stdout
    words = ['age', '--encrypt', '--recipient', '{_STRANGER}']
    data = subprocess.run(words, input=plain, capture_output=True, check=True).stdout
    pathlib.Path(one['path']).write_bytes(data)
    one.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
"""
    + DIGESTED
)


def postgres(
    name: str,
    sentence: str,
    broken: str,
    *expected: Expected,
    command: Command | str = _VERIFY,
    port: int = _SERVER,
    user: str = "postgres",
    procedures: Sequence[str] = ("backup_verify",),
    task: Task | str = "",
    mended: str = ":",
    made: str = ":",
    more: Mapping[str, Any] | None = None,
) -> Row:
    """A row about the sets of a server of the lab; what mends it takes them away, and new ones are made.

    ``made`` is a script that adds to what is in the server's database.
    """
    unit = f"xorb-lab-postgres@{port}.service"
    # What is about a server itself leaves sessions in it.
    verb = "start" if port == _SERVER else "restart"
    folder = dumps(name)
    login = {"address": "/run/xorb-lab", "port": port, "user": user, "os_user": "postgres"}
    changes = (
        {"-h localhost -U xorb_user -d xorb ": f"-h /run/xorb-lab -p {port} -U {user} -d xorb_db "}
        if command == _DUMP
        else {}
    )
    return Row(
        fault=Fault(
            name=name,
            sentence=sentence,
            role="db",
            broken_by=shell(broken),
            mended_by=shell(
                f"{mended}; systemctl {verb} {unit}; {filled(port)}; {made}; "
                f"{'' if task else empty(port, target(name))}{no_sets(name)}; {dumped(name, port)}"
            ),
        ),
        chapter="Backups",
        look={
            "backups": {
                "main": {
                    "kind": "postgres",
                    "databases": ["xorb_db"],
                    "login": login,
                    "directory": store(name),
                    **(more or {}),
                }
            }
        },
        expected=expected,
        command=command if isinstance(command, Command) else Command(command, changes=changes, folder=folder),
        task=task or restore(name, port),
        uses=frozenset({f"db/backups/{name}", *({f"db/postgres/{port}"} if port != _SERVER else set())}),
        procedures=tuple(procedures),
    )


def target(name: str) -> str:
    """The database that a row's module restores into."""
    return f"restored_{name}"


def empty(port: int, *names: str) -> str:
    """A script, with a semicolon, after which a server has some databases with nothing in them."""
    statements = [f"{verb} {name}" for name in names for verb in ("DROP DATABASE IF EXISTS", "CREATE DATABASE")]
    return f"{sql(port, *statements)} 2> /dev/null; "


def restore(name: str, port: int, **more: str) -> Task:
    """A module's restore of the dump of a row into a database of its own; ``more`` is how its result is read."""
    return Task(
        "community.postgresql.postgresql_db",
        {
            "name": target(name),
            "state": "restore",
            "target": f"{dumps(name)}/whole.sql.gz",
            "login_unix_socket": "/run/xorb-lab",
            "login_port": port,
            "login_user": "postgres",
        },
        **more,
    )


def _dump(name: str, port: int, user: str = "postgres") -> Task:
    return Task(
        "community.postgresql.postgresql_db",
        {
            "name": "xorb_db",
            "state": "dump",
            "target": f"{dumps(name)}/module.sql.gz",
            "login_unix_socket": "/run/xorb-lab",
            "login_port": port,
            "login_user": user,
        },
    )


def sql(port: int, *statements: str) -> str:
    """A script that has a server of the lab run statements in its database, as the superuser."""
    words = " ".join(f'-c "{statement}"' for statement in statements)
    return f"runuser -u postgres -- psql -XAtq -h /run/xorb-lab -p {port} -d xorb_db {words}"


def no_sets(name: str) -> str:
    """A script that takes the sets away, so that what cannot be taken now is seen to be missing."""
    return f"rm -rf {store(name)}"


def _later(script: str, *, once: str) -> str:
    """A script that runs another one in the background, as soon as a shell test succeeds."""
    return f"(for _ in $(seq {5 * LASTS}); do if {once}; then {script}; break; fi; sleep 0.2; done) > /dev/null 2>&1 &"


def _each_time(name: str, script: str, *, when: str) -> str:
    """A script that runs another one in the background each time that a shell test succeeds, until `_no_more`."""
    run = f"while test -e {_running(name)}; do if {when}; then {script}; fi; sleep 0.2; done"
    return f": > {_running(name)}; ({run}) > /dev/null 2>&1 &"


def _no_more(name: str) -> str:
    """A script that ends what `_each_time` began."""
    return f"rm -f {_running(name)}"


def _running(name: str) -> str:
    return f"/run/xorb-lab/{name}"


def full(*folders: str) -> str:
    """A script that makes each of some folders a file system without any room in it."""
    return "; ".join(
        f"rm -rf {one}; mkdir -p {one}; mount -t tmpfs -o size=64k,mode=0755 xorb-lab {one}; "
        f"head -c 1M /dev/zero > {one}/fill 2> /dev/null || :"
        for one in folders
    )


def not_full(*folders: str) -> str:
    """A script that takes them away again, with what was mounted there."""
    return "; ".join(f"if mountpoint -q {one}; then umount {one}; fi" for one in folders)


#: Holds a table, so that a dump waits for it, until the server or the session is ended.
def _held(port: int) -> str:
    lock = "BEGIN; LOCK TABLE purchases; SELECT pg_sleep(36000)"
    return f"(runuser -u postgres -- psql -Xq -h /run/xorb-lab -p {port} -d xorb_db -c '{lock}' > /dev/null 2>&1 &)"


def _waits(port: int) -> str:
    """A shell test: a dump, or what belongs to it, waits for the table."""
    query = "SELECT true FROM pg_stat_activity WHERE datname = 'xorb_db' AND wait_event_type = 'Lock' LIMIT 1"
    return f"{sql(port, query)} | grep -q t"


#: Kills the process that changes the host just now: the job that takes the set.
_KILL_THE_HOLDER = (
    'kill -KILL $(python3 -c \'import json; print(json.load(open("/var/lib/xorb-runbook/lock"))["process"])\')'
)

VERIFIED, AGE = "main.verified", "main.age"
TAKES = PREPARATIONS[:1]


def _flipped_dump(name: str) -> str:
    """One bit of the runbook's dump, at its end, as that of the set."""
    return f"cd {dumps(name)}; cp whole.sql.gz backup_{DATE}.sql.gz; " + python(
        "import pathlib\npath = next(pathlib.Path('.').glob('backup_*.gz'))\n"
        "data = bytearray(path.read_bytes())\ndata[-12] ^= 1\npath.write_bytes(data)"
    )


def _cut_dump(name: str) -> str:
    return f"cd {dumps(name)}; head -c -9 whole.sql.gz > backup_{DATE}.sql.gz"


ROWS = (
    postgres(
        "backup_flipped_bit",
        "one bit of the newest set has changed on the disk",
        f"{on_newest('backup_flipped_bit', python(FLIP))}; {_flipped_dump('backup_flipped_bit')}",
        Expected(VERIFIED, "critical", "is not as it was written"),
    ),
    postgres(
        "backup_manifest_changed",
        "one bit of the newest set's manifest has changed",
        f"{on_newest('backup_manifest_changed', python(_FLIP_MANIFEST))}; {_flipped_dump('backup_manifest_changed')}",
        Expected(VERIFIED, "critical", "manifest"),
    ),
    postgres(
        "backup_truncated",
        "the newest set lacks its last byte",
        f"{on_newest('backup_truncated', python(CUT))}; {_cut_dump('backup_truncated')}",
        Expected(VERIFIED, "critical", "bytes"),
    ),
    postgres(
        "backup_manifest_lies",
        "a table has fewer rows than its dump was taken of; every digest is right",
        on_newest("backup_manifest_lies", python(_LIE + DIGESTED)),
        Expected(VERIFIED, "critical", "purchases"),
    ),
    postgres(
        "backup_for_somebody_else",
        "the newest set is encrypted for another key than it should be",
        on_newest("backup_for_somebody_else", python(_FOR_A_STRANGER)),
        Expected(VERIFIED, "critical", "has ever been verified"),
        more={"recipients": [RECIPIENT]},
        task="no module of another collection encrypts dumps",
    ),
    postgres(
        "backup_row_security",
        "row level security hides rows from the role that makes the dump",
        f"{no_sets('backup_row_security')}; " + sql(5471, "ALTER TABLE purchases ENABLE ROW LEVEL SECURITY"),
        Expected(AGE, "critical", "never"),
        port=5471,
        user="dumper",
        command=_DUMP,
        procedures=TAKES,
        task=_dump("backup_row_security", 5471, "dumper"),
    ),
    postgres(
        "backup_server_restarted",
        "the server restarts while it is dumped",
        f"{no_sets('backup_server_restarted')}; {_held(5472)}; "
        + _later("systemctl restart xorb-lab-postgres@5472", once=_waits(5472)),
        Expected(AGE, "critical", "never"),
        port=5472,
        command=_DUMP,
        procedures=TAKES,
        task=_dump("backup_server_restarted", 5472),
    ),
    postgres(
        "backup_session_ended",
        "the connections of a dump are cut in its middle",
        f"{no_sets('backup_session_ended')}; {_held(5473)}; "
        + _each_time(
            "backup_session_ended",
            sql(5473, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"),
            when=_waits(5473),
        ),
        Expected(AGE, "critical", "never"),
        port=5473,
        command=_DUMP,
        procedures=TAKES,
        task=_dump("backup_session_ended", 5473),
        mended=_no_more("backup_session_ended"),
    ),
    postgres(
        "backup_killed",
        "what makes the dump is killed in its middle, as the kernel does where memory is short",
        f"{no_sets('backup_killed')}; {_held(5474)}; "
        + _later(_KILL_THE_HOLDER, once=_waits(5474))
        # Not in the words of this script, which would be found by them, too.
        + " "
        + _each_time("backup_killed", "pkill -KILL -f '[p]g_dump.*5474' || :", when=_waits(5474)),
        Expected(AGE, "critical", "never"),
        port=5474,
        command=_DUMP,
        procedures=TAKES,
        task=_dump("backup_killed", 5474),
        mended=_no_more("backup_killed"),
    ),
    postgres(
        "backup_disk_full",
        "the disk that sets and dumps are written to is full",
        full(store("backup_disk_full"), dumps("backup_disk_full")),
        Expected(AGE, "critical", "never"),
        command=_DUMP,
        procedures=TAKES,
        task=_dump("backup_disk_full", _SERVER),
        mended=not_full(store("backup_disk_full"), dumps("backup_disk_full")),
    ),
)
