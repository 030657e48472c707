# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of modules that work on certificates, written once: in what inspects them."""

from __future__ import annotations

from typing import ClassVar

import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import documentation
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.certificate_info import OPTIONS


class ModuleDocFragment:
    """What is inspected, and what it is held against."""

    INFO: ClassVar[str] = yaml.safe_dump({"options": documentation(OPTIONS)})
