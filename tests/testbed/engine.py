# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find a Docker engine that answers; install and start one only when none does; stop only our own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.testbed import debian
from tests.testbed.commands import elevate, run, which
from tests.testbed.errors import BedError
from tests.testbed.layout import STATE
from tests.testbed.progress import say, step

_RECORD = STATE / "engine.json"
_LOG = STATE / "dockerd.log"
_SYSTEMD = Path("/run/systemd/system")
#: How often a dockerd that ends at once is started.
_ATTEMPTS = 3
_PACKAGE_PID = Path("/var/run/docker.pid")


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers, and the command that reaches it (``docker`` or ``sudo docker``)."""

    command: tuple[str, ...]
    cgroup_version: int

    def run(
        self, *words: str, data: str | None = None, check: bool = True, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        return run([*self.command, *words], data=data, check=check, timeout=timeout)


@dataclass(frozen=True)
class Started:
    """How this project started an engine; kept in a file so that ``clean`` stops that one and no other."""

    how: str  # "background" or "systemd"
    pid: int
    born: str  # the kernel's start time of that process: a pid alone may belong to somebody else by now


@dataclass(frozen=True)
class Machine:
    """What decides how an engine is had here."""

    has_client: bool
    has_engine: bool
    has_systemd: bool
    docker_host: str


def plan(machine: Machine) -> tuple[str, ...]:
    """The steps to an engine on a machine where none answers: some of install, systemd, background."""
    if machine.docker_host:
        raise BedError(
            f"DOCKER_HOST is {machine.docker_host}, and no engine answers there; start that one or unset the variable"
        )
    start = "systemd" if machine.has_systemd else "background"
    complete = machine.has_client and machine.has_engine
    return (start,) if complete else ("install", start)


def packages(knows: Callable[[str], bool]) -> list[str]:
    """The engine's packages. Debian 13 has the client in one of its own, Debian 12 and Ubuntu have not."""
    return ["docker.io", *(["docker-cli"] if knows("docker-cli") else [])]


def find() -> Engine | None:
    """The engine that answers, reached directly or, where the socket is root's, through sudo."""
    if which("docker") is None:
        return None
    for command in _commands():
        engine = _ask(command)
        if engine is not None:
            return engine
    return None


def ensure() -> Engine:
    """An engine that answers: the one there is, or one installed and started now."""
    found = find()
    if found is not None:
        return found
    steps = plan(_this_machine())
    say("No Docker engine answers here.")
    if "install" in steps:
        debian.install(packages(debian.apt_knows), why="a Docker engine runs the hosts")
        started_by_package = _await(seconds=5)
        if started_by_package is not None:
            _record("systemd" if steps[-1] == "systemd" else "background")
            return started_by_package
    return _start(steps[-1])


def stop_own() -> bool:
    """Stop the engine this project started, if it still runs. Packages stay, and so does any other engine."""
    if not _RECORD.exists():
        return False
    started = Started(**json.loads(_RECORD.read_text(encoding="utf-8")))
    ours = started.pid > 0 and birth(started.pid) == started.born
    if ours:
        with step("Stopping the Docker engine that was started for the hosts"):
            _stop(started)
    _RECORD.unlink()
    return ours


def birth(pid: int, *, proc: Path = Path("/proc")) -> str:
    """When a process began, in the kernel's ticks; an empty string when there is none of that number."""
    try:
        fields = (proc / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19]


def background_command(*, pid_file: Path) -> list[str]:
    return ["dockerd", f"--pidfile={pid_file}"]


def _commands() -> list[tuple[str, ...]]:
    direct = ("docker",)
    return [direct] if os.geteuid() == 0 or which("sudo") is None else [direct, tuple(elevate(direct))]


def _ask(command: Sequence[str]) -> Engine | None:
    # CgroupVersion is a field since 20.10; an engine older than that knows version 1 only.
    answer = run([*command, "info", "--format", "{{json .}}"], check=False, timeout=60)
    try:
        facts = json.loads(answer.stdout)
    except ValueError:
        return None
    if answer.returncode != 0 or facts.get("ServerErrors"):
        return None
    return Engine(command=tuple(command), cgroup_version=int(facts.get("CgroupVersion") or 1))


def _this_machine() -> Machine:
    return Machine(
        has_client=which("docker") is not None,
        has_engine=which("dockerd") is not None,
        has_systemd=_SYSTEMD.is_dir(),
        docker_host=os.environ.get("DOCKER_HOST", ""),
    )


def _await(*, seconds: float, alive: Callable[[], bool] = lambda: True) -> Engine | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive():
        engine = find()
        if engine is not None:
            return engine
        time.sleep(0.5)
    return None


def _start(how: str) -> Engine:
    STATE.mkdir(parents=True, exist_ok=True)
    with step("Starting a Docker engine"):
        return _start_systemd() if how == "systemd" else _start_background()


def _start_systemd() -> Engine:
    run(elevate(["systemctl", "start", "docker.service"]))
    engine = _await(seconds=60)
    if engine is None:
        raise BedError("docker.service was started but does not answer; see: journalctl -u docker")
    _record("systemd")
    return engine


def _start_background() -> Engine:
    # An engine that is just going down takes the new one's containerd with it: then the next attempt succeeds.
    for _attempt in range(_ATTEMPTS):
        engine = _run_background(STATE / "dockerd.pid")
        if engine is not None:
            return engine
    lines = _LOG.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise BedError(f"dockerd did not start: {lines[-1] if lines else 'it said nothing'} (log: {_LOG})")


def _run_background(pid_file: Path) -> Engine | None:
    """Start dockerd; nothing where it ends again instead of answering."""
    with _LOG.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            elevate([which("dockerd") or "dockerd", *background_command(pid_file=pid_file)[1:]]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the engine outlives this program and its terminal
        )
    engine = _await(seconds=60, alive=lambda: process.poll() is None)
    if engine is not None:
        _record("background", pid_file=pid_file)
    return engine


def _record(how: str, *, pid_file: Path = _PACKAGE_PID) -> None:
    """Remember that the engine answering now is ours."""
    pid = int(run(elevate(["cat", str(pid_file)])).stdout)
    STATE.mkdir(parents=True, exist_ok=True)
    _RECORD.write_text(json.dumps(asdict(Started(how=how, pid=pid, born=birth(pid)))), encoding="utf-8")


def _stop(started: Started) -> None:
    if started.how == "systemd":
        # The socket would start the service again at the next `docker info`.
        run(elevate(["systemctl", "stop", "docker.service", "docker.socket"]))
        return
    run(elevate(["kill", "-TERM", str(started.pid)]))
    deadline = time.monotonic() + 60
    while birth(started.pid) == started.born:
        if time.monotonic() > deadline:
            raise BedError(f"the Docker engine (process {started.pid}) does not end; see {_LOG}")
        time.sleep(0.2)
