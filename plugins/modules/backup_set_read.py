# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_read
short_description: Read the manifest of a set, or a piece of its stored files
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Reads the stored files of a set as one stream, in the order of the manifest, so that they can be brought to another
    host in pieces. They are what lies on the disk, encrypted where the set is. It changes nothing in any mode.
extends_documentation_fragment:
  - xorb.runbook.backup_sets.one_set
options:
  offset:
    description: Where the piece begins in the stream. Without it, the manifest is read.
    type: int
  size:
    description: Bytes of the piece.
    type: int
    default: 8388608
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Shows what changes.
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    description: Running it again changes nothing.
    support: full
seealso:
  - module: xorb.runbook.backup_set_deliver
"""

EXAMPLES = r"""
- name: Read the manifest of a set
  xorb.runbook.backup_set_read:
    service: nginx
    backup: config
    set: 20261130T094500Z
"""

RETURN = r"""
manifest:
  description: The manifest, as it is stored. Empty where a piece was read.
  returned: success
  type: str
  sample: '{"format": 1, "id": "20261130T094500Z"}'
data:
  description: The bytes of the piece, in base64. Empty where the manifest was read.
  returned: success
  type: str
  sample: YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==
"""

import base64

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.stores import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Result, run_inspect
from ansible_collections.xorb.runbook.plugins.module_utils._backup import manifest as manifests
from ansible_collections.xorb.runbook.plugins.module_utils._backup import stream
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import folder_of
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import AT_LEAST_ONE, NOT_NEGATIVE, Option

OPTIONS = {
    **SET_OPTIONS,
    "offset": Option("int", "Where the piece begins in the stream.", within=NOT_NEGATIVE),
    "size": Option("int", "Bytes of the piece.", default=8 << 20, within=AT_LEAST_ONE),
}


def inspect(parameters: Parameters) -> Result:
    """What was asked for of the set."""
    found = folder_of(parameters).find(parameters["set"])
    if found.manifest is None:
        raise RunbookError(f"{found.id}: {found.fault}")
    if parameters["offset"] is None:
        return {"manifest": (found.folder / manifests.NAME).read_text(encoding="ascii"), "data": ""}
    piece = stream.read(found.folder, found.manifest.files, parameters["offset"], parameters["size"])
    return {"manifest": "", "data": base64.b64encode(piece).decode("ascii")}


def main() -> None:
    """Entry of the module."""
    run_inspect(OPTIONS, inspect)


if __name__ == "__main__":
    main()
