# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the tables of docs/platform.md anew: ``python -m tests.pages``."""

from __future__ import annotations

import sys

from tests.support.procedures import ROOT

# Where the collection is found by its name; pytest is told by pyproject.toml.
sys.path.insert(0, str(ROOT / ".ansible/collections"))

from tests.pages import kinds

kinds.PAGE.write_text(kinds.renewed(kinds.PAGE.read_text(encoding="utf-8")), encoding="utf-8")
