# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions, compared as PyPA's ``packaging`` compares them (PEP 440), which hosts need not have."""

from __future__ import annotations

import re
from typing import Any

#: The grammar of PEP 440, appendix B.
_VERSION = re.compile(
    r"""\s*v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>[0-9]+)?)?
    (?P<post>-(?P<post_plain>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]+)?)?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>[0-9]+)?)?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

#: What can stand behind the numbers of a version that a tool prints, so that 3.10.0rc1 is not taken for 3.10.0.
SUFFIX = r"(?:[-_.]?(?:alpha|a|beta|b|preview|pre|c|rc|post|rev|dev)[-_.]?\d*(?![A-Za-z]))*"

_PHASES = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}

#: Before and behind every number and word.
_LEAST, _MOST = (-1,), (1,)

Key = tuple[Any, ...]


def key(version: str) -> Key | None:
    """What orders a version among others; nothing where PEP 440 does not know such a version."""
    found = _VERSION.fullmatch(version)
    if not found:
        return None
    release = [int(number) for number in found["release"].split(".")]
    while len(release) > 1 and not release[-1]:
        release.pop()
    epoch = int(found["epoch"] or 0)
    return (epoch, tuple(release), _pre(found), _post(found), _dev(found), _local(found["local"]))


def _pre(found: re.Match[str]) -> Key:
    if found["pre"]:
        word = found["pre"].lower()
        return (0, _PHASES.get(word, word), int(found["pre_number"] or 0))
    # A development release of no phase comes before all of them.
    return _LEAST if found["dev"] and not found["post"] else _MOST


def _post(found: re.Match[str]) -> Key:
    if not found["post"]:
        return _LEAST
    return (0, int(found["post_plain"] or found["post_number"] or 0))


def _dev(found: re.Match[str]) -> Key:
    return (0, int(found["dev_number"] or 0)) if found["dev"] else _MOST


def _local(local: str | None) -> Key:
    if local is None:
        return _LEAST
    parts = re.split(r"[-_.]", local.lower())
    return (0, tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts))


def older(version: str, minimum: str) -> bool | None:
    """Whether a version comes before another; nothing where that cannot be known.

    What PEP 440 does not know (9.2p1, 1.1.1w, 2.4.57-2+deb12u1) is compared by its leading numbers. Where those are the
    same, what follows them decides nothing unless the minimum ends there.
    """
    left, right = key(version), key(minimum)
    if left is not None and right is not None:
        return left < right
    ours, theirs = _leading(version), _leading(minimum)
    if not ours[0] or not theirs[0]:
        return None
    if ours[0] != theirs[0]:
        return ours[0] < theirs[0]
    return False if not theirs[1] or ours[1] == theirs[1] else None


def _leading(version: str) -> tuple[list[int], str]:
    """The leading numbers of a version without zeros at their end, and what follows them."""
    found = re.match(r"[vV]?([0-9]+(?:\.[0-9]+)*)", version.strip())
    if not found:
        return [], version
    numbers = [int(number) for number in found[1].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return numbers, version.strip()[found.end() :]
