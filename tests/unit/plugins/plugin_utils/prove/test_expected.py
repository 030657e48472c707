# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.fail_after import AT_ONCE, FailAfter
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.expected import Expected

from tests.support.sample_reports import check

PATIENT = FailAfter(2, 3)


def test_what_a_procedure_proves_of_its_own_work_counts_at_once() -> None:
    seen, proved = check("web", "api", "client", "expiry"), check("web", "api", "client", "refusal")
    due = Expected(patience={("web", "web", "api.client"): PATIENT}, otherwise=PATIENT, proofs={proved.key})
    assert due.fail_after(seen) == PATIENT
    assert due.fail_after(proved) == AT_ONCE
