# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The questions to PostgreSQL in depth: one for each aspect, in SQL for the versions 14 and newer.

Numbers are cast to what JSON knows. No question reads a table of the platform's, or the text of a running statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable, Protocol

from .._clients.postgres import Row
from .._core.errors import RunbookError


class Queryable(Protocol):
    """What is needed of a session."""

    def rows(self, query: str) -> list[Row]:
        """Every row that a query gives, by the names of its columns."""


@dataclass(frozen=True)
class Question:
    """How one aspect is read.

    ``statistics`` questions show a role without the rights of ``pg_read_all_stats`` its own sessions only, without an
    error: what it would see is no answer.
    """

    rows: Callable[[Queryable], list[Row]]
    statistics: bool = False


AVAILABILITY = """
SELECT current_database()::text AS database,
  pg_is_in_recovery() AS standby,
  extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::bigint AS uptime_s,
  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS statistics
"""

#: Whether others can write: what holds for all roles, and what their commits wait for.
WRITES = """
SELECT pg_is_in_recovery() AS standby, setting = 'on' AS read_only, source,
  current_setting('synchronous_standby_names') AS synchronous,
  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS statistics,
  (SELECT count(*) FROM pg_stat_replication
    WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum'))::int AS followers,
  (SELECT max(extract(epoch FROM clock_timestamp() - query_start)) FROM pg_stat_activity
    WHERE wait_event = 'SyncRep')::float8 AS held_s
FROM pg_settings WHERE name = 'default_transaction_read_only'
"""

#: Takes the number of a transaction, which every write begins with, and writes nothing. It waits for no standby.
WRITE = "SET TRANSACTION READ WRITE; SET LOCAL synchronous_commit = off; SELECT pg_current_xact_id()::text AS number"

#: What is set for a role, the most special setting first: for it in this database, for it, for the database, for all.
ROLE = """
SELECT roles.rolcanlogin AS login, coalesce(roles.rolvaliduntil <= clock_timestamp(), false) AS expired,
  (SELECT coalesce(json_agg(entry), '[]') FROM (
    SELECT settings.setconfig AS entry FROM pg_db_role_setting AS settings
    WHERE settings.setrole IN (0, roles.oid)
      AND settings.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY settings.setrole = 0, settings.setdatabase = 0
  ) AS ordered) AS settings
FROM pg_roles AS roles WHERE roles.rolname = %(role)s
"""

STATISTICS = """
SELECT datname::text AS database, numbackends::int AS sessions, xact_commit, xact_rollback, blks_read, blks_hit,
  tup_returned, tup_fetched, tup_inserted, tup_updated, tup_deleted, conflicts, deadlocks, temp_files, temp_bytes,
  extract(epoch FROM clock_timestamp() - stats_reset)::bigint AS since_reset_s,
  current_setting('track_counts') = 'on' AS counted
FROM pg_stat_database WHERE datname = current_database()
"""

CONNECTIONS = """
SELECT coalesce(state, 'without a state') AS state, count(*)::int AS sessions,
  current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0) AS usable
FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1 ORDER BY 2 DESC, 1
"""

REPLICATION = """
SELECT 'standby' AS peer, coalesce(nullif(application_name, ''), client_addr::text, 'local') AS name,
  coalesce(state, 'unknown') AS state, sync_state,
  pg_wal_lsn_diff(
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, replay_lsn
  )::bigint AS lag_bytes,
  extract(epoch FROM replay_lag)::float8 AS lag_s,
  CASE WHEN state = 'streaming' THEN extract(epoch FROM clock_timestamp() - reply_time) END::float8 AS silent_s,
  false AS paused
FROM pg_stat_replication
UNION ALL
SELECT 'upstream', coalesce(sender_host, 'upstream'), coalesce(status, 'disconnected'), NULL,
  pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint,
  CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8,
  NULL, CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END
FROM (SELECT 1) AS here LEFT JOIN pg_stat_wal_receiver ON true WHERE pg_is_in_recovery()
ORDER BY 1, 2
"""

SLOTS = """
SELECT slot_name::text AS name, slot_type AS type, active, coalesce(wal_status, 'unknown') AS wal_status,
  pg_wal_lsn_diff(
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn
  )::bigint AS retained_bytes
FROM pg_replication_slots ORDER BY 1
"""

#: Sessions that have ``track_activities`` switched off show nothing about themselves: one row has how many there are.
HIDDEN = """
SELECT count(*)::int AS sessions, 'disabled' AS state
FROM pg_stat_activity WHERE state = 'disabled' AND backend_type = 'client backend' HAVING count(*) > 0
"""

