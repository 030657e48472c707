# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options declared once: the argument spec, the schema of the description and the documentation come from here."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.xorb.runbook.plugins.module_utils._checks import Limits, Number

#: A secret shorter than this is refused: Ansible hides secrets by replacing substrings, so the password ``ok`` would
#: turn every ``status: ok`` into a placeholder.
SHORTEST_SECRET = 8


@dataclass(frozen=True)
class Option:
    """One option of a kind.

    ``source`` tells where a default threshold comes from. ``computed`` options are filled in by the collection and
    are no key of the platform description.
    """

    type: str
    description: str
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()
    elements: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    secret: bool = False
    source: str = ""
    computed: bool = False


Options = Mapping[str, Option]


def argument_spec(options: Options) -> dict[str, Any]:
    """The Ansible argument spec of some options."""
    return {name: _entry(option) for name, option in options.items()}


def _entry(option: Option) -> dict[str, Any]:
    # validate-modules wants no_log said out loud where a name only looks like a secret (ca, client_key).
    entry: dict[str, Any] = {"type": option.type, "no_log": option.secret}
    if option.default is not None:
        entry["default"] = option.default
    if option.required:
        entry["required"] = True
    if option.choices:
        entry["choices"] = list(option.choices)
    if option.elements:
        entry["elements"] = option.elements
    if option.options:
        entry["options"] = argument_spec(option.options)
    return entry


def documentation(options: Options) -> dict[str, Any]:
    """The same options as ``ansible-doc`` wants them."""
    documented = {}
    for name, option in options.items():
        text = [option.description]
        if option.source:
            text.append(f"Source of the default: {option.source}.")
        entry = {key: value for key, value in _entry(option).items() if key not in ("no_log", "options")}
        documented[name] = {"description": text, **entry}
        if option.options:
            documented[name]["suboptions"] = documentation(option.options)
    return documented


def problems(options: Options, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every fault of some given options as ``(key, message)``; the value of a secret is never repeated."""
    for name in given:
        if name not in options:
            yield name, _unknown_key(name, [known for known, option in options.items() if not option.computed])
    for name, option in options.items():
        if name not in given or given[name] is None:
            if option.required:
                yield name, f"missing; expected {_expectation(option)}"
        else:
            yield from _value_problems(name, option, given[name])


def _unknown_key(name: object, known: list[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"unknown key; did you mean {close[0]!r}?" if close else f"unknown key; known are {', '.join(sorted(known))}"


def _value_problems(name: str, option: Option, value: Any) -> Iterator[tuple[str, str]]:
    shown = "a value" if option.secret else repr(value)
    if option.type in ("int", "float") and isinstance(value, bool):
        yield name, f"expected {_expectation(option)}, got {shown}"
        return
    if option.options and isinstance(value, list):
        for index, item in enumerate(value):
            if not isinstance(item, Mapping):
                yield f"{name}[{index}]", f"expected a map of options, got {item!r}"
            else:
                for key, message in problems(option.options, item):
                    yield f"{name}[{index}].{key}", message
        return
    if ArgumentSpecValidator({name: _entry(option)}).validate({name: value}).error_messages or (
        option.type == "float" and not math.isfinite(float(value))
    ):
        yield name, f"expected {_expectation(option)}, got {shown}"
    elif option.secret and any(len(str(text)) < SHORTEST_SECRET for text in _texts(value)):
        yield name, f"a secret must have at least {SHORTEST_SECRET} characters, or hiding it would garble the report"


def _texts(value: Any) -> Iterable[Any]:
    """The secrets that an option holds: Ansible hides each value of a map on its own."""
    return value.values() if isinstance(value, Mapping) else (value,)


def _expectation(option: Option) -> str:
    if option.choices:
        return "one of " + ", ".join(option.choices)
    names = {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "str": "a text",
        "list": "a list",
        "dict": "a map",
        "path": "a path",
    }
    return names.get(option.type, "a value")


def with_defaults(options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options converted to their types and completed by their defaults; call `problems` before."""
    spec = argument_spec(options)
    return dict(ArgumentSpecValidator(spec).validate(dict(given)).validated_parameters)


def limits(
    options: Options, given: Mapping[str, Any], prefix: str = "", *, suffix: str = "", falling: bool = False
) -> Limits:
    """The limits that ``<prefix>warning<suffix>`` and ``<prefix>critical<suffix>`` hold, with where they come from."""
    warning, critical = f"{prefix}warning{suffix}", f"{prefix}critical{suffix}"
    values: dict[str, Number | None] = {name: given.get(name) for name in (warning, critical)}
    shipped = all(values[name] == options[name].default for name in values)
    source = options[warning].source if shipped else "platform description"
    return Limits(values[warning], values[critical], source=source, falling=falling)


def thresholds(
    name: str, what: str, warning: Number | None, critical: Number | None, *, source: str, verb: str = "above"
) -> Options:
    """The two options that `limits` reads, with ``name_`` as its prefix."""
    return {
        f"{name}_warning": Option("float", f"Warn {verb} this {what}.", default=warning, source=source),
        f"{name}_critical": Option("float", f"Fail {verb} this {what}.", default=critical, source=source),
    }
