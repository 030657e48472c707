# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A control node without cryptography can list the plugins, and one that is used says what is missing."""

from __future__ import annotations

import subprocess
import sys

from tests.testbed.layout import ROOT

NOT_APPLICABLE_OPTION = """
import importlib, pathlib, sys
sys.modules["cryptography"] = None
sys.path.insert(0, ".ansible/collections")
collection = "ansible_collections.xorb.runbook"
for path in sorted(pathlib.Path("plugins/plugin_utils").rglob("[!_]*.py")):
    importlib.import_module(f"{collection}.{'.'.join(path.with_suffix('').parts)}")
try:
    importlib.import_module(f"{collection}.plugins.plugin_utils._pki.crypto").require_library()
except Exception as exc:
    print(type(exc).__name__, exc)
"""


def test_plugins_load_without_the_library_and_say_so_when_used() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NOT_APPLICABLE_OPTION], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("RunbookError cryptography 42 or newer is needed on the control node")
