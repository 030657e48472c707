# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``access_redis``: a Redis server lets in clients with the right password, and lets none do more than it may."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

from ..._access import attempt
from ..._access.attempt import ACCEPTED, ACCESS_OPTIONS, REFUSED, SILENT, VALID, Attempt, Case, Matrix
from ..._clients.network import Unreachable
from ..._clients.redis import LOGIN_OPTIONS, PORT, connected, fault, reason
from ..._core import drivers
from ..._core.about import DEPENDENCY, LOGIN, PROCESS, Fault
from ..._core.checks import Finding
from ..._core.not_applicable import left_out_problems
from ..._core.options import Given, Option, Options
from ..._core.text import excerpt
from ..kind import Kind

#: Commands that change nothing and hold nothing up where they are not denied after all.
HARMLESS = (
    ("ACL", "LIST"),
    ("ACL", "USERS"),
    ("CLIENT", "LIST"),
    ("CONFIG", "GET"),
    ("DBSIZE",),
    ("EXISTS",),
    ("GET",),
    ("LASTSAVE",),
    ("RANDOMKEY",),
)

OPTIONS: Options = {
    **LOGIN_OPTIONS,
    **ACCESS_OPTIONS,
    "password": Option("str", "Password of the user.", required=True, secret=True),
    "denied_command": Option(
        "list",
        "A command that the user must not be allowed, word by word. It is sent: where it is not denied, it runs. So it "
        f"has to be one that changes nothing: {', '.join(' '.join(words) for words in HARMLESS)}.",
        elements="str",
        filled=True,
    ),
}

MATRIX = Matrix(("no_password", "wrong_password", "plaintext"), {"denied_command": ("denied_command",)})

#: What a server that demands no password says to a client that gives one, from Redis 6 on and before.
_NO_PASSWORD_AT_ALL = ("called without any password configured", "no password is set")

#: How Redis begins its refusals.
_NO = ("NOAUTH", "WRONGPASS", "NOPERM", "ERR unknown command", "ERR invalid password")


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the command and with what is left out."""
    yield from left_out_problems(MATRIX.aspects)(given)
    words = given.get("denied_command")
    if words is not None:
        named = tuple(str(word).upper() for word in words)
        if not any(named[: len(harmless)] == harmless for harmless in HARMLESS):
            yield (
                "denied_command",
                "would run where it is not denied; choose one that changes nothing: "
                + ", ".join(" ".join(harmless) for harmless in HARMLESS),
            )


def run(given: Given) -> Iterator[Finding]:
    """Log in as the user that may, and try everything else."""
    driver = drivers.load("redis")
    anonymous = {**given, "username": None, "password": None}
    mistaken = {**given, "password": secrets.token_urlsafe(24)}
    user = given.get("username") or "the default user"
    cases = {
        "no_password": Case("a client without a password", lambda: send(driver, anonymous, ["PING"])),
        "wrong_password": Case(f"{user} with a wrong password", lambda: send(driver, mistaken, ["PING"])),
        "plaintext": Case("a client without TLS", lambda: speak_plainly(given)),
    }
    denied = given.get("denied_command")
    if denied is not None:
        cases["denied_command"] = Case(
            f"{' '.join(denied)} of {user}", lambda: send(driver, given, denied, accepted="the server answered")
        )
    yield from attempt.check_access(given, lambda: send(driver, given, ["PING"]), cases)


def send(driver: Any, given: Given, words: list[str], *, accepted: str = "") -> Attempt:
    """Log in by the options and send a command; the words of a reply may be a user's data and are not repeated."""
    with contextlib.closing(connected(driver, given)) as client:
        try:
            reply = client.execute_command(*words)
        except (driver.RedisError, Unreachable) as exc:
            if any(error in str(exc) for error in _NO_PASSWORD_AT_ALL):
                # Nothing is wrong with the client: the server lets in every one. What it does then is the answer.
                return send(driver, {**given, "username": None, "password": None}, words, accepted=accepted)
            return _refusal(driver, exc, given["timeout"])
    # A client gets in by a PING because of how the login is set up, which may keep out the one that should get in.
    return Attempt(ACCEPTED, accepted or excerpt(reply), None if accepted else Fault.stated(LOGIN))


def _refusal(driver: Any, exc: Exception, seconds: float) -> Attempt:
    why = reason(driver, exc, seconds)
    if isinstance(exc, (driver.AuthenticationError, driver.exceptions.NoPermissionError)) or str(exc).startswith(_NO):
        return Attempt(REFUSED, why, fault(driver, exc))
    cause = exc.__cause__ or exc.__context__
    met = attempt.broken_off(cause if isinstance(cause, OSError) else exc).met
    return Attempt(met, why, fault(driver, exc))


def speak_plainly(given: Given) -> Attempt:
    """Send a PING without TLS: a port that speaks TLS hangs up, one that does not answers."""
    received, ended = attempt.without_tls(given, b"*1\r\n$4\r\nPING\r\n", "a PING")
    if ended:
        return ended
    if received[:1] in (b"+", b"-"):
        return Attempt(ACCEPTED, "the port speaks without TLS, so passwords cross the network in the clear")
    return Attempt(SILENT, f"a PING without TLS was answered, but not by Redis: {excerpt(received.decode('latin-1'))}")


KIND = Kind(
    name="access_redis",
    summary="A Redis server lets in clients with the right password, over TLS only, and denies what they may not do.",
    topic="access",
    options=OPTIONS,
    expected=MATRIX.expected,
    run=run,
    target=lambda given: str(given.get("port") or PORT),
    check=check,
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=(VALID,),
)
