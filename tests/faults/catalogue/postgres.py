# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PostgreSQL: each fault has a server of its own, but for the one that stops the platform's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.faults.catalogue.parts import dropped, not_dropped, of_unit
from tests.faults.matrix import LASTS, Command, Expected, Row, Task
from tests.testbed.faults import FAULTS, Fault, shell

_PASSWORD = "only-for-the-lab"  # noqa: S105 - it opens servers that live as long as a fault
_PLACE = "/var/lib/xorb-lab"
_READY, _VERSION, _STATISTICS = "health.postgres_ready", "database.postgres_version", "database.postgres_statistics"
_SLOW_QUERIES = "investigation.slow_queries"


def _sql(port: int, *statements: str) -> str:
    """A script that runs statements as the owner of a server, one after the other."""
    words = " ".join(f'-c "{statement}"' for statement in statements)
    return f"runuser -u postgres -- psql -XAtq -h /run/xorb-lab -p {port} -d xorb_db {words}"


def _sessions(port: int, statement: str, count: int = 1) -> str:
    """A script that opens sessions of the API's user and leaves them open, each after a statement."""
    login = f"PGPASSWORD={_PASSWORD} psql -Xq -h localhost -p {port} -U xorb_user -d xorb_db"
    return f"for _ in $(seq {count}); do (echo '{statement}'; sleep {LASTS}) | {login} > /dev/null 2>&1 & done"


def _until(port: int, query: str) -> str:
    """A script that waits until a query has a row."""
    return f"for _ in $(seq 120); do if {_sql(port, query)} | grep -q t; then break; fi; sleep 0.25; done"


def _unit(port: int) -> str:
    return f"xorb-lab-postgres@{port}.service"


def _edited(port: int, script: str, *, wait: bool = True) -> str:
    """A script that changes the files of a server while it is down, and keeps them over its start."""
    start = f"systemctl start {'' if wait else '--no-block '}{_unit(port)}"
    return f"systemctl stop {_unit(port)}; touch /run/xorb-lab/keep-{port}; cd {_PLACE}/{port}; {script}; {start}"


def _as_new(port: int) -> str:
    return f"rm -f /run/xorb-lab/keep-{port}"


def _served(port: int, name: str) -> str:
    """A script that lets a server serve another certificate."""
    tls, place = "/etc/xorb-lab/tls", f"{_PLACE}/{port}"
    files = "; ".join(f"cat {tls}/{name}.{part} > {place}/server.{part}" for part in ("pem", "key"))
    return f"{files}; systemctl kill -s HUP {_unit(port)}"


def _row(
    port: int,
    name: str,
    sentence: str,
    broken: str,
    *expected: Expected,
    command: str = _READY,
    telling: str = "",
    evidence: str = "",
    kind: str = "postgres",
    takes_hold: str = "",
    mended: str = ":",
    trusts: bool = False,
    harmless: bool = False,
    **options: Any,
) -> Row:
    """A row about a server of the lab. Who ``trusts`` checks its certificate."""
    login = {"port": port, "user": "xorb_monitor", "database": "xorb_db", "password": "{{ lab_password }}"}
    trust = {"ca": "/etc/xorb-lab/tls/ca.pem"} if trusts else {}
    where = f"-h localhost -p {port}"
    changes = (
        {"-h localhost -p 5432": where} if command == _READY else {"-h localhost": where, "-d xorb ": "-d xorb_db "}
    )
    if command == _STATISTICS:
        changes["datname='xorb'"] = "datname='xorb_db'"
    return Row(
        fault=of_unit(
            name, sentence, "db", _unit(port), broken, takes_hold=takes_hold, mended=f"{_as_new(port)}; {mended}"
        ),
        chapter="PostgreSQL",
        look={"endpoints": {"sql": {"kind": kind, **login, **trust, **options}}},
        expected=expected,
        command=Command(
            command, changes=changes, environment={"PGPASSWORD": _PASSWORD}, telling=telling, evidence=evidence
        ),
        task=Task(
            "community.postgresql.postgresql_ping",
            {
                "login_host": "localhost",
                "login_port": port,
                "login_user": "xorb_monitor",
                "login_password": "{{ lab_password }}",
                "login_db": "xorb_db",
                **({"ca_cert": trust["ca"], "ssl_mode": "verify-full"} if trusts else {}),
            },
            telling='"is_available": false',
            evidence="is_available: false",
        ),
        uses=frozenset({f"db/postgres/{port}"}),
        harmless=harmless,
    )


#: What every Python of a host begins with: an environment as a login would have it, whichever user logged in before.
_VARIABLES = "/usr/lib/python3/dist-packages/xorb_lab.pth"


