# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page: whole by itself, nothing left out, harmless whatever a host says, and readable without colours."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, Check
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import html
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report

from tests.support import sample_reports
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


@pytest.mark.parametrize("report", REPORTS, ids=["quiet", "bad", "large", "rotation"])
def test_render_shows_every_check_with_status_as_text(report: Report) -> None:
    shown = page(report)
    rows = [one for one in shown.all("tr") if (one.get("id") or "").startswith("check-")]
    assert [one["class"] for one in rows].count(OK) == report.counts[OK]
    assert len(rows) == len(report.checks)
    for one in report.checks:
        assert f"{one.status.replace('_', ' ')} {one.name}" in shown.text
        assert one.message in shown.text


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
        " undone db postgres server certificate 77aa was taken back"
    ) in shown
    assert "Done to the hosts" not in page(sample_reports.bad_night()).text


def test_render_header_has_verdict_counts_and_facts() -> None:
    shown = page(sample_reports.bad_night()).text
    assert shown.startswith(
        "xorb-demo / daily Critical 5 root causes stand behind 15 failing checks. 20 of 30 expected checks arrived."
        " 4 checks did not run (limited to db:web:control). 5 critical 8 unknown 2 warning 12 ok"
        " 2026-11-23 03:15:03 UTC took 3.1 s run by alex 3 hosts Root causes"
    )
    assert "OK Nothing fails. 26 of 26 expected checks arrived." in page(sample_reports.quiet_morning()).text


def test_render_cause_has_evidence_consequences_and_remedy() -> None:
    shown = page(sample_reports.bad_night()).text
    assert "Explains 4 other checks db postgres.sql.query, postgres.sql.connections" in shown
    assert "To mend it ansible-playbook xorb.runbook.service_recover -e service=postgres" in shown
    assert "97.6 % max 80 / 90 %" in shown


def test_render_blocked_check_links_to_its_cause() -> None:
    source = html.render(sample_reports.bad_night())
    targets = set(re.findall(r'blocked by <a href="#(check-\d+)">db/postgres.supervisor.state</a>', source))
    assert len(targets) == 1
    (row,) = re.findall(rf'id="{targets.pop()}">.*?</tr>', source, re.DOTALL)
    assert "postgres supervisor state" in row


def test_render_services_come_worst_first() -> None:
    services = [service.name for service in html._services(sample_reports.bad_night().checks, _Anchors())]
    assert services == ["api", "host", "postgres", "this run itself", "proxy", "redis"]


class _Anchors(dict[str, str]):
    def __missing__(self, _host: str) -> str:
        return "anywhere"


def test_render_not_run_and_ledger_and_facts() -> None:
    shown = page(sample_reports.bad_night()).text
    assert "4 checks were left out, because this run was limited to db:web:control. Nobody knows how they are." in shown
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


def test_render_forty_hosts_stay_below_three_megabytes() -> None:
    assert len(html.render(sample_reports.large_platform()).encode()) < 3 * MEGABYTE


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
    assert html._bar(sample(given)) == html.Bar(value, limits)


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
    assert html._bar(sample(given)) is None


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
