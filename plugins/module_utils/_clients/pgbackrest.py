# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""pgBackRest, by its own program: it alone reads its repositories, wherever they are and however they are encrypted.

Passwords of a repository stand in pgBackRest's own configuration, which nothing here reads.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .._core.about import MISSING, PROGRAM, Fault
from .._core.errors import RunbookError
from .._core.text import excerpt
from . import commands

PROGRAM_NAME = "pgbackrest"

#: Statuses of a repository in ``info`` that say what there is: sets, and none yet. Any other says that it is not known.
_KNOWN = (0, 2)

_ERROR = re.compile(r"(?:ERROR|P\d\d +ERROR): \[\d+\]: (.*)", re.DOTALL)

_SHOWN = 400


@dataclass(frozen=True)
class Stanza:
    """A stanza of a configuration of pgBackRest on this host; ``os_user`` is the user whose it is."""

    stanza: str
    config: str
    os_user: str

    def __str__(self) -> str:
        return f"stanza {self.stanza} of {self.config}"

    def as_dict(self) -> dict[str, str]:
        """As the journal keeps it."""
        return asdict(self)

    def command(self, verb: str, *options: str) -> list[str]:
        """The words of a command, which ends with this process. Raises `RunbookError` where there is no such user."""
        own = [f"--config={self.config}", f"--stanza={self.stanza}", "--log-level-console=off"]
        return [*self._as_user(), PROGRAM_NAME, verb, *own, "--log-level-stderr=warn", *options]

    def ask(self, verb: str, *options: str, timeout: float) -> str:
        """What a command prints; raises `RunbookError` with pgBackRest's own reason where it fails."""
        if shutil.which(PROGRAM_NAME) is None:
            raise RunbookError("pgbackrest is not installed here", fault=Fault(MISSING, ((PROGRAM, PROGRAM_NAME),)))
        outcome = commands.run(self.command(verb, *options), timeout=timeout)
        if outcome.status:
            raise RunbookError(f"{self}: pgbackrest {verb}: {reason(outcome.stderr or outcome.stdout)}")
        return outcome.stdout

    def info(self, *, timeout: float) -> Mapping[str, Any]:
        """What its repositories have, as ``info`` says it. Raises `RunbookError` where one of them could not be read.

        That is never the same as one that has nothing: what would be listed, kept or removed is not known then.
        """
        text = self.ask("info", "--output=json", timeout=timeout)
        try:
            (found,) = [one for one in json.loads(text) if one["name"] == self.stanza]
            faults = [
                f"repository {repository['key']}: {repository['status']['message']}"
                for repository in found["repo"]
                if repository["status"]["code"] not in _KNOWN
            ]
        except (ValueError, KeyError, TypeError) as exc:
            raise RunbookError(f"{self}: what pgbackrest info says of it cannot be understood") from exc
        if faults or not found["repo"]:
            raise RunbookError(f"{self}: {excerpt('; '.join(faults) or 'has no repository', _SHOWN)}")
        return dict(found)

    def _as_user(self) -> Sequence[str]:
        """setpriv ends pgBackRest with this process, and lets root be the user whose stanza it is."""
        try:
            user = pwd.getpwnam(self.os_user)
        except KeyError as exc:
            raise RunbookError(f"os_user {self.os_user}: this host has no such user") from exc
        identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
        if os.geteuid() == user.pw_uid:
            identity = []
        elif os.geteuid() != 0:
            raise RunbookError(f"os_user {self.os_user}: only root acts as another user of the system")
        return ["setpriv", *identity, "--pdeathsig=KILL", "--"]


def reason(complaint: str) -> str:
    """The first error of a complaint, with its hints, on one line."""
    match = _ERROR.search(complaint)
    text = match.group(1) if match else complaint
    return excerpt(" ".join(text.split()) or "no reason was given", _SHOWN)
