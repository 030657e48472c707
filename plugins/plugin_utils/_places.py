# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the control node keeps what a platform's runs leave behind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._errors import RunbookError

#: The folder that all platforms of one user share, below the user's state folder.
FOLDER = "xorb-runbook"


@dataclass(frozen=True)
class Places:
    """The places of one platform; none of them need exist yet."""

    state: Path

    @property
    def ledger(self) -> Path:
        """The ledger of its runs."""
        return self.state / "ledger.sqlite"

    @property
    def reports(self) -> Path:
        """The folder of the files of its reports."""
        return self.state / "reports"


def of(platform: str, state_dir: str | None = None, *, environment: Mapping[str, str] | None = None) -> Places:
    """The places of ``platform``: in ``state_dir`` where it is given, else in the user's state folder.

    Raises `RunbookError` where the platform's name cannot be the name of a folder.
    """
    if state_dir:
        return Places(Path(state_dir).expanduser())
    if not platform or platform in (".", "..") or "/" in platform or "\0" in platform:
        raise RunbookError(f"platform_name: {platform!r} cannot name a folder; give a short word, for example 'xorb'")
    # The XDG base directory specification: a relative path in the variable is to be ignored.
    given = Path((os.environ if environment is None else environment).get("XDG_STATE_HOME", ""))
    return Places((given if given.is_absolute() else Path("~/.local/state").expanduser()) / FOLDER / platform)
