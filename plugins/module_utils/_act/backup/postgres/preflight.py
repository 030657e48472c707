# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a dump of a database would hold, and why it would not hold all of it: asked of the server before it is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...._core.text import clean, some_of
from .inventory import tables
from .session import Session

#: Names that a sentence lists.
_NAMES = 10

_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

_RELATIONS = f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND {_SCHEMA}"

#: What the role cannot read, of what a dump reads.
_UNREADABLE = f"""
    SELECT format('%I.%I', n.nspname, c.relname) {_RELATIONS}
    WHERE NOT has_schema_privilege(n.oid, 'USAGE')
        OR CASE WHEN c.relkind IN ('r', 'p', 'm') THEN NOT has_table_privilege(c.oid, 'SELECT')
            WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'SELECT') END
    ORDER BY 1"""

#: The server's own answer to whether it would show this role some of the rows only.
_ROW_SECURITY = f"""
    SELECT format('%I.%I', n.nspname, c.relname) {_RELATIONS}
    WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND row_security_active(c.oid) ORDER BY 1"""

_INVALID = """
    SELECT x.indexrelid::regclass::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    WHERE NOT (x.indisvalid AND x.indisready) AND i.relkind <> 'I' ORDER BY 1"""

_FOREIGN = f"SELECT format('%I.%I', n.nspname, c.relname) {_RELATIONS} WHERE c.relkind = 'f' ORDER BY 1"

#: What an owner has put among the server's own objects: no dump has it.
_AMONG_SYSTEM = """
    SELECT c.oid::regclass::text FROM pg_class c
    WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid
            AND m.deptype = 'e')
    UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p
    WHERE p.oid >= 16384 AND p.pronamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid
            AND m.deptype = 'e')
    ORDER BY 1"""

_SUBSCRIPTIONS = """
    SELECT quote_ident(subname) FROM pg_subscription
    WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1"""

_MAPPINGS = """
    SELECT format('%s on %I', CASE WHEN umuser = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(umuser) END, srvname)
    FROM pg_user_mappings ORDER BY 1"""

_FOR_ALL_ROLES = "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase = 0 AND setrole = 0 ORDER BY 1"

_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"


@dataclass(frozen=True)
class Database:
    """What is known of a database before it is dumped. ``size`` is in bytes on the server's disk.

    ``not_carried`` are things that no dump by this role has, each named, with the reason.
    """

    name: str
    size: int
    tables: int
    unlogged: tuple[str, ...]
    not_carried: tuple[str, ...]
    refused: tuple[str, ...]


def examine(session: Session) -> Database:
    """What a dump of the session's database would hold."""
    found = tables(session)
    return Database(
        name=session.database,
        size=int(session.value("SELECT pg_database_size(current_database())")),
        tables=len(found),
        unlogged=tuple(session.text(name) for name, persistence, _size in found if persistence == "u"),
        not_carried=tuple(_not_carried(session)),
        refused=tuple(_refused(session)),
    )


def databases(session: Session) -> dict[str, bool]:
    """Every database of a server, and whether it lets clients connect."""
    return dict(session.rows("SELECT datname, datallowconn FROM pg_database"))


def refused_globals(session: Session) -> list[str]:
    """Why roles would be saved without what makes them of use."""
    if session.value("SELECT has_table_privilege('pg_authid', 'SELECT')"):
        return []
    role = session.value("SELECT current_user")
    why = f"the set would be partial: role {role} may not read pg_authid, so roles would have no passwords"
    return [f"{why}; use a superuser, or GRANT SELECT ON pg_authid TO {role}"]


def server_wide_not_carried(session: Session) -> list[str]:
    """Settings that neither pg_dump nor pg_dumpall has."""
    return [f"setting of all roles {clean(one)}: pg_dumpall has none" for (one,) in session.rows(_FOR_ALL_ROLES)]


def _refused(session: Session) -> Iterator[str]:
    role = session.value("SELECT current_user")
    secured = _names(session, _ROW_SECURITY)
    if secured:
        yield (
            f"database {session.database}: row security would hide rows of {some_of(secured, _NAMES)} from role {role};"
            f" use a superuser, or ALTER ROLE {role} BYPASSRLS"
        )
    unreadable = _names(session, _UNREADABLE)
    if unreadable:
        yield (
            f"database {session.database}: role {role} may not read {some_of(unreadable, _NAMES)};"
            f" GRANT pg_read_all_data TO {role}"
        )


def _not_carried(session: Session) -> Iterator[str]:
    for name in _names(session, _INVALID):
        yield f"index {name}: it is not valid; REINDEX it"
    for name in _names(session, _FOREIGN):
        yield f"rows of foreign table {name}: they are on another server"
    for name in _names(session, _AMONG_SYSTEM):
        yield f"{name}: it stands among the server's own objects; move it to a schema"
    if not session.value(_SUPERUSER):
        for name in _names(session, _SUBSCRIPTIONS):
            yield f"subscription {name}: only a superuser dumps it"
        for name in _names(session, _MAPPINGS):
            yield f"options of user mapping {name}: only a superuser reads them"


def _names(session: Session, query: str) -> list[str]:
    return [clean(session.text(name)) for (name,) in session.rows(query)]
