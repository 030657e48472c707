# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who gets in and who does not: one look tries a door in several ways, and judges what each of them met.

A refusal means something only beside a welcome: a service that is down refuses everybody. So every look begins with
somebody who may come in. Where that fails, the refusals of all others are ``unknown``.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Callable

from .._clients import tls
from .._clients.http import Answer, fault_of_status
from .._clients.network import Deadline, Unreachable, connect, fault_of, reason
from .._core.about import CLOSED, Fault
from .._core.about import SILENT as UNANSWERED
from .._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, Finding
from .._core.errors import RunbookError
from .._core.not_applicable import NOT_APPLICABLE_OPTION, left_out
from .._core.options import Given, Options
from .._core.refusal import reasons_in
from .._core.text import excerpt

#: The aspect of who may come in.
VALID = "valid"

#: What an attempt met. ``HUNG_UP``: the connection ended without a word, as those do who refuse curtly and those who
#: crash; ``SILENT``: nobody said yes or no.
ACCEPTED, REFUSED, HUNG_UP, SILENT = "accepted", "refused", "hung up", "silent"

#: Options of every kind that tries a door.
ACCESS_OPTIONS: Options = {"not_applicable": NOT_APPLICABLE_OPTION}


_SUCCESS = range(200, 300)
_TITLE = re.compile(r"<title>(?:\d{3} )?([^<]+)</title>", re.IGNORECASE)


@dataclass(frozen=True)
class Attempt:
    """What one attempt met, and the evidence in words that hold no secret, and as data where it failed."""

    met: str
    said: str
    fault: Fault | None = None


@dataclass(frozen=True)
class Case:
    """Somebody who must not come in: who that is, and how it is tried."""

    who: str
    attempt: Callable[[], Attempt]


def look(given: Given, valid: Callable[[], Attempt], cases: Mapping[str, Case]) -> Iterator[Finding]:
    """Try who may come in and then everybody who may not; yields a finding for ``valid`` and one for each case."""
    reasons = left_out(given)
    yield from (Finding(name, NOT_APPLICABLE, f"left out: {reasons[name]}") for name in cases if name in reasons)
    control = _tried(valid)
    yield _welcome(control)
    if control.met in (SILENT, HUNG_UP):
        # The others would wait for the same silence, each for as long.
        for name in cases:
            if name not in reasons:
                yield Finding.failed(name, UNKNOWN, f"not determined: {control.said}", control.fault)
        return
    for name, case in cases.items():
        if name in reasons:
            continue
        attempt = _tried(case.attempt)
        if attempt.met == HUNG_UP and control.met == ACCEPTED:
            # Was that a refusal, or did the service go down meanwhile?
            control = _tried(valid)
        yield _judged(name, case.who, attempt, control)


def _tried(attempt: Callable[[], Attempt]) -> Attempt:
    """An attempt that cannot be made, for a missing file or driver, met nobody."""
    try:
        return attempt()
    except RunbookError as exc:
        return Attempt(SILENT, str(exc), exc.fault)


def _welcome(control: Attempt) -> Finding:
    if control.met == ACCEPTED:
        return Finding(VALID, OK, f"let in: {control.said}")
    if control.met == REFUSED:
        return Finding.failed(VALID, CRITICAL, f"who may come in is refused: {control.said}", control.fault)
    return Finding.failed(VALID, UNKNOWN, f"not determined: {control.said}", control.fault)


def _judged(name: str, who: str, attempt: Attempt, control: Attempt) -> Finding:
    if attempt.met == ACCEPTED:
        return Finding.failed(name, CRITICAL, f"accepted {who}: {attempt.said}", attempt.fault)
    if attempt.met == SILENT:
        return Finding.failed(name, UNKNOWN, f"not determined: {attempt.said}", attempt.fault)
    if control.met != ACCEPTED:
        why = f"refused, but so is who may come in: {attempt.said}"
        return Finding.failed(name, UNKNOWN, why, control.fault)
    return Finding(name, OK, f"refused: {attempt.said}")


def broken_off(exc: Exception) -> Attempt:
    """What a connection that failed means: a refusal where TLS said so, and else silence."""
    why = str(exc)
    fault = exc.fault if isinstance(exc, Unreachable) else None
    cause = exc.__cause__ if isinstance(exc, Unreachable) and exc.__cause__ else exc
    return Attempt(_meaning(cause), why, fault)


def _meaning(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return SILENT
    if isinstance(cause, ssl.SSLEOFError):
        return HUNG_UP
    if isinstance(cause, ssl.SSLError):
        told = cause.reason or ""
        return REFUSED if "_ALERT_" in told and "INTERNAL_ERROR" not in told else SILENT
    hung_up = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError, http.client.RemoteDisconnected)
    return HUNG_UP if isinstance(cause, hung_up) else SILENT


def answered(answer: Answer, given: Given) -> Attempt:
    """What an answer over HTTP means: a status that is neither a yes nor a no says nothing about access."""
    told = f"HTTP {answer.status}"
    if answer.status in given["refused_status"]:
        # nginx says only in the title of its page that it is a certificate that it does not like.
        title = _TITLE.search(answer.text)
        return Attempt(REFUSED, f"{told} ({excerpt(title[1])})" if title else told, fault_of_status(answer.status))
    if answer.status in given["accepted_status"] or answer.status in _SUCCESS:
        return Attempt(ACCEPTED, told)
    why = f"{told} is neither a welcome nor a refusal: {reasons_in(answer.text)}"
    return Attempt(SILENT, why, fault_of_status(answer.status))


def first_bytes(given: Given, sent: bytes) -> tuple[bytes, Attempt | None]:
    """Send something without TLS and read the beginning of what comes; an attempt instead where nothing does."""
    deadline = Deadline(given["timeout"])
    try:
        with contextlib.closing(connect(given["address"], given["port"], deadline)) as connection:
            connection.settimeout(deadline.left())
            connection.sendall(sent)
            received = connection.recv(4096)
    except Unreachable as exc:
        return b"", broken_off(exc)
    except socket.timeout:
        return b"", Attempt(SILENT, f"connected, but no answer within {deadline.seconds:g} s", Fault(UNANSWERED))
    except OSError as exc:
        return b"", Attempt(broken_off(exc).met, reason(exc, deadline.seconds), fault_of(exc))
    if not received:
        return b"", Attempt(HUNG_UP, "the other end closed the connection without an answer", Fault(CLOSED))
    return received, None


def through_tls(given: Given, with_context: ssl.SSLContext, wait: float) -> Attempt:
    """Shake hands, and wait for a refusal: in TLS 1.3 that comes after the client believes to be through."""
    deadline = Deadline(given["timeout"])
    try:
        with contextlib.closing(tls.open_connection(given, with_context, deadline)) as connection:
            tls.wait_for_refusal(connection, deadline, wait)
            return Attempt(ACCEPTED, f"{connection.version()}")
    except Unreachable as exc:
        return broken_off(exc)


def chosen(given: Given, always: tuple[str, ...], by_key: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The aspects that must arrive: some always, others where a key is given, whatever its value."""
    more = [aspect for key, aspects in by_key.items() if given.get(key) is not None for aspect in aspects]
    return (VALID, *always, *more)
