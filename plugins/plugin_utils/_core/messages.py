# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Errors in one line, without what may be secret, and what a wrong name was probably meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ansible_collections.xorb.runbook.plugins.module_utils._core.about import MISSING, VARIABLE, Fault

#: The message of an undefined variable, and of nothing else.
UNDEFINED = re.compile(r"'(\w+)' is undefined")


def suggest(name: str, known: Iterable[str]) -> str:
    """The known name that a wrong one was probably meant to be, as the end of a sentence; or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def brief(exc: BaseException) -> str:
    """An error in one line, without the source lines that Ansible would print beside it: they may hold secrets."""
    text = getattr(exc, "_message", "") or getattr(exc, "message", "") or str(exc)
    return " ".join(str(text).split())[:300] or type(exc).__name__


def undefined(exc: BaseException) -> Fault | None:
    """The variable that an error is about, as data: every check that needs it fails for the same reason."""
    found = UNDEFINED.fullmatch(brief(exc))
    return Fault.stated(MISSING, (VARIABLE, found[1])) if found else None
