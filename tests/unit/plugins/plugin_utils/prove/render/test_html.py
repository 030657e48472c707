# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page: whole by itself, nothing left out, harmless whatever a host says, and readable without colours."""

from __future__ import annotations

import re
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, Check
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import FAILING
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import formatting, html, rows
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report, Suppression

from tests.support import sample_reports
from tests.support.pages import addresses
from tests.support.sample_reports import RUN, assembled, check

REPORTS = [
    sample_reports.quiet_morning(),
    sample_reports.bad_night(),
    sample_reports.large_platform(),
    sample_reports.rotation(),
]
MEGABYTE = 1024 * 1024
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}\u202e\x00"

#: Elements that HTML does not close.
VOID = {"meta", "input"}


class Page(HTMLParser):
    """A page taken apart: its elements, its visible text, and whether every element is closed where it should be."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self.feed(source)
        self.close()
        self.faults += [f"{tag} is never closed" for tag in self._open]

    @property
    def text(self) -> str:
        """What is to be read, on one line."""
        return " ".join("".join(self._text).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of one kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.elements.append((tag, dict(attrs)))
        if len(attrs) != len(dict(attrs)):
            self.faults.append(f"{tag} has an attribute twice")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element that closes itself, as those of SVG do."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which has to be this one."""
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"{tag} is closed out of turn")

    def handle_data(self, data: str) -> None:
        """Keep what is visible."""
        if not {"style", "title", "desc"} & set(self._open):
            self._text.append(f"{data} ")


def page(report: Report) -> Page:
    """The page of a report."""
    return Page(html.render(report))