LONGEST_QUERY = """
SELECT pid, usename::text AS role, datname::text AS database, application_name AS application, state,
  extract(epoch FROM clock_timestamp() - query_start)::float8 AS seconds
FROM pg_stat_activity
WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY seconds DESC LIMIT 10
"""

LONGEST_TRANSACTION = """
SELECT pid, usename::text AS role, datname::text AS database, application_name AS application, state,
  extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND state NOT LIKE 'idle in transaction%'
UNION ALL
SELECT 0, owner::text, database::text, 'prepared transaction', 'prepared',
  extract(epoch FROM clock_timestamp() - prepared)::float8
FROM pg_prepared_xacts
ORDER BY seconds DESC LIMIT 10
"""

IDLE_IN_TRANSACTION = """
SELECT pid, usename::text AS role, datname::text AS database, application_name AS application, state,
  extract(epoch FROM clock_timestamp() - state_change)::float8 AS seconds
FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'
ORDER BY seconds DESC LIMIT 10
"""

BLOCKED = """
SELECT pid, usename::text AS role, datname::text AS database, application_name AS application, state,
  pg_blocking_pids(pid) AS blocked_by, count(*) OVER ()::int AS sessions,
  extract(epoch FROM clock_timestamp() - coalesce(
    (SELECT min(waitstart) FROM pg_locks WHERE pg_locks.pid = pg_stat_activity.pid AND NOT granted), query_start
  ))::float8 AS seconds
FROM pg_stat_activity WHERE wait_event_type = 'Lock'
ORDER BY seconds DESC LIMIT 10
"""

WRAPAROUND = """
SELECT datname::text AS database, age(datfrozenxid)::bigint AS transactions,
  mxid_age(datminmxid)::bigint AS multixacts,
  current_setting('autovacuum_freeze_max_age')::bigint AS freeze_max_age
FROM pg_database ORDER BY greatest(age(datfrozenxid), mxid_age(datminmxid)) DESC LIMIT 10
"""

#: An index that is being built concurrently is invalid until it is ready.
INVALID_INDEXES = """
SELECT format('%I.%I', schemas.nspname, indexes.relname) AS index, i.indrelid::regclass::text AS table,
  EXISTS (
    SELECT FROM pg_stat_progress_create_index AS builds
    WHERE builds.datname = current_database() AND builds.relid = i.indrelid
  ) AS building, indexes.relkind = 'I' AS partitioned,
  ARRAY(
    SELECT parts.inhrelid::regclass::text FROM pg_inherits AS parts
    WHERE indexes.relkind = 'I' AND parts.inhparent = i.indrelid AND NOT EXISTS (
      SELECT FROM pg_inherits AS attached JOIN pg_index AS child ON child.indexrelid = attached.inhrelid
      WHERE attached.inhparent = i.indexrelid AND child.indrelid = parts.inhrelid AND child.indisvalid
    ) ORDER BY 1
  ) AS missing
FROM pg_index AS i
  JOIN pg_class AS indexes ON indexes.oid = i.indexrelid
  JOIN pg_namespace AS schemas ON schemas.oid = indexes.relnamespace
WHERE NOT i.indisvalid ORDER BY 1
"""

#: A sequence ends where its column does, if that is earlier. One that the role may not read has no number.
SEQUENCES = """
WITH known AS (
  SELECT format('%I.%I', schemas.nspname, sequences.relname) AS sequence,
    has_sequence_privilege(sequences.oid, 'SELECT, USAGE') AS readable,
    CASE WHEN has_sequence_privilege(sequences.oid, 'SELECT, USAGE')
      THEN pg_sequence_last_value(sequences.oid) END AS last_value,
    s.seqincrement > 0 AS ascending, s.seqmin AS first,
    CASE columns.atttypid WHEN 'int2'::regtype THEN least(s.seqmax, 32767)
      WHEN 'int4'::regtype THEN least(s.seqmax, 2147483647) ELSE s.seqmax END AS last
  FROM pg_sequence AS s
    JOIN pg_class AS sequences ON sequences.oid = s.seqrelid
    JOIN pg_namespace AS schemas ON schemas.oid = sequences.relnamespace
    LEFT JOIN pg_depend AS owners ON owners.classid = 'pg_class'::regclass AND owners.objid = s.seqrelid
      AND owners.refclassid = 'pg_class'::regclass AND owners.refobjsubid > 0 AND owners.deptype IN ('a', 'i')
    LEFT JOIN pg_attribute AS columns
      ON columns.attrelid = owners.refobjid AND columns.attnum = owners.refobjsubid
  WHERE NOT s.seqcycle AND sequences.relpersistence <> 't'
)
SELECT sequence, readable, last_value, first, last,
  CASE WHEN NOT readable THEN NULL WHEN last_value IS NULL THEN 0 ELSE round(
    100.0 * CASE WHEN ascending THEN last_value::numeric - first ELSE last - last_value::numeric END
      / greatest(last::numeric - first, 1), 1
  ) END::float8 AS used_percent
FROM known ORDER BY used_percent DESC NULLS FIRST, sequence
"""

