# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: platform_check
short_description: Name every fault of the platform description without touching a host
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Reads the platform description as every host of the inventory would, resolves all its templates and validates it.
  - Names each fault by its full path, with a suggestion where a name looks like a typo. The value of a secret is never
    shown.
extends_documentation_fragment:
  - xorb.runbook._action
"""

EXAMPLES = r"""
- name: Validate the description
  xorb.runbook.platform_check:
"""

RETURN = r"""
msg:
  description: Every fault, one a line; or how much is described.
  returned: always
  type: str
  sample: |-
    1 fault in the platform description:
    platform_services.api.endpoints.rest.prot: unknown key; did you mean 'port'?
services:
  description: Services that are looked at.
  returned: success
  type: list
  elements: str
  sample: [api, postgres]
hosts:
  description: Hosts that look.
  returned: success
  type: list
  elements: str
  sample: [db, web]
checks:
  description: How many checks every run over all topics expects.
  returned: success
  type: int
  sample: 24
"""
