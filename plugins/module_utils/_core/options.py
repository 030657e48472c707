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

from .checks import Limits, Number

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

    @property
    def holds_secret(self) -> bool:
        """Whether its value is a secret, or has one somewhere."""
        return self.secret or any(option.holds_secret for option in self.options.values())


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
    shown = _shown(option, value)
    if option.type in ("int", "float") and isinstance(value, bool):
        yield name, f"expected {_expectation(option)}, got {shown}"
        return
    if option.options:
        yield from _nested_problems(name, option, value)
        return
    if ArgumentSpecValidator({name: _entry(option)}).validate({name: plain(value)}).error_messages or (
        option.type == "float" and not math.isfinite(float(value))
    ):
        yield name, f"expected {_expectation(option)}, got {shown}"
    elif option.secret and any(len(str(text)) < SHORTEST_SECRET for text in _texts(value)):
        yield name, f"a secret must have at least {SHORTEST_SECRET} characters, or hiding it would garble the report"


def _nested_problems(name: str, option: Option, value: Any) -> Iterator[tuple[str, str]]:
    """Faults of an option that has options: a map of them, or a list of such maps."""
    maps = [(name, value)]
    if option.type == "list":
        if not isinstance(value, list):
            yield name, f"expected {_expectation(option)}, got {_shown(option, value)}"
            return
        maps = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
    for path, item in maps:
        if not isinstance(item, Mapping):
            yield path, f"expected a map of options, got {_shown(option, item)}"
        else:
            for key, message in problems(option.options, item):
                yield f"{path}.{key}", message


def _shown(option: Option, value: Any) -> str:
    return "a value" if option.holds_secret else repr(value)


def _texts(value: Any) -> Iterable[Any]:
    """The secrets that an option holds: Ansible hides each value of a map or a list on its own."""
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else (value,)


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
    return dict(ArgumentSpecValidator(spec).validate(plain(given)).validated_parameters)


def plain(value: Any) -> Any:
    """The same value in Python's own types.

    On the control node each text knows which file and line it comes from. The validator copies what it is given, and to
    copy such a text takes so long that it was most of what a host cost there.
    """
    # Asked first, since most values are: whether one is a mapping takes longer to find out.
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    # A text of a derived class stays what it is when it is only converted.
    own: Any = next((own for own in (str, int, float) if isinstance(value, own)), None)
    return value if own is None else f"{value}" if own is str else own(value)


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


def without_secrets(options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given options that may be written down: no secret is among them, however deep."""
    kept: dict[str, Any] = {}
    for name, option in options.items():
        value = given.get(name)
        if name not in given or option.secret:
            continue
        if option.options and isinstance(value, Mapping):
            value = without_secrets(option.options, value)
        elif option.options and isinstance(value, (list, tuple)):
            value = [without_secrets(option.options, item) for item in value]
        kept[name] = value
    return kept


Given = Mapping[str, Any]
