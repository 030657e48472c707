# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``container``: a container, or every container of a Compose service, does what it should."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ..._clients import docker
from ..._clients.docker import Selection
from ..._core.about import DOWN, SERVICE, UNIT, UNWELL, Fault
from ..._core.checks import CRITICAL, OK, STATUSES, UNKNOWN, WARNING, Finding, worst
from ..._core.errors import RunbookError
from ..._core.options import AT_LEAST_ONE, NOT_NEGATIVE, Given, Option, Options, limits
from ..._core.text import excerpt
from ..kind import Kind

RUNNING, COMPLETED = "running", "completed"

OPTIONS: Options = {
    **docker.SELECTION_OPTIONS,
    "replicas": Option("int", "How many containers there must be at least.", default=1, within=AT_LEAST_ONE),
    "state": Option(
        "str",
        "What a container must be. C(completed) is for one that ends after its work, and ended with exit code 0.",
        default=RUNNING,
        choices=(RUNNING, COMPLETED),
    ),
    "restarts_warning": Option(
        "int",
        "Warn above this number of restarts by the engine since the last start by hand.",
        default=3,
        source="ours",
        within=NOT_NEGATIVE,
    ),
    "restarts_critical": Option("int", "Fail above this number of them.", within=NOT_NEGATIVE),
}

#: A container that the engine has started again less than this many seconds ago may be about to end once more.
FRESH = 60

Details = Mapping[str, Any]


def check(given: Given) -> Iterator[tuple[str, str]]:
    """The options must select containers."""
    yield from docker.selection_problems(given, required=True)


def run(given: Given) -> Iterator[Finding]:
    """Query everything before judging anything, so that an engine that stops answering hides no aspect."""
    timeout = given["timeout"]
    selection = Selection.of(given)
    names = [row["ID"] for row in docker.containers(selection, timeout=timeout)]
    found = sorted(docker.inspect("container", names, timeout=timeout), key=_name) if names else []
    if not found:
        absent = f"there is no {selection}" if selection.container else _absent(selection)
        faults = (Fault.stated(DOWN, (UNIT, f"container {selection.container or selection}")),)
        yield Finding("state", CRITICAL, absent, faults=faults)
        return
    try:
        image = judge_images(found, _images(found, timeout))
    except RunbookError as exc:
        image = Finding("image", UNKNOWN, str(exc))
    yield judge(found, given["state"], given["replicas"], now=datetime.now(timezone.utc))
    yield restarts(found, given)
    yield image


def _absent(selection: Selection) -> str:
    return f"there is no container of {selection}"


def judge(found: Sequence[Details], state: str, replicas: int, *, now: datetime) -> Finding:
    """Judge containers together: the worst of them decides, and is named first."""
    judged = [(*_judge_one(details, state, now), _name(details)) for details in found]
    judged.sort(key=lambda one: (-STATUSES.index(one[0]), one[2]))
    status = worst(status for status, _state, _name in judged)
    message = "; ".join(f"{name} {shown}" for _status, shown, name in judged)
    faults = tuple(_fault(details) for details in found if _judge_one(details, state, now)[0] != OK)
    if len(judged) < replicas:
        message = f"{len(judged)} of {replicas} containers are there: {message}"
        return Finding("state", CRITICAL, message, faults=faults)
    return Finding("state", status, message, faults=faults)


def _fault(details: Details) -> Fault:
    """What is wrong with a container: one that runs and is not well got as far as answering."""
    named = (UNIT, f"container {_name(details)}")
    running = details["State"].get("Status") == "running"
    return Fault(UNWELL, ((SERVICE, ""), named)) if running else Fault.stated(DOWN, named)


def _name(details: Details) -> str:
    return str(details.get("Name", "")).lstrip("/")


def _judge_one(details: Details, wanted: str, now: datetime) -> tuple[str, str]:
    """The status of one container, and its state as it stands behind its name in a message."""
    state: Details = details["State"]
    status = str(state.get("Status", ""))
    if status == "running":
        return _judge_running(details, wanted, now)
    if status == "exited" and wanted == COMPLETED and state.get("ExitCode") == 0:
        return OK, f"completed at {_time(state['FinishedAt'])}"
    return CRITICAL, _NOT_RUNNING.get(status, _odd)(state)


def _ended(state: Details) -> str:
    """With what a container ended, and why, as far as the engine knows."""
    shown = f"exit code {state.get('ExitCode')}"
    if state.get("OOMKilled"):
        shown += ", killed for lack of memory"
    if state.get("Error"):
        shown += f", {excerpt(state['Error'], 160)}"
    return shown


