# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds that inspect backups: one reading of a folder of sets, whatever is in them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from .._backup import judge, spec
from .._backup.stores import store_of
from .._core.checks import Finding
from .._core.options import Given
from .kind import Kind


def kind(name: str) -> Kind:
    """The kind of probe that inspects backups of one kind."""
    return Kind(
        name=f"backup_{name}",
        summary=f"A backup of {spec.SUBJECTS[name]} is recent, verified, of its usual size, and restored soon enough.",
        topic="backups",
        options=spec.KINDS[name],
        expected=lambda _given: judge.ASPECTS,
        run=run,
        target=spec.place,
        check=spec.check,
        local=True,
        acting=spec.ACTING,
    )


def run(given: Given) -> Iterator[Finding]:
    """Read every manifest and every receipt once, and judge them."""
    sets = store_of(given, given["point"])
    yield from judge.judge(sets.sets(), given, sets.place, time.time())
