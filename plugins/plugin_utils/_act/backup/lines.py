# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the terminal shows of sets: sizes, times and ages as an operator reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.text import size, some_of

_MINUTES, _HOURS = 90, 5400

Row = Mapping[str, Any]


def moment(seconds: float) -> str:
    """A time, to the minute."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: float) -> str:
    """How long something takes."""
    if seconds < _MINUTES:
        return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < _HOURS else f"{seconds / 3600:.1f} h"


def taken(one: Row) -> str:
    """What a set is that was just taken."""
    encrypted = ", encrypted" if one["encrypted"] else ""
    return f"set {one['id']}: {one['parts']}, {size(one['size'])}{encrypted}, in {duration(one['seconds'])}"


def proved(receipt: Row, elsewhere: str = "") -> str:
    """What became of a verification; ``elsewhere`` is the host that did it, where that is not the set's own."""
    where = f" on {elsewhere}" if elsewhere else ""
    if receipt["faults"]:
        return f"set {receipt['id']} failed its verification{where}: {some_of(receipt['faults'], 3, separator='; ')}"
    return (
        f"set {receipt['id']} was restored{where} in {duration(receipt['restore_seconds'])} and is whole"
        f"{_counted(receipt)}"
    )


def drilled(one: Row) -> str:
    """What became of a drill."""
    of_what = f"{one['set']} out of {one['repository']}" if one["set"] else one["repository"]
    if one["faults"]:
        ended = "failed" if one["verdict"] == "failed" else "came to no result"
        return f"the drill of {of_what} on {one['host']} {ended}: {some_of(one['faults'], 3, separator='; ')}"
    return (
        f"{of_what} (snapshot {one['snapshot'][:8]}) was fetched, restored and compared on {one['host']} in"
        f" {duration(one['seconds'])}, begun {duration(one['rpo_seconds'])} before, and is whole{_counted(one)}"
    )


def _counted(receipt: Row) -> str:
    """The counts of a receipt, and what it does not know."""
    facts = ", ".join(f"{value} {name}" for name, value in sorted(receipt["facts"].items()) if _is_count(value))
    unknown = some_of(receipt["unknown"], 3, separator="; ")
    return (f" ({facts})" if facts else "") + (f"; not known: {unknown}" if unknown else "")


def state(one: Row) -> str:
    """What is known of a set."""
    if one["fault"]:
        return f"damaged: {one['fault']}"
    if not one["receipt"]:
        return "not verified"
    if one["receipt"]["faults"]:
        return f"failed {moment(one['receipt']['at'])}: {some_of(one['receipt']['faults'], 1)}"
    return f"verified {moment(one['receipt']['at'])}, restored in {duration(one['receipt']['restore_seconds'])}"


def table(label: str, listed: Row) -> Iterator[str]:
    """The sets of a backup, one a line."""
    if listed["fault"]:
        yield f"{label}: cannot be listed: {listed['fault']}"
        return
    if not listed["sets"]:
        yield f"{label}: no set in {listed['folder']}"
    else:
        yield f"{label}: {_count(len(listed['sets']), 'set')} in {listed['folder']}"
    rows = [_cells(one) for one in listed["sets"]]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
    if listed["nothing_expires"]:
        yield f"  {listed['nothing_expires']}"
    yield from (f"  {name}: no set, left by a run that was killed" for name in listed["left_over"])


def _cells(one: Row) -> Sequence[str]:
    stays = f"expires: {one['expires']}" if one["expires"] else one["keeps"]
    much = size(one["size"]) if one["size"] is not None else "?"
    return (one["id"], much, "encrypted" if one["encrypted"] else "", state(one), stays)


def _is_count(value: Any) -> bool:
    """Whether a fact reads as a number of something; the receipt has the others, too."""
    return isinstance(value, int) and not isinstance(value, bool)


def _count(amount: int, noun: str) -> str:
    return f"{amount} {noun}{'' if amount == 1 else 's'}"
