# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_deliver
short_description: Hand a piece of a set to the job that waits for it
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Hands a piece of the stored files of a set, as M(xorb.runbook.backup_set_read) returns it, to a job of
    M(xorb.runbook.backup_set_prove), and returns when that has taken it. A piece may be handed over again.
  - The job has the lock of the host, and writes. By itself this module changes nothing.
extends_documentation_fragment:
  - xorb.runbook._act
options:
  job:
    description: Name of the job.
    type: str
    required: true
  offset:
    description: Where the piece begins in the stream of the stored files.
    type: int
    default: 0
  data:
    description: The bytes of the piece, in base64.
    type: str
    default: ''
  fault:
    description: Why no more of the set comes, in the place of a piece. The job ends with it.
    type: str
    default: ''
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
  - module: xorb.runbook.backup_set_prove
"""

EXAMPLES = r"""
- name: Hand over the first piece
  xorb.runbook.backup_set_deliver:
    job: "{{ proving.job }}"
    offset: 0
    data: "{{ piece.data }}"
"""

RETURN = r"""
taken:
  description: Bytes that the job has taken.
  returned: success
  type: int
  sample: 8388608
"""

import base64
import binascii
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act import job
from ansible_collections.xorb.runbook.plugins.module_utils._act.inbox import NO_MORE
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Result, run_inspect
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import NOT_NEGATIVE, Option

OPTIONS = {
    "job": Option("str", "Name of the job.", required=True),
    "offset": Option("int", "Where the piece begins in the stream.", default=0, within=NOT_NEGATIVE),
    # Ansible writes every other argument to the host's log.
    "data": Option("str", "The bytes of the piece, in base64.", default="", secret=True),
    "fault": Option("str", "Why no more of the set comes.", default=""),
}


def deliver(parameters: Parameters) -> Result:
    """Hand it over."""
    state, name = Path(parameters["state_dir"]), parameters["job"]
    if parameters["fault"]:
        job.send(state, name, NO_MORE, parameters["fault"].encode())
        return {"taken": 0}
    try:
        data = base64.b64decode(parameters["data"], validate=True)
    except binascii.Error as exc:
        raise RunbookError(f"data: expected base64: {exc}") from exc
    job.send(state, name, parameters["offset"], data)
    return {"taken": len(data)}


def main() -> None:
    """Entry of the module."""
    run_inspect(OPTIONS, deliver)


if __name__ == "__main__":
    main()
