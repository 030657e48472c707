# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The walk of docs/backup_restore.md through the loss of a host, on real ones whose data, sets and records are gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import backup_bed as bed
from tests.support.walks import Walk

#: What the configuration of the web host consists of, by name, mode and owners, and in sum.
FILES = (
    "find /etc/nginx /etc/xorb -printf '%p %y %m %u %g\\n' | sort;"
    " find /etc/nginx /etc/xorb -type f -exec sha256sum {} + | sort"
)
STATE = f"rm -rf {bed.STORES} {bed.STATE}"
TRIGGER = "CREATE EVENT TRIGGER calls_out ON ddl_command_end EXECUTE FUNCTION calls()"
ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"

#: Every role but that of the server itself and owners of other databases, with what it owns and may.
DROP_ROLES = """
cd /; export PGOPTIONS='-c client_min_messages=error'
for role in $(runuser -u postgres -- psql -XAtqc "SELECT quote_ident(rolname) FROM pg_roles
    WHERE rolname !~ '^pg_' AND oid NOT IN (SELECT datdba FROM pg_database)"); do
  runuser -u postgres -- psql -Xq -c "DROP OWNED BY $role CASCADE" -c "DROP ROLE $role" > /dev/null 2>&1 || :
done
"""


def played(playbook: str, *options: str) -> Any:
    """A command of the page, on the demo's inventory."""
    return bed.procedure(playbook, *options, backup_restore_identities="{{ backup_verify_identities }}")


@pytest.fixture(scope="module")
def lost() -> Iterator[dict[str, str]]:
    """What was there, and is in the demo's copies alone: of the database server, and of the web host."""
    calls = "CREATE FUNCTION calls() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'"
    bed.sql("db", f"{calls}; {TRIGGER}")
    bed.refill("--limit", "xorb-db,xorb-web")
    before = {
        "files": bed.shell("web", FILES),
        "tables": bed.sql("db", "SELECT string_agg(relname, ' ' ORDER BY 1) FROM pg_stat_user_tables"),
        "roles": bed.sql("db", ROLES, "postgres"),
    }
    for name in ("nginx", "xorb"):
        bed.shell("web", f"{STATE}; cp -a /etc/{name} /root/{name}.kept; rm -r /etc/{name}")
    bed.shell("db", f"{STATE}; cd /; runuser -u postgres -- dropdb --force xorb_db")
    bed.shell("db", DROP_ROLES)
    bed.shell("db", "systemctl stop redis-server; rm -rf /var/lib/redis/*; systemctl start redis-server")
    try:
        yield before
    finally:
        with contextlib.suppress(Exception):
            bed.sql("db", "DROP EVENT TRIGGER IF EXISTS calls_out; DROP FUNCTION IF EXISTS calls()")
        missing = "[ -e /etc/{0} ] || mv /root/{0}.kept /etc/{0}; rm -rf /root/{0}.kept"
        bed.shell("web", "; ".join(missing.format(name) for name in ("nginx", "xorb")))
        bed.refill("--limit", "xorb-db,xorb-web")


def test_walk_when_the_host_is_gone(lost: dict[str, str]) -> None:
    walk = Walk(played, "The host is gone")
    web, database = ("--limit", "xorb-web"), ("--limit", "xorb-db")
    preview = walk.step(*web)
    assert preview.status == 0, preview.output[-4000:]
    assert "comes from the copy offsite in /srv/copies" in preview.output
    assert bed.sets("web", "nginx.configuration") == []
    files = walk.step(*web)
    assert files.statuses["xorb-web/nginx.configuration.recovered"] == "ok", files.output[-4000:]
    assert bed.shell("web", FILES) == lost["files"], "each file is there, with its owner and its mode"

    preview = walk.step(*database)
    assert preview.status == 0, preview.output[-4000:]
    assert "passwords included: the server lacks them" in preview.output
    assert bed.sql("db", "SELECT count(*) FROM pg_database WHERE datname = 'xorb_db'", "postgres") == "0"
    restored = walk.step(*database)
    assert restored.statuses["xorb-db/postgres.main.recovered"] == "ok", restored.output[-4000:]
    assert bed.sql("db", ROLES, "postgres") == lost["roles"]
    tables = bed.sql("db", "SELECT string_agg(relname, ' ' ORDER BY 1) FROM pg_stat_user_tables")
    assert tables == lost["tables"]
    enabled = "SELECT evtenabled FROM pg_event_trigger WHERE evtname = 'calls_out'"
    assert bed.sql("db", enabled) == "D"
    released = walk.step(*database)
    assert "is released in xorb_db: event trigger calls_out" in released.output, released.output[-4000:]
    assert bed.sql("db", enabled) == "O"

    keys = walk.step(*database)
    assert keys.statuses["xorb-db/redis.keys.recovered"] == "ok", keys.output[-4000:]
    for _command in range(2):
        protected = walk.step("--limit", "xorb-db,xorb-web")
    assert protected.status == 0, protected.output[-4000:]
    assert walk.ended
