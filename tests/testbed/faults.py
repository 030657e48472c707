# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Faults as data: what breaks, and how it is mended; the faults of the demo, and what the report must say meanwhile."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.testbed.engine import Engine
from tests.testbed.errors import BedError
from tests.testbed.layout import Bed
from tests.testbed.progress import say

#: Inside a command: the host itself is frozen or woken by the engine, not by a program in it.
FREEZE, WAKE = ("pause",), ("unpause",)


@dataclass(frozen=True)
class Fault:
    """A real failure of one host. ``mended_by`` works on a healthy host too, so it can always be run.

    ``takes_hold`` is a shell test that succeeds as soon as the fault can be seen, where that takes a moment, and
    ``holds_no_more`` one that succeeds as soon as it cannot be seen any more. ``found_by`` is the playbook that finds
    it, where that is not the daily check, which shows what that playbook has found.
    """

    name: str
    sentence: str
    role: str
    broken_by: tuple[str, ...]
    mended_by: tuple[str, ...]
    shown_by: Mapping[str, str] = field(default_factory=dict)  # fields of a failing check in the report
    takes_hold: str = ""
    holds_no_more: str = ""
    found_by: str = "daily"


_STATE = "/run/xorb-standin/state"
#: The newest set of the database, and a file of it.
_SET = "$(ls -d /var/backups/xorb-runbook/postgres.main/2*Z | tail -n 1)"
_KEPT = "/var/backups/xorb-runbook/before-the-bit-flipped"
_TLS = "/etc/nginx/tls"


def shell(script: str) -> tuple[str, ...]:
    """A script as the words of a command; it ends at the first error."""
    return ("sh", "-eu", "-c", script)


_ALL = (
    Fault(
        name="postgres_stopped",
        sentence="PostgreSQL is stopped; the API, which needs it, fails with it",
        role="db",
        broken_by=("systemctl", "stop", "postgresql.service"),
        mended_by=("systemctl", "start", "postgresql.service"),
        shown_by={"service": "postgres"},
    ),
    Fault(
        name="redis_hung",
        sentence="Redis keeps its port open but answers nothing",
        role="db",
        broken_by=("systemctl", "kill", "--signal=SIGSTOP", "redis-server.service"),
        mended_by=("systemctl", "kill", "--signal=SIGCONT", "redis-server.service"),
        shown_by={"service": "redis"},
    ),
    Fault(
        name="api_unready",
        sentence="the API answers, but says that it is not ready",
        role="web",
        broken_by=shell(f"echo not_ready > {_STATE}"),
        mended_by=("rm", "-f", _STATE),
        shown_by={"service": "api"},
    ),
    Fault(
        name="disk_full",
        sentence="the file system /srv/data is full",
        role="db",
        # Running out of space is the purpose, so only an empty file counts as a failure.
        broken_by=shell("head -c 64M /dev/zero > /srv/data/fault.fill || test -s /srv/data/fault.fill"),
        mended_by=("rm", "-f", "/srv/data/fault.fill"),
        shown_by={"target": "/srv/data"},
    ),
    Fault(
        name="certificate_expired",
        sentence="nginx serves a certificate that has expired",
        role="web",
        broken_by=shell(
            f"cd {_TLS}; for part in cert key; do "
            "test -e kept-$part.pem || cp -p $part.pem kept-$part.pem; cp expired-$part.pem $part.pem; done; "
            "systemctl reload nginx.service"
        ),
        mended_by=shell(
            f"cd {_TLS}; for part in cert key; do "
            "if test -e kept-$part.pem; then mv kept-$part.pem $part.pem; fi; done; "
            "systemctl reload nginx.service"
        ),
        shown_by={"topic": "certificates"},
    ),
    Fault(
        name="backup_flipped_bit",
        sentence="one bit of the newest dump has changed on the disk",
        role="db",
        broken_by=shell(
            f"cd {_SET}; file=$(find . -name 'toc.dat*'); test -e {_KEPT} || cp -p $file {_KEPT}; "
            "python3 -c 'import pathlib, sys; path = pathlib.Path(sys.argv[1]); data = bytearray(path.read_bytes()); "
            "data[-9] ^= 1; path.write_bytes(data)' $file"
        ),
        mended_by=shell(f"cd {_SET}; if test -e {_KEPT}; then mv {_KEPT} $(find . -name 'toc.dat*'); fi"),
        shown_by={"topic": "backups"},
        found_by="backup_verify",
    ),
    Fault(
        name="host_frozen",
        sentence="a whole host stops answering, with every connection to it left hanging",
        role="db",
        broken_by=FREEZE,
        mended_by=WAKE,
        shown_by={"host": "xorb-db"},
    ),
)

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _ALL}


