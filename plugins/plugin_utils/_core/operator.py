# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operator: the person at the keyboard, or behind the job."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from typing import Any


def operator(variables: Mapping[str, Any]) -> str:
    """The name of the operator: the AWX user where there is one, else the user of the control node."""
    for name in ("awx_user_name", "tower_user_name"):
        if variables.get(name):
            return str(variables[name])
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a user without a name.
        return f"uid {os.getuid()}"