def _set(port: int, setting: str) -> str:
    """A script that changes a setting of a server while it runs."""
    return _sql(port, f"ALTER SYSTEM SET {setting}", "SELECT pg_reload_conf()")


#: One server for the faults that do not disturb each other. It is not started anew, which would end them all.
_DEPTH = 5446
_LOCKED = "SELECT true FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock' AND relation = 'orders'::regclass"
_WAITING = "SELECT true FROM pg_stat_activity WHERE usename = 'xorb_user' AND wait_event_type = 'Lock'"
_END_SESSIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'xorb_user'"


def _stats_row(
    name: str, sentence: str, broken: str, mended: str, *expected: Expected, command: str = _STATISTICS
) -> Row:
    """A row about what a server tells of itself."""
    row = _row(
        _DEPTH,
        name,
        sentence,
        "",
        *expected,
        kind="postgres_stats",
        command=command,
        idle_warning=0.5,
        idle_critical=1,
        blocked_warning=0.1,
        blocked_critical=0.2,
    )
    fault = Fault(name, sentence, "db", shell(broken), shell(f"systemctl start {_unit(_DEPTH)}; {mended}"))
    return replace(row, fault=fault, seen_as="postgres_stats", uses=frozenset({f"db/postgres/{_DEPTH}/{name}"}))


