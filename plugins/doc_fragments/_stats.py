# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of modules that inspect a database in depth, written once: in the judgement itself."""

from __future__ import annotations

from typing import ClassVar

import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Options, documentation
from ansible_collections.xorb.runbook.plugins.module_utils._inspect import postgres_judge, redis_judge
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.stats import MODULE_OPTIONS


def _documented(thresholds: Options) -> str:
    return yaml.safe_dump({"options": documentation({**thresholds, **MODULE_OPTIONS})})


class ModuleDocFragment:
    """Thresholds, and what is left out."""

    POSTGRES_THRESHOLDS: ClassVar[str] = _documented(postgres_judge.THRESHOLDS)
    REDIS_THRESHOLDS: ClassVar[str] = _documented(redis_judge.THRESHOLDS)
