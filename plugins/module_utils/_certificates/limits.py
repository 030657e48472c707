# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options by which the time that certificates have left is judged."""

from __future__ import annotations

from .._core.options import NOT_NEGATIVE, Option, Options

#: Days that certificates of servers and clients may have left, as the kind ``tls`` has them too.
LEAF_LIMIT_OPTIONS: Options = {
    "warning_days": Option(
        "float",
        "Warn when fewer days are left. Without it: 28 days or a third of the lifetime, whichever is less.",
        within=NOT_NEGATIVE,
        falling=True,
    ),
    "critical_days": Option(
        "float",
        "Fail when fewer days are left. Without it: 7 days or a sixth of the lifetime, whichever is less.",
        within=NOT_NEGATIVE,
        falling=True,
    ),
}


#: The same for authorities, beside them.
LIMIT_OPTIONS: Options = {
    **LEAF_LIMIT_OPTIONS,
    "ca_warning_days": Option(
        "float",
        "Warn when an authority has fewer days left. Without it: 365 days for a root and 60 for an intermediate, or a"
        " third of the lifetime, whichever is less.",
        within=NOT_NEGATIVE,
        falling=True,
    ),
    "ca_critical_days": Option(
        "float",
        "Fail when an authority has fewer days left. Without it: 182 days for a root and 30 for an intermediate, or a"
        " sixth of the lifetime, whichever is less.",
        within=NOT_NEGATIVE,
        falling=True,
    ),
}
