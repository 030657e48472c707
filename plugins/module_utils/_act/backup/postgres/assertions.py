# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Queries of the owner's, whose values have to hold in what was restored."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ...._core.text import clean
from .compare import assertion_fault
from .scratch import Cluster


def failed(target: Cluster, assertions: Sequence[Mapping[str, Any]], restored: Collection[str]) -> Iterator[str]:
    """What does not hold, or could not be answered; ``restored`` are the databases that there are."""
    for one in assertions:
        yield from _failed(target, one, restored)


def _failed(target: Cluster, assertion: Mapping[str, Any], restored: Collection[str]) -> Iterator[str]:
    name = assertion["database"]
    if name not in restored:
        yield f"database {clean(name)}: was not restored, so {clean(assertion['query'])} was not answered"
        return
    with target.session(name) as one:
        one.execute("SET LOCAL search_path TO DEFAULT")
        value, reason = one.try_value(assertion["query"])
    fault = f"database {clean(name)}: {clean(assertion['query'])}: {reason}" if reason else ""
    if fault := fault or assertion_fault(assertion, value):
        yield fault
