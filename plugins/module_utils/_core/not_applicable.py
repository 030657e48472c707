# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Aspects that the operator has left out, each with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Callable

from .options import Given, Option

NOT_APPLICABLE_OPTION = Option(
    "dict", "Aspects that are left out, each with the reason; they are reported as V(not_applicable)."
)


def left_out(given: Given) -> Mapping[str, str]:
    """The aspects that the operator has left out, with the reasons."""
    return given.get("not_applicable") or {}


def left_out_problems(aspects: Iterable[str]) -> Callable[[Given], Iterator[tuple[str, str]]]:
    """What is wrong with the option ``not_applicable`` of a kind that has these aspects."""
    known = tuple(aspects)

    def problems(given: Given) -> Iterator[tuple[str, str]]:
        for aspect, why in left_out(given).items():
            if aspect not in known:
                yield f"not_applicable.{aspect}", f"unknown aspect; known are {', '.join(known)}"
            elif not isinstance(why, str) or not why.strip():
                yield f"not_applicable.{aspect}", "expected the reason as a text"

    return problems
