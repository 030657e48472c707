# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends the sessions of certificates that were revoked, and proves that nobody accepts these certificates any more.

The pair that was replaced lies among the sets of its host still: it knocks at every door that lets the set in, and a
client that reads the revocation lists looks at it. Both mean something only beside the new pair, which must be let in.
"""

from __future__ import annotations

import contextlib
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..._access import attempt
from ..._access import tls as access_tls
from ..._access.attempt import ACCEPTED, REFUSED, SILENT, Attempt, Case
from ..._certificates import spec
from ..._clients import postgres, redis
from ..._clients.network import Unreachable
from ..._core import drivers
from ..._core.checks import CRITICAL, OK, UNKNOWN, Finding, worst
from ..._core.errors import RunbookError
from ..._core.options import Given, Option, Options, with_defaults
from .set import leaf_of, read_set
from .store import SET_NAME, SETS

#: What is said of a set: whether the revoked pair is refused, and whether its sessions have ended.
REFUSAL, SESSIONS = "refusal", "sessions"

#: Seconds within which sessions have to be gone, and the pause between two looks.
SETTLE, PAUSE = 10.0, 0.25

REFUSAL_OPTIONS: Options = {
    "old": Option(
        "list",
        "Serial numbers, in hexadecimal digits, of the certificates of this set that were revoked.",
        elements="str",
        default=[],
    ),
}


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and its key, as somebody presents them."""

    certificate: str
    key: str


def prove(given: Given, revocations: str) -> Iterator[Finding]:
    """One finding for a set whose old certificates were revoked: whether everybody refuses each of them.

    ``revocations`` are the lists that clients would read, in PEM.
    """
    said = [finding for serial in given["old"] for finding in _of_one(given, serial, revocations)]
    if said:
        status = worst(finding.status for finding in said)
        # The worst is said, and what is good where nothing is bad.
        told = dict.fromkeys(finding.message for finding in said if finding.status == status)
        yield Finding(REFUSAL, status, "; ".join(told))


def _of_one(given: Given, serial: str, revocations: str) -> Iterator[Finding]:
    old = kept(given, serial)
    if old is None:
        yield Finding(REFUSAL, UNKNOWN, f"not determined: the pair of {serial} is no longer on this host")
        return
    new = in_service(given)
    if given["profile"] in ("client", "both"):
        yield from _at_the_doors(given, serial, old, new)
    if given["profile"] in ("server", "both"):
        yield from _by_a_client(given, serial, old, new, revocations)


def in_service(given: Given) -> Pair:
    """The pair under the known names."""
    return _pair({role: str(path) for role, path in spec.paths(given).items()})


def kept(given: Given, serial: str) -> Pair | None:
    """The pair of a serial number among the sets of its folder."""
    folder = Path(given["directory"]) / SETS
    names = {role: path.name for role, path in spec.paths(given).items()}
    for path in sorted(folder.glob("*")):
        if path.is_symlink() or not path.is_dir() or not SET_NAME.fullmatch(path.name):
            continue
        leaf = leaf_of(read_set({role: path / name for role, name in names.items()}))
        if leaf is not None and int(leaf.serial, 16) == int(serial, 16):
            return _pair({role: str(path / name) for role, name in names.items()})
    return None


def _pair(files: Mapping[str, str]) -> Pair:
    chain = files.get("fullchain", "")
    return Pair(chain if chain and Path(chain).exists() else files["certificate"], files["key"])


# -- The doors ---------------------------------------------------------------------------------------------------------


def _at_the_doors(given: Given, serial: str, old: Pair, new: Pair) -> Iterator[Finding]:
    doors = given.get("accepted_by") or ()
    if not doors:
        yield Finding(REFUSAL, UNKNOWN, f"not determined: no port that lets {serial} in is described (accepted_by)")
    for door in doors:
        place = f"{door['address']} port {door['port']}"
        cases = {REFUSAL: Case(f"the revoked certificate {serial}", partial(_knock, given, door, old))}
        findings = {
            finding.aspect: finding for finding in attempt.check_access({}, partial(_knock, given, door, new), cases)
        }
        welcome, refusal = findings[attempt.VALID], findings[REFUSAL]
        if refusal.status == CRITICAL:
            yield Finding(REFUSAL, CRITICAL, f"{place}: still accepted: {refusal.message}")
        elif welcome.status != OK:
            yield Finding(REFUSAL, welcome.status, f"{place}: the certificate in service: {welcome.message}")
        else:
            yield Finding(REFUSAL, refusal.status, f"{place}: the revoked certificate {serial}: {refusal.message}")


def _knock(given: Given, door: Mapping[str, Any], pair: Pair) -> Attempt:
    options = {name: value for name, value in door.items() if value is not None and name != "starttls"}
    who = {"client_cert": pair.certificate, "client_key": pair.key}
    full = with_defaults(access_tls.OPTIONS, {**options, **who})
    return access_tls.try_port({**full, "timeout": given["timeout"], "starttls": door.get("starttls") or "none"})


