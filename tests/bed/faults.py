# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Faults of the demo as data: what breaks, how it is mended, and what the report must say meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.bed.engine import Engine
from tests.bed.errors import BedError
from tests.bed.layout import Bed

#: Inside a command: the host itself is frozen or woken by the engine, not by a program in it.
FREEZE, WAKE = ("pause",), ("unpause",)


@dataclass(frozen=True)
class Fault:
    """A real failure of one host. ``mend`` works on a healthy host too, so it can always be run."""

    name: str
    sentence: str
    role: str
    broken_by: tuple[str, ...]
    mended_by: tuple[str, ...]
    shown_by: Mapping[str, str]  # fields of a failing check in the report


_STATE = "/run/xorb-standin/state"
_TLS = "/etc/nginx/tls"


def _shell(script: str) -> tuple[str, ...]:
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
        broken_by=_shell(f"echo not_ready > {_STATE}"),
        mended_by=("rm", "-f", _STATE),
        shown_by={"service": "api"},
    ),
    Fault(
        name="disk_full",
        sentence="the file system /srv/data is full",
        role="db",
        # Running out of space is the purpose, so only an empty file counts as a failure.
        broken_by=_shell("head -c 64M /dev/zero > /srv/data/fault.fill || test -s /srv/data/fault.fill"),
        mended_by=("rm", "-f", "/srv/data/fault.fill"),
        shown_by={"target": "/srv/data"},
    ),
    Fault(
        name="certificate_expired",
        sentence="nginx serves a certificate that has expired",
        role="web",
        broken_by=_shell(
            f"cd {_TLS}; for part in cert key; do "
            "test -e kept-$part.pem || cp -p $part.pem kept-$part.pem; cp expired-$part.pem $part.pem; done; "
            "systemctl reload nginx.service"
        ),
        mended_by=_shell(
            f"cd {_TLS}; for part in cert key; do "
            "if test -e kept-$part.pem; then mv kept-$part.pem $part.pem; fi; done; "
            "systemctl reload nginx.service"
        ),
        shown_by={"topic": "certificates"},
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


def fault_named(name: str) -> Fault:
    """The fault of that name, or an error that lists the names there are."""
    if name not in FAULTS:
        raise BedError(f"no fault is called {name!r}; there are: {', '.join(FAULTS)}")
    return FAULTS[name]


def break_it(engine: Engine, bed: Bed, fault: Fault) -> None:
    engine.run(*_words(bed, fault, fault.broken_by), timeout=60)


def mend(engine: Engine, bed: Bed, fault: Fault) -> None:
    """Undo the fault. Waking a host that is awake is an error for the engine, but not for us."""
    engine.run(*_words(bed, fault, fault.mended_by), check=fault.mended_by != WAKE, timeout=60)


def shows(fault: Fault, checks: Iterable[Mapping[str, object]]) -> bool:
    """Whether one of the report's failing checks is about this fault."""
    failing = (check for check in checks if check.get("status") in ("critical", "unknown"))
    return any(all(value in str(check.get(key, "")) for key, value in fault.shown_by.items()) for check in failing)


def _words(bed: Bed, fault: Fault, command: tuple[str, ...]) -> list[str]:
    name = bed.host(fault.role).name
    return [*command, name] if command in (FREEZE, WAKE) else ["exec", name, *command]
