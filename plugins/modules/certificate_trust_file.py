# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_trust_file
short_description: Exchange some of the authorities in files that belong to no set of certificates
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - For files of authorities that clients read anew each time. What a service holds in its memory is a set of
    certificates, which M(xorb.runbook.certificate_trust) changes.
  - Of O(authorities), each file then holds those of O(trust) and no other. Whatever else it holds stays in it.
  - Every file is replaced by renaming, with its owner and its mode, so that who reads it reads the old one or the new.
options:
  paths:
    description: The files. Each has to be there, and to be no link.
    type: list
    elements: path
    required: true
  authorities:
    description: The authorities that are exchanged, in PEM.
    type: str
    required: true
  trust:
    description: Those of them that the files hold afterwards, in PEM.
    type: str
    required: true
  who:
    description: Who runs this, for the lock of the host.
    type: str
    default: unknown
  state_dir:
    description: Folder of the host's lock and journal. The same for whoever changes this host.
    type: path
    default: /var/lib/xorb-runbook
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Shows which files change.
    support: full
  idempotent:
    description: Running it again changes nothing.
    support: full
requirements:
  - cryptography (Python library) on the host
seealso:
  - module: xorb.runbook.certificate_trust
"""

EXAMPLES = r"""
- name: Trust the next CA beside the present one
  xorb.runbook.certificate_trust_file:
    paths: [/etc/api/ca.pem]
    authorities: "{{ lookup('ansible.builtin.file', 'both.pem') }}"
    trust: "{{ lookup('ansible.builtin.file', 'both.pem') }}"
"""

RETURN = r"""
files:
  description: The files that hold other authorities than before.
  returned: success
  type: list
  elements: str
  sample: [/etc/api/ca.pem]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import trust_bundle
from ansible_collections.xorb.runbook.plugins.module_utils._core import surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Exchange the authorities; returns the result."""
    plans = trust_bundle.plan(params["paths"], params["authorities"], params["trust"])
    if plans and not check_mode:
        with journal.locked(params["state_dir"], what="certificate_trust_file", who=params["who"]):
            for plan in plans:
                trust_bundle.put(plan)
    files = [plan.path for plan in plans]
    return {
        "changed": bool(files),
        "files": files,
        "diff": {"before": dict.fromkeys(files, "as it is"), "after": dict.fromkeys(files, "other authorities")},
    }


def main() -> None:
    """Entry of the module."""
    surroundings.leave()
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "path", "required": True},
            "authorities": {"type": "str", "required": True},
            "trust": {"type": "str", "required": True},
            "who": {"type": "str", "default": "unknown"},
            "state_dir": {"type": "path", "default": journal.STATE},
        },
        supports_check_mode=True,
    )
    try:
        outcome = run(module.params, check_mode=module.check_mode)
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    except OSError as exc:
        module.fail_json(msg=f"{exc.filename or 'a file'}: {exc.strerror}")
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
