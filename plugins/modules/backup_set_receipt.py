# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_receipt
short_description: Keep the receipt of a set that was proved on another host
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Keeps the receipt that M(xorb.runbook.backup_set_prove) returned beside the set, where every check and every list
    finds it. It is refused where the set is not the one any more that was proved.
extends_documentation_fragment:
  - xorb.runbook.backup_sets.one_set
options:
  receipt:
    description: The receipt.
    type: dict
    required: true
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Shows what changes.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: full
seealso:
  - module: xorb.runbook.backup_set_prove
"""

EXAMPLES = r"""
- name: Keep what was proved elsewhere
  xorb.runbook.backup_set_receipt:
    service: nginx
    backup: config
    set: 20261130T094500Z
    receipt: "{{ proving.receipt }}"
"""

RETURN = r"""
kept:
  description: The receipt, as it is kept or would be in check mode.
  returned: always
  type: dict
  sample: {id: 20261130T094500Z, at: 1796031900.1, host: drill1, seconds: 1.4, restore_seconds: 0.8, faults: []}
recovered:
  description: What a run that was killed had left half done, and how it was ended.
  returned: always
  type: list
  elements: str
  sample: []
"""

import json

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import rows
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.stores import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Recovered, Result, run_act
from ansible_collections.xorb.runbook.plugins.module_utils._backup import receipt as receipts
from ansible_collections.xorb.runbook.plugins.module_utils._backup.receipt import Receipt
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import Store, folder_of
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option

OPTIONS = {**SET_OPTIONS, "receipt": Option("dict", "The receipt.", required=True)}


def plan(parameters: Parameters) -> Result:
    """Say whether it would be kept."""
    store, receipt = _sound(parameters)
    return {"changed": store.find(receipt.id).receipt != receipt, "kept": rows.receipt_row(receipt)}


def apply(parameters: Parameters, _journal: Journal, _recovered: Recovered) -> Result:
    """Keep it."""
    result = plan(parameters)
    if result["changed"]:
        store, receipt = _sound(parameters)
        store.record(receipt)
    return result


def _sound(parameters: Parameters) -> tuple[Store, Receipt]:
    """The receipt, with the store that it belongs to. Raises `RunbookError` where it is none of the set as it is."""
    store = folder_of(parameters)
    receipt = receipts.parse(json.dumps(parameters["receipt"]))
    found = store.find(parameters["set"])
    if (found.id, found.manifest_sha256) != (receipt.id, receipt.manifest_sha256):
        raise RunbookError(f"{found.folder}: the receipt is not of this set: it is another one, or has changed since")
    return store, receipt


def main() -> None:
    """Entry of the module."""
    run_act("backup_verify", OPTIONS, plan=plan, apply=apply)


if __name__ == "__main__":
    main()
