# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a database and its server hold, object by object, in words that a faithful restore gives again.

Each object becomes one line with a digest of its definition. No number that a server gives out (OIDs, positions of
columns that were dropped before) is in it, and nothing that PostgreSQL itself writes differently after a restore.
Objects of extensions belong to these: an extension counts with its version. Passwords and options of user mappings
and subscriptions are in no digest: a manifest is readable, and short secrets can be found from their digests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .session import Session

#: The first number that the server gives to objects of users.
_FIRST_USER_OID = 16384


def _own(catalog: str, alias: str) -> str:
    """Whether an object is of a user and of no extension."""
    return (
        f"{alias}.oid >= {_FIRST_USER_OID} AND NOT EXISTS (SELECT FROM pg_depend member WHERE member.deptype = 'e'"
        f" AND member.classid = '{catalog}'::regclass AND member.objid = {alias}.oid)"
    )


def _acl(column: str, kind: str, owner: str) -> str:
    """Rights as sorted text; those that were never set are the server's own default, which a restore may spell out."""
    return (
        "array_to_string(ARRAY(SELECT DISTINCT format('%s=%s%s', CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE"
        " pg_get_userbyid(grantee) END, privilege_type, CASE WHEN is_grantable THEN '*' ELSE '' END) COLLATE \"C\""
        f" FROM aclexplode(coalesce({column}, acldefault('{kind}', {owner}))) ORDER BY 1), ',')"
    )


def _sorted(column: str, which: str = "true") -> str:
    return f"array_to_string(ARRAY(SELECT one COLLATE \"C\" FROM unnest({column}) one WHERE {which} ORDER BY 1), ',')"


#: Some builds of the server note versions of their own among the options of a column, which differ in each database.
_OF_OWNER = "one !~ '^pg_'"


def _option_names(column: str) -> str:
    return f"array_to_string(ARRAY(SELECT split_part(one, '=', 1) FROM unnest({column}) one ORDER BY 1), ',')"


_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


#: A value that not every version has, as text.
def _maybe(alias: str, column: str) -> str:
    return f"to_jsonb({alias}) ->> '{column}'"


_RELATION = "format('%I.%I', n.nspname, c.relname)"
#: The columns of a composite type are those of a relation, which belongs to the type, as that does to an extension.
_OF_RELATION = f"""
    pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND {_SCHEMA} AND {_own("pg_class", "c")}
        AND NOT EXISTS (SELECT FROM pg_depend member WHERE c.relkind = 'c' AND member.deptype = 'e'
            AND member.classid = 'pg_type'::regclass AND member.objid = c.reltype)"""

