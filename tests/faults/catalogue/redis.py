# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Redis: each fault has a server of its own, but for the one that hangs the platform's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.faults.catalogue.parts import dropped, not_dropped, of_unit
from tests.faults.matrix import LASTS, Command, Expected, Row, Task
from tests.testbed.faults import FAULTS

_PASSWORD = "only-for-the-lab"  # noqa: S105 - it opens servers that live as long as a fault


#: The number of keys of a server that takes long to load them.
_LOADED = 30000


def _cli(port: int) -> str:
    return f"redis-cli -p {port}"


def _row(
    port: int,
    name: str,
    sentence: str,
    broken: str,
    *expected: Expected,
    command: str = "health.redis_ping",
    telling: str = "",
    evidence: str = "",
    shown: tuple[str, str] = ("", ""),
    takes_hold: str = "",
    mended: str = ":",
    ready: str = ":",
    secret: bool = False,
    kind: str = "redis",
    harmless: bool = False,
    **options: Any,
) -> Row:
    """A row about a server of the lab. With ``secret``, each client logs in with the lab's password."""
    unit = f"xorb-lab-redis@{port}.service"
    login: Mapping[str, Any] = {"password": "{{ lab_password }}"} if secret else {}
    return Row(
        fault=of_unit(name, sentence, "db", unit, broken, takes_hold=takes_hold, mended=mended, ready=ready),
        chapter="Redis",
        look={"endpoints": {"main": {"kind": kind, "port": port, **login, **options}}},
        expected=expected,
        command=Command(
            command,
            changes={"-p 6379": f"-p {port}"},
            environment={"REDISCLI_AUTH": _PASSWORD} if secret else {},
            telling=telling,
            evidence=evidence,
        ),
        task=Task(
            "community.general.redis_info",
            {"login_port": port, **({"login_password": "{{ lab_password }}"} if secret else {})},
            telling=shown[0],
            evidence=shown[1],
        ),
        uses=frozenset({f"db/redis/{port}"}),
        harmless=harmless,
    )


def _follows(replica: int, master: int) -> str:
    """A script that makes a server a replica of another one, and waits until it is."""
    return (
        f"systemctl restart {_UNIT.format(master)} {_UNIT.format(replica)}; "
        f"until {_cli(master)} CONFIG SET repl-timeout 3600 | grep -q OK; do sleep 0.1; done; "
        f"until {_cli(replica)} CONFIG SET repl-timeout 3600 | grep -q OK; do sleep 0.1; done; "
        f"{_cli(replica)} REPLICAOF localhost {master}; "
        f"until {_cli(master)} INFO replication | grep -q state=online; do sleep 0.1; done"
    )


_UNIT = "xorb-lab-redis@{}.service"

