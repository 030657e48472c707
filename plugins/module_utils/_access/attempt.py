# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which clients get in and which do not: several attempts at one endpoint, each judged by what it met.

A refusal means something only beside a positive control: a service that is down refuses every client. So the first
attempt is that of a valid client. Where it fails, the refusals of all others are ``unknown``.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable

from .._clients import tls
from .._clients.http import Answer, fault_of_status
from .._clients.network import Deadline, Unreachable, connect, fault_of, reason
from .._core.about import CLOSED, Fault
from .._core.about import SILENT as UNANSWERED
from .._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, Finding
from .._core.errors import RunbookError
from .._core.not_applicable import NOT_APPLICABLE_OPTION, left_out
from .._core.options import HTTP_STATUS, Given, Option, Options
from .._core.refusal import reasons_in
from .._core.text import excerpt

#: The aspect of the positive control: a client that must be let in.
VALID = "valid"

#: What an attempt met. ``HUNG_UP``: the connection ended without a word, as it does where a service refuses curtly and
#: where one crashes; ``SILENT``: there was neither a yes nor a no.
ACCEPTED, REFUSED, HUNG_UP, SILENT = "accepted", "refused", "hung up", "silent"

#: Options of every kind that tries to get in.
ACCESS_OPTIONS: Options = {"not_applicable": NOT_APPLICABLE_OPTION}


_SUCCESS = range(200, 300)
_TITLE = re.compile(r"<title>(?:\d{3} )?([^<]+)</title>", re.IGNORECASE)
#: What a port of TLS sends where the first bytes are none: the type of a record that holds an alert.
_ALERT = b"\x15"


@dataclass(frozen=True)
class Attempt:
    """What one attempt met, and the evidence as a text that holds no secret, and as data where it failed."""

    met: str
    evidence: str
    fault: Fault | None = None


@dataclass(frozen=True)
class Case:
    """A client that must be refused: what it is, and how it is tried."""

    client: str
    attempt: Callable[[], Attempt]


def check_access(given: Given, valid: Callable[[], Attempt], cases: Mapping[str, Case]) -> Iterator[Finding]:
    """Try a valid client and then each that must be refused; yields a finding for ``valid`` and one for each case."""
    reasons = left_out(given)
    yield from (Finding(name, NOT_APPLICABLE, f"left out: {reasons[name]}") for name in cases if name in reasons)
    control = _tried(valid)
    yield _positive_control(control)
    if control.met in (SILENT, HUNG_UP):
        # The others would wait for the same silence, each for as long.
        for name in cases:
            if name not in reasons:
                yield Finding.failed(name, UNKNOWN, f"not determined: {control.evidence}", control.fault)
        return
    for name, case in cases.items():
        if name in reasons:
            continue
        attempt = _tried(case.attempt)
        if attempt.met == HUNG_UP and control.met == ACCEPTED:
            # Was that a refusal, or did the service go down meanwhile?
            control = _tried(valid)
        yield _judged(name, case.client, attempt, control)


def _tried(attempt: Callable[[], Attempt]) -> Attempt:
    """An attempt that cannot be made, for a missing file or driver, met silence."""
    try:
        return attempt()
    except RunbookError as exc:
        return Attempt(SILENT, str(exc), exc.fault)


def _positive_control(control: Attempt) -> Finding:
    if control.met == ACCEPTED:
        return Finding(VALID, OK, f"let in: {control.evidence}")
    if control.met == REFUSED:
        return Finding.failed(VALID, CRITICAL, f"the valid client is refused: {control.evidence}", control.fault)
    return Finding.failed(VALID, UNKNOWN, f"not determined: {control.evidence}", control.fault)


