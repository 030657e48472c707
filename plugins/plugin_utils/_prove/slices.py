# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that looked at one part of the inventory each, read back to be put together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, STATUSES, Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN

from .._core import time as moments
from .ledger.history import History
from .report import run_check

#: What a slice says about itself that only holds for its part of the inventory: the whole is judged anew.
OF_THE_PART = (f"{RUN}.description.", f"{RUN}.run.expected")


@dataclass(frozen=True)
class Slice:
    """What one of them found."""

    run_id: str
    platform: str
    procedure: str
    finished_at: str
    checks: tuple[Check, ...]


def from_ledger(location: str, *, platform: str, procedure: str, whole: str) -> list[Slice]:
    """The runs that named ``whole`` as what they are a part of. Raises `RunbookError`."""
    history = History(location)
    return [
        Slice(run.run_id, run.platform, run.procedure, run.finished_at, tuple(history.checks_of(run)))
        for run in history.parts(platform=platform, procedure=procedure, whole=whole)
    ]


def from_file(path: Path) -> Slice:
    """What a JSON report holds. Raises `RunbookError`."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        run = written["run"]
        checks = tuple(Check.from_dict(check) for check in written["checks"])
        moments.moment(written["finished_at"])
        return Slice(run["id"], run["platform"], run["procedure"], written["finished_at"], checks)
    except OSError as exc:
        raise RunbookError(f"{path}: {exc.strerror}") from exc
    except (KeyError, TypeError, ValueError) as exc:
        raise RunbookError(f"{path} is not the JSON file of a report: {exc!r}") from exc


def usable(
    slices: Iterable[Slice], *, platform: str, procedure: str, now: datetime, max_age: timedelta
) -> tuple[list[Slice], list[Check]]:
    """The slices that belong to the whole, oldest first, and a check for each that does not."""
    taken, refused = [], []
    for one in sorted(slices, key=lambda one: one.finished_at):
        fault = _fault(one, platform, procedure, now - max_age)
        if fault:
            refused.append(run_check(one.run_id.replace(".", "_"), CRITICAL, fault, point="slice"))
        else:
            taken.append(one)
    return taken, refused


def _fault(one: Slice, platform: str, procedure: str, oldest: datetime) -> str:
    ended = moments.moment(one.finished_at)
    if (one.platform, one.procedure) != (platform, procedure):
        return f"run {one.run_id} is {one.procedure} of {one.platform}, not {procedure} of {platform}; it is left out"
    if ended < oldest:
        return f"run {one.run_id} ended {moments.spoken(ended)}: too old to say how anything is now; it is left out"
    return ""


def together(slices: Iterable[Slice]) -> list[Check]:
    """Everything that they found; the newest counts where several looked, the worst of what they say of themselves."""
    found: dict[tuple[str, str, str], Check] = {}
    for check in _of_platform(slices):
        known = found.get(check.key)
        if known and not check.host and STATUSES.index(known.status) > STATUSES.index(check.status):
            continue
        found[check.key] = replace(check, blocked_by="")
    return list(found.values())


def _of_platform(slices: Iterable[Slice]) -> Iterator[Check]:
    for one in slices:
        yield from (check for check in one.checks if not check.id.startswith(OF_THE_PART))