# -- A client that reads revocation lists ------------------------------------------------------------------------------


def _by_a_client(given: Given, serial: str, old: Pair, new: Pair, revocations: str) -> Iterator[Finding]:
    trust = spec.paths(given).get("ca")
    if trust is None:
        yield Finding(REFUSAL, UNKNOWN, "not determined: the set has no file of authorities (files.ca)")
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as lists:
        lists.write(revocations)
        lists.flush()
        case = Case(f"the revoked certificate {serial}", lambda: _shown(old, str(trust), lists.name))
        for finding in attempt.check_access({}, lambda: _shown(new, str(trust), lists.name), {REFUSAL: case}):
            if finding.aspect == REFUSAL or finding.status != OK:
                told = "a client that reads the revocation lists"
                yield Finding(REFUSAL, finding.status, f"{told}: {finding.message}")


def _shown(pair: Pair, trust: str, lists: str) -> Attempt:
    """Show a pair to a client that trusts the authorities and reads the lists, in this process and over no port."""
    try:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(pair.certificate, pair.key)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.load_verify_locations(trust)
        client.load_verify_locations(lists)
        client.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    except OSError as exc:
        return Attempt(SILENT, f"{pair.certificate} or {trust} cannot be used: {exc.strerror or exc}")
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = list(ends)
    for _turn in range(20):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as exc:
                return Attempt(REFUSED, exc.verify_message)
            except ssl.SSLError as exc:
                return Attempt(SILENT, f"no handshake: {exc.reason}")
        if not waiting:
            return Attempt(ACCEPTED, f"{ends[0].version()}")
    return Attempt(SILENT, "the handshake came to no end")


# -- Sessions ----------------------------------------------------------------------------------------------------------


def end_sessions(given: Given, revoked: Sequence[str]) -> Iterator[Finding]:
    """End the sessions that were opened with revoked certificates at the service of a set; one finding about it."""
    how = given.get("sessions")
    if not how or not revoked:
        return
    try:
        yield _ENDS[how["kind"]]({**how, "timeout": given["timeout"]}, [int(serial, 16) for serial in revoked])
    except RunbookError as exc:
        yield Finding(SESSIONS, UNKNOWN, f"not determined: {exc}")


#: Without these rights, everybody's sessions but one's own look as if they had no certificate.
_RIGHTS = """
SELECT rolsuper OR (pg_has_role('pg_read_all_stats', 'usage') AND pg_has_role('pg_signal_backend', 'usage'))
FROM pg_roles WHERE rolname = current_user
"""


def _end_postgres(how: Given, revoked: Sequence[int]) -> Finding:
    driver = drivers.load("psycopg2")
    login = {**how, "address": "localhost", "port": how.get("port") or postgres.PORT}
    theirs = f"pg_stat_ssl WHERE client_serial IN ({', '.join(map(str, revoked))}) AND pid <> pg_backend_pid()"
    try:
        with contextlib.closing(postgres.Session(driver, login)) as session:
            if not session.row(_RIGHTS)[0]:
                why = f"{how['user']} lacks pg_read_all_stats or pg_signal_backend, and does not see all sessions"
                return Finding(SESSIONS, UNKNOWN, f"not determined: {why}")
            ended = len(session.rows(f"SELECT pid, pg_terminate_backend(pid) FROM {theirs}"))  # noqa: S608 - numbers
            ends = time.monotonic() + SETTLE
            while left := session.row(f"SELECT count(*) FROM {theirs}")[0]:  # noqa: S608 - numbers
                if time.monotonic() >= ends:
                    return Finding(SESSIONS, CRITICAL, f"{left} sessions of revoked certificates did not end")
                time.sleep(PAUSE)
    except (driver.Error, OSError) as exc:
        return Finding(SESSIONS, UNKNOWN, f"not determined: {postgres.reason(exc, how['timeout'])}")
    told = f"{ended} sessions of revoked certificates were ended" if ended else "no session of a revoked certificate"
    return Finding(SESSIONS, OK, told, value=ended)


def _end_redis(how: Given, _revoked: Sequence[int]) -> Finding:
    """End the sessions of all clients but replicas: Redis does not tell which certificate a session was opened with."""
    driver = drivers.load("redis")
    login = {**how, "address": "localhost", "port": how.get("port") or redis.PORT, "database": 0}
    login["username"] = how.get("user")
    try:
        with contextlib.closing(redis.connected(driver, login)) as client:
            ended = sum(
                int(client.execute_command("CLIENT", "KILL", "TYPE", which, "SKIPME", "yes"))
                for which in ("normal", "pubsub")
            )
    except (driver.RedisError, Unreachable) as exc:
        return Finding(SESSIONS, UNKNOWN, f"not determined: {redis.reason(driver, exc, how['timeout'])}")
    return Finding(
        SESSIONS, OK, f"the sessions of all clients were ended ({ended}), not those of replicas", value=ended
    )


_ENDS = {"postgres": _end_postgres, "redis": _end_redis}
