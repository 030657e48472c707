# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked of the live server beside what pgBackRest asks of it: settings, tablespaces, where sequences stand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...._core.errors import RunbookError
from ..postgres.inventory import sequences
from ..postgres.session import Login, Session, session
from .settings import NAMES, Archiving

#: Databases that a client may log in to first.
_FIRST = ("postgres", "template1")

_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"

#: A failure after which nothing was archived any more.
_FAILING = """
    SELECT coalesce(last_failed_wal, '') FROM pg_stat_archiver
    WHERE last_failed_time > coalesce(last_archived_time, '-infinity')"""

_TABLESPACES = """
    SELECT spcname, pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname !~ '^pg_'"""

_DATABASES = "SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1"

#: Bytes of a segment of WAL.
SEGMENT = "SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'"

#: What a file of the data belongs to, of the session's database.
_RELATION_OF = """
    SELECT c.oid::regclass::text FROM pg_class c WHERE pg_relation_filepath(c.oid) = %s"""


@dataclass(frozen=True)
class Source:
    """What a server is. ``size`` is what all its databases take on its disk, in bytes."""

    version: str
    system_identifier: str
    in_recovery: bool
    size: int
    archiving: Archiving
    tablespaces: Mapping[str, str] = field(default_factory=dict)
    databases: tuple[str, ...] = ()


@contextlib.contextmanager
def first_session(login: Login) -> Iterator[Session]:
    """A session with a database that lets this role in."""
    try:
        opened = Session(login, _FIRST[0])
    except RunbookError:
        opened = Session(login, _FIRST[1])
    try:
        yield opened
    finally:
        opened.close()


def examine(login: Login) -> Source:
    """What there is to know of a server before a set of it is taken; raises `RunbookError`."""
    with first_session(login) as one:
        settings = dict(one.rows(_SETTINGS, [list(NAMES)]))
        failing = one.rows(_FAILING)
        return Source(
            version=one.version,
            system_identifier=str(one.value("SELECT system_identifier FROM pg_control_system()")),
            in_recovery=bool(one.value("SELECT pg_is_in_recovery()")),
            size=int(one.value("SELECT coalesce(sum(pg_database_size(oid)), 0) FROM pg_database")),
            archiving=Archiving(settings, failing[0][0] if failing else ""),
            tablespaces=dict(one.rows(_TABLESPACES)),
            databases=tuple(name for (name,) in one.rows(_DATABASES)),
        )


def positions(login: Login, databases: tuple[str, ...]) -> dict[str, dict[str, list[Any]]]:
    """Where each sequence of some databases stands now."""
    found = {}
    for name in databases:
        with session(login, name) as one:
            found[name] = sequences(one)
    return found


def relations(login: Login, databases: tuple[str, ...], files: tuple[str, ...]) -> Iterator[str]:
    """What some files of the data belong to, each by database and name; the file where it belongs to nothing now."""
    for path in files:
        yield next(_named(login, databases, path), path)


def _named(login: Login, databases: tuple[str, ...], path: str) -> Iterator[str]:
    # A large relation has more than one file: 16385, 16385.1, and so on.
    folder, _slash, name = path.rpartition("/")
    main = f"{folder}/{name.partition('.')[0].partition('_')[0]}"
    for database in databases:
        with session(login, database) as one:
            for (relation,) in one.rows(_RELATION_OF, [main]):
                yield f"{database}: {one.text(relation)} ({path})"
