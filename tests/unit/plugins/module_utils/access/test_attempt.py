# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A refusal means something only beside a positive control, and silence is never one."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._access import attempt
from ansible_collections.xorb.runbook.plugins.module_utils._access.attempt import (
    ACCEPTED,
    HUNG_UP,
    REFUSED,
    SILENT,
    Attempt,
    Case,
)
from ansible_collections.xorb.runbook.plugins.module_utils._clients.http import Answer
from ansible_collections.xorb.runbook.plugins.module_utils._clients.network import Unreachable
from ansible_collections.xorb.runbook.plugins.module_utils._core.about import Fault
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    Finding,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError


def met(*outcomes: str) -> Callable[[], Attempt]:
    """Attempts that meet one thing after the other."""
    left: Iterator[str] = iter(outcomes)
    return lambda: Attempt(next(left), "so")


def checked(*valid: str, stranger: str, **given: Any) -> dict[str, Finding]:
    cases = {"stranger": Case("a stranger", met(stranger))}
    return {finding.aspect: finding for finding in attempt.check_access(given, met(*valid), cases)}


@pytest.mark.parametrize(
    ("valid", "stranger", "control", "judged"),
    [
        ([ACCEPTED], REFUSED, OK, OK),
        ([ACCEPTED], ACCEPTED, OK, CRITICAL),
        ([ACCEPTED], SILENT, OK, UNKNOWN),
        # The valid client is tried again: a service that hung up may have refused, or may have crashed.
        ([ACCEPTED, ACCEPTED], HUNG_UP, OK, OK),
        ([ACCEPTED, SILENT], HUNG_UP, OK, UNKNOWN),
        ([ACCEPTED, HUNG_UP], HUNG_UP, OK, UNKNOWN),
        # A service that refuses every client proves nothing by refusing one, but letting one in is worse than ever.
        ([REFUSED], REFUSED, CRITICAL, UNKNOWN),
        ([REFUSED], HUNG_UP, CRITICAL, UNKNOWN),
        ([REFUSED], ACCEPTED, CRITICAL, CRITICAL),
        ([SILENT], REFUSED, UNKNOWN, UNKNOWN),
        ([HUNG_UP], REFUSED, UNKNOWN, UNKNOWN),
    ],
)
def test_refusal_is_judged_beside_the_positive_control(
    valid: list[str], stranger: str, control: str, judged: str
) -> None:
    found = checked(*valid, stranger=stranger)
    assert (found["valid"].status, found["stranger"].status) == (control, judged)


def test_client_that_was_let_in_is_named() -> None:
    assert checked(ACCEPTED, stranger=ACCEPTED)["stranger"].message == "accepted a stranger: so"
    assert checked(REFUSED, stranger=REFUSED)["stranger"].message == "refused, but so is the valid client: so"


def test_no_client_is_tried_where_the_service_is_down() -> None:
    def never() -> Attempt:
        raise AssertionError("waits for the same silence once more")

    found = list(attempt.check_access({}, met(SILENT), {"stranger": Case("a stranger", never)}))
    assert [(one.aspect, one.status) for one in found] == [("valid", UNKNOWN), ("stranger", UNKNOWN)]


def test_case_is_left_out_with_the_reason() -> None:
    found = checked(ACCEPTED, stranger=ACCEPTED, not_applicable={"stranger": "no strangers here"})
    assert (found["stranger"].status, found["stranger"].message) == (NOT_APPLICABLE, "left out: no strangers here")


def test_attempt_that_cannot_be_made_costs_only_itself() -> None:
    def missing() -> Attempt:
        raise RunbookError("the file is missing")

    cases = {"one": Case("one", missing), "two": Case("two", met(REFUSED))}
    found = {one.aspect: one for one in attempt.check_access({}, met(ACCEPTED), cases)}
    assert (found["one"].status, found["one"].message) == (UNKNOWN, "not determined: the file is missing")
    assert found["two"].status == OK


def ssl_error(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (ssl_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), REFUSED),
        (ssl_error("TLSV1_ALERT_UNKNOWN_CA"), REFUSED),
        (ssl_error("SSLV3_ALERT_CERTIFICATE_REVOKED"), REFUSED),
        (ssl_error("TLSV1_ALERT_INTERNAL_ERROR"), SILENT),
        (ssl_error("WRONG_VERSION_NUMBER"), SILENT),
        # We refuse the server, which is no evidence about what it refuses.
        (ssl_error("CERTIFICATE_VERIFY_FAILED", ssl.SSLCertVerificationError), SILENT),
        (ssl_error("UNEXPECTED_EOF_WHILE_READING", ssl.SSLEOFError), HUNG_UP),
        (ConnectionResetError(104, "reset"), HUNG_UP),
        (http.client.RemoteDisconnected(""), HUNG_UP),
        (ConnectionRefusedError(111, "refused"), SILENT),
        (TimeoutError("timed out"), SILENT),
    ],
)
def test_broken_off_distinguishes_a_refusal_from_silence(cause: Exception, outcome: str) -> None:
    wrapped = Unreachable("why")
    wrapped.__cause__ = cause
    assert attempt.broken_off(wrapped) == Attempt(outcome, "why")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, ACCEPTED), (204, ACCEPTED), (401, REFUSED), (403, REFUSED), (302, SILENT), (404, SILENT), (503, SILENT)],
)
def test_answered_by_something_else_is_no_refusal(status: int, outcome: str) -> None:
    given = {"accepted_status": [200], "refused_status": [401, 403]}
    assert attempt.answered(Answer(status, "", "", 1.0), given).met == outcome


def test_answered_with_a_page_has_its_title() -> None:
    given = {"accepted_status": [200], "refused_status": [400]}
    page = "<html><head><title>400 The SSL certificate error</title></head></html>"
    assert attempt.answered(Answer(400, page, "", 1.0), given) == Attempt(
        REFUSED, "HTTP 400 (The SSL certificate error)", Fault("http-400")
    )
