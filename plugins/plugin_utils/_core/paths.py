# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the control node keeps what a platform's runs leave behind."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

#: The folder that all platforms of one user share, below the user's state folder.
FOLDER = "xorb-runbook"


@dataclass(frozen=True)
class Paths:
    """The paths of one platform; none of them need exist yet."""

    state: Path

    @property
    def ledger(self) -> Path:
        """The ledger of its runs."""
        return self.state / "ledger.sqlite"

    @property
    def reports(self) -> Path:
        """The folder of the files of its reports."""
        return self.state / "reports"


def of(platform: str, state_dir: str | None = None, *, environment: Mapping[str, str] | None = None) -> Paths:
    """The paths of ``platform``: in ``state_dir`` where it is given, else in the user's state folder.

    Raises `RunbookError` where the platform's name cannot be the name of a folder.
    """
    if state_dir:
        return Paths(Path(state_dir).expanduser())
    if not platform or platform in (".", "..") or "/" in platform or "\0" in platform:
        raise RunbookError(f"platform_name: {platform!r} cannot name a folder; give a short word, for example 'xorb'")
    # The XDG base directory specification: a relative path in the variable is to be ignored.
    given = Path((os.environ if environment is None else environment).get("XDG_STATE_HOME", ""))
    return Paths((given if given.is_absolute() else Path("~/.local/state").expanduser()) / FOLDER / platform)


#: What a container's engine leaves inside of it, and the variables that orchestrators set.
CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
CONTAINER_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST")
#: File systems that are gone with the machine, or with the container.
FLEETING = ("tmpfs", "ramfs", "overlay")


def thrown_away(path: Path, *, inside: bool | None = None, mounts: str | None = None) -> str:
    """Why a folder would be gone with the container that this is; nothing where it stays.

    ``mounts`` is the text of ``/proc/self/mountinfo``; the path need not exist yet.
    """
    if not (_inside_container() if inside is None else inside):
        return ""
    if mounts is None:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    resolved = path.expanduser().resolve()
    point, kind = max(
        # The last mount at a path hides those before it, and of equal ones `max` takes the first.
        (found for found in map(_mount, reversed(mounts.splitlines())) if resolved.is_relative_to(found[0])),
        key=lambda found: len(found[0].parts),
        default=(Path("/"), "overlay"),
    )
    if point == Path("/") or kind in FLEETING:
        return f"{path} is inside this container and would be thrown away with it; mount a volume there"
    return ""


def _inside_container() -> bool:
    files = any(Path(name).exists() for name in CONTAINER_FILES)
    return files or any(os.environ.get(name) for name in CONTAINER_VARIABLES)


def _mount(line: str) -> tuple[Path, str]:
    """The mount point and the file system of a line."""
    words = line.split(" ")
    point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[4])
    return Path(point), words[words.index("-") + 1]
