# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_trust
short_description: Put trusted authorities and revocation lists into service, and roll back where that fails
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Changes which authorities the services of a host trust and what they take for revoked. Keys and certificates stay as
    they are.
  - What a set trusts is changed by a variant of the set beside it, which takes its place by the renaming of one link. A
    file of revocation lists is replaced by renaming, and the one before it stays beside it.
  - Services are reloaded once, whatever the number of sets that they share. Each has to serve its certificate
    afterwards, or all its sets are rolled back and nothing more is changed.
  - Everything is checked before anything is changed. Refused are authorities that the certificate in service does not
    lead to any more, and revocation lists that cannot be read, are not signed by an authority that is trusted, have
    ended, are older than those in service, or leave an authority that is trusted without a list.
  - A run that is killed anywhere is finished or rolled back by the next one.
extends_documentation_fragment:
  - xorb.runbook.certificate_sets.trusted
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - Everything is checked as if it were to be changed.
  diff_mode:
    description: Shows which files of which sets change.
    support: full
  idempotent:
    description: Running it again changes nothing.
    support: full
requirements:
  - cryptography (Python library) on the host
  - redis (Python library) on the host, where Redis is reloaded
seealso:
  - module: xorb.runbook.certificate_deploy
  - module: xorb.runbook.certificate_authority
"""

EXAMPLES = r"""
- name: Let nginx refuse what has been revoked
  xorb.runbook.certificate_trust:
    certificates:
      - service: nginx
        point: server
        directory: /etc/nginx/tls
        names: [www.example.com]
        crl: /etc/nginx/tls/crl.pem
        reload: {kind: systemd, unit: nginx.service}
        served_by: [{port: 443, server_name: www.example.com}]
        revocations: "{{ lookup('ansible.builtin.file', 'crl.pem') }}"
"""

RETURN = r"""
certificates:
  description:
    - What became of each set, as far as it came. Its C(outcome) is C(done), C(unchanged), C(rolled_back) or C(failed).
  returned: always
  type: list
  elements: dict
  sample:
    - service: nginx
      point: server
      outcome: done
      message: systemctl reload nginx.service
      serial: 5E2A
      previous_serial: 5E2A
      fingerprint: 2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90
      not_after: 2026-12-23 18:30 UTC
recovered:
  description: What a run that was killed had left half done, and how it was ended.
  returned: always
  type: list
  elements: str
  sample: []
"""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import recovery, trust
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import label, set_list
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.trust import (
    TRUST_OPTIONS,
    UNCHANGED,
    TrustChange,
    Wanted,
)
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Recovered, Result, run_act
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import DONE

OPTIONS = {"certificates": set_list(TRUST_OPTIONS)}


def planned(parameters: Parameters, now: datetime) -> list[TrustChange]:
    """The changes that it takes to have in service what was given."""
    wanted = [Wanted(given, given["trust"], given["revocations"]) for given in parameters["certificates"]]
    return trust.plan(wanted, now=now)


def plan(parameters: Parameters) -> Result:
    """Say what would be put into service."""
    changes = planned(parameters, datetime.now(timezone.utc))
    return {"changed": any(change.parts for change in changes), "certificates": [], "diff": _diff(changes)}


def apply(parameters: Parameters, journal: Journal, _recovered: Recovered) -> Result:
    """Put into service what was given."""
    now = datetime.now(timezone.utc)
    changes = planned(parameters, now)
    outcomes = list(trust.put(journal, changes, now=now))
    return {
        "changed": any(one.outcome == DONE for one in outcomes),
        "certificates": [one.as_dict() for one in outcomes],
        "diff": _diff(changes),
        "refused": [f"{one.name}: {one.message}" for one in outcomes if one.outcome not in (DONE, UNCHANGED)],
    }


def _diff(changes: Sequence[TrustChange]) -> dict[str, Any]:
    parts = {label(change.given): ", ".join(sorted(change.parts)) for change in changes if change.parts}
    return {"before": dict.fromkeys(parts, "in service"), "after": parts}


def main() -> None:
    """Entry of the module."""
    run_act(
        "certificate_trust",
        OPTIONS,
        plan=plan,
        apply=apply,
        recoveries=lambda parameters: recovery.recoveries(parameters["certificates"]),
    )


if __name__ == "__main__":
    main()