#: Every kind of object, by the query of its names and definitions. Names are as the server itself quotes them.
_OBJECTS: Mapping[str, str] = {
    "schema": f"""
        SELECT quote_ident(nspname), concat_ws('|', CASE WHEN nspowner <> 10 THEN pg_get_userbyid(nspowner) END,
            {_acl("nspacl", "n", "nspowner")})
        FROM pg_namespace n WHERE {_SCHEMA} AND (n.nspname = 'public' OR {_own("pg_namespace", "n")})""",
    "extension": "SELECT quote_ident(extname), extversion || ' in ' || extnamespace::regnamespace FROM pg_extension",
    "relation": f"""
        SELECT {_RELATION}, concat_ws('|', c.relkind, c.relpersistence, pg_get_userbyid(c.relowner),
            {_acl("c.relacl", "r", "c.relowner")}, {_sorted("c.reloptions")}, c.relreplident, c.relrowsecurity,
            c.relforcerowsecurity, (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace),
            (SELECT amname FROM pg_am WHERE oid = c.relam), pg_get_partkeydef(c.oid),
            pg_get_expr(c.relpartbound, c.oid), CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
            array_to_string(ARRAY(SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid
                ORDER BY inhseqno), ','),
            CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
            CASE WHEN c.relkind = 'm' THEN c.relispopulated END,
            (SELECT srvname || ' ' || {_option_names("f.ftoptions")} FROM pg_foreign_table f
                JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid))
        FROM {_OF_RELATION} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')""",
    "column": f"""
        SELECT {_RELATION} || '.' || quote_ident(a.attname), concat_ws('|', format_type(a.atttypid, a.atttypmod),
            a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid),
            CASE WHEN a.attcollation <> t.typcollation THEN
                (SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co
                    JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END,
            CASE WHEN c.relkind IN ('r', 'p') THEN concat_ws(' ', a.attstorage, coalesce(a.attstattarget, -1)) END,
            CASE WHEN c.relkind IN ('r', 'p', 'm') THEN {_maybe("a", "attcompression")} END,
            {_sorted("a.attoptions", _OF_OWNER)}, {_option_names("a.attfdwoptions")},
            {_acl("a.attacl", "c", "c.relowner")},
            CASE WHEN NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid) THEN
                row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) END)
        FROM {_OF_RELATION}
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            JOIN pg_type t ON t.oid = a.atttypid
            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')""",
    "sequence": f"""
        SELECT {_RELATION}, concat_ws('|', c.relpersistence, pg_get_userbyid(c.relowner),
            {_acl("c.relacl", "s", "c.relowner")}, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmax,
            s.seqmin, s.seqcache, s.seqcycle,
            (SELECT format('%s %s.%I', o.deptype, o.refobjid::regclass, a.attname)
                FROM pg_depend o
                JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
                WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.refclassid = 'pg_class'::regclass
                    AND o.deptype IN ('a', 'i')))
        FROM {_OF_RELATION} JOIN pg_sequence s ON s.seqrelid = c.oid""",
    # One that is not valid is not in a dump. The one of a partitioned table is valid when those of its parts are.
    "index": f"""
        SELECT format('%I.%I', n.nspname, i.relname), concat_ws('|', pg_get_indexdef(x.indexrelid), x.indisreplident,
            x.indisclustered, (SELECT spcname FROM pg_tablespace WHERE oid = i.reltablespace),
            (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = x.indexrelid))
        FROM {_OF_RELATION} JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
        WHERE x.indisvalid AND x.indisready""",
    # What a partition has from its parent's foreign keys gets its names anew.
    "constraint": f"""
        SELECT quote_ident(x.conname) || ' on '
                || CASE WHEN c.oid IS NULL THEN format_type(x.contypid, NULL) ELSE {_RELATION} END,
            concat_ws('|', pg_get_constraintdef(x.oid), x.convalidated)
        FROM pg_constraint x LEFT JOIN pg_class c ON c.oid = x.conrelid
            JOIN pg_namespace n ON n.oid = x.connamespace AND {_SCHEMA}
        WHERE {_own("pg_constraint", "x")} AND x.contype <> 't' AND NOT (x.contype = 'f' AND x.conparentid <> 0)
            AND (c.oid IS NULL OR {_own("pg_class", "c")})""",
    "trigger": f"""
        SELECT quote_ident(x.tgname) || ' on ' || {_RELATION}, concat_ws('|', pg_get_triggerdef(x.oid), x.tgenabled)
        FROM {_OF_RELATION} JOIN pg_trigger x ON x.tgrelid = c.oid WHERE NOT x.tgisinternal""",
    "rule": f"""
        SELECT quote_ident(x.rulename) || ' on ' || {_RELATION}, concat_ws('|', pg_get_ruledef(x.oid), x.ev_enabled)
        FROM {_OF_RELATION} JOIN pg_rewrite x ON x.ev_class = c.oid WHERE x.rulename <> '_RETURN'""",
    "policy": f"""
        SELECT quote_ident(x.polname) || ' on ' || {_RELATION}, concat_ws('|', x.polcmd, x.polpermissive,
            array_to_string(ARRAY(SELECT CASE WHEN one = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(one) END COLLATE "C"
                FROM unnest(x.polroles) one ORDER BY 1), ','),
            pg_get_expr(x.polqual, x.polrelid), pg_get_expr(x.polwithcheck, x.polrelid))
        FROM {_OF_RELATION} JOIN pg_policy x ON x.polrelid = c.oid""",
    "function": f"""
        SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
            concat_ws('|', p.prokind, pg_get_userbyid(p.proowner), {_acl("p.proacl", "f", "p.proowner")},
            CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE concat_ws(' ', a.aggtransfn, a.aggfinalfn,
                a.aggcombinefn, format_type(a.aggtranstype, NULL), a.agginitval, a.aggmtransfn, a.aggminvtransfn) END)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND {_SCHEMA}
            LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
        WHERE {_own("pg_proc", "p")}
            AND NOT EXISTS (SELECT FROM pg_depend made WHERE made.classid = 'pg_proc'::regclass
                AND made.objid = p.oid AND made.deptype = 'i')""",
    # A multirange goes with its range; up to PostgreSQL 17 it keeps its first owner when that gets another one.
    "type": f"""
        SELECT format_type(t.oid, NULL), concat_ws('|', t.typtype, pg_get_userbyid(t.typowner),
            {_acl("t.typacl", "T", "t.typowner")}, CASE WHEN t.typtype = 'd' THEN concat_ws(' ',
                format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault) END,
            array_to_string(ARRAY(SELECT quote_literal(enumlabel) FROM pg_enum WHERE enumtypid = t.oid
                ORDER BY enumsortorder), ','),
            (SELECT concat_ws(' ', format_type(rngsubtype, NULL), rngcollation::regcollation, rngcanonical,
                rngsubdiff,
                format_type((to_jsonb(r) ->> 'rngmultitypid')::oid, NULL)) FROM pg_range r WHERE rngtypid = t.oid))
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND {_SCHEMA}
        WHERE {_own("pg_type", "t")} AND (t.typtype IN ('e', 'd', 'r')
            OR t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid))""",
    "event trigger": f"""
        SELECT quote_ident(evtname), concat_ws('|', evtevent, pg_get_userbyid(evtowner), evtfoid::regprocedure,
            evtenabled, array_to_string(evttags, ','))
        FROM pg_event_trigger x WHERE {_own("pg_event_trigger", "x")}""",
    "default rights": """
        SELECT identity, array_to_string(ARRAY(SELECT DISTINCT format('%s=%s%s', CASE WHEN grantee = 0 THEN 'PUBLIC'
            ELSE pg_get_userbyid(grantee) END, privilege_type, is_grantable) COLLATE "C"
            FROM aclexplode(x.defaclacl) ORDER BY 1), ',')
        FROM pg_default_acl x, pg_identify_object('pg_default_acl'::regclass, x.oid, 0)""",
    "publication": """
        SELECT quote_ident(pubname), concat_ws('|', pg_get_userbyid(pubowner), puballtables, pubinsert, pubupdate,
            pubdelete, pubtruncate, pubviaroot, array_to_string(ARRAY(SELECT format('%I.%I', schemaname, tablename)
                COLLATE "C" FROM pg_publication_tables t WHERE t.pubname = x.pubname ORDER BY 1), ','))
        FROM pg_publication x""",
    "foreign server": f"""
        SELECT quote_ident(srvname), concat_ws('|', pg_get_userbyid(srvowner), srvtype, srvversion, fdwname,
            {_option_names("srvoptions")}, {_acl("srvacl", "S", "srvowner")})
        FROM pg_foreign_server x JOIN pg_foreign_data_wrapper f ON f.oid = srvfdw
        WHERE {_own("pg_foreign_server", "x")}""",
    "user mapping": """
        SELECT format('%s on %I', CASE WHEN umuser = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(umuser) END, srvname), ''
        FROM pg_user_mappings""",
    "statistics": f"""
        SELECT format('%I.%I', n.nspname, x.stxname), pg_get_statisticsobjdef(x.oid)
        FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace AND {_SCHEMA}
        WHERE {_own("pg_statistic_ext", "x")}""",
    "large object": f"""
        SELECT oid::text, concat_ws('|', pg_get_userbyid(lomowner), {_acl("lomacl", "L", "lomowner")})
        FROM pg_largeobject_metadata""",
    "comment": f"""
        SELECT o.type || ' ' || o.identity, x.description
        FROM pg_description x, pg_identify_object(x.classoid, x.objoid, x.objsubid) o
        WHERE (x.objoid >= {_FIRST_USER_OID} OR x.classoid = 'pg_largeobject'::regclass)
            AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.deptype = 'e' AND m.classid = x.classoid
                AND m.objid = x.objoid)""",
    "security label": f"""
        SELECT o.type || ' ' || o.identity, x.provider || ' ' || x.label
        FROM pg_seclabel x, pg_identify_object(x.classoid, x.objoid, x.objsubid) o
        WHERE x.objoid >= {_FIRST_USER_OID}""",
}  # fmt: skip