def _odd(state: Details) -> str:
    return f"is {excerpt(state.get('Status', ''))}"


_NOT_RUNNING: Mapping[str, Callable[[Details], str]] = {
    "exited": lambda state: f"exited at {_time(state.get('FinishedAt', ''))} with {_ended(state)}",
    "restarting": lambda state: f"ended with {_ended(state)} and waits to be started again",
    "paused": lambda _state: "is paused: its processes are frozen",
    "created": lambda state: f"was made but has not been started ({_ended(state)})",
    "dead": lambda state: f"is dead: the engine could not remove it ({_ended(state)})",
}


def _judge_running(details: Details, wanted: str, now: datetime) -> tuple[str, str]:
    state: Details = details["State"]
    shown = f"running since {_time(state.get('StartedAt', ''))}"
    health: Details = state.get("Health") or {}
    status, comment = _HEALTH.get(str(health.get("Status") or "none"), (UNKNOWN, "health {Status}"))
    shown = f"{shown}, {comment.format(**{'FailingStreak': 0, **health})}"
    if status == OK and state.get("OOMKilled"):
        status, shown = WARNING, f"{shown}; one of its processes was killed for lack of memory"
    if status == OK and details.get("RestartCount") and _age(state.get("StartedAt", ""), now) < FRESH:
        status = WARNING
        shown += f"; the engine has just started it again (exit code before: {state['ExitCode']})"
    if status == OK and wanted == COMPLETED:
        status, shown = WARNING, f"{shown}; still at its work"
    return status, shown


_HEALTH = {
    "healthy": (OK, "healthy"),
    "starting": (WARNING, "health check still starting ({FailingStreak} failed so far)"),
    "unhealthy": (CRITICAL, "unhealthy ({FailingStreak} failed health checks in a row)"),
    "none": (OK, "no health check"),
}


def _time(text: str) -> str:
    """The engine's time without its fractions of a second."""
    return f"{text[:19]}Z" if text[:4].isdigit() and not text.startswith("0001") else "an unknown time"


def _age(text: str, now: datetime) -> float:
    """Seconds since the engine's time; an unreadable one is long ago."""
    try:
        return (now - datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc)).total_seconds()
    except ValueError:
        return float("inf")


def restarts(found: Iterable[Details], given: Given) -> Finding:
    """How often the engine has started the most restless container again."""
    count, name = max((int(details.get("RestartCount") or 0), _name(details)) for details in found)
    return Finding.measured(
        "restarts",
        f"{name} was started again {count} times by the engine",
        value=count,
        unit="restarts",
        limits=limits(OPTIONS, given, "restarts_"),
        faults=(Fault(DOWN, ((UNIT, f"container {name}"),)),),
    )


def _images(found: Iterable[Details], timeout: float) -> dict[str, Details]:
    """The images that containers run, and those that their names stand for by now, by id or name."""
    ids = {str(details["Image"]) for details in found}
    names = {str(details["Config"]["Image"]) for details in found}
    known = {str(image["Id"]): image for image in docker.inspect("image", sorted(ids | names), timeout=timeout)}
    current = {str(tag): image for image in known.values() for tag in image.get("RepoTags") or ()}
    return {**known, **current}


def judge_images(found: Iterable[Details], images: Mapping[str, Details]) -> Finding:
    """Name each image with its digest, and where a container runs another one than its name stands for now."""
    comments: dict[str, str] = {}
    for details in found:
        name, identity = str(details["Config"]["Image"]), str(details["Image"])
        current = images.get(name) or images.get(f"{name}:latest")
        stale = current is not None and current["Id"] != identity
        digests = (images.get(identity) or {}).get("RepoDigests") or ()
        text = f"{name}, {_digest(digests) or f'no digest, id {identity}'}"
        comments[text] = (
            f"; {_name(details)} still runs it, but {name} stands for {current['Id']} by now"
            if stale and current
            else ""
        )
    message = "; ".join(f"{text}{comment}" for text, comment in comments.items())
    return Finding("image", WARNING if any(comments.values()) else OK, message)


def _digest(digests: Iterable[str]) -> str:
    return next((f"digest {str(text).rpartition('@')[2]}" for text in digests), "")


def _target(given: Given) -> str:
    project = given.get("project") or given.get("project_src") or ""
    return str(given.get("container") or "/".join(filter(None, (project, given.get("compose_service")))))


KIND = Kind(
    name="container",
    summary="A container, or every container of a Compose project or service, runs and is healthy.",
    topic="health",
    options=OPTIONS,
    expected=lambda _given: ("state",),
    run=run,
    target=_target,
    check=check,
    local=True,
)
