# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables that people set: what they are called, what each can be, and which were probably meant.

Roles and playbooks declare them. What they say is read here, so that there is no second list of names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import TOPICS
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import (
    Option,
    expectation,
    option_of,
    problems,
)

from .._core import paths
from .._core.messages import brief, suggest
from .fail_after import FailAfter
from .inventory import Inventory
from .model import Problem, Resolve
from .schema import KINDS
from .secrets import _is_unresolved

#: What the collection's own variables begin with.
OURS = "platform_"
#: Between a procedure and its step in the name of the variable in which each host's result of the step is registered.
_RESULT = "_result_"
#: What the description is read from, which no role reads.
DESCRIPTION = ("platform_name", "platform_services", "platform_overrides", "platform_address")

_ROOT = Path(__file__).resolve().parents[3]
#: A variable for which something else is taken where it is not set, and one in which a result is kept.
_READ = re.compile(r"(?<![\w.'])([a-z]\w*)\s*\|\s*default\b")
_REGISTERED = re.compile(r"^\s*register: (\w+)", re.MULTILINE)

#: The number that is taken where no other one is set.
_NUMBER = re.compile(r"(?:^|default\()(\d+(?:\.\d+)?)(?:$|\))")

#: How alike two names are, from 0 to 1, of which one is taken for a slip of the pen.
_ALIKE = 0.8
#: The same of names whose first words differ, too.
_ALIKE_AS_A_WHOLE = 0.9
_SHORT = 4
#: As many letters that only one of two names has make them different at first sight.
_OTHER_LETTERS = 4


@cache
def declared() -> Mapping[str, Option | None]:
    """Every variable that is read, with what it can be where a role says so."""
    known: dict[str, Option | None] = dict.fromkeys(DESCRIPTION)
    for path in sorted(_ROOT.glob("playbooks/*.yml")):
        known.update(dict.fromkeys(_READ.findall(path.read_text(encoding="utf-8"))))
    for path in sorted(_ROOT.glob("roles/*/meta/argument_specs.yml")):
        # The fast loader is not part of every installation of PyYAML.
        specs = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        for entry in specs["argument_specs"].values():
            for name, given in (entry.get("options") or {}).items():
                names = _READ.findall(str(given.get("default", "")))
                option = _option(given, names)
                known[name] = option
                known.update({other: known.get(other) for other in names})
                if names and known[names[0]] is None:
                    known[names[0]] = option
    return {name: option for name, option in known.items() if not name.startswith("ansible_")}


@cache
def registered() -> frozenset[str]:
    """Every variable in which a result is kept: known, and not to be set."""
    texts = (path.read_text(encoding="utf-8") for path in _ROOT.glob("roles/*/tasks/*.yml"))
    return frozenset(name for text in texts for name in _REGISTERED.findall(text))


def result_variable(procedure: str, step: str) -> str:
    """The variable in which each host's result of a step of a procedure that acts is registered."""
    return f"{procedure}{_RESULT}{step}"


@cache
def step_results() -> Mapping[str, tuple[str, str]]:
    """The procedure and the step by each variable in which a role registers what a step came to."""
    procedures = [path.name for path in _ROOT.glob("roles/*")]
    return {
        name: (procedure, name.removeprefix(f"{procedure}{_RESULT}"))
        for name in registered()
        for procedure in procedures
        if name.startswith(f"{procedure}{_RESULT}")
    }


def _option(given: Mapping[str, Any], names: Iterable[str]) -> Option:
    """What a role says of a variable, as an option; its default is a template, and ends with what is really taken."""
    number = _NUMBER.search(str(given.get("default", "")))
    option = option_of({**given, "default": float(number[1]) if number else None})
    # An argument spec would have to repeat these names.
    choices = {"platform_topics": TOPICS, "platform_only_kinds": tuple(sorted(KINDS))}
    return next((replace(option, choices=choices[name]) for name in names if name in choices), option)


def misspelled(names: Iterable[str]) -> list[Problem]:
    """Names that look like a slip of the pen: what was meant does not happen, and nothing else would say so."""
    meant = {name: _meant(name) for name in _strange(names)}
    return [
        Problem(name, f"there is no such variable; did you mean {other!r}?") for name, other in meant.items() if other
    ]


def foreign(names: Iterable[str], *, most: int = 10) -> str:
    """A warning of other names that begin as ours do, which others may use; nothing where there is none."""
    found = [name for name in _strange(names) if name.lower().startswith(OURS) and not _meant(name)]
    listed = [f"{name} ({other}?)" if (other := _part_of(name)) else name for name in found[:most]]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return f"variables that xorb.runbook does not know, and leaves alone: {', '.join(listed)}{more}" if listed else ""


def _strange(names: Iterable[str]) -> list[str]:
    known = declared().keys() | registered()
    return sorted({str(name) for name in names if name not in known and not str(name).startswith("ansible_")})


@cache
def _outlines() -> list[tuple[str, int, frozenset[str]]]:
    """What shows at first sight that a name is another one: its length and its letters."""
    return [(name, len(name), frozenset(name)) for name in declared()]