def _judged(name: str, client: str, attempt: Attempt, control: Attempt) -> Finding:
    if attempt.met == ACCEPTED:
        return Finding.failed(name, CRITICAL, f"accepted {client}: {attempt.evidence}", attempt.fault)
    if attempt.met == SILENT:
        return Finding.failed(name, UNKNOWN, f"not determined: {attempt.evidence}", attempt.fault)
    if control.met != ACCEPTED:
        why = f"refused, but so is the valid client: {attempt.evidence}"
        return Finding.failed(name, UNKNOWN, why, control.fault)
    return Finding(name, OK, f"refused: {attempt.evidence}")


def broken_off(exc: Exception) -> Attempt:
    """What a connection that failed means: a refusal where an alert of TLS is one, and else silence."""
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
        alert = cause.reason or ""
        return REFUSED if "_ALERT_" in alert and "INTERNAL_ERROR" not in alert else SILENT
    hung_up = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError, http.client.RemoteDisconnected)
    return HUNG_UP if isinstance(cause, hung_up) else SILENT


def status_options(refused: Iterable[int]) -> Options:
    """How a kind reads access from the status of an answer; ``refused`` are the codes that usually refuse."""
    accepted = "Status codes that let in."
    neither = "Status codes that refuse. Any other but 2xx is no evidence about access and is V(unknown)."
    common: dict[str, Any] = {"elements": "int", "within": HTTP_STATUS, "filled": True}
    return {
        "accepted_status": Option("list", accepted, default=[200], **common),
        "refused_status": Option("list", neither, default=list(refused), **common),
    }


def over_http(given: Given, request: Callable[[], Answer]) -> Attempt:
    """What a request met, by the status of its answer (see `status_options`)."""
    try:
        return answered(request(), given)
    except Unreachable as exc:
        return broken_off(exc)


def answered(answer: Answer, given: Given) -> Attempt:
    """What an answer over HTTP means: a status that is neither a yes nor a no is no evidence about access."""
    status = f"HTTP {answer.status}"
    if answer.status in given["refused_status"]:
        # nginx has only in the title of its page that it refuses a certificate.
        title = _TITLE.search(answer.text)
        return Attempt(REFUSED, f"{status} ({excerpt(title[1])})" if title else status, fault_of_status(answer.status))
    if answer.status in given["accepted_status"] or answer.status in _SUCCESS:
        return Attempt(ACCEPTED, status)
    why = f"{status} neither lets in nor refuses: {reasons_in(answer.text)}"
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


def without_tls(given: Given, sent: bytes, name: str) -> tuple[bytes, Attempt | None]:
    """Send what is called ``name`` in plain text to a port of TLS, which hangs up or sends an alert.

    Where it does neither, only the caller knows what the bytes mean that came.
    """
    received, ended = first_bytes(given, sent)
    if ended and ended.met == HUNG_UP:
        return b"", replace(ended, evidence=f"{name} without TLS gets no answer")
    if received[:1] == _ALERT:
        return b"", Attempt(REFUSED, f"{name} without TLS is answered by an alert of TLS")
    return received, ended


def through_tls(given: Given, with_context: ssl.SSLContext, wait: float) -> Attempt:
    """Shake hands, and wait for a refusal: in TLS 1.3 that comes after the client believes to be through."""
    deadline = Deadline(given["timeout"])
    try:
        with contextlib.closing(tls.open_connection(given, with_context, deadline)) as connection:
            tls.wait_for_refusal(connection, deadline, wait)
            return Attempt(ACCEPTED, f"{connection.version()}")
    except Unreachable as exc:
        return broken_off(exc)


@dataclass(frozen=True)
class Matrix:
    """The aspects of a kind beside `VALID`: some always, others where a key is given, whatever its value."""

    always: tuple[str, ...]
    by_key: Mapping[str, tuple[str, ...]]

    @property
    def aspects(self) -> tuple[str, ...]:
        """Every aspect that can be left out."""
        return (*self.always, *(aspect for aspects in self.by_key.values() for aspect in aspects))

    def expected(self, given: Given) -> tuple[str, ...]:
        """The aspects that must arrive."""
        more = [aspect for key, aspects in self.by_key.items() if given.get(key) is not None for aspect in aspects]
        return (VALID, *self.always, *more)
