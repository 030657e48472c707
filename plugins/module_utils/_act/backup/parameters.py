# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of the modules that take and prove sets, and what an engine is given of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._backup.spec import KINDS
from ..._core.errors import RunbookError
from ..._core.options import Option, Options
from ..options import PLAN_OPTION
from .stores import NAME_OPTIONS

#: How a service is reached that Compose keeps running.
CONTAINER: Options = {
    "project": Option("str", "Name of the Compose project, where it does not follow from I(project_src)."),
    "project_src": Option("path", "Folder of the Compose project."),
    "files": Option("list", "Compose files, where they have other names.", elements="str"),
    "service": Option("str", "Name of the service in the Compose file.", required=True),
}

#: One backup, as the description has it.
BACKUP_OPTIONS: Options = {
    "platform": Option("str", "Name of the platform.", required=True),
    **NAME_OPTIONS,
    "host": Option("str", "Inventory name of the host.", required=True),
    **{
        name: Option("dict", f"The backup, where it is one of the kind C({name}).", options=options)
        for name, options in KINDS.items()
    },
    "container": Option("dict", "Container of the service, where Compose keeps it running.", options=CONTAINER),
    "unit": Option("str", "Unit of the service, where systemd keeps it running."),
}

#: How sets are proved.
PROOF_OPTIONS: Options = {
    "identities": Option(
        "list",
        "Identities that decrypt the sets, each a secret key of age or of SSH in PEM. They reach the programs on the"
        " host by standard input, and never its disk.",
        elements="str",
        default=[],
        secret=True,
    ),
    "scratch_dir": Option(
        "path", "Folder in which there is room for what is restored. Without it, the folder of temporary files."
    ),
    **PLAN_OPTION,
}


def given_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What an engine is made of; raises `RunbookError` unless exactly one kind is given."""
    kinds = [name for name in KINDS if parameters.get(name) is not None]
    if len(kinds) != 1:
        got = " and ".join(kinds) or "none"
        raise RunbookError(f"{', '.join(KINDS)}: expected exactly one of them, got {got}")
    names = ("platform", "service", "backup", "host", "container", "unit")
    return {**parameters[kinds[0]], **{name: parameters[name] for name in names}, "kind": kinds[0]}
