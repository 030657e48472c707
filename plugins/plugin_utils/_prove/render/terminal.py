# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as text: what an operator sees at three in the morning.

The worst comes first, each root cause stands once, what is fine is counted, and the last line is the verdict. With
``verbose`` every check is named, as it is on the page.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
    Check,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import RUN

from ..causes import FAILING
from ..ledger.onset import Onset
from ..report import Report
from . import folding, formatting, largest, onset_text
from .folding import CauseGroup
from .layout import Layout, Row, solid

#: A mark for each status, so that a column can be scanned without reading and without colours.
MARKS = {CRITICAL: "!!", UNKNOWN: "??", WARNING: "!", OK: "ok", NOT_APPLICABLE: "--"}

#: Without ``verbose``: so many root causes have their evidence, and each of them so many different consequences.
CAUSES = 12
CONSEQUENCES = 6
#: So many checks are named where they say the same, and so many hosts or ranges of hosts.
NAMES = 12
HOSTS = 8
#: A limit that is longer than this does not stand in the first line.
LIMIT = 60
#: So many reasons are given for what does not apply.
REASONS = 12


def render(
    report: Report,
    *,
    width: int,
    colour: bool,
    files: Mapping[str, str] | None = None,
    onsets: Mapping[str, Onset] | None = None,
    verbose: bool = False,
) -> str:
    """The whole report for a terminal that is ``width`` columns wide.

    ``files`` names where else it was written; ``onsets`` has since when root causes fail, by ``host/id``.
    """
    page = _Page(report, Layout(width, colour), onsets or {}, verbose)
    written = files or {}
    sections = [
        page.headline(),
        page.actions(),
        page.causes(),
        page.suppressed(),
        page.unexplained(),
        page.services(),
        largest.lines(report, width),
        page.fine(),
        page.not_applicable(),
        page.not_run(),
        page.notes(),
        page.locations(written),
        page.verdict(written),
    ]
    return "\n\n".join("\n".join(line.rstrip() for line in section) for section in map(list, sections) if section)


