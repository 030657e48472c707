# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many probes, one deadline: none waits for another, and none ends in silence."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients import commands
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    OK,
    UNKNOWN,
    Check,
    Finding,
    Limits,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Given
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kind import Kind
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.runner import Probe, run_probes

Run = Callable[[Given], Iterator[Finding]]


def probe(run: Run, *aspects: str, point: str = "p", **given: Any) -> Probe:
    kind = Kind(
        name="test",
        summary="A kind of this test.",
        topic="health",
        options={},
        expected=lambda _given: aspects,
        run=run,
        target=lambda _given: "8000",
    )
    return Probe(kind, {"service": "s", "point": point, "owner": "o", **given})


def found(*probes: Probe, deadline: float = 60.0) -> dict[str, Check]:
    return {check.id: check for check in run_probes(list(probes), deadline=deadline)}


def good(_given: Given) -> Iterator[Finding]:
    yield Finding("one", OK, "fine")


def test_finding_becomes_a_check() -> None:
    def run(_given: Given) -> Iterator[Finding]:
        yield Finding("one_thing", CRITICAL, "bad", value=9, unit="ms", limits=Limits(1, 2, "ours"), remedy="kind's")
        yield Finding.measured("less", "few", value=0, unit="", limits=Limits(critical=0, falling=True))

    check, less = run_probes([probe(run, "one_thing", topic="logs", remedy="own")], deadline=5)
    assert (check.falling, less.falling) == (False, True)
    assert (less.status, less.limits.judge(-1)) == ("ok", "critical")
    assert (check.id, check.name, check.topic, check.service) == ("s.p.one_thing", "s p one thing", "logs", "s")
    assert (check.host, check.owner, check.target, check.status) == ("", "o", "o:8000", CRITICAL)
    assert (check.value, check.unit, check.warning, check.critical) == (9, "ms", 1, 2)
    assert (check.threshold_source, check.remedy, check.message) == ("ours", "own", "bad")
    assert check.observed_at.endswith("Z") and check.duration_ms is not None


def test_probe_that_hangs_holds_up_no_other() -> None:
    released = threading.Event()

    def hang(_given: Given) -> Iterator[Finding]:
        # What is no daemon would hold up the end of the module.
        yield Finding("one", OK if threading.current_thread().daemon else CRITICAL, "came in time")
        released.wait(600)
        yield Finding("two", OK, "came too late")

    began = time.monotonic()
    checks = found(probe(hang, "one", "two", "three"), probe(good, "one", point="q"), deadline=0.5)
    spent = time.monotonic() - began
    released.set()
    assert 0.4 < spent < 30
    assert {name: check.status for name, check in checks.items()} == {
        "s.p.one": OK,
        "s.p.two": UNKNOWN,
        "s.p.three": UNKNOWN,
        "s.q.one": OK,
    }
    assert checks["s.p.two"].message == "no answer within the deadline of 0.5 s"


def test_probes_do_not_wait_for_each_other() -> None:
    all_at_once = threading.Barrier(20)

    def meet(_given: Given) -> Iterator[Finding]:
        all_at_once.wait(60)
        yield Finding("one", OK, "fine")

    checks = found(*(probe(meet, "one", point=f"p{number}") for number in range(20)), deadline=60)
    assert [check.status for check in checks.values()] == [OK] * 20


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RunbookError("driver not usable"), "driver not usable"),
        (ValueError("odd"), "ValueError: odd"),
        (KeyError("name"), "KeyError: 'name'"),
    ],
)
def test_probe_that_raises_is_unknown_with_the_reason(error: Exception, message: str) -> None:
    def fail(_given: Given) -> Iterator[Finding]:
        yield Finding("one", OK, "fine")
        raise error

    checks = found(probe(fail, "one", "two"), probe(good, "one", point="q"))
    assert checks["s.p.one"].status == checks["s.q.one"].status == OK
    assert (checks["s.p.two"].status, checks["s.p.two"].message) == (UNKNOWN, message)


def test_probe_without_a_result_is_unknown() -> None:
    checks = found(probe(lambda _given: iter(()), "one"))
    assert checks["s.p.one"].status == UNKNOWN
    assert checks["s.p.one"].message == "the probe ended without a result"


def test_more_than_expected_is_kept() -> None:
    assert set(found(probe(good))) == {"s.p.one"}