ROWS = (
    Row(
        fault=FAULTS["postgres_stopped"],
        chapter="PostgreSQL",
        look={
            "supervisor": {"kind": "systemd", "unit": "postgresql@17-main.service"},
            "endpoints": {
                "sql": {
                    "kind": "postgres",
                    "user": "xorb_monitor",
                    "database": "xorb_db",
                    "password": "{{ lookup('ansible.builtin.file', demo_secrets ~ '/postgres_monitor_password') }}",
                }
            },
        },
        expected=(Expected("supervisor.state", "critical"), Expected("sql.query", "critical", "refused")),
        command=Command(_READY),
        task=Task(
            "community.postgresql.postgresql_ping",
            {
                "login_host": "localhost",
                "login_user": "xorb_monitor",
                "login_password": "{{ lookup('ansible.builtin.file', demo_secrets ~ '/postgres_monitor_password') }}",
                "login_db": "xorb_db",
            },
            telling='"is_available": false',
            evidence="is_available: false",
        ),
        uses=frozenset({"db/postgres/main"}),
    ),
    _row(
        5441,
        "postgres_frozen",
        "PostgreSQL is frozen by SIGSTOP: its port is open, and no answer comes",
        f"systemctl kill --signal=SIGSTOP {_unit(5441)}",
        Expected("sql.query", "critical", "no answer within 5 s"),
    ),
    _row(
        5448,
        "postgres_lets_everybody_in",
        "pg_hba.conf has trust: PostgreSQL accepts every password",
        f"sed -i 's/scram-sha-256/trust/' {_PLACE}/5448/pg_hba.conf; {_sql(5448, 'SELECT pg_reload_conf()')}",
        Expected("sql.valid", "ok"),
        Expected("sql.wrong_password", "critical", "accepted"),
        kind="access_postgres",
        not_applicable={"no_tls": "the lab's servers demand no TLS"},
    ),
    _row(
        5442,
        "postgres_password_changed",
        "the password of the role was changed, and its clients have the old one",
        _sql(5442, "ALTER ROLE xorb_monitor PASSWORD 'another'", "ALTER ROLE xorb_user PASSWORD 'another'"),
        Expected("sql.query", "critical", "password authentication failed"),
    ),
    _row(
        5443,
        "postgres_starting",
        "PostgreSQL is starting up and accepts no login yet",
        # It asks for a file of its archive first, and that takes long.
        _edited(
            5443,
            "touch recovery.signal; chown postgres recovery.signal; "
            f"echo \"restore_command = 'sleep {LASTS}'\" >> postgresql.conf",
            wait=False,
        ),
        Expected("sql.query", "critical", "the database system is"),
        takes_hold="! pg_isready -q -h localhost -p 5443 && pg_isready -h localhost -p 5443 | grep -q rejecting",
    ),
    _row(
        5444,
        "postgres_in_recovery",
        "PostgreSQL came back as a standby in recovery, and the API needs to write",
        _edited(5444, "touch standby.signal; chown postgres standby.signal"),
        Expected("sql.writes", "critical", "nothing can be written: the server is a standby in recovery"),
        writable=True,
        takes_hold="pg_isready -q -h localhost -p 5444",
    ),
    _row(
        5445,
        "postgres_connections_exhausted",
        "every connection that PostgreSQL has is taken",
        _sessions(5445, "SELECT 1;", count=25),
        Expected("sql.query", "critical", "no session: "),
        Expected("sql.connections", "critical", "none is left"),
        # Clients hold as many sessions as there can be, and the server does not let the monitoring role in any more.
        # A client that had one for a moment while they were opened has left it free: it is taken, too.
        takes_hold=f"! PGPASSWORD={_PASSWORD} psql -h localhost -p 5445 -U xorb_monitor -d xorb_db -c 'SELECT 1'"
        f" || {{ {_sessions(5445, 'SELECT 1;')}; false; }}",
    ),
    _stats_row(
        "postgres_locks_held",
        "a session left its transaction open, and its locks block all others",
        f"{_sql(_DEPTH, 'CREATE TABLE orders (id int)', 'GRANT ALL ON orders TO xorb_user')}; "
        f"{_sessions(_DEPTH, 'BEGIN; LOCK TABLE orders;')}; {_until(_DEPTH, _LOCKED)}; "
        f"{_sessions(_DEPTH, 'SELECT * FROM orders;')}; {_until(_DEPTH, _WAITING)}; sleep 2",
        f"{_sql(_DEPTH, _END_SESSIONS, 'DROP TABLE IF EXISTS orders')}",
        Expected("sql.idle_in_transaction", "critical", "xorb_user in xorb_db"),
        Expected("sql.blocked", "critical", "waits for"),
    ),
    # On a server of its own: an index that is built concurrently waits for the transactions of others.
    _row(
        5447,
        "postgres_invalid_index",
        "an index could not be built: it costs on every write, and serves no query",
        _sql(5447, "CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (1), (1)")
        + f"; {_sql(5447, 'CREATE UNIQUE INDEX CONCURRENTLY half ON orders (id)')} || :",
        Expected("sql.invalid_indexes", "critical", "invalid: public.half on public.orders"),
        kind="postgres_stats",
        command=_STATISTICS,
    ),
    _stats_row(
        "postgres_statements_missing",
        "the extension pg_stat_statements is missing, so slow queries are not recorded",
        _sql(_DEPTH, "DROP EXTENSION pg_stat_statements"),
        _sql(_DEPTH, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"),
        Expected("sql.statements", "unknown", "pg_stat_statements is not installed in this database"),
        command=_SLOW_QUERIES,
    ),
    _stats_row(
        "postgres_sequence_exhausted",
        "a sequence is near its end, where every insert will fail",
        _sql(
            _DEPTH,
            "CREATE SEQUENCE numbers AS smallint",
            "SELECT setval('numbers', 32000)",
            "GRANT SELECT ON numbers TO xorb_monitor",
        ),
        _sql(_DEPTH, "DROP SEQUENCE IF EXISTS numbers"),
        Expected("sql.sequences", "critical", "near their end: public.numbers"),
    ),
    _stats_row(
        "postgres_slot_forgotten",
        "a replication slot that no standby reads keeps every log file, until the disk is full",
        _sql(_DEPTH, "SELECT pg_create_physical_replication_slot('forgotten', true)"),
        _sql(_DEPTH, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"),
        Expected("sql.slots", "warning", "forgotten is not read by any client"),
    ),
    _row(
        5452,
        "postgres_standby_cut_off",
        "a standby does not get anything from its primary any more, and its data grows old",
        f"systemctl stop {_unit(5451)}",
        Expected("sql.replication", "critical", "upstream is disconnected"),
        kind="postgres_stats",
        takes_hold=f'test "$({_sql(5452, "SELECT count(*) FROM pg_stat_wal_receiver")})" = 0',
        mended=f"systemctl restart {_unit(5451)}; systemctl stop {_unit(5452)}; "
        f"touch /run/xorb-lab/keep-5452; rm -rf {_PLACE}/5452; "
        f"runuser -u postgres -- pg_basebackup -h /run/xorb-lab -p 5451 -D {_PLACE}/5452 -R -c fast",
    ),
    _row(
        5453,
        "postgres_certificate_wrong_name",
        "PostgreSQL serves a certificate of another name",
        _served(5453, "wrong_name"),
        Expected("sql.query", "critical", "elsewhere.example"),
        command=_VERSION,
        trusts=True,
    ),
    _row(
        5454,
        "postgres_certificate_expired",
        "PostgreSQL serves a certificate that has expired",
        _served(5454, "expired"),
        Expected("sql.query", "critical", "certificate"),
        command=_VERSION,
        trusts=True,
    ),
    _row(
        5455,
        "postgres_certificate_foreign",
        "PostgreSQL serves a certificate of a CA that no client trusts",
        _served(5455, "foreign"),
        Expected("sql.query", "critical", "certificate verify failed"),
        command=_VERSION,
        trusts=True,
    ),
    _row(
        5456,
        "postgres_behind_firewall",
        "a firewall drops everything for PostgreSQL, instead of refusing it",
        dropped(5456),
        Expected("sql.query", "critical", "no answer within 5 s (dropped by a firewall, or the server hangs)"),
        command=_VERSION,
        mended=not_dropped(5456),
    ),
    _row(
        5457,
        "postgres_address_in_environment",
        "PostgreSQL does not listen at its address, and PGHOSTADDR of the user who looks leads to another one",
        _edited(5457, "echo \"listen_addresses = '127.0.0.2'\" >> postgresql.conf")
        + f"; echo \"import os; os.environ['PGHOSTADDR'] = '127.0.0.2'\" > {_VARIABLES}",
        Expected("sql.query", "critical", "refused"),
        mended=f"rm -f {_VARIABLES}",
        command=_VERSION,
    ),
    _row(
        5459,
        "postgres_replay_paused",
        "the replay of a standby is paused: it streams, and its data grows old",
        f"{_sql(5459, 'SELECT pg_wal_replay_pause()')}; {_sql(5458, 'CREATE TABLE unseen AS SELECT 1')}",
        Expected("sql.replication", "critical", "its replay is paused"),
        kind="postgres_stats",
        takes_hold=f'test "$({_sql(5459, "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()")})" = t',
        mended=f"systemctl restart {_unit(5458)}; systemctl stop {_unit(5459)}; "
        f"touch /run/xorb-lab/keep-5459; rm -rf {_PLACE}/5459; "
        f"runuser -u postgres -- pg_basebackup -h /run/xorb-lab -p 5458 -D {_PLACE}/5459 -R -c fast",
    ),
    _row(
        5460,
        "postgres_activities_hidden",
        "sessions say nothing about what they do (track_activities), so that no query seems to run",
        _set(5460, "track_activities = off"),
        Expected("sql.longest_query", "unknown", "track_activities"),
        Expected("sql.idle_in_transaction", "unknown", "track_activities"),
        kind="postgres_stats",
        command=_STATISTICS,
    ),
    _row(
        5466,
        "postgres_counts_nothing",
        "PostgreSQL counts nothing (track_counts): its statistics stand still",
        _set(5466, "track_counts = off"),
        Expected("sql.statistics", "unknown", "track_counts"),
        kind="postgres_stats",
        command=_STATISTICS,
    ),
    _row(
        5461,
        "postgres_commits_held",
        "every commit waits for a synchronous standby that is not there; queries are answered",
        _set(5461, "synchronous_standby_names = 'replica'"),
        Expected("sql.query", "ok"),
        Expected("sql.writes", "critical", "commits wait for 1 synchronous standbys, and 0 follow"),
        writable=True,
    ),
    _row(
        5464,
        "postgres_read_only",
        "PostgreSQL was set to read only, and the API needs to write",
        _set(5464, "default_transaction_read_only = on"),
        Expected("sql.query", "ok"),
        Expected("sql.writes", "critical", "the server is set to read only"),
        writable=True,
        takes_hold=f'test "$({_sql(5464, "SHOW default_transaction_read_only")})" = on',
    ),
    _row(
        5463,
        "postgres_application_read_only",
        "the role of the API was set to read only, and no other",
        _sql(5463, "ALTER ROLE xorb_user SET default_transaction_read_only = on"),
        Expected("sql.writes", "critical", "the role xorb_user is set to read only"),
        writable=True,
        application_role="xorb_user",
    ),
    _row(
        5462,
        "postgres_monitor_read_only",
        "the monitoring role was set to read only, as it should be; the other roles write",
        _sql(5462, "ALTER ROLE xorb_monitor SET default_transaction_read_only = on"),
        Expected("sql.query", "ok"),
        Expected("sql.writes", "ok", "set for the role of this check"),
        writable=True,
        harmless=True,
    ),
    _row(
        5465,
        "postgres_partitioned_index",
        "the index of a partitioned table misses a partition, and is not used",
        _sql(
            5465,
            "CREATE TABLE orders (id int) PARTITION BY RANGE (id)",
            "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (9)",
            "CREATE INDEX orders_id ON ONLY orders (id)",
        ),
        Expected("sql.invalid_indexes", "critical", "(partitioned; no valid part on public.orders_1)"),
        kind="postgres_stats",
        command=_STATISTICS,
    ),
)