#: Kinds of which it counts that they are there, by their catalogue.
_NAMED_ONLY: Mapping[str, str] = {
    "cast": "pg_cast",
    "collation": "pg_collation",
    "conversion": "pg_conversion",
    "operator": "pg_operator",
    "operator class": "pg_opclass",
    "operator family": "pg_opfamily",
    "language": "pg_language",
    "access method": "pg_am",
    "transform": "pg_transform",
    "text search configuration": "pg_ts_config",
    "text search dictionary": "pg_ts_dict",
    "text search parser": "pg_ts_parser",
    "text search template": "pg_ts_template",
    "foreign-data wrapper": "pg_foreign_data_wrapper",
}

#: What is the server's and not one database's.
_GLOBALS: Mapping[str, str] = {
    "role": """
        SELECT quote_ident(rolname), concat_ws('|', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
            rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil, split_part(left(rolpassword, 13), '$', 1) ~ '^S',
            rolpassword IS NOT NULL, shobj_description(oid, 'pg_authid'))
        FROM pg_authid WHERE rolname !~ '^pg_'""",
    "membership": """
        SELECT format('%I in %I', m.rolname, r.rolname), concat_ws('|', bool_or(x.admin_option),
            bool_or((to_jsonb(x) ->> 'inherit_option')::bool), bool_or((to_jsonb(x) ->> 'set_option')::bool))
        FROM pg_auth_members x JOIN pg_authid m ON m.oid = x.member JOIN pg_authid r ON r.oid = x.roleid
        WHERE NOT (m.rolname ~ '^pg_' AND r.rolname ~ '^pg_') GROUP BY 1""",
    "setting of role": f"""
        SELECT quote_ident(rolname), {_sorted("setconfig")}
        FROM pg_db_role_setting JOIN pg_authid a ON a.oid = setrole
        WHERE setdatabase = 0 AND rolname !~ '^pg_'""",
    "tablespace": f"""
        SELECT quote_ident(spcname), concat_ws('|', pg_get_userbyid(spcowner), {_acl("spcacl", "t", "spcowner")},
            {_sorted("spcoptions")}, shobj_description(oid, 'pg_tablespace'))
        FROM pg_tablespace WHERE spcname !~ '^pg_'""",
}

