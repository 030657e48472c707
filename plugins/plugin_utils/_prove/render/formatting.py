# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How statuses, values, thresholds and names read: the same words on the terminal and on the page."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any, TypeVar

from ansible_collections.xorb.runbook.plugins.module_utils._core import text
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, WARNING, Check, worst

from ..report import Report

#: What a check about the run itself has instead of a host.
CONTROL_NODE = "control node"

#: From here on a number needs no more digits after the point.
LARGE = 100
KIB = 1024
MINUTE = 60

clean = text.clean

NUMBERED = re.compile(r"(.*?)(\d+)\Z")

T = TypeVar("T")
Key = TypeVar("Key")


def verdict(report: Report) -> str:
    """The worst status that anything has."""
    return worst(check.status for check in report.checks)


def status_word(status: str) -> str:
    """A status as words."""
    return status.replace("_", " ")


def action_lines(action: Mapping[str, Any]) -> Iterable[str]:
    """What was done to a host, and why."""
    yield str(action["what"])
    why = [f"because {action['why']}"] if action["why"] else []
    if action["incident"]:
        why.append(f"incident {action['incident']}")
    if why:
        yield ", ".join(why)


def where(check: Check) -> str:
    """The host that looked."""
    return check.host or CONTROL_NODE


def full_name(check: Check) -> str:
    """The name of a check, with the owner where another host looked."""
    return f"{check.name} (of {check.owner})" if check.owner != check.host else check.name


def short_name(check: Check) -> str:
    """The name without the service, for where the service stands beside it."""
    service = f"{check.service} ".replace("_", " ")
    name = full_name(check)
    return name.removeprefix(service)


def number(value: float) -> str:
    """A number with as many digits as help: 3.14159 is 3.1, 1234.5 is 1234."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.0f}" if abs(value) >= LARGE else f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}"


def quantity(value: Any, unit: str) -> str:
    """A value with its unit; nothing where there is no value."""
    if value is None or value == "":
        return ""
    if not is_number(value):
        return f"{value} {unit}".strip()
    if unit in ("B", "bytes"):
        return _bytes(float(value))
    return f"{number(value)} {unit}".strip()


def value_of(check: Check) -> str:
    """What a check measured."""
    return quantity(check.value, check.unit)


def limit_of(check: Check) -> str:
    """The threshold that a value crossed, which made its check fail: ``max 90 %`` or ``min 7 days``.

    Nothing where the check is fine, or fails for another reason: an answer may be quick and wrong.
    """
    threshold = {CRITICAL: check.critical, WARNING: check.warning}.get(check.status)
    if threshold is None or not is_number(check.value):
        return ""
    falling = is_falling(check)
    crossed = check.value < threshold if falling else check.value > threshold  # type: ignore[operator]
    return f"{'min' if falling else 'max'} {quantity(threshold, check.unit)}" if crossed else ""


def limits_of(check: Check) -> str:
    """Both thresholds of a check: ``max 80 / 90 %``."""
    limits = [limit for limit in (check.warning, check.critical) if limit is not None]
    if not limits:
        return ""
    numbers = " / ".join(quantity(limit, _written_out(check.unit)) for limit in limits)
    unit = "" if _written_out(check.unit) else check.unit
    return f"{'min' if is_falling(check) else 'max'} {numbers} {unit}".strip()


def is_number(value: Any) -> bool:
    """Whether a value can be compared with a threshold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_falling(check: Check) -> bool:
    """Whether less is worse: the direction in which its value was judged, which no threshold can show alone."""
    return check.falling


def duration(seconds: float) -> str:
    """How long something took."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes} min {rest} s"


def count(amount: int, noun: str) -> str:
    """An amount with its noun."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def received(report: Report) -> str:
    """What the first line of every report says."""
    return f"{report.received} of {count(report.expected, 'expected check')} received"


def suppressed(report: Report) -> str:
    """How many checks fail without failing the run, and why; nothing where there are none."""
    words = {"silence": "silenced", "acknowledgement": "acknowledged", "pending": "not failed often enough"}
    return ", ".join(f"{amount} {words[kind]}" for kind, amount in sorted(report.suppressed.items()))


