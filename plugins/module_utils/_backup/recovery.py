# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a restore came to, against what the description expects: how long it took, and how much was lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .._core.checks import CRITICAL, OK, Finding, Limits
from .._core.options import Given
from .._core.text import some_of
from .spec import COMMON

_HOUR = 3600
_NAMED = 3


def judge(name: str, seconds: float, lost_seconds: float, faults: Sequence[str], given: Given) -> Iterator[Finding]:
    """A finding for time and loss of the restore of a set, and one for what came back."""
    yield Finding.measured(
        "recovery_time",
        f"the set {name} was restored and verified in {round(seconds, 1):g} s",
        value=round(seconds, 3),
        unit="s",
        limits=_limit(given, "restore_warning"),
        remedy="ansible-playbook xorb.runbook.backup_list",
    )
    hours = round(lost_seconds / _HOUR, 2)
    yield Finding.measured(
        "recovery_point",
        f"whatever was written in the {hours:g} h since the set {name} was begun is not in it",
        value=hours,
        unit="h",
        limits=_limit(given, "age_critical"),
        remedy="ansible-playbook xorb.runbook.backup_create",
    )
    if faults:
        differs = f"the set {name} was never verified, and is not as its manifest says: {some_of(faults, _NAMED, '; ')}"
        yield Finding("recovered", CRITICAL, differs, remedy="ansible-playbook xorb.runbook.backup_verify")
    else:
        yield Finding("recovered", OK, f"what was restored is what the manifest of {name} says")


def _limit(given: Given, option: str) -> Limits:
    """The one limit of an aspect, which is named after it in the description."""
    default = COMMON[option]
    value = given.get(option)
    source = default.source if value in (None, default.default) else "platform description"
    return Limits(**{option.rpartition("_")[2]: default.default if value is None else value, "source": source})
