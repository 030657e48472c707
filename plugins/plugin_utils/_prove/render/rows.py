# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the page shows as one row: checks of many hosts that say the same share a row, and no host is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import OK, STATUSES, Check, worst
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN

from ..report import Report
from . import formatting
from .formatting import alike

#: Hosts with different things to say are quoted one by one up to this many; of more that are fine, one speaks for all.
QUOTED = 6
#: Names of hosts that are fine are written out up to so many characters: beside a service, and beside each check.
NAMES, SHORT = 300, 60
#: With more groups of failing checks than this, what each of them says no longer keeps hosts apart.
TOO_MANY = 200
#: Rows of fine checks that a page has at most. A row has less than a kilobyte, and the JSON has every check.
FINE_ROWS = 1500
#: How far a bar reaches beyond the last threshold.
BEYOND = 1.25

DIGITS = re.compile(r"([0-9]{1,18})")


@dataclass(frozen=True)
class Bar:
    """A value and its thresholds as percentages of one length; ``status`` is what the thresholds make of the value."""

    value: float
    limits: tuple[float, ...]
    status: str


@dataclass(frozen=True)
class Statement:
    """What one host, or several alike, measured and saw."""

    hosts: str
    value: str
    message: str


@dataclass(frozen=True)
class Row:
    """Checks that are shown together, with the one of them that stands for all."""

    anchor: str
    check: Check
    checks: Sequence[Check]
    title: str
    hosts: str
    #: How many hosts those are.
    amount: int
    value: str
    limits: str
    gauge: Bar | None
    #: Each host by itself, where what they say differs.
    statements: Sequence[Statement] = ()
    #: The host whose message stands for those of the others, where they differ and are not quoted.
    spokesman: str = ""
    #: Hosts with the ids of their checks, where a row has checks of several ids.
    addresses: Sequence[tuple[str, list[str]]] = ()
    suppression: str = ""
    #: What explains them: where on the page it is, and its address.
    causes: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Chapter:
    """The rows of one service."""

    service: str
    amount: int
    hosts: str
    rows: list[Row] = field(default_factory=list)


def outages(checks: Sequence[Check], key: Callable[[Check], tuple[str, ...]]) -> list[list[Check]]:
    """Failing checks with the same key that say the same, whatever their host; the key alone where that is too many."""
    apart = alike(checks, lambda check: (*key(check), gist(check.message, check)))
    if len(apart) <= TOO_MANY:
        return apart
    return min(apart, alike(checks, lambda check: (*key(check), per_id(check))), key=len)


def gist(text: str, check: Check) -> str:
    """A text without the words that differ between hosts that suffer from the same: their names, and all numbers."""
    names = [name for name in (check.host, check.owner, check.target) if name]
    return " ".join(
        "#" if any(map(str.isdigit, word)) or any(name in word for name in names) else word for word in text.split()
    )


def per_id(check: Check) -> str:
    """What the results of one check on many hosts have in common: its id, and whether its host looks at another one."""
    return f"{check.id}@" if check.owner != check.host else check.id


def suppression_of(report: Report, check: Check) -> str:
    """Why a failing check does not fail the run; nothing where it does."""
    suppression = report.suppressions.get(check.address)
    return suppression.sentence if suppression else ""


def row(anchor: str, checks: Sequence[Check], *, quoted: int | None = None, suppression: str = "") -> Row:
    """Checks as a row; where they differ, with what each of at most ``quoted`` of them says (default: all)."""
    spokesman = max(checks, key=_nearness) if len(checks) > 1 else checks[0]
    hosts = {formatting.where(check) for check in checks}
    differ = len({check.message for check in checks}) > 1
    quote = differ and (quoted is None or len(checks) <= quoted)
    same_id = len({check.id for check in checks}) == 1
    one_name = len({formatting.full_name(check) for check in checks}) == 1
    limits = {formatting.limits_of(check) for check in checks}
    return Row(
        anchor=anchor,
        check=spokesman,
        checks=checks,
        title=formatting.full_name(spokesman) if one_name else spokesman.name if same_id else f"{len(checks)} checks",
        hosts=formatting.compact(hosts),
        amount=len(hosts),
        value=formatting.spread(list(checks)) if same_id else "",
        limits=limits.pop() if same_id and len(limits) == 1 else "",
        gauge=gauge_of(spokesman) if same_id else None,
        statements=_each(checks) if quote else (),
        spokesman=_position(spokesman) if differ and not quote else "",
        addresses=() if one_name else formatting.by_host(check.address for check in checks),
        suppression=suppression,
    )


def failing(report: Report, checks: Sequence[Check], anchors: Mapping[str, str]) -> list[Row]:
    """Checks that fail, worst first. Those that say the same for the same reason share a row, whatever their host.

    ``anchors`` has the anchors of the root causes, by their address.
    """

    def why(check: Check) -> tuple[str, ...]:
        # Of what only has the reason of another check, many names share a row.
        own = per_id(check) if check.value is not None or not check.blocked_by else ""
        cause = anchors.get(check.blocked_by, check.blocked_by)
        return own, check.status, cause, suppression_of(report, check)

    return [
        _failing(f"failing-{index}", found, suppression_of(report, found[0]), anchors)
        for index, found in enumerate(outages(checks, why))
    ]


