# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a database acts by itself, or reaches other servers: held back in a copy, until it is released by name.

The server itself is what holds it back, for superusers, too: an event trigger is disabled, and the wrapper of foreign
servers has no handler. What functions may reach by an extension is named only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...._core.errors import RunbookError
from ..restored import Records
from .databases import Databases

#: Extensions whose functions reach other servers or programs, which the server cannot keep them from.
_REACHING = frozenset(
    {"dblink", "http", "pg_net", "pgsql_http", "plperlu", "plpython3u", "plpythonu", "plsh", "pltclu", "aws_s3"}
)

# Event triggers come first: they would run by what holds back the others. Those of extensions are these' own.
_EVENT_TRIGGERS = """
SELECT format('event trigger %I', evtname), format('ALTER EVENT TRIGGER %I DISABLE', evtname),
  format('ALTER EVENT TRIGGER %I ENABLE%s', evtname, CASE evtenabled WHEN 'R' THEN ' REPLICA' WHEN 'A' THEN ' ALWAYS'
    ELSE '' END)
  FROM pg_event_trigger t WHERE evtenabled <> 'D' AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.deptype = 'e'
    AND m.classid = 'pg_event_trigger'::regclass AND m.objid = t.oid) ORDER BY 1"""
_SERVERS = """
SELECT format('foreign servers of %I: %s', fdwname, (SELECT string_agg(quote_ident(srvname), ', ' ORDER BY srvname)
    FROM pg_foreign_server WHERE srvfdw = w.oid)), format('ALTER FOREIGN DATA WRAPPER %I NO HANDLER', fdwname),
  format('ALTER FOREIGN DATA WRAPPER %I HANDLER %s', fdwname, fdwhandler::regproc)
  FROM pg_foreign_data_wrapper w WHERE fdwhandler <> 0 AND EXISTS (SELECT FROM pg_foreign_server WHERE srvfdw = w.oid)
  ORDER BY 1"""


@dataclass(frozen=True)
class Held:
    """What is held back: its names, the statements that hold it back, and those that release it."""

    names: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()


class Quiet:
    """What is held back in the databases of one server, with a record of each beside the sets of its backup.

    The record has the number of the database, which stays with it whatever it is called.
    """

    def __init__(self, databases: Databases, records: Records) -> None:
        self._databases = databases
        self._records = records

    def hold(self, stamp: str, name: str) -> list[str]:
        """Hold back what acts in a database that a restore has made; returns its names."""
        self.forget_gone()
        found = self._found(name)
        if found.names:
            number = self._databases.number(name)
            self._records.add(stamp, number=number, held=list(found.names), releases=list(found.releases))
            self._run(name, found.holds)
        return list(found.names)

    def held(self) -> Mapping[str, Sequence[str]]:
        """What is held back, by the names that the databases have now."""
        return {name: record["held"] for name, _stamp, record in self._known()}

    def release(self, name: str) -> None:
        """Release what is held back in a database; doing it again changes nothing."""
        for known, stamp, record in list(self._known()):
            if known == name:
                # Event triggers at last: they would run by what releases the others.
                self._run(name, reversed(record["releases"]))
                self._records.forget(stamp)

    def forget_unless_held(self, stamp: str) -> None:
        """Forget the record of a restore that has come to its end, where nothing is held back."""
        if self._records.has(stamp) and "number" not in self._records.read(stamp):
            self._records.forget(stamp)

    def forget_gone(self) -> None:
        """Forget what was held back in databases that are gone. A record that cannot be read stays as it is."""
        there = self._databases.numbers()
        for stamp in self._records.stamps():
            with contextlib.suppress(RunbookError):
                record = self._records.read(stamp)
                if "number" in record and record["number"] not in there:
                    self._records.forget(stamp)

    def _known(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        there = self._databases.numbers()
        for stamp, record in self._records.every().items():
            if record.get("number") in there:
                yield there[record["number"]], stamp, record

    def _found(self, name: str) -> Held:
        rows = [row for query in (_EVENT_TRIGGERS, _SERVERS) for row in self._databases.rows(query, database=name)]
        return Held(*(tuple(column) for column in zip(*rows))) if rows else Held()

    def _run(self, name: str, statements: Iterable[str]) -> None:
        """Run statements in one transaction. None of them is about subscriptions: these stay as they are."""
        with self._databases.session(name) as cursor:
            for statement in ("BEGIN", *statements, "COMMIT"):
                cursor.execute(statement)


def reaching(extensions: Mapping[str, str]) -> list[str]:
    """Of the extensions of a database, those whose functions reach out: nothing holds them back."""
    return [f"extension {name}" for name in sorted(_REACHING & extensions.keys())]
