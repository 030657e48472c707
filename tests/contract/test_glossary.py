# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""docs/glossary.md explains words that are used, and no public name has one of those that were given up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import textfile

from tests.contract.repository import COLLECTION, MODULES, PLAYBOOKS, ROLES, ansible, load
from tests.support import sample_reports
from tests.support.procedures import ROOT

PAGE = ROOT / "docs/glossary.md"
WORDS, EARLIER = PAGE.read_text(encoding="utf-8").split("## Words of earlier versions")

#: Words that no public name has as a part of it, between underscores.
GIVEN_UP = re.compile(
    r"(^|_)(asked|course|decisive|deed|depth|desk|door|excused?|figures|filing|goes|heard|impostors|knock|looks?"
    r"|mend(ed)?|moments|person|places|remark|rotation|said|shelf|standing|stays|tell|told|undone|waiting|waive[dr]"
    r"|welcome|well|without|wording)(_|$)"
)
#: Names that are wrong though each of their words is not.
RENAMED = re.compile(
    r"take[n]?_back|trust_file|^certificate_ca_|^silence_acknowledge|_authority_rotate_serial$|_(rotate|revoke)_serial$"
    r"|^(database|performance)_report|^access_verify|^certificate_refusal$|^switch$"
)


def rows(table: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


@cache
def elsewhere() -> str:
    """Everything that an operator or a developer reads, without the glossary itself; one space between words."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "roles").rglob("*.md")]
    code = [path for folder in ("plugins", "roles", "playbooks") for path in (ROOT / folder).rglob("*.*")]
    read = {path for path in (*pages, *code) if path.suffix in (".md", ".py", ".yml")} - {PAGE}
    return " ".join(" ".join(path.read_text(encoding="utf-8") for path in sorted(read)).split()).lower()


def options(documented: Mapping[str, Any]) -> Iterator[str]:
    """The names of a module's options, those of their options, and their choices."""
    for name, option in documented.items():
        yield from (name, *option.get("aliases", ()), *map(str, option.get("choices", ())))
        yield from options(option.get("suboptions") or {})


def variables(role: str) -> Iterator[str]:
    """The variables that a role takes, as its defaults and its argument specs have them."""
    yield from load(ROOT / f"roles/{role}/defaults/main.yml")
    for entry in load(ROOT / f"roles/{role}/meta/argument_specs.yml")["argument_specs"].values():
        yield from entry.get("options", ())


@cache
def public_names() -> dict[str, set[str]]:
    """The names that an operator types or reads, by what they are names of."""
    done = ansible("ansible-doc", "--json", "--type", "module", *(f"{COLLECTION}.{module}" for module in MODULES))
    assert done.returncode == 0, done.stderr
    documented = json.loads(done.stdout)
    of_modules = (documented[f"{COLLECTION}.{module}"]["doc"].get("options", {}) for module in MODULES)
    metrics = textfile.render(sample_reports.bad_night())
    return {
        "playbook": set(PLAYBOOKS),
        "role": set(ROLES),
        "role variable": {name for role in ROLES for name in variables(role)},
        "module": set(MODULES),
        "module option": {name for given in of_modules for name in options(given)},
        "metric": set(re.findall(r"^# TYPE (\S+)", metrics, re.MULTILINE)),
        "kind": set(KINDS),
    }


def given_up(name: str) -> bool:
    """Whether a name has a word, or is one, that was given up."""
    return bool(GIVEN_UP.search(name) or RENAMED.search(name))


def test_glossary_is_a_page_of_words_with_their_meaning() -> None:
    found = rows(WORDS)
    assert len(found) > 40
    assert all(len(row) == 3 and row[0] and row[1].endswith(".") for row in found)
    assert len({row[0] for row in found}) == len(found)


@pytest.mark.parametrize("word", [row[0] for row in rows(WORDS)])
def test_word_of_the_glossary_is_used(word: str) -> None:
    assert re.search(rf"\b{re.escape(word.lower())}\b", elsewhere())


@pytest.mark.parametrize("sort", ["playbook", "role", "role variable", "module", "module option", "metric", "kind"])
def test_public_names_have_no_word_that_was_given_up(sort: str) -> None:
    names = public_names()[sort]
    assert names
    assert sorted(name for name in names if given_up(name)) == []


def test_names_that_were_given_up_are_known() -> None:
    """The measure above is one: it finds what the glossary says was renamed, and nothing that it was renamed to."""
    was = [name for row in rows(EARLIER) if row[0].startswith("`") for name in re.findall(r"`(\w+_\w+)`", row[0])]
    now = [name for row in rows(EARLIER) for name in re.findall(r"`(\w+)`", row[1])]
    assert was and now
    assert [name for name in was if not given_up(name)] == []
    assert [name for name in now if given_up(name)] == []


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_page_leads_to_the_glossary(page: str) -> None:
    folder = Path(page).parent
    links = re.findall(r"\]\((\S+?glossary\.md|glossary\.md)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert links and all((ROOT / folder / link).resolve() == PAGE for link in links)