#: What of a database stands outside of it.
_DATABASE = f"""
    SELECT concat_ws('|', pg_get_userbyid(datdba), {_acl("datacl", "d", "datdba")}, pg_encoding_to_char(encoding),
        datcollate, datctype, {_maybe("d", "datlocprovider")}, {_maybe("d", "daticulocale")},
        {_maybe("d", "datlocale")}, datconnlimit, datistemplate, shobj_description(d.oid, 'pg_database'),
        (SELECT spcname FROM pg_tablespace t WHERE t.oid = d.dattablespace),
        array_to_string(ARRAY(SELECT format('%s: %s', (SELECT rolname FROM pg_roles r WHERE r.oid = setrole),
            {_sorted("setconfig")}) COLLATE "C" FROM pg_db_role_setting WHERE setdatabase = d.oid ORDER BY 1), ','))
    FROM pg_database d WHERE datname = current_database()"""


def objects(session: Session) -> dict[str, str]:
    """Every object of the session's database by its kind and name, with the digest of its definition."""
    found = {"database": _digest(session.text(session.value(_DATABASE)))}
    queries = dict(_OBJECTS)
    for kind, catalog in _NAMED_ONLY.items():
        queries[kind] = (
            f"SELECT identity, '' FROM {catalog} x, pg_identify_object('{catalog}'::regclass, x.oid, 0)"
            f" WHERE {_own(catalog, 'x')}"
        )
    return {**found, **_lines(session, queries)}


def global_objects(session: Session) -> dict[str, str]:
    """Roles and whatever else all databases of a server share, in the same form."""
    return _lines(session, _GLOBALS)


def _lines(session: Session, queries: Mapping[str, str]) -> dict[str, str]:
    return {
        f"{kind} {session.text(name)}": _digest(session.text(definition or ""))
        for kind, query in queries.items()
        for name, definition in session.rows(query)
    }


