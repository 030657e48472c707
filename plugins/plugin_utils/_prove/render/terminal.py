# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as text: what somebody sees at three in the morning. The worst comes first, and nothing is left out."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    NOT_APPLICABLE,
    OK,
    UNKNOWN,
    WARNING,
    Check,
)

from ..causes import FAILING, Cause
from ..report import Report
from . import largest, wording

#: A mark for each status, so that a column can be scanned without reading and without colours.
MARKS = {CRITICAL: "!!", UNKNOWN: "??", WARNING: "!", OK: "ok", NOT_APPLICABLE: "--"}

COLOURS = {CRITICAL: "1;31", UNKNOWN: "1;35", WARNING: "33", OK: "32", NOT_APPLICABLE: "2"}

GAP = 2
#: A column is never made narrower than this.
LEAST = 11
#: More hosts than this with the same checks of a service share a line.
HOSTS_APART = 8
#: With less room than this, what a row has to say stands below it.
READABLE = 40
#: A space that is no place to break a line at; no clean text has one.
SOLID = "\N{INFORMATION SEPARATOR ONE}"
#: More consequences than this are counted at their cause and named in the table.
NAMED_CONSEQUENCES = 12


def render(report: Report, *, width: int, colour: bool, files: Mapping[str, str] | None = None) -> str:
    """The whole report for a terminal that is ``width`` columns wide; ``files`` names where else it was written."""
    page = _Page(report, width, colour)
    sections = [
        page.headline(),
        page.actions(),
        page.causes(),
        page.excused(),
        page.failing(),
        largest.lines(report, width),
        page.fine(),
        page.not_applicable(),
        page.not_run(),
        page.notes(),
        page.places(files or {}),
    ]
    return "\n\n".join("\n".join(line.rstrip() for line in section) for section in map(list, sections) if section)


@dataclass(frozen=True)
class _Row:
    """A row of a table: short cells, one of them a status, and paragraphs of any length.

    A paragraph is a text or a list of items, none of which is torn at the end of a line.
    """

    cells: Sequence[str]
    paragraphs: Sequence[str | list[str]] = ()
    status: str = ""


