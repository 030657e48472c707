# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every row of the table. To add one, write it into the file of its chapter: it is run, tested and documented."""

from __future__ import annotations

from tests.faults.catalogue import (
    backup_kinds,
    backups,
    certificates,
    containers,
    copies,
    hosts,
    monitoring,
    postgres,
    redis,
    restores,
    several,
    web,
)
from tests.faults.matrix import Row
from tests.testbed.faults import Fault

ROWS: tuple[Row, ...] = (
    *redis.ROWS,
    *postgres.ROWS,
    *web.ROWS,
    *certificates.ROWS,
    *containers.ROWS,
    *hosts.ROWS,
    *monitoring.ROWS,
    *backups.ROWS,
    *backup_kinds.ROWS,
    *copies.ROWS,
    *restores.ROWS,
    *several.ROWS,
)

#: The faults of the rows by their names.
FAULTS: dict[str, Fault] = {row.name: row.fault for row in ROWS}