ROWS = (
    _row(
        7001,
        "redis_stopped",
        "Redis is stopped",
        f"systemctl stop {_UNIT.format(7001)}",
        Expected("main.ping", "critical", "refused"),
    ),
    _row(
        7003,
        "redis_password_changed",
        "the password of Redis was changed, and its clients have the old one",
        f"{_cli(7003)} -a {_PASSWORD} --no-auth-warning CONFIG SET requirepass another-one",
        Expected("main.ping", "critical", "login refused"),
        secret=True,
        ready=f"until {_cli(7003)} CONFIG SET requirepass {_PASSWORD} | grep -q OK; do sleep 0.1; done",
        telling="WRONGPASS|NOAUTH",
        evidence="WRONGPASS, NOAUTH",
    ),
    _row(
        7041,
        "redis_lets_everybody_in",
        "the user of Redis has no password any more: every client is accepted without one",
        f"{_cli(7041)} -a {_PASSWORD} --no-auth-warning ACL SETUSER default nopass",
        Expected("main.no_password", "critical", "accepted"),
        kind="access_redis",
        secret=True,
        not_applicable={"plaintext": "the lab's servers speak no TLS"},
        ready=f"until {_cli(7041)} CONFIG SET requirepass {_PASSWORD} | grep -q OK; do sleep 0.1; done",
    ),
    _row(
        7004,
        "redis_password_demanded",
        "Redis demands a password, and its clients have none (NOAUTH)",
        f"{_cli(7004)} CONFIG SET requirepass another-one",
        Expected("main.ping", "critical", "login refused"),
        telling="NOAUTH",
        evidence="NOAUTH Authentication required.",
    ),
    _row(
        7005,
        "redis_acl_denies",
        "the ACL of Redis lets the user in and forbids every command",
        f"{_cli(7005)} ACL SETUSER default -@all",
        Expected("main.ping", "critical", "the user may not do this"),
        Expected("main.memory", "unknown", "the user may not do this"),
        telling="NOPERM",
        evidence="NOPERM",
    ),
    _row(
        7006,
        "redis_read_only_replica",
        "Redis was made a replica, which refuses writes, and its clients need to write",
        f"{_cli(7006)} REPLICAOF localhost 7007",
        Expected("main.writes", "critical", "which refuses to write; a master is expected"),
        writable=True,
        command="database.redis_replication",
        telling="role:slave",
        evidence="role:slave",
        shown=('"role": "slave"', "role: slave"),
        takes_hold=f"{_cli(7006)} INFO replication | grep -q master_link_status:up",
        mended=f"systemctl restart {_UNIT.format(7007)}",
    ),
    _row(
        7008,
        "redis_link_down",
        "Redis is a replica, and the link to its master is down",
        f"{_cli(7008)} REPLICAOF localhost 7009",
        Expected("main.replication", "critical", "link down"),
        command="database.redis_replication",
        telling="master_link_status:down",
        evidence="master_link_status:down",
        shown=('"master_link_status": "down"', "master_link_status: down"),
        takes_hold=f"{_cli(7008)} INFO replication | grep -q master_link_status:down",
    ),
    _row(
        7010,
        "redis_loading",
        "Redis has been started and is loading its data",
        f"{_cli(7010)} EVAL \"for i = 1, {_LOADED} do redis.call('SET', i, string.rep('x', 1000)) end\" 0; "
        f"{_cli(7010)} SAVE; touch /run/xorb-lab/keep-7010; "
        f"echo 'OPTIONS=--key-load-delay {LASTS * 1_000_000 // _LOADED} --loading-process-events-interval-bytes 1024' "
        f"> /run/xorb-lab/environment-7010; systemctl restart {_UNIT.format(7010)}",
        Expected("main.ping", "critical", "the server is still loading its data"),
        telling="LOADING",
        evidence="LOADING Redis is loading the dataset in memory",
        shown=('"loading": 1', "loading: 1"),
        takes_hold=f"{_cli(7010)} PING | grep -q LOADING",
        mended="rm -f /run/xorb-lab/keep-7010 /run/xorb-lab/environment-7010",
    ),
    _row(
        7011,
        "redis_clients_exhausted",
        "as many clients are connected to Redis as it lets in",
        f"{_cli(7011)} CONFIG SET maxclients 5; "
        f"for _ in 1 2 3 4 5; do {_cli(7011)} BLPOP never {LASTS} > /dev/null 2>&1 & done",
        Expected("main.ping", "critical", "max number of clients reached"),
        telling="max number of clients",
        evidence="ERR max number of clients reached",
        takes_hold=f"{_cli(7011)} PING 2>&1 | grep -q 'max number of clients'",
    ),
    _row(
        7012,
        "redis_out_of_memory",
        "Redis has used all the memory that it may have, and refuses writes",
        f"{_cli(7012)} CONFIG SET maxmemory-policy noeviction; {_cli(7012)} CONFIG SET maxmemory 4mb; "
        f"{_cli(7012)} EVAL \"for i = 1, 60 do redis.call('SET', i, string.rep('x', 100000)) end\" 0",
        Expected("main.memory", "critical", "policy noeviction"),
        command="database.redis_memory",
        telling=r"maxmemory:4194304",
        evidence="used_memory beside maxmemory",
        shown=('"maxmemory": 4194304', "used_memory beside maxmemory"),
        takes_hold=f"{_cli(7012)} SET one more | grep -q OOM",
    ),
    _row(
        7013,
        "redis_save_failed",
        "Redis could not write its data to disk, and refuses writes since",
        f"{_cli(7013)} SET some data; mkdir -p /var/lib/xorb-lab-redis/7013/dump.rdb; {_cli(7013)} BGSAVE",
        Expected("main.persistence", "critical", "last background save is err"),
        telling="MISCONF",
        evidence="MISCONF",
        shown=('"rdb_last_bgsave_status": "err"', "rdb_last_bgsave_status: err"),
        takes_hold=f"{_cli(7013)} INFO persistence | grep -q rdb_last_bgsave_status:err",
        mended="rmdir /var/lib/xorb-lab-redis/7013/dump.rdb 2> /dev/null || :",
    ),
    _row(
        7014,
        "redis_behind_firewall",
        "a firewall drops everything for Redis, instead of refusing it",
        dropped(7014),
        Expected("main.ping", "critical", "no answer within 5 s"),
        mended=not_dropped(7014),
    ),
    _row(
        7020,
        "redis_cluster_down",
        "Redis is part of a cluster that has no slots: it answers PING, and refuses every key (CLUSTERDOWN)",
        "echo 'OPTIONS=--cluster-enabled yes' > /run/xorb-lab/environment-7020; "
        f"systemctl restart {_UNIT.format(7020)}",
        Expected("main.ping", "ok"),
        Expected("main.writes", "critical", "a write gets no answer"),
        Expected("main.replication", "critical", "cluster fail, 0 of 16384 slots assigned"),
        writable=True,
        takes_hold=f"{_cli(7020)} SET some data | grep -q CLUSTERDOWN",
        mended="rm -f /run/xorb-lab/environment-7020",
    ),
    _row(
        7021,
        "redis_writes_paused",
        "Redis holds every write (CLIENT PAUSE), and answers everything else",
        f"{_cli(7021)} CLIENT PAUSE 600000 WRITE",
        Expected("main.ping", "ok"),
        Expected("main.writes", "critical", "no answer within 5 s"),
        writable=True,
    ),
    _row(
        7024,
        "redis_replicas_missing",
        "Redis refuses writes, because the replicas that it needs for them are not there (min-replicas-to-write)",
        f"{_cli(7024)} CONFIG SET min-replicas-to-write 1",
        Expected("main.ping", "ok"),
        Expected("main.writes", "critical", "Not enough good replicas"),
        writable=True,
    ),
    _row(
        7022,
        "redis_replica_frozen",
        "a replica of Redis is frozen by SIGSTOP: its master calls it online, a few bytes behind",
        f"systemctl kill --signal=SIGSTOP {_UNIT.format(7023)}",
        Expected("main.replication", "critical", "last reported"),
        command="database.redis_replication",
        delay_warning=2,
        delay_critical=4,
        takes_hold=f"{_cli(7022)} INFO replication | grep -qE 'lag=([6-9]|[1-9][0-9])'",
        mended=f"systemctl kill --signal=SIGCONT {_UNIT.format(7023)} 2> /dev/null || :",
        ready=_follows(7023, 7022),
    ),
    _row(
        7026,
        "redis_master_frozen",
        "the master of a replica is frozen by SIGSTOP: the link is up, and nothing comes",
        f"systemctl kill --signal=SIGSTOP {_UNIT.format(7027)}",
        Expected("main.replication", "critical", "the master has been silent for"),
        command="database.redis_replication",
        silence_warning=12,
        silence_critical=14,
        takes_hold=f"{_cli(7026)} INFO replication | grep -qE 'master_last_io_seconds_ago:(1[6-9]|[2-9][0-9])'",
        mended=f"systemctl kill --signal=SIGCONT {_UNIT.format(7027)} 2> /dev/null || :",
        ready=_follows(7026, 7027),
    ),
    _row(
        7025,
        "redis_password_removed",
        "the password of Redis was removed (requirepass): every client is accepted",
        f"{_cli(7025)} -a {_PASSWORD} --no-auth-warning CONFIG SET requirepass ''",
        Expected("main.no_password", "critical", "accepted a client without a password"),
        Expected("main.wrong_password", "critical", "accepted"),
        kind="access_redis",
        secret=True,
        not_applicable={"plaintext": "the lab's servers speak no TLS"},
        ready=f"until {_cli(7025)} CONFIG SET requirepass {_PASSWORD} | grep -q OK; do sleep 0.1; done",
    ),
    _row(
        7028,
        "redis_append_only",
        "Redis takes no snapshots, and keeps every change in its append-only file",
        f"{_cli(7028)} CONFIG SET save ''; {_cli(7028)} CONFIG SET appendonly yes; {_cli(7028)} SET some data",
        Expected("main.snapshot", "ok", "the append-only file keeps every change"),
        Expected("main.append_only", "ok"),
        kind="redis_stats",
        snapshot_warning=0,
        snapshot_critical=0,
        takes_hold=f"{_cli(7028)} INFO persistence | grep -q aof_rewrite_in_progress:0",
        harmless=True,
    ),
    Row(
        fault=FAULTS["redis_hung"],
        chapter="Redis",
        look={
            "endpoints": {
                "main": {
                    "kind": "redis",
                    "username": "xorb_monitor",
                    "password": "{{ lookup('ansible.builtin.file', demo_secrets ~ '/redis_monitor_password') }}",
                }
            },
        },
        expected=(Expected("main.ping", "critical", "no answer within 5 s (the server hangs, or is busy)"),),
        command=Command("health.redis_ping"),
        task=Task(
            "community.general.redis_info",
            {
                "login_user": "xorb_monitor",
                "login_password": "{{ lookup('ansible.builtin.file', demo_secrets ~ '/redis_monitor_password') }}",
            },
        ),
        uses=frozenset({"db/redis/main"}),
    ),
)