@pytest.mark.parametrize("report", REPORTS, ids=["quiet", "bad", "large", "rotation"])
def test_render_is_sound_and_needs_nothing_else(report: Report) -> None:
    source = html.render(report)
    shown = Page(source)
    assert shown.faults == []
    assert not {"script", "link", "img", "iframe", "form", "object", "base"} & {
        tag for tag, _attributes in shown.elements
    }
    assert re.findall(r"https?://|url\(|@import|javascript:", source) == []
    policy = [one["content"] for one in shown.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def failing_addresses(report: Report) -> list[str]:
    """What has to be found on the page."""
    return sorted(check.address for check in report.failing(FAILING))


@pytest.mark.parametrize("report", REPORTS, ids=["quiet", "bad", "large", "rotation"])
def test_render_shows_everything_that_fails_once_and_with_its_evidence(report: Report) -> None:
    source = html.render(report)
    assert sorted(addresses(source)) == failing_addresses(report)
    shown = Page(source).text
    for one in report.failing(FAILING):
        assert formatting.status_word(one.status) in shown
        assert one.message in shown


def everything_fails_differently() -> Report:
    """Hosts without numbers, of which none says what another one says."""
    names = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen"]
    words = [f"{one} {two}" for one in names for two in names]
    return assembled(
        check(host, "api", f"port{number}", "connect", CRITICAL, message=f"{words[number]} bites {host}")
        for host in names
        for number in range(40)
    )


def too_much_fails_differently() -> Report:
    """So many hosts of this sort that a card for each thing that they say would be too much."""
    hosts = ["".join("abcdefghij"[int(digit)] for digit in str(number)) for number in range(1000, 1030)]
    words = [f"{one} {two}" for one in hosts for two in hosts]
    return assembled(
        check(host, "api", f"port{number}", "connect", CRITICAL, message=f"{words[index * 20 + number]} and {host}")
        for index, host in enumerate(hosts)
        for number in range(20)
    )


def seen_from_elsewhere() -> Report:
    """One host that looks at many, and many that look at one."""
    found = [
        *(check("control", "api", "port", "connect", CRITICAL, owner=f"web{number:03}") for number in range(60)),
        *(check(f"app{number:03}", "db", "port", "connect", UNKNOWN, owner="db") for number in range(60)),
    ]
    return assembled(found)


@pytest.mark.parametrize(
    "report",
    [
        sample_reports.fleet(60, 25),
        sample_reports.fleet(9, 9),
        everything_fails_differently(),
        too_much_fails_differently(),
        seen_from_elsewhere(),
    ],
    ids=["some hosts", "all hosts", "all differently", "far too much", "elsewhere"],
)
def test_render_of_many_failures_loses_none(report: Report) -> None:
    source = html.render(report)
    assert sorted(addresses(source)) == failing_addresses(report)
    assert Page(source).faults == []
    shown = Page(source).text
    assert [one.message for one in report.failing(FAILING) if one.message not in shown] == []


def test_render_of_too_many_outages_has_a_card_a_check() -> None:
    source = html.render(too_much_fails_differently())
    assert source.count('id="cause-') == 20


def test_render_suppressed_failures_are_shown_though_they_are_no_causes() -> None:
    report = sample_reports.bad_night()
    suppressions = {
        one: Suppression(one, "silence", "silenced until noon by alex: known") for one in failing_addresses(report)
    }
    report = replace(report, suppressions=suppressions, causes=())
    source = html.render(report)
    assert sorted(addresses(source)) == failing_addresses(report)
    assert "Root causes" not in source
    assert source.count("silenced until noon by alex: known") == source.count('id="failing-')


def test_render_one_outage_of_many_hosts_is_one_card() -> None:
    report = sample_reports.fleet(40, 12)
    assert len(report.causes) == 12
    shown = page(report)
    cards = [one for one in shown.all("li") if (one.get("id") or "").startswith("cause-")]
    assert len(cards) == 1
    assert "12 hosts: node00029-node00040 postgres supervisor state" in shown.text


def test_render_what_fails_comes_first_and_what_does_not_apply_last() -> None:
    source = html.render(sample_reports.bad_night())
    positions = [source.index(f'<h2 id="{name}"') for name in ("causes", "failing", "over-time", "latency", "fine")]
    assert positions == sorted(positions)
    quiet = html.render(sample_reports.quiet_morning())
    assert quiet.index('<h2 id="fine"') < quiet.index('<h2 id="absent"')
    assert "no UI image in the production file 1 check web temporal_ui.service.available" in Page(quiet).text


def test_render_what_is_fine_has_a_row_a_check_with_its_range_and_its_hosts() -> None:
    shown = page(sample_reports.fleet(40)).text
    assert "postgres 160 checks on 40 hosts: node00001-node00040" in shown
    assert "postgres sql connections 40 hosts: node00001-node00040 4 % max 80 / 90 % 4 of 100 connections" in shown
    assert re.search(r"worker worker 9 health 40 hosts: node00001-node00040 13(\.\d)?-\d+(\.\d)? ms max 500", shown)


def test_render_past_of_a_cause_stands_on_its_card() -> None:
    past = {"db/postgres.supervisor.state": ["failing since run 40 of yesterday", "changed since: <nothing>"]}
    source = html.render(sample_reports.bad_night(), past=past)
    (card,) = re.findall(r'id="cause-\d+">(?:(?!id="cause).)*postgresql@17-main.*?</li>\n</?[lo]', source, re.DOTALL)
    assert "failing since run 40 of yesterday" in card
    assert "changed since: &lt;nothing&gt;" in card


def test_render_quick_error_is_no_slow_answer() -> None:
    quick = check("web", "api", "rest", "health", CRITICAL, value=59.0, unit="ms", critical=3000, message="HTTP 503")
    source = html.render(assembled([quick]))
    assert '<span class="bar ok"' in source
    assert "max 3000 ms" in source
    assert re.findall(r'<g class="dot (\w+)"', source) == [OK]
    slow = replace(quick, value=3500.0)
    assert '<span class="bar critical"' in html.render(assembled([slow]))


def test_render_value_of_zero_at_a_limit_of_zero_is_no_minimum() -> None:
    shown = page(assembled([check("db", "postgres", "sql", "invalid_indexes", value=0, critical=0)])).text
    assert "0 max 0" in shown
    assert "min 0" not in shown


@pytest.mark.parametrize("report", REPORTS, ids=["quiet", "bad", "large", "rotation"])
def test_render_every_link_has_a_target_and_every_id_is_one(report: Report) -> None:
    shown = page(report)
    ids = [attributes["id"] for _tag, attributes in shown.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for _tag, attributes in shown.elements if "href" in attributes]
    assert {str(link)[1:] for link in links} <= {str(one) for one in ids}


def test_render_tells_what_was_done_to_the_hosts() -> None:
    shown = page(sample_reports.rotation()).text
    assert (
        "Done to the hosts done web proxy server certificate 5e2a is in service until 2026-12-23 03:10 UTC, in place of"
        " 41c7 because CN=demo.test expires in 6.2 days, incident INC-7 2026-11-23 03:15:02 UTC, by alex"
        " rolled_back db postgres server certificate 77aa was rolled back"
    ) in shown
    assert "Done to the hosts" not in page(sample_reports.bad_night()).text


def test_render_header_has_verdict_counts_and_facts() -> None:
    shown = page(sample_reports.bad_night()).text
    assert shown.startswith(
        "xorb-demo / daily Critical 5 root causes stand behind 15 failing checks. 20 of 30 expected checks arrived."
        " 4 checks did not run (limited to db:web:control). 5 critical 8 unknown 2 warning 12 ok"
        " api 1 critical host 1 critical postgres 2 critical this run itself 1 critical proxy 2 unknown redis"
        " 2026-11-23 03:15:03 UTC took 3.1 s run by alex 3 hosts Root causes"
    )
    assert "OK Nothing fails. 26 of 26 expected checks arrived." in page(sample_reports.quiet_morning()).text


def test_render_cause_has_evidence_consequences_and_remedy() -> None:
    shown = page(sample_reports.bad_night()).text
    assert "Explains 4 other checks db postgres.sql.query, postgres.sql.connections" in shown
    assert "To fix it ansible-playbook xorb.runbook.service_recover -e service=postgres" in shown
    assert "97.6 % max 80 / 90 %" in shown


def test_render_blocked_check_links_to_its_cause() -> None:
    source = html.render(sample_reports.bad_night())
    targets = set(re.findall(r'blocked by <a href="#(cause-\d+)">db/postgres.supervisor.state</a>', source))
    assert len(targets) == 1
    (card,) = re.findall(rf'id="{targets.pop()}">.*?</h3>', source, re.DOTALL)
    assert "postgres supervisor state" in card


def test_render_services_come_worst_first() -> None:
    services = [service for service, _status, _amount in rows.services(sample_reports.bad_night())]
    assert services == ["api", "host", "postgres", "this run itself", "proxy", "redis"]


def test_render_not_run_and_ledger_and_facts() -> None:
    shown = page(sample_reports.bad_night()).text
    assert "4 checks were left out, because this run was limited to db:web:control. Their state is not known." in shown
    assert "spare host.root.space, host.root.inodes, host.memory.used, host.cpu.used" in shown
    assert "run 42 of /var/lib/state/ledger.sqlite Head of the ledger 9f86d081" in shown
    assert "this run is not recorded" in page(replace(sample_reports.bad_night(), ledger={})).text


def test_render_nothing_expected_is_a_page_too() -> None:
    shown = page(assembled([], expected=[]))
    assert shown.faults == []
    assert "nothing was expected" in shown.text


def test_render_hostile_values_are_text() -> None:
    fields = ("message", "service", "host", "target", "remedy", "name", "unit", "threshold_source", "id")
    evil = replace(
        check("one", "api", "port", "connect", CRITICAL, value=95, warning=80, critical=90),
        **dict.fromkeys(fields, HOSTILE),  # type: ignore[arg-type]
    )
    report = assembled(
        [evil, replace(evil, id="other", value=HOSTILE)],
        run=replace(RUN, platform=HOSTILE, procedure=HOSTILE, who=HOSTILE, limited_to=HOSTILE, id=HOSTILE),
        ledger={"sequence": 1, "sha256": HOSTILE, "path": HOSTILE},
    )
    report = replace(report, not_run=(f"{HOSTILE}/{HOSTILE}",))
    source = html.render(report)
    shown = Page(source)
    assert shown.faults == []
    assert not {"script", "img"} & {tag for tag, _attributes in shown.elements}
    assert not [name for _tag, attributes in shown.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in shown.text
    assert "{{ 7 * 7 }}" in shown.text
    assert not set("\u202e\x00") & set(source)


def test_render_thousand_hosts_stay_below_three_megabytes() -> None:
    report = sample_reports.fleet(1000, 50)
    assert len(report.checks) == 43_000
    source = html.render(report)
    assert len(source.encode()) < 3 * MEGABYTE
    assert sorted(addresses(source)) == failing_addresses(report)


@pytest.mark.parametrize("hosts", [1, 500])
def test_render_many_different_checks_stay_below_three_megabytes(hosts: int) -> None:
    names = [f"{'abcdefghij'[number % 10]}-{number}-host" for number in range(hosts)]
    checks = [
        check(
            names[number % hosts], f"app_{number // 50}", f"port_{number}", "connect",
            value=number % 97, unit="ms", warning=500, critical=2000, message=f"answered request {number}",
        )
        for number in range(4000)
    ]  # fmt: skip
    source = html.render(assembled(checks))
    assert len(source.encode()) < 3 * MEGABYTE
    assert "2500 more checks of this kind, all fine, are in the JSON file" in Page(source).text


def test_render_costs_grow_with_the_hosts_and_no_faster() -> None:
    def cost(hosts: int) -> tuple[int, int, int]:
        report = sample_reports.fleet(hosts, hosts // 10)
        size = len(html.render(report))
        tracemalloc.start()
        html.render(report)
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size, memory, calls(lambda: html.render(report))

    assert [four <= 4.4 * one for one, four in zip(cost(60), cost(240), strict=True)] == [True, True, True]


def calls(work: Callable[[], object]) -> int:
    """How many functions a piece of work calls: its time, on a machine of whatever speed."""
    counted = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


@pytest.mark.parametrize(
    ("given", "value", "limits"),
    [
        ({"value": 43, "unit": "%", "warning": 80, "critical": 90}, 43.0, (80.0, 90.0)),
        ({"value": 500, "unit": "ms", "warning": 500, "critical": 2000}, 20.0, (20.0, 80.0)),
        ({"value": 4000, "unit": "ms", "warning": 500, "critical": 2000}, 100.0, (12.5, 50.0)),
        ({"value": 14, "unit": "days", "warning": 28, "critical": 7, "falling": True}, 25.0, (12.5, 50.0)),
        ({"value": 250, "unit": "%", "warning": 80}, 100.0, (80.0,)),
        ({"value": 3, "unit": "", "critical": 0, "status": CRITICAL}, 100.0, (0.0,)),
    ],
)
def test_bar_value_against_its_thresholds(given: dict[str, object], value: float, limits: tuple[float, ...]) -> None:
    drawn = rows.gauge_of(sample(given))
    assert drawn and (drawn.value, drawn.limits) == (value, limits)


@pytest.mark.parametrize(
    "given",
    [
        {"value": 43},
        {"value": None, "warning": 80},
        {"value": "text", "warning": 80},
        {"value": -3, "warning": 80},
        {"value": 0, "warning": 0},
    ],
)
def test_bar_only_where_there_is_something_to_compare(given: dict[str, object]) -> None:
    assert rows.gauge_of(sample(given)) is None


def sample(given: dict[str, object]) -> Check:
    """A check with just these figures."""
    return replace(check("one", "api", "port", "connect"), **given)  # type: ignore[arg-type]


def test_style_states_are_legible_in_both_schemes() -> None:
    css = (html.TEMPLATES / "page.css").read_text()
    for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]:
        colours = dict(re.findall(r"--([\w-]+): (#\w+)", block))
        states = ("critical", "unknown", "warning", "ok", "none")
        pairs = [("ink", "page"), ("ink", "card"), ("soft", "page"), ("soft", "card"), ("soft", "none-tint")]
        pairs += [(state, other) for state in states for other in (f"{state}-tint", "card", "none-tint")]
        assert [pair for pair in pairs if contrast(colours[pair[0]], colours[pair[1]]) < 4.5] == []


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours as WCAG 2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of ``#rgb`` or ``#rrggbb``."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
