# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``access_http``: a web service lets in who has the right token or password, and nobody else."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from typing import Any

from ..._access import attempt
from ..._access.attempt import ACCESS_OPTIONS, Attempt, Case, chosen
from ..._clients.http import HTTP_OPTIONS, Client, header_faults, path_faults
from ..._clients.network import Unreachable
from ..._core.about import DEPENDENCY, PROCESS
from ..._core.checks import Finding
from ..._core.not_applicable import left_out_problems
from ..._core.options import HTTP_STATUS, Given, Option, Options
from ..._core.shared_options import port
from ..kind import Kind

OPTIONS: Options = {
    **HTTP_OPTIONS,
    **ACCESS_OPTIONS,
    "port": port(required=True),
    "path": Option("str", "Path that only some may read. It is read by GET, and must change nothing.", required=True),
    "token": Option("str", "Bearer token of somebody who may read it.", secret=True),
    "expired_token": Option("str", "Bearer token of the same that has expired.", secret=True),
    "wrong_role_token": Option("str", "Bearer token of somebody who is known and may not read it.", secret=True),
    "user": Option("str", "User who may read it, for services that ask for a password instead of a token."),
    "password": Option("str", "Password of I(user).", secret=True),
    "accepted_status": Option(
        "list", "Status codes that let in.", elements="int", default=[200], within=HTTP_STATUS, filled=True
    ),
    "refused_status": Option(
        "list",
        "Status codes that refuse. Any other but 2xx says nothing about access and is V(unknown).",
        elements="int",
        default=[401, 403],
        within=HTTP_STATUS,
        filled=True,
    ),
}

#: What is tried, by the option that makes it possible.
BY_KEY = {
    "token": ("garbage_token",),
    "expired_token": ("expired_token",),
    "wrong_role_token": ("wrong_role",),
    "password": ("wrong_password",),
}
ALWAYS = ("no_credentials",)
ASPECTS = (*ALWAYS, *(aspect for aspects in BY_KEY.values() for aspect in aspects))


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield what keeps the matrix from meaning anything."""
    yield from path_faults("path", given["path"])
    yield from header_faults(given)
    yield from left_out_problems(ASPECTS)(given)
    if any(str(name).lower() == "authorization" for name in given.get("secret_headers") or {}):
        yield "secret_headers", "would be sent by everybody who must not come in; give token, or user and password"
    if (given.get("token") is None) == (given.get("password") is None):
        yield "token", "expected a token, or a user and a password: somebody has to be let in"
    if (given.get("user") is None) != (given.get("password") is None):
        yield "user", "user and password go together"


def run(given: Given) -> Iterator[Finding]:
    """Ask for the path as somebody who may read it, and as everybody who may not."""
    # No service can know it, and it looks like a token.
    nonsense = secrets.token_urlsafe(24)
    cases = {"no_credentials": Case("a request without credentials", lambda: ask(given, None))}
    if given.get("token") is not None:
        valid = _bearer(given["token"])
        cases["garbage_token"] = Case("a token that nobody issued", lambda: ask(given, _bearer(nonsense)))
    else:
        valid = _basic(given["user"], given["password"])
        wrong = _basic(given["user"], nonsense)
        cases["wrong_password"] = Case(f"{given['user']} with a wrong password", lambda: ask(given, wrong))
    if given.get("expired_token") is not None:
        cases["expired_token"] = Case("an expired token", lambda: ask(given, _bearer(given["expired_token"])))
    if given.get("wrong_role_token") is not None:
        cases["wrong_role"] = Case("a token of the wrong role", lambda: ask(given, _bearer(given["wrong_role_token"])))
    yield from attempt.look(given, lambda: ask(given, valid), cases)


def _bearer(token: str) -> str:
    return f"Bearer {token}"


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(given: Given, authorization: str | None) -> Attempt:
    """Ask for the path with a header Authorization, or without any."""
    mine: dict[str, Any] = {} if authorization is None else {"Authorization": authorization}
    sent = {**(given.get("secret_headers") or {}), **mine}
    try:
        answer = Client({**given, "secret_headers": sent}).get(given["path"])
    except Unreachable as exc:
        return attempt.broken_off(exc)
    return attempt.answered(answer, given)


KIND = Kind(
    name="access_http",
    summary="A web service lets in who has the right token or password, and nobody else.",
    topic="access",
    options=OPTIONS,
    expected=lambda given: chosen(given, ALWAYS, BY_KEY),
    run=run,
    target=lambda given: str(given.get("port", "")),
    check=check,
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=("valid",),
)
