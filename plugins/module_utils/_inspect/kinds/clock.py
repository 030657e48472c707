# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``clock``: the kernel's clock is kept in time."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..._core.checks import CRITICAL, NOT_APPLICABLE, OK, UNKNOWN, Finding
from ..._core.errors import RunbookError
from ..._core.options import NOT_NEGATIVE, Given, Option, Options, limits
from ..kind import Kind

OPTIONS: Options = {
    "offset_warning": Option(
        "float", "Warn above this offset in milliseconds.", default=100.0, source="ours", within=NOT_NEGATIVE
    ),
    "offset_critical": Option(
        "float", "Fail above this offset in milliseconds.", default=1000.0, source="ours", within=NOT_NEGATIVE
    ),
    "error_warning": Option(
        "float", "Warn above this estimated error in milliseconds.", default=500.0, source="ours", within=NOT_NEGATIVE
    ),
    "error_critical": Option(
        "float", "Fail above this estimated error in milliseconds.", default=2000.0, source="ours", within=NOT_NEGATIVE
    ),
}

ASPECTS = ("synchronisation", "offset", "error")

#: From <sys/timex.h>.
TIME_ERROR, STA_UNSYNC, STA_NANO = 5, 0x0040, 0x2000

#: The marks of a container.
CONTAINER_MARKS = (Path("/run/systemd/container"), Path("/.dockerenv"), Path("/run/.containerenv"))


class _Timex(ctypes.Structure):
    """``struct timex``, with room after the fields that are read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


@dataclass(frozen=True)
class Clock:
    """The kernel's clock by its own account, in milliseconds."""

    synchronised: bool
    offset: float
    error: float


def run(given: Given) -> Iterator[Finding]:
    """Query the kernel, unless another machine keeps the clock."""
    if any(mark.exists() for mark in CONTAINER_MARKS):
        for aspect in ASPECTS:
            yield Finding(aspect, NOT_APPLICABLE, "the host is a container: the machine that runs it keeps the time")
        return
    yield from judge(read(), given)


def read() -> Clock:
    """Query by ``adjtimex`` without changing anything, which every user may."""
    library = ctypes.CDLL(None, use_errno=True)
    answer = _Timex()
    state = library.adjtimex(ctypes.byref(answer))
    if state < 0:
        raise RunbookError(f"adjtimex: {os.strerror(ctypes.get_errno())}")
    per_millisecond = 1e6 if answer.status & STA_NANO else 1e3
    return Clock(
        synchronised=state != TIME_ERROR and not answer.status & STA_UNSYNC,
        offset=answer.offset / per_millisecond,
        error=answer.esterror / 1e3,
    )


def judge(clock: Clock, given: Given) -> Iterator[Finding]:
    """Judge the clock; what a kernel has on one that is not synchronised is no measurement."""
    if not clock.synchronised:
        yield Finding("synchronisation", CRITICAL, "nothing keeps the kernel's clock in time (see timedatectl)")
        for aspect in ("offset", "error"):
            yield Finding(aspect, UNKNOWN, "not determined: the clock is not synchronised")
        return
    yield Finding("synchronisation", OK, "the kernel's clock is synchronised")
    offset, error = round(abs(clock.offset), 3), round(clock.error, 3)
    limit = limits(OPTIONS, given, "offset_")
    yield Finding.measured("offset", f"off by {offset:g} ms", value=offset, unit="ms", limits=limit)
    limit = limits(OPTIONS, given, "error_")
    yield Finding.measured("error", f"estimated error {error:g} ms", value=error, unit="ms", limits=limit)


KIND = Kind(
    name="clock",
    summary="The kernel's clock is kept in time.",
    topic="health",
    options=OPTIONS,
    expected=lambda _given: ASPECTS,
    run=run,
    target=lambda _given: "clock",
    local=True,
)
