# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a repository of restic is: a folder, a folder that SFTP reaches, or a bucket of S3."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .._core.errors import RunbookError

FOLDER, SFTP, S3 = "folder", "sftp", "s3"

#: A host or a user never begins with a dash: ssh would take it for an option.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"

_SFTP = re.compile(rf"sftp:(?P<user>{_NAME})@(?P<host>{_NAME}):(?P<path>[^\s].*)\Z")
_SFTP_URL = re.compile(
    rf"sftp://(?P<user>{_NAME})@(?P<host>{_NAME}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{{1,5}}))?/(?P<path>.+)\Z"
)
_S3 = re.compile(r"s3:(?:https?://)?[^\s/@?#]+/[^\s@?#]+\Z")

EXPECTED = (
    "an absolute path, sftp:user@host:/path, sftp://user@host:port//path, or s3:https://host/bucket/path, without a"
    " password in it"
)


@dataclass(frozen=True)
class Address:
    """A repository's address: its scheme, and whom ssh logs in as, where it is one of SFTP."""

    text: str
    scheme: str
    user: str = ""
    host: str = ""
    port: int = 22


def parse(text: str) -> Address:
    """Read an address as restic does; raises `RunbookError` for any that this collection has no use for."""
    if not text.isprintable():
        raise RunbookError(f"expected {EXPECTED}")
    if text.startswith("/"):
        return Address(text, FOLDER)
    if found := (_SFTP_URL.match(text) or _SFTP.match(text)):
        parts = found.groupdict()
        port = int(parts.get("port") or 22)
        return Address(text, SFTP, parts["user"], parts["host"].strip("[]"), port)
    if _S3.match(text):
        return Address(text, S3)
    raise RunbookError(f"expected {EXPECTED}, got {text!r}")
