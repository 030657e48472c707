# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which store a location means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._core import paths
from .postgres import PostgresStore
from .sqlite import SqliteStore
from .store import Store


def store_at(location: str) -> Store:
    """The store at a path or in a database. Nothing is opened yet."""
    if location.startswith(("postgresql://", "postgres://")):
        return PostgresStore(location)
    if not location or "://" in location:
        raise RunbookError("platform_ledger: expected the path of a file on the control node, or postgresql://...")
    return SqliteStore(location)


def described(variables: Mapping[str, Any], resolve: Callable[[Any], Any]) -> str:
    """Where the platform's ledger is: where ``report`` writes to unless its options say otherwise."""
    name, state_dir, ledger = (resolve(variables.get(f"platform_{key}", "")) for key in ("name", "state_dir", "ledger"))
    return str(ledger or paths.of(name, state_dir).ledger)
