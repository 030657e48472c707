# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pair that proves which CA a consumer trusts is of that CA, and is revoked after its use."""

from __future__ import annotations

from base64 import b64decode

from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates.authority_rotation import Generation
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates.proofs import Proofs
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from cryptography.hazmat.primitives import serialization


def test_proofs_are_revoked_when_they_have_served(authority: Authority) -> None:
    authority.prepare_next()
    with Proofs(authority, Generation.of(authority, "next")) as proofs:
        pair = proofs.pair(common_name="www", names=["www.local"], organizational_unit="Clients")
        (row,) = authority.register(generation="next")
        assert (row.status, row.organizational_unit) == ("valid", "Clients")
    assert pair["certificate"].count("BEGIN") == 2
    # Ansible hides a secret in the log of a host only where it is of one line.
    assert "\n" not in pair["key"]
    assert serialization.load_der_private_key(b64decode(pair["key"]), None)
    assert [row.status for row in authority.register(generation="next")] == ["revoked"]
    assert authority.register() == []
