# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What belongs together: services and causes that are the same on many hosts, checks that say the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import NOT_APPLICABLE, STATUSES, Check, worst

from ..causes import FAILING
from ..report import Report
from . import formatting

#: With more lines than this, hosts share the lines of their services.
APART = 40
#: More hosts than this with the same causes share an entry of the list.
CAUSES_APART = 3
#: More hosts than this with the same checks of a service share a line.
HOSTS_APART = 8

WORST_FIRST = tuple(reversed(STATUSES))


@dataclass(frozen=True)
class ServiceLine:
    """A service on a host, or on several that are in the same state: its checks by status, the worst first."""

    service: str
    hosts: list[str]
    status: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class CauseGroup:
    """A root cause or several that are alike, and everything that they explain."""

    checks: list[Check]
    #: The addresses of what they explain, and the checks among them that have no suppression.
    explains: list[str]
    consequences: list[Check]

    @property
    def first(self) -> Check:
        """The one that stands for all."""
        return self.checks[0]

    @property
    def hosts(self) -> list[str]:
        """The hosts that have it."""
        return list(dict.fromkeys(map(formatting.where, self.checks)))

    @property
    def names(self) -> list[str]:
        """What fails, each name once."""
        return list(dict.fromkeys(map(formatting.full_name, self.checks)))

    @property
    def remedies(self) -> list[str]:
        """What fixes it, each remedy once."""
        return list(dict.fromkeys(check.remedy for check in self.checks if check.remedy))

    @property
    def target(self) -> str:
        """What was looked at, where that is the same for all and says more than the host."""
        targets = {check.target for check in self.checks} - {self.first.host, formatting.CONTROL_NODE}
        return targets.pop() if len(targets) == 1 else ""


def services(report: Report) -> list[ServiceLine]:
    """A line for each service of each host, the worst first; where those are many, hosts in the same state share one.

    What does not apply is not counted: it is neither fine nor failing.
    """
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for check in report.checks:
        if check.status != NOT_APPLICABLE:
            found[check.service, formatting.where(check)][check.status] += 1
    lines: dict[tuple[str, ...], tuple[list[str], Counter[str]]] = {}
    for (service, host), counted in sorted(found.items()):
        key = (service, worst(counted), *((host,) if len(found) <= APART else ()))
        hosts, counts = lines.setdefault(key, ([], Counter()))
        hosts.append(host)
        counts.update(counted)
    made = [
        ServiceLine(key[0], hosts, key[1], {status: counts[status] for status in WORST_FIRST if counts[status]})
        for key, (hosts, counts) in lines.items()
    ]
    return sorted(made, key=lambda line: WORST_FIRST.index(line.status))


def causes(
    report: Report, grouped: Callable[[list[Check]], Iterable[list[Check]]]
) -> tuple[list[CauseGroup], list[Check]]:
    """The root causes, the worst first, and what fails without being explained by one or having a suppression.

    ``grouped`` puts those together that are alike: `each_apart` and `together_over_hosts` do, and the page in its way.
    """
    checks = formatting.causes_by_address(report)
    explains = {cause.check: cause.explains for cause in report.causes}
    consequences: dict[str, list[Check]] = defaultdict(list)
    unexplained: list[Check] = []
    for check in report.failing(FAILING):
        if check.address in explains or check.address in report.suppressions:
            continue
        root = _root(check, checks, explains)
        (consequences[root] if root else unexplained).append(check)
    groups = [
        CauseGroup(
            same,
            [address for check in same for address in explains[check.address]],
            [one for check in same for one in consequences[check.address]],
        )
        for same in grouped([checks[address] for address in explains])
    ]
    return groups, unexplained


def each_apart(found: Iterable[Check]) -> Iterator[list[Check]]:
    """Every cause by itself."""
    return ([check] for check in found)


def together_over_hosts(found: Iterable[Check]) -> Iterator[list[Check]]:
    """Causes of one host that say the same together, and those of many hosts that are the same ones."""
    texts = formatting.alike(
        found, lambda check: (check.host, check.owner, check.service, check.status, check.message, check.remedy)
    )
    for several in formatting.alike(texts, lambda same: (same[0].status, *(check.id for check in same))):
        if len(several) > CAUSES_APART:
            yield [check for same in several for check in same]
        else:
            yield from several


def _root(check: Check, checks: Mapping[str, Check], roots: Collection[str]) -> str:
    """The root cause at the end of the chain of what explains a check; nothing where there is none."""
    seen = set()
    address = check.blocked_by
    while address not in roots:
        if address in seen or address not in checks:
            return ""
        seen.add(address)
        address = checks[address].blocked_by
    return address


def alike(checks: Iterable[Check], *, most: int) -> list[list[Check]]:
    """Checks of the same status that say the same, in the order in which they come.

    Where that makes more than ``most`` groups, because messages name their hosts or have numbers in them, the same
    checks of all hosts come together, if that makes fewer.
    """
    found = list(checks)
    worded = formatting.alike(found, lambda check: (check.status, check.message))
    if len(worded) <= most:
        return worded
    return min(worded, formatting.alike(found, lambda check: (check.status, check.id)), key=len)


def together(checks: Iterable[Check]) -> Iterator[tuple[str, list[str], list[list[Check]]]]:
    """Services with their hosts and checks; many hosts with the same checks of a service come as one."""
    groups: dict[tuple[str, str], list[Check]] = defaultdict(list)
    for check in checks:
        groups[check.service, formatting.where(check)].append(check)
    same: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for (service, host), found in sorted(groups.items()):
        same[(service, *(formatting.short_name(check) for check in found))].append(host)
    for (service, *_names), hosts in same.items():
        for some in [hosts] if len(hosts) > HOSTS_APART else [[host] for host in hosts]:
            columns = zip(*(groups[service, host] for host in some), strict=True)
            yield service, some, [list(column) for column in columns]


def paths(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The files of a report; those that differ in how they end come as one pattern that a shell expands."""
    own = {kind: path.rpartition(".") for kind, path in files.items() if kind != "textfile"}
    stems = {stem for stem, _dot, _end in own.values()}
    if len(own) > 1 and len(stems) == 1:
        yield "files", f"{stems.pop()}.{{{','.join(end for _stem, _dot, end in own.values())}}}"
        files = {kind: path for kind, path in files.items() if kind not in own}
    yield from files.items()
