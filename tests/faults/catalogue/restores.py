# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restores into servers that cannot take what is in a good set: refused before anything of them is changed."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.catalogue.backups import dumps, empty, postgres, restore, sql, target
from tests.faults.matrix import Command, Expected, Row

#: Where each row's command restores to.
_BY_HAND = "restored_by_hand"

_ERROR = r"\bERROR:"


def _row(name: str, sentence: str, port: int, broken: str, message: str, *, made: str = ":", mended: str = ":") -> Row:
    """A row about one server that a set of its own is restored to; ``broken`` is run with empty targets."""
    where = f"-h /run/xorb-lab -p {port} -U postgres -d {_BY_HAND}"
    command = Command(
        "backup.restore_load",
        changes={"-h localhost -U xorb_user -d xorb_recovery": where},
        folder=dumps(name),
        telling=_ERROR,
        evidence="lines with ERROR among those that it prints",
    )
    targets = empty(port, _BY_HAND, target(name))
    row = postgres(
        name,
        sentence,
        f"{targets}{broken}",
        Expected("main.restore", "critical", message),
        command=command,
        port=port,
        made=f"{made}; {targets}:",
        mended=mended,
        task=restore(name, port, telling=_ERROR, evidence="ERROR in what it returns"),
    )
    return replace(row, restores={"backup_restore_service": name, "backup_restore_backup": "main"})


#: An extension that a package brings, and takes away.
_EXTENSION = "/usr/share/postgresql/$(ls /usr/lib/postgresql)/extension/xorb_lab"
_INSTALLED = (
    f"echo \"default_version = '1.0'\" > {_EXTENSION}.control; "
    f"echo \"CREATE FUNCTION lab() RETURNS int LANGUAGE sql AS 'SELECT 1';\" > {_EXTENSION}--1.0.sql"
)

#: A server whose data lies on a disk of its own.
_SMALL = 5478
_DATA = f"/var/lib/xorb-lab/{_SMALL}"
_ON_A_SMALL_DISK = (
    f"systemctl stop xorb-lab-postgres@{_SMALL}; if ! mountpoint -q {_DATA}; then rm -rf {_DATA}; mkdir {_DATA}; "
    f"mount -t tmpfs -o size=320m xorb-lab {_DATA}; fi; rm -rf {_DATA}/*; cp -a /var/lib/xorb-lab/template/. {_DATA}; "
    f": > /run/xorb-lab/keep-{_SMALL}"
)
#: All of the disk but 6 MB.
_FILLED_UP = (
    f"free=$(df --output=avail -k {_DATA} | tail -n 1); head -c $(( (free - 6144) * 1024 )) /dev/zero > {_DATA}/fill"
)

ROWS = (
    _row(
        "restore_target_not_empty",
        "the database that a set is restored to has a table already",
        5475,
        "for name in xorb_db_recovery restored_by_hand restored_restore_target_not_empty; do "
        "runuser -u postgres -- createdb -h /run/xorb-lab -p 5475 $name 2> /dev/null || :; "
        "runuser -u postgres -- psql -Xq -h /run/xorb-lab -p 5475 -d $name "
        "-c 'CREATE TABLE purchases AS SELECT generate_series(1, 7) AS id'; done",
        "is not empty, and nothing is restored into it",
    ),
    _row(
        "restore_role_missing",
        "the server lacks a role that owns a table of the set",
        5476,
        sql(5476, "ALTER TABLE purchases OWNER TO postgres", "DROP ROLE clerk"),
        "lacks the role clerk",
        made=sql(5476, "CREATE ROLE clerk", "ALTER TABLE purchases OWNER TO clerk"),
    ),
    _row(
        "restore_extension_missing",
        "the server lacks an extension of the set",
        5477,
        f"rm {_EXTENSION}.control",
        "the extension xorb_lab 1.0 is not installed on the server",
        made=f"{_INSTALLED}; {sql(5477, 'CREATE EXTENSION xorb_lab')}",
    ),
    _row(
        "restore_disk_too_small",
        "the disk of the server is too small for what is in the set",
        _SMALL,
        _FILLED_UP,
        "are needed",
        made=sql(_SMALL, "CREATE UNLOGGED TABLE large AS SELECT generate_series(1, 400000) AS id"),
        mended=_ON_A_SMALL_DISK,
    ),
)
