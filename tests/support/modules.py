# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a module as Ansible does: arguments in, one line of JSON out."""

from __future__ import annotations

import contextlib
import io
import json
import os
from types import ModuleType
from typing import Any
from unittest import mock

from ansible.module_utils.testing import patch_module_args


def run_module(module: ModuleType, *, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
    """Run ``main`` of a module in this process and return what it printed."""
    printed = io.StringIO()
    given = {**arguments, "_ansible_check_mode": check_mode}
    # A module leaves the environment of its process for good, which is this one.
    with (
        mock.patch.dict(os.environ),
        patch_module_args(given),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        module.main()
    result: dict[str, Any] = json.loads(printed.getvalue())
    return result