def _failing(anchor: str, checks: list[Check], suppression: str, anchors: Mapping[str, str]) -> Row:
    blockers = alike((check for check in checks if check.blocked_by), lambda check: anchors.get(check.blocked_by, ""))
    causes = [
        (anchors.get(blocked[0].blocked_by, ""), list(dict.fromkeys(check.blocked_by for check in blocked)))
        for blocked in blockers
    ]
    return replace(
        row(anchor, checks, suppression=suppression), causes=[(to, _listed(addresses)) for to, addresses in causes]
    )


def _listed(addresses: list[str]) -> str:
    """Addresses in few words; a single one as ``blocked_by`` has it."""
    if len(addresses) == 1:
        return addresses[0]
    return "; ".join(f"{', '.join(names)} on {hosts}" for hosts, names in formatting.by_host(addresses))


def fine(report: Report) -> tuple[list[Chapter], int]:
    """What is fine, service by service and one row a check over all its hosts, and how many checks have no row left."""
    chapters, left = [], 0
    room = FINE_ROWS
    by_service = alike((check for check in report.checks if check.status == OK), lambda check: check.service)
    for checks in sorted(by_service, key=lambda checks: checks[0].service):
        groups = alike(checks, per_id)
        groups.sort(key=lambda found: _numbered(found[0].id))
        shown, hidden = groups[:room], groups[room:]
        room -= len(shown)
        left += sum(map(len, hidden))
        if shown:
            start = FINE_ROWS - room - len(shown)
            rows = [_fine(f"fine-{start + index}", found) for index, found in enumerate(shown)]
            chapters.append(Chapter(_service(checks[0]), len(checks), some(checks, NAMES), rows))
    return chapters, left


def _fine(anchor: str, checks: list[Check]) -> Row:
    return replace(row(anchor, checks, quoted=QUOTED), hosts=some(checks, SHORT))


def some(checks: Sequence[Check], room: int) -> str:
    """The hosts of checks that are fine, and the hosts that they looked at where those are several others."""
    owners = {check.owner for check in checks if check.owner not in ("", check.host)}
    looked = _named({formatting.where(check) for check in checks}, room)
    return f"{looked}, at {_named(owners, room)}" if len(owners) > 1 else looked


def _named(hosts: set[str], room: int) -> str:
    """Hosts by name where there is room for the names, else as their number."""
    names = formatting.compact(hosts)
    if len(hosts) == 1:
        return names
    amount = formatting.count(len(hosts), "host")
    return f"{amount}: {names}" if len(names) <= room else amount


def services(report: Report) -> list[tuple[str, str, int]]:
    """Each service with its worst status and how many of its checks have it, worst first."""
    found = []
    for checks in alike(report.checks, lambda check: check.service):
        status = worst(check.status for check in checks)
        found.append((_service(checks[0]), status, sum(check.status == status for check in checks)))
    return sorted(found, key=lambda service: (-STATUSES.index(service[1]), service[0]))


def absent(report: Report, status: str) -> list[tuple[str, int, list[tuple[str, list[str]]]]]:
    """What does not apply, by the reason that is given for it: the reason, how many checks, and which."""
    groups = alike(report.failing([status]), lambda check: gist(check.message, check))
    return [
        (found[0].message, len(found), formatting.by_host(check.address for check in found))
        for found in sorted(groups, key=lambda found: -len(found))
    ]


def gauge_of(check: Check) -> Bar | None:
    """The value of a check against its thresholds, where both can be drawn."""
    limits = [limit for limit in (check.warning, check.critical) if limit is not None]
    if not limits or not formatting.is_number(check.value):
        return None
    value = float(check.value)  # type: ignore[arg-type]
    whole = 100.0 if check.unit == "%" else max(value, max(limits) * (2 if check.falling else BEYOND))
    if whole <= 0 or value < 0 or min(limits) < 0:
        return None
    marks = tuple(sorted({_percent(limit, whole) for limit in limits}))
    # A check can fail for another reason than its value: an error that comes quickly is no slow answer.
    return Bar(_percent(value, whole), marks, check.limits.judge(value))


def _each(checks: Sequence[Check]) -> list[Statement]:
    """What each host says, and those that say the same together."""
    groups = alike(checks, lambda check: (formatting.value_of(check), check.message))
    return [
        Statement(formatting.compact(map(_position, found)), formatting.value_of(found[0]), found[0].message)
        for found in groups
    ]


def _position(check: Check) -> str:
    """The host that looked, and the one that it looked at where that is another one."""
    return (
        f"{formatting.where(check)} at {check.owner}"
        if check.owner not in ("", check.host)
        else formatting.where(check)
    )


def _nearness(check: Check) -> float:
    """How near a value is to being the worst one."""
    if not formatting.is_number(check.value):
        return float("-inf")
    value = float(check.value)  # type: ignore[arg-type]
    return -value if check.falling else value


def _numbered(name: str) -> list[str | int]:
    """Sorts ``worker_2`` before ``worker_10``."""
    return [int(part) if index % 2 else part for index, part in enumerate(DIGITS.split(name))]


def _service(check: Check) -> str:
    return "this run itself" if check.service == RUN else check.service


def _percent(part: float, whole: float) -> float:
    return round(min(100.0, part / whole * 100), 1)
