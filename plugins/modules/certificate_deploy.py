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
    and certificate change together. Then the service is reloaded, and has to serve the new certificate.
  - Where a service refuses, the old set is put back, the service is reloaded again, and nothing more is changed.
  - Services are reloaded once, whatever the number of certificates that they share.
  - A run that is killed anywhere is finished or rolled back by the next one.
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
  - redis (Python library) on the host, where Redis is reloaded
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

from datetime import datetime, timezone

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import deploy, recovery
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.deploy import Issued
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import set_list
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Recovered, Result, run_act
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.spec import ISSUED_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE

OPTIONS = {"certificates": set_list(ISSUED_OPTIONS)}


def wanted(parameters: Parameters) -> list[Issued]:
    """The sets with what was issued for them."""
    return [Issued(given, *(given[name] for name in ISSUED_OPTIONS)) for given in parameters["certificates"]]


def plan(parameters: Parameters) -> Result:
    """Check everything that can be checked before anything is changed."""
    for one in wanted(parameters):
        deploy.check(one)
    return {"changed": bool(parameters["certificates"]), "certificates": []}


def apply(parameters: Parameters, journal: Journal, _recovered: Recovered) -> Result:
    """Put what was issued into service."""
    outcomes = list(deploy.deploy(journal, wanted(parameters), now=datetime.now(timezone.utc)))
    done = [one for one in outcomes if one.outcome == DONE]
    return {
        "changed": bool(done),
        "certificates": [one.as_dict() for one in outcomes],
        "diff": {
            "before": {one.name: one.previous_serial for one in done},
            "after": {one.name: one.serial for one in done},
        },
        "refused": [f"{one.name}: {one.message}" for one in outcomes if one.outcome != DONE],
    }


def main() -> None:
    """Entry of the module."""
    run_act(
        "certificate_deploy",
        OPTIONS,
        plan=plan,
        apply=apply,
        recoveries=lambda parameters: recovery.recoveries(parameters["certificates"]),
    )


if __name__ == "__main__":
    main()
