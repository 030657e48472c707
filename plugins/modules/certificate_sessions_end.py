# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_sessions_end
short_description: End the sessions that were opened with revoked certificates
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - A session outlives the certificate that it was opened with, so revoking one ends none. This module lets the services
    of a host end them, those of the sets with the option I(sessions).
  - PostgreSQL knows which certificate a session was opened with, and ends those of I(revoked). Redis does not, and ends
    the sessions of all clients but replicas; the clients connect anew.
  - Returns what it found as checks of the topic C(certificates), and fails for none of them.
extends_documentation_fragment:
  - xorb.runbook.certificate_sets
options:
  revoked:
    description:
      - Serial numbers, in hexadecimal digits, whose sessions are ended, of certificates of any host. Without one, no
        session is ended.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
    details:
      - It connects to no service then, and reports a change where a service would have to end sessions.
  diff_mode:
    description: Shows what would change.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: partial
    details:
      - Redis ends the sessions of its clients every time.
requirements:
  - psycopg2 (Python library) on the host, where sessions of PostgreSQL are ended
  - redis (Python library) on the host, where sessions of Redis are ended
seealso:
  - module: xorb.runbook.certificate_revocation_verify
  - module: xorb.runbook.certificate_revoke
"""

EXAMPLES = r"""
- name: End the sessions that were opened with the old certificate of the API
  xorb.runbook.certificate_sessions_end:
    revoked: [41C7]
    certificates:
      - service: database
        point: server
        directory: /etc/postgresql/tls
        names: [db1.example.com]
        sessions: {kind: postgres, user: monitor, password: "{{ vault_monitor_password }}", database: postgres}
"""

RETURN = r"""
checks:
  description: What was found, a check for each set whose service keeps sessions. Its value is how many were ended.
  returned: success
  type: list
  elements: dict
  sample:
    - id: database.server.sessions
      status: ok
      message: 2 sessions of revoked certificates were ended
      value: 2
recovered:
  description: What a run that was killed had left half done, and what became of it.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.sessions import end_sessions, ends_sessions
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.set import check_of, set_list
from ansible_collections.xorb.runbook.plugins.module_utils._act.journal import Journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.module import Parameters, Recovered, Result, run_act
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option

OPTIONS = {
    "certificates": set_list({}),
    "revoked": Option("list", "Serial numbers of the certificates that were revoked.", elements="str", required=True),
}


def plan(parameters: Parameters) -> Result:
    """Whether a service would have to end sessions."""
    revoked = parameters["revoked"]
    return {"changed": any(ends_sessions(given, revoked) for given in parameters["certificates"]), "checks": []}


def apply(parameters: Parameters, _journal: Journal, _recovered: Recovered) -> Result:
    """End the sessions at every service: each is one command, so there is nothing that a kill could leave half done."""
    checks = [
        check_of(given, finding, given["directory"])
        for given in parameters["certificates"]
        for finding in end_sessions(given, parameters["revoked"])
    ]
    return {"changed": any(check.value for check in checks), "checks": [check.as_dict() for check in checks]}


def main() -> None:
    """Entry of the module."""
    run_act("certificate_sessions_end", OPTIONS, plan=plan, apply=apply)


if __name__ == "__main__":
    main()
