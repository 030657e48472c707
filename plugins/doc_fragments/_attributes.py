# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attributes that modules of the collection share."""

from __future__ import annotations


class ModuleDocFragment:
    """What is true of a module that only inspects."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Can show what would change.
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    description: Running it again changes nothing.
    support: full
  platform:
    description: Operating systems that it runs on.
    platforms: linux
    support: full
"""