CACHE_HIT = """
SELECT datname::text AS database, blks_hit, blks_read, current_setting('track_counts') = 'on' AS counted
FROM pg_stat_database WHERE datname = current_database()
"""

CHECKSUMS = """
SELECT current_setting('data_checksums') = 'on' AS enabled,
  coalesce(sum(checksum_failures), 0)::bigint AS failures,
  coalesce(array_agg(coalesce(datname::text, 'shared objects')) FILTER (WHERE checksum_failures > 0), '{}') AS databases
FROM pg_stat_database
"""

EXTENSION = """
SELECT quote_ident(schemas.nspname) AS schema, current_setting('pg_stat_statements.track', true) AS track
FROM pg_extension JOIN pg_namespace AS schemas ON schemas.oid = extnamespace WHERE extname = 'pg_stat_statements'
"""

STATEMENTS = """
SELECT s.calls, round(s.mean_exec_time::numeric, 3)::float8 AS mean_ms,
  round(s.total_exec_time::numeric, 3)::float8 AS total_ms, s.rows, pg_get_userbyid(s.userid)::text AS role,
  left(s.query, 1000) AS statement
FROM {schema}.pg_stat_statements AS s
  JOIN pg_database AS d ON d.oid = s.dbid AND d.datname = current_database()
ORDER BY s.mean_exec_time DESC LIMIT 10
"""

#: Constants of these are replaced before they are kept. The text of any other may hold one: ALTER ROLE a password.
_PARAMETERISED = re.compile(r"\s*(select|insert|update|delete|merge|with|values|table)\b", re.IGNORECASE)
_LITERAL = re.compile(r"'(?:[^']|'')*'|\$([A-Za-z_]*)\$.*?\$\1\$", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)


def statements(session: Queryable) -> list[Row]:
    """The ten statements of this database that take the longest on average.

    Raises `RunbookError` where the server does not record any.
    """
    installed = session.rows(EXTENSION)
    if not installed:
        raise RunbookError(
            "the extension pg_stat_statements is not installed in this database: add it to shared_preload_libraries,"
            " restart the server, and run CREATE EXTENSION pg_stat_statements"
        )
    if installed[0]["track"] == "none":
        raise RunbookError("pg_stat_statements records nothing: pg_stat_statements.track is none")
    found = session.rows(STATEMENTS.format(schema=installed[0]["schema"]))
    return [{**row, "statement": public(row["statement"] or "")} for row in found]


def public(statement: str) -> str:
    """A recorded statement without anything that can be a constant or a secret."""
    bare = _COMMENT.sub(" ", _LITERAL.sub("?", statement))
    if not _PARAMETERISED.match(bare):
        return " ".join(re.findall(r"[A-Za-z]+", bare)[:2]).upper() or "(hidden)"
    return " ".join(bare.split())


def _only(query: str) -> Callable[[Queryable], list[Row]]:
    return lambda session: session.rows(query)


def _activity(query: str) -> Callable[[Queryable], list[Row]]:
    """A question about what sessions do, which some of them may not show."""
    return lambda session: [*session.rows(query), *session.rows(HIDDEN)]


#: In the order in which they are sent. The availability comes first, since it decides which may be sent.
QUESTIONS: Mapping[str, Question] = {
    "statistics": Question(_only(STATISTICS)),
    "connections": Question(_only(CONNECTIONS), statistics=True),
    "replication": Question(_only(REPLICATION), statistics=True),
    "slots": Question(_only(SLOTS)),
    "longest_query": Question(_activity(LONGEST_QUERY), statistics=True),
    "longest_transaction": Question(_activity(LONGEST_TRANSACTION), statistics=True),
    "idle_in_transaction": Question(_activity(IDLE_IN_TRANSACTION), statistics=True),
    "blocked": Question(_only(BLOCKED), statistics=True),
    "wraparound": Question(_only(WRAPAROUND)),
    "invalid_indexes": Question(_only(INVALID_INDEXES), statistics=True),
    "sequences": Question(_only(SEQUENCES)),
    "cache_hit": Question(_only(CACHE_HIT)),
    "checksums": Question(_only(CHECKSUMS)),
    "statements": Question(statements, statistics=True),
}
