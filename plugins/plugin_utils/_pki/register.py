# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The register of a CA in the format of ``openssl ca``: ``index.txt``, one line for each certificate.

Columns, separated by tabs: ``V``, ``R`` or ``E``; when it expires; when it was revoked, with the reason after a comma;
the serial number in hexadecimal; a file name that is not used; the subject.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .crypto import x509
from .issuance import serial_text

COLUMNS = 6
#: From here on the year is written with four digits.
FIRST_LONG_YEAR = 2050
#: Two digits from here on mean a year of the last century.
FIRST_OLD_YEAR = 50

#: The reasons of a revocation as people write them here, with the name that openssl gives them.
REASONS = {
    "unspecified": "unspecified",
    "key_compromise": "keyCompromise",
    "ca_compromise": "CACompromise",
    "affiliation_changed": "affiliationChanged",
    "superseded": "superseded",
    "cessation_of_operation": "cessationOfOperation",
    "privilege_withdrawn": "privilegeWithdrawn",
}
_FLAGS = {flag.value.lower(): flag for flag in x509.ReasonFlags}
_PART = re.compile(r"/([A-Za-z0-9.]+)=((?:[^/]|/(?![A-Za-z0-9.]+=))*)")
_SHORT = {
    "2.5.4.6": "C",
    "2.5.4.8": "ST",
    "2.5.4.7": "L",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.3": "CN",
    "1.2.840.113549.1.9.1": "emailAddress",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
    "2.5.4.5": "serialNumber",
}


@dataclass(frozen=True)
class Row:
    """A certificate of the register. ``serial`` is hexadecimal, times are UTC, ``reason`` is as openssl writes it."""

    mark: str
    not_after: datetime
    revoked_at: datetime | None
    reason: str
    serial: str
    file: str
    subject: str

    @property
    def number(self) -> int:
        """The serial as a number."""
        return int(self.serial, 16)

    @property
    def revoked(self) -> bool:
        """Whether it was revoked."""
        return self.mark == "R"

    def status(self, now: datetime) -> str:
        """``valid``, ``expired`` or ``revoked``; openssl marks a row as expired by `openssl ca -updatedb` alone."""
        if self.revoked:
            return "revoked"
        return "expired" if self.mark == "E" or self.not_after <= now else "valid"

    def part(self, name: str) -> str:
        """The last part of the subject that has a short name, such as ``CN``."""
        found = [value for key, value in _PART.findall(self.subject) if key == name]
        return found[-1] if found else ""

    def revoke(self, reason: str, now: datetime) -> Row:
        """The same certificate, revoked."""
        return replace(self, mark="R", revoked_at=now, reason="" if reason == "unspecified" else REASONS[reason])


def of_certificate(certificate: x509.Certificate) -> Row:
    """The row of a certificate that was just issued."""
    serial, subject = serial_text(certificate.serial_number), one_line(certificate.subject)
    return Row("V", certificate.not_valid_after_utc, None, "", serial, "unknown", subject)


def parse(text: str, path: object) -> list[Row]:
    """The rows of a register. Raises `RunbookError` naming the line that is none."""
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            rows.append(_row(line))
        except (ValueError, IndexError) as exc:
            raise RunbookError(
                f"{path}: line {number} is not what openssl writes ({exc}); nothing was changed"
            ) from exc
    return rows


def _row(line: str) -> Row:
    mark, expires, revoked, serial, file, subject = line.split("\t")
    if mark not in ("V", "R", "E"):
        raise ValueError(f"{mark!r} is no status")
    when, _comma, reason = revoked.partition(",")
    if bool(when) != (mark == "R"):
        raise ValueError("its status and the date of its revocation do not agree")
    int(serial, 16)
    return Row(mark, _moment(expires), _moment(when) if when else None, reason, serial.upper(), file, subject)


def render(rows: Iterable[Row]) -> str:
    """The register as a text."""
    return "".join(_line(row) for row in rows)


def _line(row: Row) -> str:
    revoked = _stamp(row.revoked_at) if row.revoked_at else ""
    reason = f",{row.reason}" if row.reason else ""
    return "\t".join((row.mark, _stamp(row.not_after), revoked + reason, row.serial, row.file, row.subject)) + "\n"


def flag(reason: str) -> x509.ReasonFlags | None:
    """What a CRL says for a reason of the register; nothing for one that X.509 does not know, or for no reason."""
    # openssl appends the time of the compromise or an instruction after another comma.
    word = {"holdinstruction": "certificatehold", "keytime": "keycompromise", "cakeytime": "cacompromise"}
    name = reason.partition(",")[0].lower()
    found = _FLAGS.get(word.get(name, name))
    return None if found in (None, x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl) else found


def one_line(name: x509.Name) -> str:
    """A subject as openssl writes it into the register: ``/O=XORB/CN=api``."""
    parts = []
    for attribute in name:
        short = _SHORT.get(attribute.oid.dotted_string, attribute.oid.dotted_string)
        value = attribute.value if isinstance(attribute.value, bytes) else attribute.value.encode()
        parts.append(f"/{short}=" + "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02X}" for byte in value))  # noqa: PLR2004
    return "".join(parts)


def _moment(text: str) -> datetime:
    if not text.endswith("Z") or not text[:-1].isdigit() or len(text) not in (13, 15):
        raise ValueError(f"{text!r} is no date")
    if len(text) == 13:  # noqa: PLR2004 - YYMMDDHHMMSSZ
        text = ("19" if int(text[:2]) >= FIRST_OLD_YEAR else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%SZ}" if moment.year >= FIRST_LONG_YEAR else f"{moment:%y%m%d%H%M%SZ}"
