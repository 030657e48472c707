# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_request
short_description: Find out which certificates are due, and make the key and the request of the next ones
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Looks at any number of sets of certificates on the host, and says of each whether it has to be replaced, and why.
  - For each that is due, a private key is made on the host, kept where nobody else can read it, and a request for its
    certificate is returned. The key never leaves the host.
  - Finishes or undoes first what a run that was killed left half done.
  - What is in service is not touched. M(xorb.runbook.certificate_deploy) puts the new certificate into service.
options:
  force:
    description: Whether sets that are not due are replaced, too.
    type: bool
    default: false
  only_decide:
    description: Only look and decide. Nothing is made and nothing is recovered, as in check mode.
    type: bool
    default: false
extends_documentation_fragment:
  - xorb.runbook.certificate_sets
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Shows which sets would be replaced, and why.
    support: full
  idempotent:
    description: Running it again changes nothing.
    support: full
    details:
      - A pending key is used again until its certificate is in service.
requirements:
  - cryptography (Python library) on the host
seealso:
  - module: xorb.runbook.certificate_deploy
  - module: xorb.runbook.certificate_rotate
"""

EXAMPLES = r"""
- name: Ask for a certificate where one is due
  xorb.runbook.certificate_request:
    certificates:
      - service: nginx
        point: server
        directory: /etc/nginx/tls
        names: [www.example.com, 192.0.2.12]
  register: requested
"""

RETURN = r"""
certificates:
  description:
    - What was found of each set. Its C(lists) are the revocation lists in its file I(crl), each with its issuer and its
      number, and C(trusts) are the authorities in its file C(ca) where there are lists. Names are hexadecimal DER.
  returned: success
  type: list
  elements: dict
  sample:
    - service: nginx
      point: server
      due: true
      reasons: ["CN=www.example.com expires in 6.2 days, 2026-11-30 08:00 UTC"]
      serial: 41C7
      subject: CN=www.example.com
      not_after: 2026-11-30 08:00 UTC
      csr: "-----BEGIN CERTIFICATE REQUEST-----..."
      key_made: true
      lists: [{issuer: '301031', number: 7}]
      trusts: ['301031']
recovered:
  description: What a run that was killed had left half done, and how it was ended.
  returned: success
  type: list
  elements: str
  sample: []
unfinished:
  description: What a run that was killed left half done and is not ended yet.
  returned: success
  type: list
  elements: str
  sample: []
waiting:
  description:
    - What of that is not ended by a run with these sets, because ending it takes the password of a set that is none of
      them, or because it is of another kind.
  returned: success
  type: list
  elements: str
  sample: []
"""

import time
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import trust
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.request import request
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.options import RUN_OPTIONS, refuse_wrong_clock
from ansible_collections.xorb.runbook.plugins.module_utils._core import surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import argument_spec


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Decide, and unless only that is wanted, recover and make what is needed; returns the result."""
    refuse_wrong_clock(time.time(), params["controller_time"])
    now = datetime.now(timezone.utc)
    force = params["force"]
    if check_mode:
        found = [request(given, force=force, now=now, check_mode=True) for given in params["certificates"]]
        left = journals.unfinished(params["state_dir"])
        waiting = trust.waiting(left, params["certificates"])
        return result(found, [], left, waiting, changed=any(one.due for one in found))
    with journals.locked(params["state_dir"], what="certificate_request", who=params["who"]) as journal:
        ended, left = journals.recover(journal, trust.recoveries(params["certificates"]))
        found = [request(given, force=force, now=now, check_mode=False) for given in params["certificates"]]
    return result(found, ended, left, left, changed=bool(ended) or any(one.key_made for one in found))


def result(
    found: list[Any],
    ended: list[journals.Recovery],
    left: list[journals.Entry],
    waiting: list[journals.Entry],
    *,
    changed: bool,
) -> dict[str, Any]:
    """What the module returns."""
    due = {f"{one.service} {one.point}": "; ".join(one.reasons) for one in found if one.due}
    return {
        "changed": changed,
        "certificates": [one.as_dict() for one in found],
        "recovered": [str(one) for one in ended],
        "unfinished": [_told(entry) for entry in left],
        "waiting": [_told(entry) for entry in waiting],
        "diff": {"before": dict.fromkeys(due, "in service"), "after": due},
    }


def _told(entry: journals.Entry) -> str:
    return f"{entry.procedure} of {entry.subject}, begun {entry.began_at}"


def main() -> None:
    """Entry of the module."""
    surroundings.leave()
    module = AnsibleModule(
        argument_spec={
            "certificates": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": argument_spec(SET_OPTIONS),
            },
            "force": {"type": "bool", "default": False},
            "only_decide": {"type": "bool", "default": False},
            **argument_spec(RUN_OPTIONS),
        },
        supports_check_mode=True,
    )
    try:
        outcome = run(module.params, check_mode=module.check_mode or module.params["only_decide"])
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    except OSError as exc:
        module.fail_json(msg=f"{exc.filename or 'a file'}: {exc.strerror}")
    if module.params["only_decide"]:
        outcome["changed"] = False
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