#: Seconds in which a fault must have taken hold, or gone.
_PATIENCE = 300


def fault_named(name: str) -> Fault:
    """The fault of that name, or an error that lists the names there are."""
    if name not in FAULTS:
        raise BedError(f"no fault is called {name!r}; there are: {', '.join(FAULTS)}")
    return FAULTS[name]


def break_it(engine: Engine, bed: Bed, fault: Fault) -> None:
    """Break it, and wait until that can be seen."""
    engine.run(*_words(bed, fault, fault.broken_by), timeout=240)
    _await(engine, bed, fault, fault.takes_hold)


def mend(engine: Engine, bed: Bed, fault: Fault) -> None:
    """Undo the fault. Waking a host that is awake is an error for the engine, but not for us."""
    engine.run(*_words(bed, fault, fault.mended_by), check=fault.mended_by != WAKE, timeout=240)
    _await(engine, bed, fault, fault.holds_no_more)


@contextlib.contextmanager
def broken(engine: Engine, bed: Bed, faults: Sequence[Fault]) -> Iterator[None]:
    """Break some things at once, and mend them whatever happens in between; a file remembers them meanwhile."""
    marker = bed.directory / "faults.json"
    marker.write_text(json.dumps([fault.name for fault in faults]), encoding="utf-8")
    try:
        side_by_side(faults, lambda fault: break_it(engine, bed, fault))
        yield
    finally:
        side_by_side(faults, lambda fault: mend(engine, bed, fault))
        marker.unlink()


def mend_left_over(engine: Engine, bed: Bed, known: Mapping[str, Fault] | None = None) -> None:
    """Mend the faults that a run that was killed has left in force."""
    marker = bed.directory / "faults.json"
    if not marker.exists():
        return
    every = {**FAULTS, **(known or {})}
    left = [every[name] for name in json.loads(marker.read_text(encoding="utf-8")) if name in every]
    say(f"\nMending what an earlier run has left broken: {', '.join(fault.name for fault in left)}.")
    side_by_side(left, lambda fault: mend(engine, bed, fault))
    marker.unlink()


def side_by_side(faults: Sequence[Fault], work: Callable[[Fault], None]) -> None:
    """Do the work for all faults at once, and for every one of them whatever happens to the others."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        failures = [future.exception() for future in [pool.submit(work, fault) for fault in faults]]
    failed = [f"{fault.name}: {failure}" for fault, failure in zip(faults, failures, strict=True) if failure]
    if failed:
        raise BedError("; ".join(failed))


def _await(engine: Engine, bed: Bed, fault: Fault, condition: str) -> None:
    if condition:
        loop = f"for _ in $(seq {_PATIENCE * 4}); do if {condition}; then exit 0; fi; sleep 0.25; done; exit 1"
        words = ("exec", bed.host(fault.role).name, "sh", "-c", f"{{ {loop}; }} > /dev/null 2>&1")
        if engine.run(*words, check=False, timeout=_PATIENCE * 4).returncode != 0:
            raise BedError(f"this did not become true within {_PATIENCE} s: {condition}")


def shows(fault: Fault, checks: Iterable[Mapping[str, object]]) -> bool:
    """Whether one of the report's failing checks is about this fault."""
    failing = (check for check in checks if check.get("status") in ("critical", "unknown"))
    return any(all(value in str(check.get(key, "")) for key, value in fault.shown_by.items()) for check in failing)


def _words(bed: Bed, fault: Fault, command: tuple[str, ...]) -> list[str]:
    name = bed.host(fault.role).name
    return [*command, name] if command in (FREEZE, WAKE) else ["exec", name, *command]
