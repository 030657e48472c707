# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``access_http``: a web service lets in clients with the right token or password, and no others."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any

from ..._access.attempt import ACCESS_OPTIONS, VALID, Attempt, Case, Matrix, check_access, over_http, status_options
from ..._clients.http import HTTP_OPTIONS, Client, header_faults, path_faults
from ..._core.about import DEPENDENCY, PROCESS
from ..._core.checks import Finding
from ..._core.not_applicable import left_out_problems
from ..._core.options import Given, Option, Options
from ..._core.shared_options import port
from ..kind import Kind

OPTIONS: Options = {
    **HTTP_OPTIONS,
    **ACCESS_OPTIONS,
    "port": port(required=True),
    "path": Option("str", "Path that only some may read. It is read by GET, and must change nothing.", required=True),
    "token": Option("str", "Bearer token of a user who may read it.", secret=True),
    "expired_token": Option("str", "Bearer token of the same user that has expired.", secret=True),
    "wrong_role_token": Option("str", "Bearer token of a user who is known and may not read it.", secret=True),
    "user": Option("str", "User who may read it, for services that want a password instead of a token."),
    "password": Option("str", "Password of I(user).", secret=True),
    **status_options([401, 403]),
}

#: What is tried, by the option that makes it possible.
MATRIX = Matrix(
    always=("no_credentials",),
    by_key={
        "token": ("garbage_token",),
        "expired_token": ("expired_token",),
        "wrong_role_token": ("wrong_role",),
        "password": ("wrong_password",),
    },
)


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield what keeps the matrix from meaning anything."""
    yield from path_faults("path", given["path"])
    yield from header_faults(given)
    yield from left_out_problems(MATRIX.aspects)(given)
    if any(str(name).lower() == "authorization" for name in given.get("secret_headers") or {}):
        yield "secret_headers", "would let in every client that must be refused; give token, or user and password"
    if (given.get("token") is None) == (given.get("password") is None):
        yield "token", "expected a token, or a user and a password: one client has to be let in"
    if (given.get("user") is None) != (given.get("password") is None):
        yield "user", "user and password go together"


def run(given: Given) -> Iterator[Finding]:
    """Request the path as a user who may read it, and as each client that may not."""
    # No service can know it, and it has the form of a token.
    nonsense = secrets.token_urlsafe(24)
    cases = {"no_credentials": Case("a request without credentials", lambda: request(given, None))}
    if given.get("token") is not None:
        valid = _bearer(given["token"])
        cases["garbage_token"] = Case("an invented token", lambda: request(given, _bearer(nonsense)))
    else:
        valid = _basic(given["user"], given["password"])
        wrong = _basic(given["user"], nonsense)
        cases["wrong_password"] = Case(f"{given['user']} with a wrong password", lambda: request(given, wrong))
    for aspect, key, client in (
        ("expired_token", "expired_token", "an expired token"),
        ("wrong_role", "wrong_role_token", "a token of the wrong role"),
    ):
        if given.get(key) is not None:
            cases[aspect] = Case(client, partial(request, given, _bearer(given[key])))
    yield from check_access(given, lambda: request(given, valid), cases)


def _bearer(token: str) -> str:
    return f"Bearer {token}"


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def request(given: Given, authorization: str | None) -> Attempt:
    """Request the path with a header Authorization, or without any."""
    mine: dict[str, Any] = {} if authorization is None else {"Authorization": authorization}
    sent = {**(given.get("secret_headers") or {}), **mine}
    return over_http(given, lambda: Client({**given, "secret_headers": sent}).get(given["path"]))


KIND = Kind(
    name="access_http",
    summary="A web service lets in clients with the right token or password, and no others.",
    topic="access",
    options=OPTIONS,
    expected=MATRIX.expected,
    run=run,
    target=lambda given: str(given.get("port", "")),
    check=check,
    explained_by=frozenset({PROCESS, DEPENDENCY}),
    opens=(VALID,),
)
