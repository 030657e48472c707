# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PostgreSQL is set to, as far as an archive of its WAL depends on it; the change that is needed is shown. Pure.

Nothing of it is ever changed here: some of it takes a restart, and all of it is the owner's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...._clients.pgbackrest import PROGRAM_NAME, Stanza

#: The names of the settings that are judged.
NAMES = ("wal_level", "archive_mode", "archive_command", "archive_library", "data_checksums")


@dataclass(frozen=True)
class Archiving:
    """What the server says of its archive: settings, and its last failure where nothing has come after that."""

    settings: Mapping[str, str]
    failing: str = ""


def refused(found: Archiving, stanza: Stanza) -> Iterator[str]:
    """Why a set could not be restored to anything, each with the change that is needed."""
    settings = found.settings
    if settings["wal_level"] == "minimal":
        yield _change("wal_level is minimal: WAL has not what a restore needs", "wal_level", "replica", restart=True)
    if settings["archive_mode"] == "off":
        yield _change("archive_mode is off: no WAL is archived", "archive_mode", "on", restart=True)
    if settings.get("archive_library"):
        yield _change(
            f"archive_library is {settings['archive_library']}, and what it archives pgBackRest does not have",
            "archive_library",
            "",
        )
    if wrong := _wrong_command(settings["archive_command"], stanza):
        yield _change(wrong, "archive_command", command(stanza))
    if found.failing:
        yield f"the archive does not take the WAL {found.failing}: the log of the server, and of pgBackRest, says why"


def command(stanza: Stanza) -> str:
    """The command that hands a segment to a stanza."""
    words = [PROGRAM_NAME, f"--config={stanza.config}", f"--stanza={stanza.stanza}", "archive-push"]
    return f"{shlex.join(words)} %p"


def unknown(settings: Mapping[str, Any]) -> Iterator[str]:
    """What cannot be found out of any set of such a server."""
    if settings["data_checksums"] != "on":
        yield (
            "page checksums are off, so whether pages are damaged is not known"
            " (pg_checksums --enable turns them on, while the server is stopped)"
        )


def _wrong_command(given: str, stanza: Stanza) -> str:
    if not given or given == "(disabled)":
        return "archive_command is empty: no WAL is archived"
    if PROGRAM_NAME not in given or "archive-push" not in given:
        return f"archive_command is {given!r}, which hands nothing to pgBackRest"
    other = re.search(r"--stanza[= ]['\"]?([^'\"\s]+)", given)
    if other and other.group(1) != stanza.stanza:
        return f"archive_command archives into the stanza {other.group(1)!r}"
    return ""


def _change(why: str, name: str, value: str, *, restart: bool = False) -> str:
    quoted = value.replace("'", "''")
    then = "restart the server" if restart else "SELECT pg_reload_conf();"
    return f"{why}; needed: ALTER SYSTEM SET {name} = '{quoted}'; then {then}"
