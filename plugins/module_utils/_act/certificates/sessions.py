# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends the sessions of certificates that were revoked: a session outlives the certificate that it was opened with."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from ..._clients import postgres, redis
from ..._clients.network import Unreachable
from ..._core import drivers
from ..._core.checks import CRITICAL, OK, UNKNOWN, Finding
from ..._core.errors import RunbookError
from ..._core.options import Given
from .set import serial_number

#: The aspect of a set whose sessions had to end.
SESSIONS = "sessions"

#: Seconds within which sessions have to be gone, and the pause between two counts of them.
SETTLE, PAUSE = 10.0, 0.25


def ends_sessions(given: Given, revoked: Sequence[str]) -> bool:
    """Whether there is anything to end at the service of a set: it keeps sessions, and something was revoked."""
    return bool(given.get("sessions") and revoked)


def end_sessions(given: Given, revoked: Sequence[str]) -> Iterator[Finding]:
    """End the sessions that were opened with revoked certificates at the service of a set; one finding about it.

    ``revoked`` are serial numbers in hexadecimal digits. The value of the finding is how many sessions were ended.
    """
    if not ends_sessions(given, revoked):
        return
    server = given["sessions"]
    try:
        numbers = [serial_number(serial) for serial in revoked]
        yield _ENDS[server["kind"]]({**server, "timeout": given["timeout"]}, numbers)
    except RunbookError as exc:
        yield Finding(SESSIONS, UNKNOWN, f"not determined: {exc}")


#: Without these rights, the sessions of other users look as if they had no certificate.
_RIGHTS = """
SELECT rolsuper OR (pg_has_role('pg_read_all_stats', 'usage') AND pg_has_role('pg_signal_backend', 'usage'))
FROM pg_roles WHERE rolname = current_user
"""


def _end_postgres(server: Given, revoked: Sequence[int]) -> Finding:
    driver = drivers.load("psycopg2")
    login = {**server, "address": "localhost", "port": server.get("port") or postgres.PORT}
    opened = f"pg_stat_ssl WHERE client_serial IN ({', '.join(map(str, revoked))}) AND pid <> pg_backend_pid()"
    try:
        with contextlib.closing(postgres.Session(driver, login)) as session:
            if not session.row(_RIGHTS)[0]:
                why = f"{server['user']} lacks pg_read_all_stats or pg_signal_backend, and does not see all sessions"
                return Finding(SESSIONS, UNKNOWN, f"not determined: {why}")
            ended = len(session.rows(f"SELECT pid, pg_terminate_backend(pid) FROM {opened}"))  # noqa: S608 - numbers
            ends = time.monotonic() + SETTLE
            while left := session.row(f"SELECT count(*) FROM {opened}")[0]:  # noqa: S608 - numbers
                if time.monotonic() >= ends:
                    return Finding(SESSIONS, CRITICAL, f"{left} sessions of revoked certificates did not end")
                time.sleep(PAUSE)
    except (driver.Error, OSError) as exc:
        return Finding(SESSIONS, UNKNOWN, f"not determined: {postgres.reason(exc, server['timeout'])}")
    message = f"{ended} sessions of revoked certificates were ended" if ended else "no session of a revoked certificate"
    return Finding(SESSIONS, OK, message, value=ended)


def _end_redis(server: Given, _revoked: Sequence[int]) -> Finding:
    """End the sessions of all clients but replicas: Redis does not show which certificate a session was opened with."""
    driver = drivers.load("redis")
    login = {**server, "address": "localhost", "port": server.get("port") or redis.PORT, "database": 0}
    login["username"] = server.get("user")
    try:
        with contextlib.closing(redis.connected(driver, login)) as client:
            ended = sum(
                int(client.execute_command("CLIENT", "KILL", "TYPE", which, "SKIPME", "yes"))
                for which in ("normal", "pubsub")
            )
    except (driver.RedisError, Unreachable) as exc:
        return Finding(SESSIONS, UNKNOWN, f"not determined: {redis.reason(driver, exc, server['timeout'])}")
    message = f"the sessions of all clients were ended ({ended}), not those of replicas"
    return Finding(SESSIONS, OK, message, value=ended)


_ENDS = {"postgres": _end_postgres, "redis": _end_redis}
