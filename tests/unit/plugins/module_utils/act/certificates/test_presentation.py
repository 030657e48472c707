# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a refusal is worth beside the positive control, whatever each of two pairs meets at an endpoint."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._access.attempt import (
    ACCEPTED,
    HUNG_UP,
    REFUSED,
    SILENT,
    Attempt,
)
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.presentation import (
    NOT_REQUESTED,
    Endpoint,
    Pair,
    acceptance,
    compare,
    refusal,
    summary,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

CONTROL, OUTGOING = Pair("new.pem", "new.key"), Pair("old.pem", "old.key")
EVERY = (ACCEPTED, REFUSED, HUNG_UP, SILENT, NOT_REQUESTED)


def endpoint(presented: list[Pair], control: str, outgoing: str, *, afterwards: str = "") -> Endpoint:
    """An endpoint where each pair meets what is given; ``afterwards`` is what the control meets after the other one."""

    def present(pair: Pair) -> Attempt:
        presented.append(pair)
        if pair == OUTGOING:
            return Attempt(outgoing, outgoing)
        met = afterwards if afterwards and OUTGOING in presented else control
        return Attempt(met, met)

    return Endpoint("here", present)


@pytest.mark.parametrize(("control", "outgoing"), list(itertools.product(EVERY, EVERY)))
def test_refusal_is_ok_only_where_the_control_is_let_in(control: str, outgoing: str) -> None:
    met = compare(endpoint([], control, outgoing), CONTROL, OUTGOING)
    status, _message = refusal(met.outgoing, met.control)
    if control == SILENT:
        expected = UNKNOWN
    elif outgoing == ACCEPTED:
        expected = CRITICAL
    elif outgoing == NOT_REQUESTED or (control == ACCEPTED and outgoing in (REFUSED, HUNG_UP)):
        expected = OK
    else:
        expected = UNKNOWN
    assert status == expected
    accepted = acceptance(met.control).status
    assert accepted == {ACCEPTED: OK, NOT_REQUESTED: OK, REFUSED: CRITICAL}.get(control, UNKNOWN)


def test_hang_up_of_a_service_that_went_down_is_no_refusal() -> None:
    presented: list[Pair] = []
    met = compare(endpoint(presented, ACCEPTED, HUNG_UP, afterwards=SILENT), CONTROL, OUTGOING)
    assert refusal(met.outgoing, met.control).status == UNKNOWN
    assert presented == [CONTROL, OUTGOING, CONTROL]


def test_silence_is_waited_for_once() -> None:
    presented: list[Pair] = []
    compare(endpoint(presented, SILENT, REFUSED), CONTROL, OUTGOING)
    assert presented == [CONTROL]


def test_attempt_that_cannot_be_made_met_silence() -> None:
    def fail(_pair: Pair) -> Attempt:
        raise RunbookError("new.pem cannot be read")

    assert Endpoint("here", fail).attempt(CONTROL) == Attempt(SILENT, "new.pem cannot be read")


def test_summary_gives_the_worst_and_each_message_once() -> None:
    judged = [refusal(Attempt(met, met), Attempt(ACCEPTED, "")) for met in (REFUSED, ACCEPTED, ACCEPTED, SILENT)]
    (finding,) = summary("refusal", judged)
    assert (finding.status, finding.message) == (CRITICAL, "still accepted: accepted")
    assert list(summary("refusal", [])) == []
