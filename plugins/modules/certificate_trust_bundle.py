# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_trust_bundle
short_description: Exchange some of the authorities in files that belong to no set of certificates
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - For files of authorities that clients read anew each time. What a service holds in its memory is a set of
    certificates, which M(xorb.runbook.certificate_trust) changes.
  - Of O(authorities), each file then holds those of O(trust) and no other. Whatever else it holds stays in it.
  - Every file is replaced by renaming, with its owner and its mode, so that a client reads the old one or the new.
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
extends_documentation_fragment:
  - xorb.runbook._act
requirements:
  - cryptography (Python library) on the host
seealso:
  - module: xorb.runbook.certificate_trust
"""

EXAMPLES = r"""
- name: Trust the next CA beside the present one
  xorb.runbook.certificate_trust_bundle:
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
recovered:
  description: What a run that was killed had left half done, and what became of it.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import trust_bundle
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Recovered, Result, run_act
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option

OPTIONS = {
    "paths": Option("list", "Files with authorities, in PEM.", elements="path", required=True),
    "authorities": Option("str", "Every certificate of the CA that may be exchanged, in PEM.", required=True),
    "trust": Option("str", "What takes their place, in PEM.", required=True),
}


def planned(parameters: Parameters) -> list[trust_bundle.Exchange]:
    """The files that would hold other authorities than now."""
    return trust_bundle.plan(parameters["paths"], parameters["authorities"], parameters["trust"])


def plan(parameters: Parameters) -> Result:
    """Say which files would change."""
    return _result(planned(parameters))


def apply(parameters: Parameters, _journal: Journal, _recovered: Recovered) -> Result:
    """Exchange the authorities in each file by one renaming, which is there as a whole or not at all."""
    plans = planned(parameters)
    for one in plans:
        trust_bundle.put(one)
    return _result(plans)


def _result(plans: list[trust_bundle.Exchange]) -> Result:
    files = [one.path for one in plans]
    return {
        "changed": bool(files),
        "files": files,
        "diff": {"before": dict.fromkeys(files, "as it is"), "after": dict.fromkeys(files, "other authorities")},
    }


def main() -> None:
    """Entry of the module."""
    run_act("certificate_trust_bundle", OPTIONS, plan=plan, apply=apply)


if __name__ == "__main__":
    main()
