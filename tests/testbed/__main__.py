# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command line: ``python3 -m tests.testbed <command>``."""

from __future__ import annotations

import sys

# Before any import that an older Python could stumble over; the linter assumes that there is none.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("Python 3.11 or newer is needed, this is {}.{}".format(*sys.version_info[:2]))

from tests.testbed.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
