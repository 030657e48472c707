# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tables of docs/platform.md that the registry of kinds knows: topics, options, and what groups of options have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._clients.http import HTTP_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import TOPICS
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import Option, Options, Range
from ansible_collections.xorb.runbook.plugins.module_utils._core.shared_options import TLS_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS

from tests.support.procedures import ROOT

PAGE = ROOT / "docs/platform.md"
#: Groups of options that several kinds have, by the word that stands for them.
GROUPS: Mapping[str, Options] = {
    "HTTP": {name: option for name, option in HTTP_OPTIONS.items() if name not in TLS_OPTIONS and not option.computed},
    "TLS": TLS_OPTIONS,
}


def renewed(page: str) -> str:
    """The page with its tables as they have to be."""
    for name, table in tables().items():
        marks = rf"(<!-- {name}: made by python -m tests.pages -->\n)(.*?)(<!-- end of {name} -->)"
        (place,) = re.finditer(marks, page, re.DOTALL)
        page = f"{page[: place.start(2)]}{table}{page[place.end(2) :]}"
    return page


def tables() -> dict[str, str]:
    """Each table by its name."""
    return {
        "topics": _table(("Topic", "Kinds", "Playbooks beside `daily`"), topics()),
        "options": _table(("Kind", "Has to have", "Can have"), options()),
        "groups": _table(("Option", "Of", "Meaning"), groups()),
    }


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _column in head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def topics() -> Iterator[tuple[str, ...]]:
    """What belongs to each topic unless a look says otherwise, and which playbooks look at it."""
    looking = {path.stem: _topics_of(yaml.safe_load(path.read_text())) for path in (ROOT / "playbooks").glob("*.yml")}
    for topic in TOPICS:
        kinds = [f"`{name}`" for name, kind in sorted(KINDS.items()) if kind.topic == topic]
        playbooks = [f"`{name}`" for name, asked in sorted(looking.items()) if topic in asked]
        yield f"`{topic}`", ", ".join(kinds) or "none by itself", ", ".join(playbooks)


def _topics_of(plays: list[dict[str, Any]]) -> list[str]:
    return [topic for play in plays for topic in play.get("vars", {}).get("platform_topics", ())]


def options() -> Iterator[tuple[str, ...]]:
    """The options of each kind, those of a group by its word."""
    for name, kind in sorted(KINDS.items()):
        given = {key: option for key, option in kind.options.items() if not option.computed}
        whole = {word: group for word, group in GROUPS.items() if group.keys() <= given.keys()}
        rest = {key: option for key, option in given.items() if not any(key in group for group in whole.values())}
        required = [f"`{key}`" for key, option in rest.items() if option.required]
        others = [_with_default(key, option) for key, option in rest.items() if not option.required]
        yield f"`{name}`", ", ".join(required), ", ".join([*others, *whole])


def _with_default(name: str, option: Option) -> str:
    if option.default is None or option.default is False or option.default in ([], ""):
        return f"`{name}`"
    shown = ", ".join(map(str, option.default)) if isinstance(option.default, list) else option.default
    shown = f"{shown:g}" if isinstance(shown, float) else str(shown).lower() if isinstance(shown, bool) else shown
    return f"`{name}` ({shown})".replace("|", "\\|")


def groups() -> Iterator[tuple[str, ...]]:
    """What the options of groups mean."""
    for word, group in GROUPS.items():
        for name, option in group.items():
            limits = f" A number {option.within}." if option.within != Range() else ""
            text = re.sub(r"[CIV]\(([^)]*)\)", r"`\1`", option.description)
            yield _with_default(name, option), word, f"{text}{limits}"