#: What PostgreSQL may add, or leave out, when it reads its own words again: casts, brackets and space. A list of
#: values of the type varchar in a check is the case that many databases have.
_CASTS = re.compile(
    r"::\s*(?:character varying|double precision|bit varying|time(?:stamp)?(?:\(\d+\))? with(?:out)? time zone"
    r'|(?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?)(?:\(\d+(?:,\d+)?\))?(?:\[\])*'
)
_SPACE_AND_BRACKETS = re.compile(r"[\s()]+")


def canonical(definition: str) -> str:
    """A definition without what a faithful restore may change in it."""
    return _SPACE_AND_BRACKETS.sub("", _CASTS.sub("", definition))


def _digest(definition: str) -> str:
    return hashlib.sha256(canonical(definition).encode("utf-8", "surrogatepass")).hexdigest()[:16]


#: Tables that have rows of their own. A foreign table's are another server's, and a dump has none of them. Of those of
#: an extension, a dump has the rows of such as the extension names for it.
_TABLES = f"""
    SELECT c.oid, {_RELATION}, c.relpersistence, c.relpages::bigint * current_setting('block_size')::bigint
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND {_SCHEMA}
    WHERE c.relkind = 'r' AND c.oid >= {_FIRST_USER_OID} AND ({_own("pg_class", "c")} OR EXISTS (
        SELECT FROM pg_extension e WHERE coalesce(e.extcondition[array_position(e.extconfig, c.oid)], '-') = ''))
    ORDER BY 4 DESC, 2"""

_VIEWS = f"SELECT {_RELATION}, c.relispopulated FROM {_OF_RELATION} WHERE c.relkind = 'm'"

_SEQUENCES = f"SELECT {_RELATION} FROM {_OF_RELATION} WHERE c.relkind = 'S'"


def tables(session: Session) -> list[tuple[str, str, int]]:
    """Name, persistence and bytes of each table that has rows of its own, the largest first.

    The bytes are those of the last ANALYZE: to measure them waits for every lock that another session holds.
    """
    return [(name, persistence, size) for _oid, name, persistence, size in session.rows(_TABLES)]


def count_rows(session: Session) -> Iterator[tuple[str, int]]:
    """The exact number of rows of each table, one after the other."""
    for name, _persistence, _size in tables(session):
        yield session.text(name), session.value(f"SELECT count(*) FROM ONLY {name}")


def materialized_views(session: Session) -> dict[str, bool]:
    """Whether each has rows at all: which ones depends on when it was refreshed, and a restore refreshes it."""
    return {session.text(name): populated for name, populated in session.rows(_VIEWS)}


def sequences(session: Session) -> dict[str, list[Any]]:
    """``last_value`` and ``is_called`` of each sequence, now: no snapshot holds them back."""
    return {
        session.text(name): list(session.rows(f"SELECT last_value, is_called FROM {name}")[0])
        for (name,) in session.rows(_SEQUENCES)
    }


def large_objects(session: Session) -> int:
    """How many there are."""
    return int(session.value("SELECT count(*) FROM pg_largeobject_metadata"))


#: A column and the sequence that gives its values, with how that counts.
_OWNED = f"""
    SELECT {_RELATION}, o.refobjid::regclass::text, quote_ident(a.attname), s.seqincrement
    FROM {_OF_RELATION} JOIN pg_sequence s ON s.seqrelid = c.oid
        JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.deptype IN ('a', 'i')
            AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0
        JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
        JOIN pg_class t ON t.oid = o.refobjid AND t.relkind IN ('r', 'p')
    WHERE NOT s.seqcycle AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)"""


def sequences_behind(session: Session) -> list[str]:
    """Sequences whose next value is in their column already: the next row of such a table may be refused."""
    behind = []
    for name, table, column, step in session.rows(_OWNED):
        extreme, beyond = ("max", ">") if step > 0 else ("min", "<")
        query = f"SELECT coalesce((SELECT {extreme}({column}) FROM {table}) {beyond} last_value, false) FROM {name}"
        if session.value(query):
            behind.append(session.text(name))
    return sorted(behind)


def extensions(session: Session) -> dict[str, str]:
    """Version of each extension of the database."""
    return {
        session.text(name): version for name, version in session.rows("SELECT extname, extversion FROM pg_extension")
    }
