# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long a certificate has left, and how long it should have: pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from .._clients import tls
from .._core.about import EXPIRY
from .._core.checks import CRITICAL, Finding, Limits, Number
from .._core.text import excerpt
from .certificate import DAY, Certificate

LEAF_LIMITS = (28.0, 7.0)
ROOT_LIMITS = (365.0, 182.0)
INTERMEDIATE_LIMITS = (60.0, 30.0)

_SHIPPED = "the runbook (7 days) and the certificate's lifetime"
_SHIPPED_CA = "Vault's health check (root 365 and 182 days, intermediate 60 and 30) and the certificate's lifetime"


def lifetime_text(certificate: Certificate, now: datetime) -> str:
    """How long a certificate has left, in one sentence."""
    subject = excerpt(certificate.subject)
    if now < certificate.begins:
        return f"{subject} is not valid before {certificate.begins:%Y-%m-%d %H:%M} UTC"
    when = f"{certificate.ends:%Y-%m-%d %H:%M} UTC"
    if certificate.ends <= now:
        return f"{subject} expired {_span(now - certificate.ends)} ago, {when}"
    return f"{subject} expires in {_span(certificate.ends - now)}, {when}"


_UNITS = (
    (DAY, "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)


def _span(span: timedelta) -> str:
    """A time in words, in the largest unit that there is one of: never 0 days where it is 30 minutes."""
    # What rounds to one is one: a certificate of a day has a day left on its first second.
    unit, name = next((one for one in _UNITS if round(span / one[0], 1) >= 1), _UNITS[-1])
    number = round(span / unit, 1 if unit is DAY else 0)
    return f"{number:g} {name}" if number == 1 else f"{number:g} {name}s"


def rounded(days: float) -> float:
    """A number of days as it is shown; fractions of a day are shown to some seconds."""
    return round(days, 1 if abs(days) >= 1 else 4)


def expiry_finding(certificate: Certificate, given: Mapping[str, Any], now: datetime) -> Finding:
    """The finding of one certificate that a port serves."""
    limits = expiry_limits(certificate, given)
    return Finding(
        "expiry",
        expiry_status(certificate, limits, now),
        lifetime_text(certificate, now),
        value=rounded(certificate.days_left(now)),
        unit="days",
        limits=limits,
        faults=(tls.judged(EXPIRY, given["port"], certificate.der),),
    )


def expiry_status(certificate: Certificate, limits: Limits, now: datetime) -> str:
    """How bad it is; one that is not valid at this moment is critical, whatever the limits are."""
    if not certificate.begins <= now < certificate.ends:
        return CRITICAL
    return limits.judge(certificate.days_left(now))


def expiry_limits(certificate: Certificate, given: Mapping[str, Any]) -> Limits:
    """The given limits, or those that fit what a certificate is and how long it is made for."""
    usual, prefix, source = LEAF_LIMITS, "", _SHIPPED
    if certificate.is_authority:
        usual, prefix, source = (ROOT_LIMITS if certificate.self_issued else INTERMEDIATE_LIMITS), "ca_", _SHIPPED_CA
    return fitting_limits(
        certificate.lifetime,
        usual,
        given.get(f"{prefix}warning_days"),
        given.get(f"{prefix}critical_days"),
        source=source,
    )


@lru_cache(maxsize=1024)  # there are many certificates, and few lifetimes
def fitting_limits(
    lifetime: timedelta,
    usual: tuple[float, float],
    warning: Number | None,
    critical: Number | None,
    *,
    source: str = _SHIPPED,
) -> Limits:
    """Limits that fit a lifetime: a certificate of 30 days is not about to expire on its first."""
    shipped = warning is None and critical is None
    return Limits(
        warning=_share(lifetime, 3, usual[0]) if warning is None else warning,
        critical=_share(lifetime, 6, usual[1]) if critical is None else critical,
        source=source if shipped else "platform description",
        falling=True,
    )


def _share(lifetime: timedelta, parts: int, most: float) -> float:
    """A share of a lifetime in days, exact to a tenth of a second."""
    return round(min(most, lifetime / DAY / parts), 6)