def outcome(report: Report) -> str:
    """What suppressions make of the run; nothing where there are none."""
    if not report.suppressions:
        return ""
    decisive = len(report.decisive)
    rest = (
        f"{count(decisive, 'other check')} {'fails' if decisive == 1 else 'fail'} it"
        if decisive
        else "nothing fails the run"
    )
    return f"{suppressed(report)}: {rest}"


def limited(report: Report) -> str:
    """Why checks were not run."""
    return f"limited to {report.run.limited_to}" if report.run.limited_to else "limited"


def alike(items: Iterable[T], key: Callable[[T], Key]) -> list[list[T]]:
    """Things that belong together by a key, in the order in which they come."""
    groups: dict[Key, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.values())


def hosts_alike(pairs: Iterable[tuple[str, str]]) -> list[tuple[list[str], list[str]]]:
    """Hosts with what each of them has, those that have the same together: from a host and a name at a time."""
    names: dict[str, list[str]] = defaultdict(list)
    for host, name in pairs:
        names[host or CONTROL_NODE].append(name)
    return [(same, names[same[0]]) for same in alike(names, lambda host: tuple(names[host]))]


def by_host(addresses: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Addresses like ``host/id`` as hosts with their ids; hosts with the same ids stand together."""
    pairs = (address.partition("/") for address in addresses)
    return [(compact(hosts), names) for hosts, names in hosts_alike((host, name) for host, _slash, name in pairs)]


def compact(names: Iterable[str]) -> str:
    """Names of hosts, with those that are numbered one after the other as a range: ``db, web01-web12``."""
    return ", ".join(text for text, _amount in _ranges(names))


def compact_items(names: Iterable[str], most: int) -> list[str]:
    """The same as items, of which there are no more than ``most``, and the number of those that are left out."""
    ranges = _ranges(names)
    left_out = sum(amount for _text, amount in ranges[most:])
    return [text for text, _amount in ranges[:most]] + ([f"and {left_out} more"] if left_out else [])


def spread(checks: list[Check]) -> str:
    """What many checks of one kind measured: ``3.1-12.4 ms``, or the one value that they share."""
    values = [check.value for check in checks if is_number(check.value)]
    unit = checks[0].unit
    if len(values) == len(checks):
        # Only where every number has the same unit does the first one go without.
        least = quantity(min(values), _written_out(unit))  # type: ignore[type-var]
        most = quantity(max(values), unit)  # type: ignore[type-var]
        return most if min(values) == max(values) else f"{least}-{most}"  # type: ignore[type-var]
    shared = {value_of(check) for check in checks}
    return shared.pop() if len(shared) == 1 else ""


def causes_by_address(report: Report) -> Mapping[str, Check]:
    """The check behind each ``host/id``; the worst one where several observers share it."""
    found: dict[str, Check] = {}
    for check in report.checks:
        found.setdefault(check.address, check)
    return found


def _numbered(name: str) -> tuple[str, int, int, str]:
    match = NUMBERED.match(name)
    return (match[1], len(match[2]), int(match[2]), "") if match else (name, 0, 0, name)


def _run_of(index: int, name: str) -> tuple[str, int, int, str]:
    """The same for names that follow one another: their numbers grow as their positions do."""
    prefix, digits, value, rest = _numbered(name)
    return prefix, digits, value - index, rest


def _ranges(names: Iterable[str]) -> list[tuple[str, int]]:
    """Names and ranges of them, each with how many names it is."""
    ordered = sorted(set(names), key=_numbered)
    parts = []
    for _key, group in groupby(enumerate(ordered), key=lambda item: _run_of(*item)):
        run = [name for _index, name in group]
        # A range of two is longer than the two.
        parts += [(name, 1) for name in run] if len(run) <= 2 else [(f"{run[0]}-{run[-1]}", len(run))]  # noqa: PLR2004
    return parts


def _written_out(unit: str) -> str:
    """The unit that each number needs for itself, because it changes with the size."""
    return unit if unit in ("B", "bytes") else ""


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < KIB:
            return f"{value:.3g} {unit}"
        value /= KIB
    return f"{value:.3g} TiB"
