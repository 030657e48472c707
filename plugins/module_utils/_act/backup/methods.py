# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each kind of backup is taken and proved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .engines import engine_of
from .folder_method import FolderMethod
from .method import Method
from .pgbackrest.method import PgBackRest


def method_of(given: Mapping[str, Any]) -> Method:
    """The method of a backup, made of its options; raises `RunbookError` where there is none."""
    if (given["kind"], given["engine"]) == ("postgres", "pgbackrest"):
        return PgBackRest(given)
    return FolderMethod(given, engine_of(given))
