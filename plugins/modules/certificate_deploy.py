# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_deploy
short_description: Put issued certificates into service, and take them back where the service refuses them
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Puts any number of certificates into service on the host, each with the key that M(xorb.runbook.certificate_request)
    made for it.
  - Each is staged beside the one in service, checked as it lies there, and swapped by renaming one link, so that key
    and certificate change together. Then the service is told, and has to serve the new certificate.
  - Where a service refuses, the old set is put back, the service is told again, and nothing more is changed.
  - Services are told once, whatever the number of certificates that they share.
  - A run that is killed anywhere is finished or undone by the next one.
extends_documentation_fragment:
  - xorb.runbook.certificate_sets.issued
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It checks then what was issued against the pending key.
  diff_mode:
    description: Shows which certificate takes the place of which.
    support: full
  idempotent:
    description: Running it again changes nothing.
    support: N/A
    details:
      - A certificate is put into service once. Afterwards its key is no longer pending.
requirements:
  - cryptography (Python library) on the host
  - redis (Python library) on the host, where Redis is told
seealso:
  - module: xorb.runbook.certificate_request
  - module: xorb.runbook.certificate_rotate
"""

EXAMPLES = r"""
- name: Put a certificate into service
  xorb.runbook.certificate_deploy:
    certificates:
      - service: nginx
        point: server
        directory: /etc/nginx/tls
        names: [www.example.com, 192.0.2.12]
        reload: {kind: systemd, unit: nginx.service}
        served_by: [{port: 443, server_name: www.example.com}]
        certificate: "{{ issued.certificate }}"
        fullchain: "{{ issued.fullchain }}"
        ca: "{{ issued.ca }}"
"""

RETURN = r"""
certificates:
  description: What became of each set, as far as it came.
  returned: always
  type: list
  elements: dict
  sample:
    - service: nginx
      point: server
      outcome: done
      message: systemctl reload nginx.service
      serial: 5E2A
      previous_serial: 41C7
      fingerprint: 2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90
      not_after: 2026-12-23 18:30 UTC
recovered:
  description: What a run that was killed had left half done, and how it was ended.
  returned: always
  type: list
  elements: str
  sample: []
"""

import time
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import deploy, trust
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.deploy import ISSUED_OPTIONS, Issued
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import SET_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._act.options import RUN_OPTIONS, refuse_wrong_clock
from ansible_collections.xorb.runbook.plugins.module_utils._core import surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import argument_spec


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Deploy what was issued; returns the result."""
    refuse_wrong_clock(time.time(), params["controller_time"])
    wanted = [Issued(given, *(given[name] for name in ISSUED_OPTIONS)) for given in params["certificates"]]
    if check_mode:
        for one in wanted:
            deploy.check(one)
        return {"changed": bool(wanted), "certificates": [], "recovered": []}
    with journals.locked(params["state_dir"], what="certificate_deploy", who=params["who"]) as journal:
        ended, _left = journals.recover(journal, trust.recoveries(params["certificates"]))
        outcomes = list(deploy.deploy(journal, wanted, now=datetime.now(timezone.utc)))
    before = {f"{one.service} {one.point}": one.previous_serial for one in outcomes if one.outcome == DONE}
    after = {f"{one.service} {one.point}": one.serial for one in outcomes if one.outcome == DONE}
    refused = [f"{one.service} {one.point}: {one.message}" for one in outcomes if one.outcome != DONE]
    return {
        "changed": bool(after or ended),
        "certificates": [one.as_dict() for one in outcomes],
        "recovered": [str(one) for one in ended],
        "diff": {"before": before, "after": after},
        **({"failed": True, "msg": " | ".join(dict.fromkeys(refused))} if refused else {}),
    }


def main() -> None:
    """Entry of the module."""
    surroundings.leave()
    module = AnsibleModule(
        argument_spec={
            "certificates": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": argument_spec({**SET_OPTIONS, **ISSUED_OPTIONS}),
            },
            **argument_spec(RUN_OPTIONS),
        },
        supports_check_mode=True,
    )
    try:
        outcome = run(module.params, check_mode=module.check_mode)
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    except OSError as exc:
        module.fail_json(msg=f"{exc.filename or 'a file'}: {exc.strerror}")
    if outcome.get("failed"):
        module.fail_json(**{key: value for key, value in outcome.items() if key != "failed"})
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
