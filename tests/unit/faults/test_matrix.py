# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the table of faults reads answers, groups its rows, and counts; no host is needed for that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults import remote, runner
from tests.faults.catalogue import ROWS
from tests.faults.matrix import (
    BROKEN,
    FINE,
    HANGS,
    READABLE,
    Command,
    Expected,
    Outcome,
    Row,
    Seen,
    Task,
    conflicts,
    rounds,
)
from tests.faults.page import ahead, page, share_of_one_cause
from tests.testbed.faults import Fault

RUNBOOK = {
    "ping": 'redis-cli -p 6379 ping || echo "Redis connectivity issue"',
    "show": "redis-cli -p 6379 info",
    "scale": 'if [ "$count" -gt 800 ]; then\n    echo "High count"\nfi',
}


def row(*uses: str, **changes: object) -> Row:
    """A row that uses some things."""
    sound = Row(
        fault=Fault("stopped", "it is stopped", "db", ("stop",), ("start",)),
        chapter="Redis",
        look={"endpoints": {"main": {"kind": "redis"}}},
        expected=(Expected("main.ping", "critical", "refused"),),
        command=Command("ping"),
        task=Task("community.general.redis_info", {}),
        uses=frozenset(uses),
    )
    return replace(sound, **changes)  # type: ignore[arg-type]


SEEN = Seen(
    command=FINE,
    command_when_sound=FINE,
    command_status=0,
    module=FINE,
    module_when_sound=FINE,
    ours=("critical",),
    causes=("xorb-db/stopped.main.ping",),
    messages=("connection refused",),
    ours_when_sound=("ok",),
)


@pytest.mark.parametrize(
    ("command", "status", "output", "verdict"),
    [
        ("ping", 0, "PONG", FINE),
        ("ping", 0, "NOAUTH Authentication required.", READABLE),
        ("ping", 0, "Could not connect\nRedis connectivity issue", BROKEN),
        ("show", 1, "", BROKEN),
        ("scale", 0, "High count", BROKEN),
        ("ping", None, "", HANGS),
    ],
)
def test_command_is_read_as_a_job_would(command: str, status: int | None, output: str, verdict: str) -> None:
    assert Command(command, telling="NOAUTH").verdict(Outcome(status, output), RUNBOOK) == verdict


@pytest.mark.parametrize(
    ("status", "output", "verdict"),
    [(0, "{}", FINE), (0, '{"is_available": false}', READABLE), (1, "{}", BROKEN), (None, "", HANGS)],
)
def test_module_without_an_assertion_sees_failures_only(status: int | None, output: str, verdict: str) -> None:
    assert Task("ping", {}, telling='"is_available": false').verdict(Outcome(status, output)) == verdict


def test_command_that_the_runbook_does_not_have_is_refused() -> None:
    assert Command("ping", changes={"6379": "7001"}).text(RUNBOOK).startswith("redis-cli -p 7001 ping ||")
    with pytest.raises(ValueError, match="show has no 'nowhere'"):
        Command("show", changes={"nowhere": "here"}).text(RUNBOOK)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("db/redis", "db/redis", True),
        ("compose", "compose/api", True),
        ("db/a", "db/ab", False),
        ("db/a", "db/b", False),
    ],
)
def test_rows_conflict_over_the_same_thing_or_a_part_of_it(one: str, other: str, *, same: bool) -> None:
    assert conflicts(row(one), row(other)) is same
    assert conflicts(row(other), row(one)) is same
    assert len(rounds((row(one), row(other)))) == 1 + same


def test_probe_that_says_what_it_should_has_no_complaint() -> None:
    assert runner.complaints(row(), SEEN) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"ours": ("ok",)}, "main.ping is ok, expected critical: connection refused"),
        ({"messages": ("something",)}, "main.ping does not say 'refused': something"),
        ({"ours_when_sound": ("critical",)}, "main.ping is critical while nothing is broken"),
        ({"ours_when_sound": ("warning",)}, "main.ping is warning while nothing is broken"),
        ({"ours": ("not received",)}, "main.ping is not received, expected critical: connection refused"),
    ],
)
def test_probe_that_does_not_is_complained_about(changes: dict[str, tuple[str]], complaint: str) -> None:
    assert runner.complaints(row(), replace(SEEN, **changes)) == [complaint]  # type: ignore[arg-type]


def test_probe_that_did_not_run_is_complained_about() -> None:
    with pytest.raises(ValueError, match="shorter"):
        runner.complaints(row(), Seen())


@pytest.mark.parametrize(
    ("changes", "complaints"),
    [
        ({}, []),
        ({"command": ""}, ["the command was not run"]),
        ({"module_when_sound": ""}, ["the module was not run"]),
        ({"command_when_sound": READABLE}, ["the command is 'left to the reader' while nothing is broken"]),
        ({"command_when_sound": BROKEN}, []),  # a false alarm is the command's own, and the page says so
    ],
)
def test_others_are_treated_fairly(changes: dict[str, str], complaints: list[str]) -> None:
    assert runner.unfair(row(), replace(SEEN, **changes)) == complaints  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "harmless", "expected"),
    [
        ({"command": FINE}, False, True),
        ({"command": READABLE}, False, True),
        ({"command": HANGS}, False, True),
        ({"command": BROKEN}, False, False),
        ({"command": BROKEN, "command_when_sound": BROKEN}, False, True),
        ({"command": FINE, "ours": ("ok",)}, False, False),
        ({"command": FINE}, True, False),
        ({"command": BROKEN}, True, True),
    ],
)
def test_ahead_is_who_alone_is_right(changes: dict[str, str], *, harmless: bool, expected: bool) -> None:
    assert ahead(row(harmless=harmless), replace(SEEN, **changes)) is expected  # type: ignore[arg-type]


