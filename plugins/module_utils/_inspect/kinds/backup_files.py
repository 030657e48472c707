# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``backup_files``: a backup of files is recent, verified, and of its usual size."""

from __future__ import annotations

from ..backup import kind

KIND = kind("files")
