# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command line: ``python -m tests.ci [layer ...]``."""

from __future__ import annotations

import sys

from tests.ci.runner import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