def test_thread_that_cannot_be_started_costs_its_probe_only(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "probe-0":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    checks = found(probe(good, "one"), probe(good, "one", point="q"))
    assert (checks["s.p.one"].status, checks["s.q.one"].status) == (UNKNOWN, OK)
    assert "can't start new thread" in checks["s.p.one"].message


def together(
    run_all: Callable[[Sequence[Given]], Iterator[tuple[int, Finding]]], points: str, *, deadline: float = 60.0
) -> dict[str, Check]:
    """What probes find of which each says ``alone`` where it is run by itself."""

    def alone(given: Given) -> Iterator[Finding]:
        if given["point"] == "bad":
            raise RunbookError("a bad one")
        yield Finding("one", OK, "alone")

    one = probe(alone, "one")
    kind = replace(one.kind, run_all=run_all)
    probes = (replace(one, kind=kind, options={**one.options, "point": point}) for point in points.split())
    return found(*probes, deadline=deadline)


def test_probes_of_one_question_have_a_finding_each() -> None:
    batches: list[list[Any]] = []

    def run_all(points: Sequence[Given]) -> Iterator[tuple[int, Finding]]:
        batches.append([given["point"] for given in points])
        for position in reversed(range(len(points))):
            yield position, Finding("one", OK, f"answer {position}")

    checks = together(run_all, "p q r")
    assert batches == [["p", "q", "r"]]
    assert {name: check.message for name, check in checks.items()} == {
        "s.p.one": "answer 0",
        "s.q.one": "answer 1",
        "s.r.one": "answer 2",
    }
    assert all(check.observed_at and check.duration_ms is not None for check in checks.values())


def test_question_that_fails_costs_only_the_probe_that_is_bad() -> None:
    def run_all(_points: Sequence[Given]) -> Iterator[tuple[int, Finding]]:
        yield 0, Finding("one", OK, "answered")
        raise OSError("the question is refused because of the bad one")

    checks = together(run_all, "p bad r")
    assert {name: (check.status, check.message) for name, check in checks.items()} == {
        "s.p.one": (OK, "answered"),
        "s.bad.one": (UNKNOWN, "a bad one"),
        "s.r.one": (OK, "alone"),
    }


def test_single_probe_asks_for_itself() -> None:
    assert (
        together(lambda _points: iter([(0, Finding("one", CRITICAL, "together"))]), "p")["s.p.one"].message == "alone"
    )


def test_command_that_outlives_the_deadline_is_killed() -> None:
    pids: list[int] = []

    def command(_given: Given) -> Iterator[Finding]:
        commands.run(["sh", "-c", "sleep 60 & sleep 60"], timeout=30)
        yield Finding("one", OK, "never")

    def spy(_given: Given) -> Iterator[Finding]:
        while not commands._running:
            time.sleep(0.01)
        pids.extend(commands._running)
        yield Finding("one", OK, "seen")

    checks = found(probe(command, "one"), probe(spy, "one", point="q"), deadline=2)
    assert (checks["s.p.one"].status, checks["s.q.one"].status) == (UNKNOWN, OK)
    assert not commands._running
    # Nothing survives SIGKILL, but on a busy machine it takes the kernel some time to carry it out.
    patience = time.monotonic() + 60
    while members(pids[0]) and time.monotonic() < patience:
        time.sleep(0.01)
    assert members(pids[0]) == []


def members(group: int) -> list[str]:
    """Processes of a group that still run, from the kernel."""
    alive = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, group_of = stat.read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:
            continue
        if int(group_of) == group and state not in "ZX":
            alive.append(stat.parent.name)
    return alive


def test_bytes_that_are_no_text_cost_nothing_and_are_seen() -> None:
    """A file name that is not UTF-8 reaches Python as half a character, which no JSON can carry."""

    def odd(_given: Given) -> Iterator[Finding]:
        name = os.fsdecode(b"caf\xe9\x1b[31m")
        yield Finding("one", CRITICAL, f"{name}\u2028is\x0cmissing", value=name, unit=name, remedy=name)

    checks = found(probe(odd, "one"), probe(good, "one", point="q"))
    assert checks["s.p.one"].message == "caf\\udce9\\x1b[31m is missing"
    assert checks["s.q.one"].status == OK
    sent = json.dumps([check.as_dict() for check in checks.values()], ensure_ascii=False).encode()
    assert [Check.from_dict(data) for data in json.loads(sent)] == list(checks.values())
