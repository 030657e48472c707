# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``certificate``: one managed set of certificate, key and chain is sound, and is what its service serves.

These options are the one declaration of a set: what is inspected here is what the procedures of rotation replace.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..._certificates.examine import examine
from ..._certificates.holdings import ASPECTS, SERVED
from ..._certificates.spec import OPTIONS, check, paths
from ..._core.about import PROCESS
from ..._core.checks import Finding
from ..._core.options import Given
from ..kind import Kind


def expected(given: Given) -> tuple[str, ...]:
    """Every aspect; ``served`` where a port serves it."""
    return (*ASPECTS, SERVED) if given.get("served_by") else ASPECTS


def run(given: Given) -> Iterator[Finding]:
    """Read the set, judge it, and compare it with what is served."""
    yield from examine(given, paths(given))


KIND = Kind(
    name="certificate",
    summary="A managed set of certificate, key and chain is sound, and is what its service serves.",
    topic="certificates",
    options=OPTIONS,
    expected=expected,
    run=run,
    target=lambda given: str(given.get("directory", "")),
    check=check,
    local=True,
    explained_by=frozenset({PROCESS}),
    opens=("readable",),
    acting=frozenset({"reload", "accepted_by", "sessions"}),
)