def test_page_shows_where_we_are_not_better() -> None:
    equal = replace(SEEN, command=BROKEN)
    text = page([row()], {"stopped": equal}, RUNBOOK, seconds=10)
    assert '`redis-cli -p 6379 ping \\|\\| echo "Redis connectivity issue"` | **broken**, exit status 0 |' in text
    assert text.endswith("| `redis` ping: **critical** | 1 | **no** |\n")
    assert "| right | 1 | 0 | 1 |" in text


def found(service: str, aspect: str, status: str = "critical", blocked_by: str = "") -> dict[str, str]:
    """A check of a report."""
    where = {"host": "xorb-db", "owner": "xorb-db", "service": service}
    return {**where, "id": f"{service}.main.{aspect}", "status": status, "blocked_by": blocked_by}


def test_causes_of_a_row_are_those_behind_what_failed_of_its_services() -> None:
    checks = [
        found("stopped", "ping"),
        found("stopped", "memory", "unknown", "xorb-db/stopped.main.ping"),
        found("stopped", "replication", "ok"),
        found("needed", "ping", "critical", "xorb-db/other.main.ping"),
        found("another", "ping"),
    ]
    assert runner.causes(checks, row()) == ("xorb-db/stopped.main.ping",)
    both = row(also={"needed": {}})
    assert runner.causes(checks, both) == ("xorb-db/other.main.ping", "xorb-db/stopped.main.ping")
    # Others look at the same service: only what the row is about is of the row.
    assert runner.causes([found("all", "ping"), found("all", "memory")], row(seen_as="all")) == (
        "xorb-db/all.main.ping",
    )
    assert runner.causes([], row()) == ()


def test_two_faults_with_one_cause_are_complained_about() -> None:
    two = row(independent=2)
    assert runner.complaints(two, SEEN) == ["2 faults have the root causes xorb-db/stopped.main.ping"]
    assert runner.complaints(two, replace(SEEN, causes=("a/b.c.d", "a/e.f.g"))) == []


def test_faults_that_share_a_cause_are_named() -> None:
    rows = [row(), replace(row(), fault=replace(row().fault, name="other"))]
    seen = {"stopped": SEEN, "other": replace(SEEN, causes=("a/b.c.d",))}
    assert runner.shared_causes(rows, seen) == []
    assert runner.shared_causes(rows, {**seen, "other": SEEN}) == ["xorb-db/stopped.main.ping: stopped, other"]


def test_page_says_how_many_faults_have_one_cause() -> None:
    names = ("stopped", "other", "two", "harmless")
    stopped, other, two, harmless = (replace(row(), fault=replace(row().fault, name=name)) for name in names)
    rows = [
        stopped,
        other,
        replace(two, independent=2),
        replace(harmless, harmless=True, expected=(Expected("main.ping", "ok"),)),
    ]
    several = replace(SEEN, causes=("a/b.c.d", "a/e.f.g"))
    seen = {"stopped": SEEN, "other": several, "two": several, "harmless": replace(SEEN, causes=(), ours=("ok",))}
    assert share_of_one_cause(rows, seen) == 0.5
    text = page(rows, seen, RUNBOOK, seconds=10)
    assert "1 of the 2 rows with one fault have exactly one root cause\n(50 %), and 1 of 1 with two have two" in text
    assert "| **2** (of 1) |" in text and "| 2 |" in text and "| 0 |" in text
    assert share_of_one_cause(rows, {}) == 0.0


def test_remote_command_that_hangs_is_ended_with_its_children() -> None:
    ended = {"text": "echo done; exit 3", "folder": "/", "environment": {}, "seconds": 20}
    hanging = {"text": "sleep 300 | cat", "folder": "/", "environment": {}, "seconds": 0.2}
    found = remote.run_all({"a": ended, "b": hanging})
    assert (found["a"]["status"], found["a"]["output"]) == (3, "done\n")
    assert (found["b"]["status"], found["b"]["output"]) == (None, "")
    assert 0.2 <= found["b"]["took"] < 300


def test_names_of_the_catalogue_are_unique_and_every_chapter_has_rows() -> None:
    assert len({one.name for one in ROWS}) == len(ROWS) >= 40
    assert len({one.chapter for one in ROWS}) == 9
    assert all(one.expected and one.uses for one in ROWS)


def test_rows_that_are_seen_as_one_service_look_at_the_same() -> None:
    services = {one.service_name: one.service for one in ROWS}
    assert [one.name for one in ROWS if one.service != services[one.service_name]] == []
    assert len(services) < len(ROWS)