class _Page:
    """The sections of a report, each as lines; a section without lines does not appear."""

    def __init__(self, report: Report, layout: Layout, onsets: Mapping[str, Onset], verbose: bool) -> None:
        self._report = report
        self._layout = layout
        self._onsets = onsets
        self._verbose = verbose
        self._groups, self._unexplained = folding.causes(
            report, folding.each_apart if verbose else folding.together_over_hosts
        )
        #: What changed on a host stands with the first of its causes.
        self._written: set[str] = set()
        #: Where all checks are of one host, its name says nothing.
        self._one_host = len({formatting.where(check) for check in report.checks}) == 1

    def headline(self) -> Iterable[str]:
        """Verdict, platform, procedure, what arrived, counts, time taken: one line wherever it fits."""
        report = self._report
        status = formatting.verdict(report)
        facts = [
            formatting.status_word(status).upper(),
            formatting.clean(report.run.platform),
            formatting.clean(report.run.procedure),
            formatting.received(report),
            *(f"{amount} {formatting.status_word(name)}" for name, amount in report.counts.items() if amount),
            # Where no host says when it was inspected, it is not known how long that took.
            *([formatting.duration(report.duration_s)] if report.duration_s else []),
        ]
        if report.not_run:
            limited = formatting.limited(report)
            # A list of hosts stands below.
            facts.insert(
                4,
                formatting.clean(f"{len(report.not_run)} not run ({limited if len(limited) <= LIMIT else 'limited'})"),
            )
        if report.suppressions:
            facts.append(formatting.outcome(report))
        if report.run.check_mode:
            facts.append("check mode: nothing is recorded")
        return self._status_first(facts, status)

    def actions(self) -> Iterable[str]:
        """What the run did to its hosts, and what it tried to do."""
        actions = self._report.actions
        if actions:
            yield f"done to the hosts ({len(actions)})"
            yield from self._layout.table(
                [
                    Row(
                        [str(action["host"]), str(action["subject"]), str(action["outcome"])],
                        "; ".join(formatting.action_lines(action)),
                    )
                    for action in actions
                ]
            )

    def causes(self) -> Iterable[str]:
        """What has to be fixed, each with its evidence, since when it fails, what it explains, and its remedy."""
        if self._groups:
            amount = len(self._report.causes)
            yield f"root causes ({amount}{'' if len(self._groups) == amount else ', alike ones together'})"
        known = len(self._groups) if self._verbose else CAUSES
        for number, group in enumerate(self._groups, start=1):
            rank, status = f"{number:>2}. ", formatting.status_word(group.first.status).upper()
            indent = " " * len(rank)
            first, *more = self._layout.wrap(self._title(group), f"{rank}{status}  ", indent)
            yield first.replace(status, self._layout.paint(status, group.first.status), 1)
            yield from more
            if number <= known:
                yield from self._about(group, indent)
        if len(self._groups) > known:
            yield f"    The page and -v have the evidence of number {known + 1} to {len(self._groups)}."

    def suppressed(self) -> Iterable[str]:
        """What fails and does not fail the run: the operator, the reason and how long still."""
        suppressions = self._report.suppressions
        if not suppressions:
            return
        yield f"suppressed ({len(suppressions)}): failing, but not failing the run"
        failing = (check for check in self._report.failing(FAILING) if check.address in suppressions)
        for checks in formatting.alike(failing, lambda check: suppressions[check.address].sentence):
            yield from self._layout.wrap(suppressions[checks[0].address].sentence, "  ", "    ")
            yield from self._alike(checks, "    ")

    def unexplained(self) -> Iterable[str]:
        """What fails, is neither a root cause nor explained by one, and has no suppression: there should be none."""
        if self._unexplained:
            yield f"failing as well ({len(self._unexplained)})"
            yield from self._alike(self._unexplained, "  ")

    def services(self) -> Iterable[str]:
        """A line for each service of a host, or of many hosts where there are too many of them."""
        rows = [
            Row(
                [
                    MARKS[line.status],
                    "this run itself" if line.service == RUN else line.service,
                    "" if self._one_host else self._hosts(line.hosts),
                    ", ".join(f"{amount} {formatting.status_word(status)}" for status, amount in line.counts.items()),
                ],
                solid(self._compact(line.hosts)) if len(line.hosts) > 1 and self._worth_naming(line.status) else "",
                line.status,
            )
            for line in folding.services(self._report)
        ]
        if rows:
            yield "services"
            yield from self._layout.table(rows)

    def fine(self) -> Iterable[str]:
        """With ``verbose``, every check that is fine."""
        fine = [check for check in self._report.checks if check.status == OK]
        if not fine or not self._verbose:
            return
        yield f"ok ({len(fine)})"
        rows = []
        for service, hosts, columns in folding.together(fine):
            items = [f"{formatting.short_name(same[0])} {formatting.spread(same)}".strip() for same in columns]
            on = f"; on {formatting.compact(hosts)}" if len(hosts) > 1 else ""
            rows.append(Row([MARKS[OK], service, "" if self._one_host else self._hosts(hosts)], solid(items, on), OK))
        yield from self._layout.table(rows)

    def not_applicable(self) -> Iterable[str]:
        """What does not apply: how much of it for which reason, or with ``verbose`` every check."""
        absent = self._report.failing([NOT_APPLICABLE])
        if not absent:
            return
        yield f"not applicable ({len(absent)})"
        ordered = sorted(formatting.alike(absent, lambda check: check.message), key=len, reverse=True)
        known = len(ordered) if self._verbose else REASONS
        for checks in ordered[:known]:
            amount = f"{len(checks):>4}  "
            yield from self._layout.wrap(checks[0].message, amount, " " * len(amount))
            if self._verbose:
                yield from self._named(((formatting.where(one), formatting.full_name(one)) for one in checks), " " * 8)
        if rest := sum(map(len, ordered[known:])):
            others = formatting.count(len(ordered) - known, "other reason")
            yield f"{rest:>4}  for {others}; the page and -v have them all"

    def not_run(self) -> Iterable[str]:
        """What ``--limit`` kept out: neither fine nor forgotten."""
        left_out = self._report.not_run
        if not left_out:
            return
        amount = formatting.count(len(left_out), "check")
        yield from self._layout.wrap(f"not run ({formatting.limited(self._report)}): {amount}", "", "  ")
        pairs = (address.split("/", 1) for address in left_out)
        yield from self._named(((host, name) for host, name in pairs), "  ")

    def notes(self) -> Iterable[str]:
        """What there is to say of silences that do nothing."""
        if self._report.notes:
            yield f"silences to look after ({len(self._report.notes)})"
        for note in self._report.notes:
            yield from self._layout.wrap(note, "  ", "    ")

    def locations(self, files: Mapping[str, str]) -> Iterable[str]:
        """Where this is kept. Paths and hashes are not wrapped: they are there to be copied."""
        head = self._report.ledger
        if head:
            yield f"ledger    run {head['sequence']}, {formatting.clean(head['path'])}"
            yield f"head      {head['sha256']}"
        else:
            yield "ledger    this run is not recorded"
        for kind, path in folding.paths(files):
            yield f"{kind:<8}  {formatting.clean(path)}"

    def verdict(self, files: Mapping[str, str]) -> Iterable[str]:
        """The last line: status, first root cause, page."""
        status = formatting.verdict(self._report)
        facts = [formatting.status_word(status).upper(), formatting.clean(self._reason())]
        if page := files.get("html"):
            facts.append(f"page {formatting.clean(page)}")
        return self._status_first(facts, status)

    def _status_first(self, facts: Sequence[str], status: str) -> list[str]:
        lines = self._layout.flow(facts)
        lines[0] = self._layout.paint(facts[0], status) + lines[0][len(facts[0]) :]
        return lines

    def _reason(self) -> str:
        """Why the verdict is what it is, in a few words."""
        if not self._groups:
            return formatting.outcome(self._report) or formatting.received(self._report)
        more = len(self._report.causes) - len(self._groups[0].checks)
        return self._title(self._groups[0], short=True) + (
            f", and {formatting.count(more, 'more cause')}" if more else ""
        )

    def _title(self, group: CauseGroup, *, short: bool = False) -> str:
        """Which check it is, on which hosts, and what it looked at where that says more."""
        more = len(group.names) - 1
        host = "" if self._one_host else f"{self._hosts(group.hosts)}: "
        title = f"{host}{group.names[0]}{f' and {more} more' if more else ''}"
        return f"{title}, at {group.target}" if group.target and not short else title

    def _about(self, group: CauseGroup, indent: str) -> Iterator[str]:
        first, wrap = group.first, self._layout.wrap
        example = ""
        if others := self._some(group.names[1:]):
            yield from wrap(solid([f"also {others[0]}", *others[1:]]), indent)
        if len(group.hosts) > 1:
            example = f"for example {formatting.where(first)}: "
            hosts = self._compact(group.hosts)
            yield from wrap(solid([f"on {hosts[0]}", *hosts[1:]]), indent)
        values = formatting.spread(group.checks) if len(group.names) == 1 and example else ""
        yield from wrap(f"{f'{values}; ' if values else ''}{example}{_evidence(first)}", indent)
        if suppression := self._report.suppressions.get(first.address):
            yield from wrap(suppression.sentence, indent)
        if onset := self._onsets.get(first.address):
            yield from wrap(f"{example}{onset_text.since(onset, first)}", indent)
            for text in onset_text.changes(onset):
                if text not in self._written:
                    self._written.add(text)
                    yield from wrap(text, indent)
        if group.consequences:
            observers = {formatting.where(check) for check in group.consequences}
            on = "" if self._one_host or len(observers) == 1 else f" on {len(observers)} hosts"
            yield f"{indent}explains {formatting.count(len(group.consequences), 'check')}{on}"
            yield from self._alike(group.consequences, f"{indent}  ", group)
        if first.remedy:
            # Not wrapped: it is there to be copied.
            where = f", for example on {formatting.where(first)}" if example else ""
            yield f"{indent}to fix it{where}: {formatting.clean(first.remedy)}"

    def _alike(self, checks: Iterable[Check], indent: str, cause: CauseGroup | None = None) -> Iterator[str]:
        """Failing checks, those that say the same in one row; what stands at their cause already is not repeated."""
        alike = folding.alike(checks, most=sys.maxsize if self._verbose else CONSEQUENCES)
        known = len(alike) if self._verbose else CONSEQUENCES
        rows = [self._row(same, cause) for same in alike[:known]]
        if rows:
            yield from self._layout.table(rows, indent)
        if rest := sum(map(len, alike[known:])):
            others = formatting.count(rest, "check")
            yield f"{indent}and {others} that say something else; the page and -v have them all"

    def _row(self, same: Sequence[Check], cause: CauseGroup | None) -> Row:
        first, hosts = same[0], list(dict.fromkeys(map(formatting.where, same)))
        cells = [formatting.status_word(first.status), "" if self._one_host else self._hosts(hosts)]
        names = self._names(same)
        on = "" if len(hosts) == 1 or (cause and hosts == cause.hosts) else f" on {', '.join(self._compact(hosts))}"
        if len({check.message for check in same}) > 1:
            message = f"; for example {formatting.where(first)}: {_evidence(first)}"
        elif cause and first.message == cause.first.message:
            message = ""
        else:
            message = f": {_evidence(first) if len(same) == 1 else first.message}"
        return Row(cells, solid(names, on + message), first.status)

    def _named(self, pairs: Iterable[tuple[str, str]], indent: str) -> Iterator[str]:
        """Hosts with the names of their checks; hosts with the same ones stand together."""
        by_host = formatting.hosts_alike(pairs)
        known = len(by_host) if self._verbose else CONSEQUENCES
        for hosts, names in by_host[:known]:
            prefix = "" if self._one_host else f"{', '.join(self._compact(hosts))}: "
            listed = self._some(names)
            yield from self._layout.wrap(solid([f"{prefix}{listed[0]}", *listed[1:]]), indent, f"{indent}  ")
        if rest := sum(len(hosts) for hosts, _names in by_host[known:]):
            yield f"{indent}and on {formatting.count(rest, 'more host')}; the page and -v have them all"

    def _compact(self, hosts: Sequence[str]) -> list[str]:
        return formatting.compact_items(hosts, sys.maxsize if self._verbose else HOSTS)

    def _names(self, checks: Sequence[Check]) -> list[str]:
        """The names of checks, or how many each service has of them."""
        names = list(dict.fromkeys((check.service, formatting.full_name(check)) for check in checks))
        if self._verbose or len(names) <= NAMES:
            return [name for _service, name in names]
        return [f"{amount} of {service}" for service, amount in Counter(service for service, _name in names).items()]

    def _some(self, names: Sequence[str]) -> list[str]:
        rest = len(names) - NAMES
        # One more takes no more room than to say that there is one more.
        return list(names) if self._verbose or rest <= 1 else [*names[:NAMES], f"and {rest} more"]

    def _worth_naming(self, status: str) -> bool:
        return self._verbose or status in FAILING

    @staticmethod
    def _hosts(hosts: Sequence[str]) -> str:
        return hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts"


def _evidence(check: Check) -> str:
    """What was measured, what was seen, and the limit that was crossed."""
    value, limit = formatting.value_of(check), formatting.limit_of(check)
    return (f"{value}: " if value else "") + check.message + (f" ({limit})" if limit else "")