@cache
def _meant(name: str) -> str:
    """The known name that a strange one is a slip of, or nothing."""
    letters, spread = frozenset(name.lower()), len(name) // 4
    near = [
        other
        for other, length, others in _outlines()
        if abs(length - len(name)) <= spread and len(letters ^ others) <= _OTHER_LETTERS
        if _alike(name.lower().split("_"), other.split("_"))
    ]
    return max(near, key=lambda other: SequenceMatcher(None, name, other).ratio(), default="")


def _part_of(name: str) -> str:
    """The known name that has all words of a strange one, or the other way round."""
    words = set(name.lower().split("_"))
    known = [other for other in declared() if other.startswith(OURS)]
    near = [other for other in known if words < set(other.split("_")) or set(other.split("_")) < words]
    return max(near, key=lambda other: SequenceMatcher(None, name, other).ratio(), default="")


def _alike(words: list[str], others: list[str]) -> bool:
    """Whether what follows the words that two names have in common is nearly the same; another word is no slip."""
    common = 0
    for word, other in zip(words, others):
        if word != other:
            break
        common += 1
    left, right = "".join(words[common:]), "".join(others[common:])
    if not left or not right:
        return left == right
    enough = _ALIKE if common else _ALIKE_AS_A_WHOLE
    resembling = len(words) == len(others) and SequenceMatcher(None, left, right).ratio() > enough
    return resembling or _one_slip(left, right)


def _one_slip(left: str, right: str) -> bool:
    """Whether a letter too many, too few or wrong, or two that were swapped, make the one the other."""
    pairs = enumerate(zip(left, right))
    first = next((index for index, (one, other) in pairs if one != other), min(len(left), len(right)))
    left, right = left[first:], right[first:]
    swapped = left[1::-1] == right[:2] and left[2:] == right[2:]
    # Of a short word, another letter makes another word.
    replaced = first + len(left) > _SHORT and left[1:] == right[1:]
    return swapped or replaced or left[1:] == right or left == right[1:]


def examined(inventory: Inventory) -> tuple[list[Problem], str]:
    """Everything that is wrong with the variables of a run, whatever host has them, and a warning of foreign names."""
    known = {name: option for name, option in declared().items() if option and not option.holds_secret}
    names: set[str] = set()
    # A host that has each value, which nearly all hosts have in common.
    values: dict[tuple[str, str], tuple[Any, str]] = {}
    for host in dict.fromkeys([*inventory.hosts, inventory.here]):
        variables = inventory.variables(host)
        names.update(variables)
        for name in known.keys() & variables.keys():
            values.setdefault((name, repr(variables[name])), (variables[name], host))
    services = _services(inventory)
    found = {
        problem: None
        for (name, _shown), (value, host) in values.items()
        for problem in _wrong(name, known[name], value, inventory.resolver(host), services)
    }
    # The first play of a procedure is outside of all of its steps, so there it was set by an operator, for all plays.
    steps = {f"{procedure}_step" for procedure, _step in step_results().values()}
    fixed = [Problem(name, "each play sets its own; leave it out, and use --tags") for name in sorted(steps & names)]
    return [*misspelled(names), *fixed, *sorted(found, key=str)], foreign(names)


def _services(inventory: Inventory) -> Collection[str]:
    """The services that are described; none where the description cannot be read, which others say."""
    try:
        return inventory.platform(inventory.hosts[0]).services if inventory.hosts else ()
    except RunbookError:
        return ()


def _wrong(name: str, option: Option, given: Any, resolve: Resolve, services: Collection[str]) -> Iterator[Problem]:
    """Yield what the value of a variable cannot be; a template is resolved as one host that has it would."""
    value = given
    if _is_unresolved(given):
        # What another procedure needs may depend on what only it knows.
        if not name.startswith(OURS):
            return
        try:
            value = resolve(given)
        except Exception as exc:  # noqa: BLE001 - whatever a template raises is a fault of this variable
            yield Problem(name, f"its template cannot be resolved: {brief(exc)}")
            return
    if value is None:
        yield Problem(name, f"has no value; expected {expectation(option)}")
    elif value != "" or option.type not in ("str", "path", "list"):
        yield from (Problem(key, message) for key, message in problems({name: option}, {name: value}))
        yield from _wrong_otherwise(name, option, value, services)


def _wrong_otherwise(name: str, option: Option, value: Any, services: Collection[str]) -> Iterator[Problem]:
    """What a type cannot say of a value."""
    try:
        if name.endswith("fail_after"):
            FailAfter.parse(value)
        elif name == "platform_name":
            paths.of(str(value))
    except RunbookError as exc:
        yield Problem(name, str(exc).removeprefix(f"{name}: "))
    if services and name.endswith("_services") and option.type == "list":
        for service in value.split(",") if isinstance(value, str) else value:
            if service not in services:
                yield Problem(name, f"there is no such service: {service!r}{suggest(str(service), services)}")
