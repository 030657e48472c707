# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compares what was restored of a database with what was counted when it was dumped: pure, sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...._core.text import clean, some_of

#: Names that a sentence lists.
_NAMES = 10

Content = Mapping[str, Any]

#: A new database has this schema, and a dump of one that has it no more does not drop it.
_ALWAYS_THERE = "schema public"


def differences(name: str, dumped: Content, restored: Content) -> Iterator[str]:
    """What of a database is missing, too much or different, as sentences that name it."""
    where = f"database {clean(name)}"
    yield from _rows(where, dumped["tables"], restored["tables"])
    yield from _populated(where, dumped["materialized_views"], restored["materialized_views"])
    yield from _positions(where, dumped["sequences"], restored["sequences"])
    if dumped["large_objects"] != restored["large_objects"]:
        yield f"{where}: {restored['large_objects']} large objects, and the set was to have {dumped['large_objects']}"
    yield from inventory_differences(where, dumped["objects"], restored["objects"])
    behind = sorted(set(restored["sequences_behind"]) - set(dumped["sequences_behind"]))
    if behind:
        yield f"{where}: the next value is in the table already of {_list(behind)}"


def inventory_differences(where: str, dumped: Mapping[str, str], restored: Mapping[str, str]) -> Iterator[str]:
    """Objects that are missing, that were not in the source, and that are defined in another way."""
    missing = sorted(dumped.keys() - restored.keys())
    extra = sorted(restored.keys() - dumped.keys() - {_ALWAYS_THERE})
    different = sorted(one for one in dumped.keys() & restored.keys() if dumped[one] != restored[one])
    for names, what in ((missing, "missing"), (extra, "not in the source"), (different, "not as in the source")):
        if names:
            yield f"{where}: {what}: {_list(names)}"


def _rows(where: str, dumped: Mapping[str, int], restored: Mapping[str, int]) -> Iterator[str]:
    for table in sorted(dumped.keys() | restored.keys()):
        expected, found = dumped.get(table), restored.get(table)
        if found is None:
            yield f"{where}: table {clean(table)} is missing, which had {expected} rows"
        elif expected is None:
            yield f"{where}: table {clean(table)} was not in the source, and has {found} rows"
        elif expected != found:
            yield f"{where}: table {clean(table)} has {found} rows, and {expected} were counted in the source"


def _populated(where: str, dumped: Mapping[str, bool], restored: Mapping[str, bool]) -> Iterator[str]:
    for view in sorted(dumped):
        if dumped[view] and not restored.get(view):
            yield f"{where}: materialised view {clean(view)} has not been filled"


def _positions(where: str, dumped: Mapping[str, Any], restored: Mapping[str, Any]) -> Iterator[str]:
    """A sequence moves on while it is dumped: the restored one is where it was before, after, or in between."""
    for name, (before, after) in sorted(dumped.items()):
        found = restored.get(name)
        if found is None:
            yield f"{where}: sequence {clean(name)} is missing"
        elif before == after and found != before:
            yield f"{where}: sequence {clean(name)} is at {_position(found)}, and was at {_position(before)}"
        elif not min(before[0], after[0]) <= found[0] <= max(before[0], after[0]):
            yield (
                f"{where}: sequence {clean(name)} is at {_position(found)}, and went from {_position(before)} to"
                f" {_position(after)} meanwhile"
            )


def _position(value: Sequence[Any]) -> str:
    return f"{value[0]}{'' if value[1] else ' (not used yet)'}"


def assertion_fault(assertion: Mapping[str, Any], value: Any) -> str:
    """Why a value is not what the owner demands; empty where it is."""
    what = f"database {clean(assertion['database'])}: {clean(assertion['query'])} gave {clean(value)}"
    if assertion.get("equals") is not None and _text(value) != assertion["equals"]:
        return f"{what}, expected {assertion['equals']}"
    limits = [name for name in ("min", "max") if assertion.get(name) is not None]
    try:
        number = float(value) if limits else 0.0
    except (TypeError, ValueError):
        return f"{what}, expected a number"
    if assertion.get("min") is not None and not number >= assertion["min"]:
        return f"{what}, expected at least {assertion['min']:g}"
    if assertion.get("max") is not None and not number <= assertion["max"]:
        return f"{what}, expected at most {assertion['max']:g}"
    return ""


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(names: Sequence[str]) -> str:
    return some_of(map(clean, names), _NAMES)
