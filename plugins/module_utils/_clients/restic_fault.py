# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which state a repository is that restic could not work with, by its exit status and by what it printed.

Restic 0.17 and newer has an exit status for some of them; the one of Debian 12 (0.14) ends with 1 whatever it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from .._core.errors import RunbookError
from .._core.text import excerpt

MISSING = "missing"
LOCKED = "locked"
WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a state
UNREACHABLE = "unreachable"
REFUSED = "refused"
FULL = "full"
ROTTEN = "rotten"
INCOMPLETE = "incomplete"
FAILED = "failed"
#: These two are found by comparing, and never by an exit status.
REPLACED = "replaced"
NOT_KNOWN = "not_known"

#: The exit statuses that say which state it is, whatever was printed.
_STATUSES: Mapping[int, str] = {10: MISSING, 11: LOCKED, 12: WRONG_PASSWORD}

#: What says so in words, in the order in which it counts: a message of one state often quotes another one.
_WORDS: Mapping[str, str] = {
    LOCKED: r"already locked",
    WRONG_PASSWORD: r"wrong password or no key found",
    REFUSED: (
        r"access ?denied|permission denied|operation not permitted|access key id you provided|InvalidAccessKeyId"
        r"|SignatureDoesNotMatch|signature we calculated|host key verification failed|403 forbidden"
        r"|read-only file system"
    ),
    FULL: r"no space left|disk quota|quota ?exceeded|file too large",
    UNREACHABLE: (
        r"connection (was )?(refused|reset|closed|timed out)|no such host|could not resolve|name resolution"
        r"|i/o timeout|timed out|no route to host|network is unreachable|unable to start the sftp session|ssh exited"
        r"|broken pipe|ssh command exited|server misbehaving|executable file not found"
    ),
    MISSING: (
        r"unable to open config file.*(no such file|not exist|not found|no such (key|bucket))"
        r"|repository does not exist|specified (key|bucket) does not exist"
    ),
    ROTTEN: (
        r"ciphertext verification failed|hash mismatch|does not match|repository contains errors|invalid data"
        r"|not as expected|returned errors|zero size|unexpected EOF|incomplete pack|invalid character|wrong data"
        r"|not found in (index|repository)|unable to (load|decode)|unmarshal"
    ),
}

#: What each state means, as the rest of a sentence about the repository.
_MEANINGS: Mapping[str, str] = {
    MISSING: "there is no repository, and none is made unless that is asked for",
    LOCKED: "is locked by another client of restic",
    WRONG_PASSWORD: "this password does not open it, or its files of keys have gone",
    UNREACHABLE: "cannot be reached",
    REFUSED: "this host may not do that there",
    FULL: "there is no room left",
    ROTTEN: "what is stored there is damaged",
    INCOMPLETE: "not every file could be read, so the copy is incomplete",
    FAILED: "restic failed",
    REPLACED: "is another repository than the one that this host has used",
    NOT_KNOWN: "this host has never used this repository",
}

_LENGTH = 300


class RepositoryFault(RunbookError):
    """Why restic could not do what it was asked for; ``state`` is one of those above."""

    def __init__(self, where: str, state: str, text: str) -> None:
        super().__init__(f"{where}: {_MEANINGS[state]}: {excerpt(text, _LENGTH)}")
        self.state = state
        self.text = text


def state_of(status: int, printed: str) -> str:
    """The state that an exit status and what was printed to standard error stand for; never that all is well."""
    if status in _STATUSES:
        return _STATUSES[status]
    words = " ".join(printed.split())
    return next((state for state, pattern in _WORDS.items() if re.search(pattern, words, re.IGNORECASE)), FAILED)


def plain(printed: str) -> str:
    """What restic printed, without the JSON that newer versions wrap it in."""
    return "\n".join(_message(line) for line in printed.splitlines() if line.strip())


def _message(line: str) -> str:
    try:
        found = json.loads(line)
    except ValueError:
        return line
    if not isinstance(found, dict):
        return line
    error = found.get("error")
    text = found.get("message") or (error.get("message") if isinstance(error, dict) else error) or line
    item = found.get("item")
    return f"{item}: {text}" if item else str(text)
