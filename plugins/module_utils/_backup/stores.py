# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the sets of a backup are: in a folder of ours, or in a repository of another program's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._clients.pgbackrest import Stanza
from .backup_set import SetStore
from .repository import Repository
from .spec import directory
from .store import Store


def store_of(given: Mapping[str, Any], backup: str) -> SetStore:
    """The sets of the backup of that name, of the options that say where they are."""
    return at({"folder": directory(given) / f"{given['service']}.{backup}", "repository": given.get("repository")})


def at(address: Mapping[str, Any]) -> SetStore:
    """The same, by the address of a store; raises KeyError or TypeError for anything else."""
    folder, repository = Path(address["folder"]), address.get("repository")
    if not repository:
        return Store.at(folder)
    return Repository(folder, Stanza(**{name: repository[name] for name in ("stanza", "config", "os_user")}))
