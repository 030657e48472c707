# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is revoked and by which CA, for the modules that decide and act for an incident."""

from __future__ import annotations


class ModuleDocFragment:
    """The options that both actions of a revocation have."""

    DOCUMENTATION = r"""
options:
  scope:
    description:
      - C(service) revokes the certificates of O(services), C(all) everything that the CA issued.
      - The scopes C(intermediate) and C(root) are a matter of M(xorb.runbook.certificate_authority_rotate).
    type: str
    required: true
  services:
    description: Names of services of the platform description, with the scope C(service) alone.
    type: list
    elements: str
    default: []
  incident:
    description: What the incident is called. A run with the same one goes on where an earlier one ended.
    type: str
    required: true
  ca_dir:
    description: Folder of the CA on the control node.
    type: path
    required: true
  ca_passphrase:
    description: Passphrase of the CA's key.
    type: str
    required: true
  state_dir:
    description:
      - Folder on the control node in which incidents are remembered. Without it, the folder of the platform in the
        user's state folder.
    type: path
"""
