# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: backup_set_expire
short_description: Remove sets of backups that no rule keeps
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Removes the sets that are named, and of these only what the rule of their backup still lets expire when they are
    removed. It fails where the rule keeps one of them, and removes the others.
  - The newest verified sets stay, whatever the rule says, and so does everything where no set is verified, where one
    that is newer than the newest verified one is damaged, or where one is from the future.
  - A set goes by one rename. A run that is killed leaves a set that is whole, or none.
extends_documentation_fragment:
  - xorb.runbook._act
options:
  backups:
    description: The backups, each with the sets to be removed.
    type: list
    elements: dict
    required: true
    suboptions:
      service:
        description: Name of the service in the platform description.
        type: str
        required: true
      backup:
        description: Name of the backup within the service.
        type: str
        required: true
      directory:
        description: Folder on the host with the sets of all backups.
        type: path
        default: /var/backups/xorb-runbook
      repository:
        description: Stanza of pgBackRest whose sets these are.
        type: dict
        suboptions:
          stanza:
            description: Name of the stanza.
            type: str
            required: true
          config:
            description: pgBackRest's configuration on the host.
            type: path
            default: /etc/pgbackrest.conf
          os_user:
            description: User of the system whose stanza it is.
            type: str
            default: postgres
          full_days:
            description: Days after which the next set is a full one.
            type: float
            default: 7.0
          diff_days:
            description: Days after which it is a differential one; before that it is an incremental one.
            type: float
            default: 1.0
      keep:
        description: How long sets are kept.
        type: dict
        suboptions:
          daily:
            description: Days that keep a set.
            type: int
            default: 7
          weekly:
            description: Weeks that keep a set.
            type: int
            default: 4
          monthly:
            description: Months that keep a set.
            type: int
            default: 6
          minimum_redundancy:
            description: Verified sets that stay, whatever their age.
            type: int
            default: 2
      sets:
        description: Names of the sets.
        type: list
        elements: str
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
    support: N/A
    details:
      - A set is removed once. One that is not there is refused.
seealso:
  - module: xorb.runbook.backup_verify
  - module: xorb.runbook.backup_set_info
"""

EXAMPLES = r"""
- name: Remove a set that no rule keeps
  xorb.runbook.backup_set_expire:
    backups:
      - service: nginx
        backup: config
        sets: [20260901T094500Z]
"""

RETURN = r"""
expired:
  description: The sets that are gone, or would be in check mode, each with the reason.
  returned: always
  type: list
  elements: dict
  sample: [{service: nginx, backup: config, id: 20260901T094500Z, why: 'no day, week or month needs it'}]
recovered:
  description: What a run that was killed had left half done, and how it was ended.
  returned: always
  type: list
  elements: str
  sample: []
"""

import time

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import expire
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.recoveries import recoveries
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.stores import STORE_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Recovered, Result, run_act
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option

SETS = Option("list", "Names of the sets.", elements="str", required=True)
OPTIONS = {
    "backups": Option(
        "list",
        "The backups, each with the sets to be removed.",
        elements="dict",
        options={**STORE_OPTIONS, "sets": SETS},
        required=True,
    )
}


def plan(parameters: Parameters) -> Result:
    """Say what would be removed."""
    expired, refused = [], []
    for given in parameters["backups"]:
        expires, stay = expire.decided(given, given["sets"], time.time())
        expired += [_row(given, name, why) for name, why in expires.items()]
        refused += stay
    return {"changed": bool(expired), "expired": expired, "refused": refused}


def apply(parameters: Parameters, journal: Journal, _recovered: Recovered) -> Result:
    """Remove what expires."""
    refused = plan(parameters)["refused"]
    expired = [
        _row(given, name, why)
        for given in parameters["backups"]
        for name, why in expire.expire(given, given["sets"], journal)
    ]
    return {"changed": bool(expired), "expired": expired, "refused": refused}


def _row(given: Parameters, name: str, why: str) -> Result:
    return {"service": given["service"], "backup": given["backup"], "id": name, "why": why}


def main() -> None:
    """Entry of the module."""
    run_act(expire.PROCEDURE, OPTIONS, plan=plan, apply=apply, recoveries=recoveries)


if __name__ == "__main__":
    main()
