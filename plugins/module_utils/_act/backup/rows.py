# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules return of sets: plain data, in which nothing is a secret."""

from __future__ import annotations

from typing import Any

from ..._backup.backup_set import BackupSet
from ..._backup.receipt import Receipt
from ..._backup.retention import Expiry


def row(one: BackupSet, expiry: Expiry | None = None) -> dict[str, Any]:
    """A set, as an operator and the report see it. Times in seconds since 1970, sizes in bytes."""
    manifest, decided = one.manifest, expiry or Expiry()
    return {
        "id": one.id,
        "begin": one.begin,
        "fault": one.fault,
        "seconds": round(manifest.seconds, 1) if manifest else None,
        "size": manifest.size if manifest else None,
        "plain_size": manifest.plain_size if manifest else None,
        "parts": manifest.parts if manifest else "",
        "encrypted": bool(manifest and manifest.encrypted),
        "versions": dict(manifest.versions) if manifest else {},
        "verified": one.verified,
        "receipt": receipt_row(one.receipt) if one.receipt else {},
        "keeps": decided.keeps.get(one.id, ""),
        "expires": decided.expires.get(one.id, ""),
    }


def receipt_row(receipt: Receipt) -> dict[str, Any]:
    """A verification."""
    return {
        "id": receipt.id,
        "at": receipt.at,
        "host": receipt.host,
        "seconds": round(receipt.seconds, 1),
        "restore_seconds": round(receipt.restore_seconds, 1),
        "faults": list(receipt.faults),
        "unknown": list(receipt.unknown),
        "facts": dict(receipt.facts),
    }
