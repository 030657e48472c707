# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The roles that come with a set: which a server has, which are made there, and which are there in another way.

A role that is there is never changed, so neither is what it is a member of. What is made has its password as the source
had it stored, with which its clients log in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ...._core import drivers
from ...._core.text import clean
from . import names
from .databases import Databases
from .session import Session

#: What the server would otherwise keep of statements that have passwords in them.
_UNLOGGED = (
    "SET LOCAL log_statement = 'none'",
    "SET LOCAL log_min_duration_statement = -1",
    "SET LOCAL log_min_error_statement = 'panic'",
    "SET LOCAL pg_stat_statements.track = 'none'",
)

#: How PostgreSQL says that something still depends on a role (dependent_objects_still_exist).
_NEEDED = "2BP01"

_ROLE, _MEMBERSHIP, _SETTING = "role ", "membership ", "setting of role "
_MEMBER = re.compile(r'(?P<member>"(?:[^"]|"")+"|[^\s"]+) in ')

_IDENTIFIERS = """
SELECT rolname::text, oid::bigint FROM pg_authid WHERE rolname = ANY (%(names)s)"""

#: Every role that a database needs, by the server's own record of what depends on roles, and by its settings. An
#: extension belongs to the role that restores it.
_NEEDS = """
WITH own AS (SELECT oid, datdba FROM pg_database WHERE datname = current_database())
SELECT DISTINCT rolname::text FROM pg_roles WHERE rolname !~ '^pg_' AND oid IN (
  SELECT d.refobjid FROM pg_shdepend d, own WHERE d.refclassid = 'pg_authid'::regclass
    AND (d.dbid = own.oid AND NOT (d.deptype = 'o' AND (d.classid = 'pg_extension'::regclass OR EXISTS (
          SELECT FROM pg_depend m WHERE m.deptype = 'e' AND m.classid = d.classid AND m.objid = d.objid)))
      OR d.dbid = 0 AND d.classid = 'pg_database'::regclass AND d.objid = own.oid)
  UNION SELECT datdba FROM own
  UNION SELECT setrole FROM pg_db_role_setting s, own WHERE s.setdatabase = own.oid
  UNION SELECT subowner FROM pg_subscription s, own WHERE s.subdbid = own.oid) ORDER BY 1"""


def needed(session: Session) -> list[str]:
    """The roles that the session's database needs where it is restored."""
    return [session.text(name) for (name,) in session.rows(_NEEDS)]


@dataclass(frozen=True)
class Compared:
    """The roles of a set beside those of a server: which are missing, and what of the others is there in another way.

    Of those that are missing, all is missing, and is not named again.
    """

    missing: tuple[str, ...] = ()
    different: tuple[str, ...] = ()


def compared(dumped: Mapping[str, str], here: Mapping[str, str], *, same_version: bool) -> Compared:
    """Compare what an inventory has of the globals of a set with that of a server; see `inventory.global_objects`."""
    missing = [key[len(_ROLE) :] for key in dumped if key.startswith(_ROLE) and key not in here]
    different = [
        key
        for key, digest in dumped.items()
        if (owner := _owner(key)) and owner not in missing and _differs(key, digest, here, same_version)
    ]
    return Compared(tuple(sorted(map(names.plain_name, missing))), tuple(sorted(different)))


def _owner(key: str) -> str:
    """The role that a line of the inventory is about, as SQL writes it; empty where it is about none."""
    if key.startswith(_MEMBERSHIP):
        found = _MEMBER.match(key[len(_MEMBERSHIP) :])
        return found["member"] if found else ""
    for kind in (_ROLE, _SETTING):
        if key.startswith(kind):
            return key[len(kind) :]
    return ""


def _differs(key: str, digest: str, here: Mapping[str, str], same_version: bool) -> bool:
    """Whether it is not there, or not like that. Each major version has words of its own for a membership."""
    if key.startswith(_MEMBERSHIP) and not same_version:
        return key not in here
    return here.get(key) != digest


class Roles:
    """The roles of one server, for a superuser."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def make(
        self, script: str, missing: Sequence[str], bootstrap: str, remember: Callable[[dict[str, int]], None]
    ) -> None:
        """Make the roles that are missing, as a script of globals has them: all in one transaction.

        ``bootstrap`` is the superuser that the source was made with: what was granted by that one, the one of this
        server grants. ``remember`` is called with the number of each before they are there for others: what has to be
        known to `remove` them, and no role of another client's that has the same name.
        """
        own = str(self._databases.rows("SELECT rolname FROM pg_roles WHERE oid = 10")[0][0])
        statements = list(names.of_roles(script, missing, {bootstrap: own}))
        with self._databases.session() as cursor:
            for statement in ("BEGIN", *_UNLOGGED, *statements):
                cursor.execute(statement)
            cursor.execute(_IDENTIFIERS, {"names": list(missing)})
            remember(dict(cursor.fetchall()))
            cursor.execute("COMMIT")

    def remove(self, made: Mapping[str, int]) -> None:
        """Remove roles that `make` has made, where they are still the same; one that is in use by now stays."""
        there = dict(self._databases.rows(_IDENTIFIERS, {"names": list(made)}))
        mine = [name for name, number in made.items() if there.get(name) == number]
        if mine and not self._dropped(mine):
            for name in mine:
                self._dropped([name])

    def _dropped(self, mine: Sequence[str]) -> bool:
        driver = drivers.load("psycopg2")
        quoted = ", ".join(map(self._databases.quoted, mine))
        with self._databases.session() as cursor:
            try:
                cursor.execute(f"DROP ROLE {quoted}")
            except driver.Error as exc:
                if exc.pgcode != _NEEDED:
                    raise
                return False
        return True

    def with_other_passwords(self, script: str) -> list[str]:
        """The roles that are here with another password than in the set, or with none."""
        stored = dict(self._databases.rows("SELECT rolname::text, coalesce(rolpassword, '') FROM pg_authid"))
        return sorted(
            name for name, password in names.passwords(script).items() if stored.get(name, password) != password
        )


def names_of(dumped: Mapping[str, str]) -> list[str]:
    """The roles that come with a set, by the inventory of its globals."""
    return [names.plain_name(key[len(_ROLE) :]) for key in dumped if key.startswith(_ROLE)]


def refusals(wanted: Iterable[str], there: Iterable[str], coming: Iterable[str]) -> Iterator[str]:
    """Why roles are lacking: those that are wanted, and neither there nor coming with the set."""
    for name in sorted(set(wanted) - set(there) - set(coming)):
        yield f"the server lacks the role {clean(name)}, which the set needs; create it first"


def lines(found: Compared) -> Iterator[str]:
    """What an operator is shown of it."""
    if found.missing:
        yield f"makes the roles {', '.join(map(clean, found.missing))}, passwords included: the server lacks them"
    if found.different:
        yield f"stays as it is here, and is not as in the set: {', '.join(map(clean, found.different))}"


def facts(found: Compared, others: Sequence[str]) -> dict[str, Any]:
    """The same as the result of a restore has it."""
    different = [*found.different, *(f"password of role {name}" for name in others)]
    return {"roles made": list(found.missing), "roles that differ": different}
