# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The indexes of what was restored, each compared with its table by the server's own amcheck."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ...._core.text import clean
from .scratch import Cluster

#: The extension that compares an index with its table.
_CHECKER = "amcheck"

#: The indexes that can be compared with their tables, the largest first so that none of those comes last.
_BTREES = """
    SELECT c.oid FROM pg_class c JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree'
    WHERE c.relkind = 'i' AND c.oid >= 16384 AND c.relpersistence <> 't' ORDER BY c.relpages DESC, c.oid"""


@dataclass(frozen=True)
class Checked:
    """How many indexes were compared, each that is not as its table says, and why it is not known, if it is not."""

    count: int = 0
    faults: tuple[str, ...] = ()
    unknown: str = ""


def check(target: Cluster, name: str) -> Checked:
    """Compare every index of a database."""
    with target.session() as one:
        available = one.rows("SELECT FROM pg_available_extensions WHERE name = %s", [_CHECKER])
    if not available:
        return Checked(unknown=f"unknown: this host has no extension {_CHECKER} to compare them with their tables")
    with target.session(name, writable=True) as one:
        # No event trigger of the owner's, which came with the database, has a part in this.
        one.execute("SET LOCAL session_replication_role = replica")
        for (trigger,) in one.rows("SELECT quote_ident(evtname) FROM pg_event_trigger WHERE evtenabled IN ('R', 'A')"):
            one.execute(f"ALTER EVENT TRIGGER {trigger} DISABLE")
        one.execute("CREATE SCHEMA xorb_scratch")
        one.execute(f"CREATE EXTENSION IF NOT EXISTS {_CHECKER} SCHEMA xorb_scratch")
        checker = one.value(f"SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = '{_CHECKER}'")
        indexes = [oid for (oid,) in one.rows(_BTREES)]
        one.commit()
    shares = [indexes[start :: target.jobs] for start in range(target.jobs)]
    with ThreadPoolExecutor(target.jobs) as pool:
        parts = pool.map(lambda share: _compared(target, name, checker, share), shares)
        return Checked(len(indexes), tuple(fault for part in parts for fault in part))


def _compared(target: Cluster, name: str, checker: str, indexes: Sequence[int]) -> list[str]:
    faults = []
    with target.session(name, writable=True) as one:
        for oid in indexes:
            _value, reason = one.try_value(f"SELECT {checker}.bt_index_check({oid}, true)")
            if reason:
                index = one.value(f"SELECT {oid}::regclass::text")
                faults.append(f"database {clean(name)}: index {clean(one.text(index))}: {reason}")
    return faults
