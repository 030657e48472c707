# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One set of certificate, key and chain, as the procedures that act on it see it."""

from __future__ import annotations

import re

from ..._certificates import spec
from ..._core.checks import Check, Finding
from ..._core.errors import RunbookError
from ..._core.options import Given, Option, Options
from ..._core.time import timestamp

_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")


def set_list(options: Options) -> Option:
    """The option ``certificates`` of a module: sets, each with some options that only this module has."""
    return Option(
        "list",
        "Sets of certificates, as a service of the platform description has them under C(certificates).",
        elements="dict",
        required=True,
        options={**spec.SET_OPTIONS, **options},
    )


def check_of(given: Given, finding: Finding, target: str) -> Check:
    """What was found of a set, as a check; the control node knows by which name the host goes."""
    return Check(
        id=f"{given['service']}.{given['point']}.{finding.aspect}",
        name=f"{given['service']} {given['point']} {finding.aspect}",
        topic="certificates",
        service=given["service"],
        host="",
        owner="",
        target=target,
        status=finding.status,
        message=finding.message,
        value=finding.value,
        observed_at=timestamp(),
    )


def label(given: Given) -> str:
    """What a message calls a set."""
    return f"{given['service']} {given['point']}"


def serial_number(text: str) -> int:
    """The serial number of a certificate, from hexadecimal digits; raises `RunbookError`."""
    if not _HEXADECIMAL.fullmatch(text):
        raise RunbookError(f"expected a serial number in hexadecimal digits, got {text!r}")
    return int(text, 16)
