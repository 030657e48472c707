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
from .._core.options import NOT_NEGATIVE, Option, Options
from .._core.text import excerpt
from .certificate import DAY, Certificate

LEAF_LIMITS = (28.0, 7.0)
ROOT_LIMITS = (365.0, 182.0)
INTERMEDIATE_LIMITS = (60.0, 30.0)

_SHIPPED = "the runbook (7 days) and the certificate's lifetime"
_SHIPPED_CA = "Vault's health check (root 365 and 182 days, intermediate 60 and 30) and the certificate's lifetime"

#: Days that certificates of servers and clients may have left, as the kind ``tls`` has them too.
LEAF_LIMIT_OPTIONS: Options = {
    "warning_days": Option(
        "float",
        "Warn when fewer days are left. Without it: 28 days or a third of the lifetime, whichever is less.",
        within=NOT_NEGATIVE,
        falling=True,
    ),
    "critical_days": Option(
        "float",
        "Fail when fewer days are left. Without it: 7 days or a sixth of the lifetime, whichever is less.",
        within=NOT_NEGATIVE,
        falling=True,
    ),
}


def lifetime_told(certificate: Certificate, now: datetime) -> str:
    """How long a certificate has left, in one sentence."""
    subject = excerpt(certificate.subject)
    if now < certificate.begins:
        return f"{subject} is not valid before {certificate.begins:%Y-%m-%d %H:%M} UTC"
    days, when = certificate.days_left(now), f"{certificate.ends:%Y-%m-%d %H:%M} UTC"
    if certificate.ends <= now:
        return f"{subject} expired {_days(-days)} ago, {when}"
    return f"{subject} expires in {_days(days)}, {when}"


def _days(number: float) -> str:
    return "1 day" if number == 1 else f"{number:g} days"


def expiry_finding(certificate: Certificate, given: Mapping[str, Any], now: datetime) -> Finding:
    """The finding of one certificate that somebody serves."""
    limits, days = expiry_limits(certificate, given), certificate.days_left(now)
    invalid = now < certificate.begins or certificate.ends <= now
    status = CRITICAL if invalid else limits.judge(days)
    faults = (tls.judged(EXPIRY, given["port"], certificate.der),)
    told = lifetime_told(certificate, now)
    return Finding("expiry", status, told, value=days, unit="days", limits=limits, faults=faults)


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
        warning=round(min(usual[0], lifetime / DAY / 3), 1) if warning is None else warning,
        critical=round(min(usual[1], lifetime / DAY / 6), 1) if critical is None else critical,
        source=source if shipped else "platform description",
        falling=True,
    )