class _Page:
    """The sections of a report, each as lines; a section without lines does not appear."""

    def __init__(self, report: Report, width: int, colour: bool) -> None:
        self._report = report
        self._width = width
        self._colour = colour
        self._checks = wording.causes_by_address(report)

    def headline(self) -> Iterable[str]:
        """Verdict, platform, procedure, what arrived, counts, time taken: one line wherever it fits."""
        report = self._report
        status = wording.verdict(report)
        facts = [
            wording.status_word(status).upper(),
            wording.clean(report.run.platform),
            wording.clean(report.run.procedure),
            wording.received(report),
            *(f"{amount} {wording.status_word(name)}" for name, amount in report.counts.items() if amount),
            wording.duration(report.duration_s),
        ]
        if report.not_run:
            facts.insert(4, wording.clean(f"{len(report.not_run)} not run ({wording.limited(report)})"))
        if report.excuses:
            facts.append(wording.outcome(report))
        if report.run.check_mode:
            facts.append("check mode: nothing is recorded")
        lines = self._flow(facts)
        lines[0] = self._paint(facts[0], status) + lines[0][len(facts[0]) :]
        return lines

    def actions(self) -> Iterable[str]:
        """What the run did to its hosts, and what it tried to do."""
        actions = self._report.actions
        if actions:
            yield f"done to the hosts ({len(actions)})"
        rows = [
            _Row([str(action["host"]), str(action["subject"]), str(action["outcome"])], list(wording.deed(action)))
            for action in actions
        ]
        if rows:
            yield from self._table(rows, shares=(5, 5, 6))

    def causes(self) -> Iterable[str]:
        """What has to be mended, each with its evidence, what it explains, and how it is mended."""
        causes = self._report.causes
        if causes:
            yield f"root causes ({len(causes)})"
        for place, cause in enumerate(causes, start=1):
            check = self._checks[cause.check]
            rank, status = f"{place:>2}. ", wording.status_word(check.status).upper()
            indent = " " * len(rank)
            title = f"{rank}{status}  {wording.clean(_title(check))}"
            for number, line in enumerate(self._wrap(title, "", indent)):
                yield line if number else line.replace(status, self._paint(status, check.status), 1)
            for text in self._about_cause(check, cause):
                yield from self._wrap(wording.clean(text), indent)
            if check.remedy:
                # Not wrapped: it is there to be copied.
                yield f"{indent}to mend it: {wording.clean(check.remedy)}"

    def excused(self) -> Iterable[str]:
        """What fails and does not fail the run: by whom, why and how long still."""
        excuses = self._report.excuses
        if excuses:
            yield f"excused ({len(excuses)}): failing, but not failing the run"
        alike: dict[str, list[str]] = defaultdict(list)
        for address, excuse in excuses.items():
            alike[excuse.sentence].append(address)
        for sentence, addresses in alike.items():
            yield from self._wrap(wording.clean(sentence), "  ", "    ")
            for hosts, names in wording.by_host(addresses):
                yield from self._wrap(wording.clean(f"{hosts}: {', '.join(names)}"), "    ", "      ")

    def notes(self) -> Iterable[str]:
        """What there is to say of silences that do nothing."""
        if self._report.notes:
            yield f"silences to look after ({len(self._report.notes)})"
        for note in self._report.notes:
            yield from self._wrap(wording.clean(note), "  ", "    ")

    def failing(self) -> Iterable[str]:
        """Every check that is not fine, worst first; consequences that say the same share a row."""
        failing = self._report.failing(FAILING)
        if not failing:
            return
        yield f"not ok ({len(failing)})"
        alike: dict[tuple[str, ...], list[Check]] = defaultdict(list)
        for check in failing:
            # Consequences only: a root cause has a row of its own.
            same = (check.host, check.status, check.message, check.blocked_by) if check.blocked_by else check.key
            alike[(*same, wording.value_of(check), self._excuse(check))].append(check)
        head = _Row(["HOST", "CHECK", "STATUS", "VALUE"], ["MESSAGE"])
        rows = [_row(checks, self._excuse(checks[0])) for checks in alike.values()]
        yield from self._table([head, *rows], shares=(7, 4, 1, 7))

    def fine(self) -> Iterable[str]:
        """Every check that is fine, one line for each service of a host."""
        fine = [check for check in self._report.checks if check.status == OK]
        if not fine:
            return
        yield f"ok ({len(fine)})"
        groups: dict[tuple[str, str], list[Check]] = defaultdict(list)
        for check in fine:
            groups[check.service, wording.where(check)].append(check)
        rows = []
        for service, hosts, checks in _together(groups):
            items = [f"{wording.short_name(same[0])} {wording.spread(same)}" for same in checks]
            many = len(hosts) > 1
            place = f"{len(hosts)} hosts" if many else hosts[0]
            paragraphs: list[str | list[str]] = [items]
            if many:
                paragraphs.append(f"on {wording.compact(hosts)}")
            rows.append(_Row([MARKS[OK], place, service], paragraphs, OK))
        yield from self._table(rows, shares=(1, 6, 6))

    def not_applicable(self) -> Iterable[str]:
        """What the description says is not there, and why."""
        absent = self._report.failing([NOT_APPLICABLE])
        if not absent:
            return
        yield f"not applicable ({len(absent)})"
        hosts: dict[tuple[str, str], list[str]] = defaultdict(list)
        for check in absent:
            hosts[wording.full_name(check), check.message].append(wording.where(check))
        mark = MARKS[NOT_APPLICABLE]
        yield from self._table(
            [
                _Row([mark, wording.compact(places), name], [text], NOT_APPLICABLE)
                for (name, text), places in hosts.items()
            ],
            shares=(1, 4, 3),
        )

    def not_run(self) -> Iterable[str]:
        """What ``--limit`` kept out: neither fine nor forgotten."""
        left_out = self._report.not_run
        if not left_out:
            return
        title = f"not run ({wording.limited(self._report)}): {wording.count(len(left_out), 'check')}"
        yield from self._wrap(wording.clean(title), "", "  ")
        for hosts, names in wording.by_host(left_out):
            yield from self._wrap(wording.clean(f"{hosts}: {', '.join(names)}"), "  ", "    ")

    def places(self, files: Mapping[str, str]) -> Iterable[str]:
        """Where this is kept. Paths and hashes are not wrapped: they are there to be copied."""
        head = self._report.ledger
        width = max(map(len, ("ledger", *files)))
        if head:
            yield f"{'ledger':<{width}}  run {head['sequence']}, head {head['sha256']}"
            yield f"{'':<{width}}  {wording.clean(head['path'])}"
        else:
            yield f"{'ledger':<{width}}  this run is not recorded"
        for kind, path in files.items():
            yield f"{kind:<{width}}  {wording.clean(path)}"

    def _excuse(self, check: Check) -> str:
        excuse = self._report.excuses.get(check.address)
        return excuse.sentence if excuse else ""

    def _about_cause(self, check: Check, cause: Cause) -> Iterator[str]:
        value = wording.value_of(check)
        yield f"{value}: {_evidence(check)}" if value else _evidence(check)
        if excuse := self._excuse(check):
            yield excuse
        if cause.explains:
            yield f"explains {wording.count(len(cause.explains), 'check')}{self._consequences(cause.explains)}"

    def _consequences(self, addresses: Sequence[str]) -> str:
        hosts = wording.by_host(addresses)
        if len(addresses) <= NAMED_CONSEQUENCES:
            return ": " + "; ".join(f"{host}: {', '.join(names)}" for host, names in hosts)
        if len(hosts) == 1:
            return f" on {hosts[0][0]}, named below"
        return ", named below: " + ", ".join(f"{len(names)} on {host}" for host, names in hosts)

    def _paint(self, text: str, status: str) -> str:
        return f"\033[{COLOURS[status]}m{text}\033[0m" if self._colour and status and text else text

    def _flow(self, facts: list[str]) -> list[str]:
        """Facts side by side, on as many lines as they need; a fact is never torn."""
        lines = [facts[0]]
        for fact in facts[1:]:
            longer = f"{lines[-1]}  {fact}"
            if len(longer) <= self._width:
                lines[-1] = longer
            else:
                lines.append(f"  {fact}")
        return lines

    def _wrap(self, text: str, indent: str, hanging: str | None = None) -> list[str]:
        return textwrap.wrap(
            text,
            self._width,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_on_hyphens=False,
        )

    def _table(self, rows: Sequence[_Row], shares: Sequence[int]) -> Iterator[str]:
        """Columns as wide as they need, at most one part in ``shares`` of the page; paragraphs get the rest."""
        rows = [replace(row, cells=[wording.clean(cell) for cell in row.cells]) for row in rows]
        widths = [
            min(max(len(row.cells[index]) for row in rows), max(self._width // share, LEAST))
            for index, share in enumerate(shares)
        ]
        used = sum(width + GAP for width in widths if width)
        room = self._width - used
        indent = used if room >= READABLE else widths[0] + GAP
        for row in rows:
            beside = self._cells(row, widths)
            paragraphs = [line for paragraph in row.paragraphs for line in _wrapped(paragraph, self._width - indent)]
            if indent == used:
                yield from (f"{cells or ' ' * used}{text or ''}" for cells, text in zip_longest(beside, paragraphs))
            else:
                yield from beside
                yield from (f"{' ' * indent}{text}" for text in paragraphs)

    def _cells(self, row: _Row, widths: Sequence[int]) -> list[str]:
        """The short cells of a row, padded, on as many lines as the longest needs; an empty column takes no room."""
        columns = [
            (cell, width, textwrap.wrap(cell, width, break_on_hyphens=False))
            for cell, width in zip(row.cells, widths, strict=True)
            if width
        ]
        word = {MARKS.get(row.status), _status_cell(row.status)} if row.status else set()
        return [
            "".join(
                self._paint(line, row.status if cell in word else "") + " " * (width - len(line) + GAP)
                for cell, width, lines in columns
                for line in [lines[index] if index < len(lines) else ""]
            )
            for index in range(max((len(lines) for _cell, _width, lines in columns), default=0))
        ]


def _wrapped(paragraph: str | list[str], width: int) -> list[str]:
    if isinstance(paragraph, str):
        return textwrap.wrap(wording.clean(paragraph), width, break_on_hyphens=False)
    items = [wording.clean(item).replace(" ", SOLID) for item in paragraph]
    return [line.replace(SOLID, " ") for line in textwrap.wrap(", ".join(items), width, break_on_hyphens=False)]


def _title(check: Check) -> str:
    """Which check it is, on which host, and what it looked at where that says more."""
    place = f"{wording.where(check)}: {wording.full_name(check)}"
    return f"{place}, at {check.target}" if check.target not in ("", check.host, wording.CONTROL_NODE) else place


def _evidence(check: Check) -> str:
    limit = wording.limit_of(check)
    return f"{check.message} ({limit})" if limit else check.message


def _row(checks: list[Check], excuse: str) -> _Row:
    """One check, or several that say the same, and why they do not fail the run."""
    first = checks[0]
    name = wording.full_name(first)
    paragraphs: list[str | list[str]] = [_evidence(first)]
    if len(checks) > 1:
        name = f"{len(checks)} checks"
        paragraphs.append([wording.full_name(check) for check in checks])
    if first.blocked_by:
        paragraphs.append(f"blocked by {first.blocked_by}")
    if excuse:
        paragraphs.append(excuse)
    cells = [wording.where(first), name, _status_cell(first.status), wording.value_of(first)]
    return _Row(cells, paragraphs, first.status)


def _status_cell(status: str) -> str:
    return f"{MARKS[status]} {wording.status_word(status)}"


def _together(groups: Mapping[tuple[str, str], list[Check]]) -> Iterator[tuple[str, list[str], list[list[Check]]]]:
    """Services with their hosts and checks; many hosts with the same checks of a service come as one."""
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for (service, host), checks in sorted(groups.items()):
        alike[(service, *(wording.short_name(check) for check in checks))].append(host)
    for (service, *_names), hosts in alike.items():
        for some in [hosts] if len(hosts) > HOSTS_APART else [[host] for host in hosts]:
            columns = zip(*(groups[service, host] for host in some), strict=True)
            yield service, some, [list(column) for column in columns]
