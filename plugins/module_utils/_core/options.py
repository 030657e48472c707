# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options declared once: the argument spec, the schema of the description and the documentation come from here."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .checks import Limits, Number

#: A secret shorter than this is refused: Ansible hides secrets by replacing substrings, so the password ``ok`` would
#: turn every ``status: ok`` into a placeholder.
SHORTEST_SECRET = 8


@dataclass(frozen=True)
class Range:
    """What a number can be: from ``minimum`` to ``maximum``, or anything above ``above``."""

    minimum: Number | None = None
    maximum: Number | None = None
    above: Number | None = None

    def __contains__(self, number: Number) -> bool:
        return (
            (self.minimum is None or number >= self.minimum)
            and (self.maximum is None or number <= self.maximum)
            and (self.above is None or number > self.above)
        )

    def __str__(self) -> str:
        if self.above is not None:
            return f"above {self.above}"
        if self.minimum is not None and self.maximum is not None:
            return f"from {self.minimum} to {self.maximum}"
        return f"of at least {self.minimum}" if self.maximum is None else f"of at most {self.maximum}"


PORTS = Range(1, 65535)
PERCENT = Range(0, 100)
NOT_NEGATIVE = Range(0)
POSITIVE = Range(above=0)
AT_LEAST_ONE = Range(1)
#: Where a status code of HTTP can be (RFC 9110, 15).
HTTP_STATUS = Range(100, 599)
EXIT_STATUS = Range(0, 255)


@dataclass(frozen=True)
class Option:
    """One option of a kind.

    ``source`` is where a default threshold comes from. ``computed`` options are filled in by the collection and
    are no key of the platform description. ``within`` is what a number, or each number of a list, can be. An option
    that is ``filled``, or required, is no empty text, list or map: nothing would be inspected. A ``lasting`` one is a
    time that a probe takes, and has to fit into the deadline of a host. The thresholds of a ``falling`` pair are
    crossed downwards. A ``path`` is one on a host, whose folder and home the control node does not know: it begins with
    a slash, unless it is ``here``, on the control node.
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
    within: Range = Range()
    filled: bool = False
    lasting: bool = False
    falling: bool = False
    here: bool = False

    @property
    def holds_secret(self) -> bool:
        """Whether its value is a secret, or has one somewhere."""
        return self.secret or any(option.holds_secret for option in self.options.values())


Options = Mapping[str, Option]


def argument_spec(options: Options) -> dict[str, Any]:
    """The Ansible argument spec of some options."""
    return {name: _entry(option) for name, option in options.items()}


def _entry(option: Option) -> dict[str, Any]:
    # validate-modules wants no_log in writing where a name only looks like a secret (ca, client_key).
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


def option_of(entry: Mapping[str, Any], name: str = "") -> Option:
    """The option of an entry in the argument spec of a role or an action, whose paths are those of the control node.

    Numbers with a default count or measure something: whole ones are one at least, unless it is none by default.
    """
    default = entry.get("default")
    within = PORTS if name.endswith("port") else Range()
    if within == Range() and default is not None and entry.get("type") in ("int", "float"):
        within = AT_LEAST_ONE if entry["type"] == "int" and default != 0 else NOT_NEGATIVE
    return Option(
        entry.get("type", "str"),
        "",
        default=default,
        required=bool(entry.get("required")),
        choices=tuple(entry.get("choices") or ()),
        elements=entry.get("elements") or "",
        options={key: option_of(deeper, key) for key, deeper in (entry.get("options") or {}).items()},
        secret=bool(entry.get("no_log")),
        within=within,
        here=True,
    )


def documentation(options: Options) -> dict[str, Any]:
    """The same options as ``ansible-doc`` wants them."""
    documented = {}
    for name, option in options.items():
        text = [option.description]
        if option.within != Range():
            text.append(f"{'Each is a number' if option.elements else 'A number'} {option.within}.")
        if option.source:
            text.append(f"Source of the default: {option.source}.")
        entry = {key: value for key, value in _entry(option).items() if key not in ("no_log", "options")}
        documented[name] = {"description": text, **entry}
        if option.options:
            documented[name]["suboptions"] = documentation(option.options)
    return documented


def problems(options: Options, given: Mapping[str, Any], *, limits: bool = True) -> Iterator[tuple[str, str]]:
    """Yield every fault of some given options as ``(key, message)``; the value of a secret is never repeated.

    Without ``limits`` only those that keep the values from being read at all.
    """
    for name in given:
        if name not in options:
            yield name, _unknown_key(name, [known for known, option in options.items() if not option.computed])
    for name, option in options.items():
        if name not in given or given[name] is None:
            if option.required:
                yield name, f"missing; expected {expectation(option)}"
        else:
            yield from _value_problems(name, option, given[name], limits=limits)


def _unknown_key(name: object, known: list[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"unknown key; did you mean {close[0]!r}?" if close else f"unknown key; known are {', '.join(sorted(known))}"


def _value_problems(name: str, option: Option, value: Any, *, limits: bool) -> Iterator[tuple[str, str]]:
    if option.options:
        yield from _nested_problems(name, option, value, limits=limits)
    elif _is_another_type(replace(option, elements="", choices=()) if option.elements else option, value):
        yield name, f"expected {expectation(option)}, got {_shown(option, value)}{_suggestion(option, value)}"
    elif option.elements and not _is_empty(value):
        element = replace(option, type=option.elements, elements="", required=False, filled=False)
        for where, item in _items(name, value):
            yield from _value_problems(where, element, item, limits=limits)
    elif limits:
        yield from _limit_problems(name, option, value)


def _items(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    """The items of a list with their paths, or of a text that Ansible makes a list of."""
    if isinstance(value, (list, tuple)):
        return ((f"{name}[{index}]", item) for index, item in enumerate(value))
    return ((name, item) for item in (value.split(",") if isinstance(value, str) else (value,)))


def _is_empty(value: Any) -> bool:
    return not value.strip() if isinstance(value, str) else value in ([], (), {})


#: What needs no conversion. To ask Ansible about each value was most of what a description cost the control node.
_OWN: Mapping[str, type] = {"int": int, "float": float, "list": list, "dict": dict}


def _is_another_type(option: Option, value: Any) -> bool:
    """Whether a value is not of an option's type.

    Ansible turns a list into the text that Python would print for it, and ``3.10`` into the text ``3.1``.
    """
    if value is None or isinstance(value, bool):
        return option.type != "raw" and not (option.type == "bool" and value is not None)
    if option.type in ("str", "path"):
        if isinstance(value, (float, list, tuple, Mapping)):
            return True
        return bool(option.choices) and str(value) not in option.choices
    if isinstance(value, _OWN.get(option.type, ())) and not option.choices:
        return isinstance(value, float) and not math.isfinite(value)
    spec = {"it": _entry(replace(option, required=False))}
    if ArgumentSpecValidator(spec).validate({"it": plain(value)}).error_messages:
        return True
    return option.type == "float" and not math.isfinite(float(value))


def _limit_problems(name: str, option: Option, value: Any) -> Iterator[tuple[str, str]]:
    """What cannot be meant by a value of the right type."""
    if (option.required or option.filled) and _is_empty(value):
        yield name, f"is empty; expected {expectation(option)}"
    elif option.type in ("int", "float") and float(value) not in option.within:
        yield name, f"expected {expectation(option)}, got {_shown(option, value)}"
    elif option.type == "path" and not option.here and not _is_absolute(str(value)):
        yield name, f"expected an absolute path without variables, got {_shown(option, value)}"
    elif option.secret and any(len(str(text)) < SHORTEST_SECRET for text in _texts(value)):
        yield name, f"a secret must have at least {SHORTEST_SECRET} characters, or hiding it would garble the report"


def _is_absolute(path: str) -> bool:
    """Whether a path means the same to every reader: Ansible would fill in the environment and the home folder."""
    return path.startswith("/") and not re.search(r"\$(\w|\{)", path)


def out_of_range(options: Options, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the numbers of validated options that cannot be meant, as deep as they are."""
    for name, option in options.items():
        value = given.get(name)
        deeper = value if isinstance(value, list) else [value]
        for index, item in enumerate(deeper):
            where = f"{name}[{index}]" if isinstance(value, list) else name
            if option.options and isinstance(item, Mapping):
                yield from ((f"{where}.{key}", message) for key, message in out_of_range(option.options, item))
            elif isinstance(item, (int, float)) and item not in option.within:
                yield where, f"expected a number {option.within}, got {item!r}"


def _nested_problems(name: str, option: Option, value: Any, *, limits: bool) -> Iterator[tuple[str, str]]:
    """Faults of an option that has options: a map of them, or a list of such maps."""
    maps = [(name, value)]
    if option.type == "list":
        if not isinstance(value, list):
            yield name, f"expected {expectation(option)}, got {_shown(option, value)}"
            return
        maps = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
    for path, item in maps:
        if not isinstance(item, Mapping):
            yield path, f"expected a map of options, got {_shown(option, item)}"
        else:
            for key, message in problems(option.options, item, limits=limits):
                yield f"{path}.{key}", message


def _suggestion(option: Option, value: Any) -> str:
    """The choice that was probably meant."""
    close = [] if option.holds_secret else difflib.get_close_matches(str(value), option.choices, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _shown(option: Option, value: Any) -> str:
    return "a value" if option.holds_secret else repr(value)


def _texts(value: Any) -> Iterable[Any]:
    """The secrets that an option holds: Ansible hides each value of a map or a list on its own."""
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else (value,)


def expectation(option: Option) -> str:
    """What a value of an option has to be, in words."""
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
    expected = names.get(option.type, "a value")
    return f"{expected} {option.within}" if option.within != Range() and not option.elements else expected


def with_defaults(options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options converted to their types and completed by their defaults; call `problems` before."""
    spec = argument_spec(options)
    return dict(ArgumentSpecValidator(spec).validate(plain(given)).validated_parameters)


def plain(value: Any) -> Any:
    """The same value in Python's own types.

    On the control node each text knows which file and line it comes from. The validator copies what it is given, and to
    copy such a text takes so long that it was most of what a host cost there.
    """
    # Tested first, since most values are: whether one is a mapping takes longer to find out.
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    # A text of a derived class stays what it is when it is only converted.
    own: Any = next((own for own in (str, int, float) if isinstance(value, own)), None)
    return value if own is None else f"{value}" if own is str else own(value)


def crossed(options: Options, given: Mapping[str, Any], *, falling: bool | None = None) -> Iterator[tuple[str, str]]:
    """Yield each pair of thresholds, given or shipped, of which the critical one is crossed before the warning.

    ``falling`` overrules what the options are declared to be. The given values have the right types already.
    """
    for warning, option in options.items():
        critical = warning.replace("warning", "critical")
        chosen = [name for name in (warning, critical) if given.get(name) is not None]
        if critical == warning or critical not in options or not chosen:
            continue
        values = {name: given[name] if name in chosen else options[name].default for name in (warning, critical)}
        if None in values.values():
            continue
        numbers = {name: float(value) for name, value in values.items()}
        sign = -1 if (option.falling if falling is None else falling) else 1
        if sign * numbers[warning] > sign * numbers[critical]:
            name = chosen[0]
            foil = critical if name == warning else warning
            relation = "above" if numbers[name] > numbers[foil] else "below"
            other = f"{foil} ({numbers[foil]:g}{'' if foil in chosen else ', the default'})"
            yield name, f"{numbers[name]:g} is {relation} {other}, so that it would fail before it warns"


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
    name: str,
    what: str,
    warning: Number | None,
    critical: Number | None,
    *,
    source: str,
    verb: str = "above",
    within: Range = NOT_NEGATIVE,
) -> Options:
    """The two options that `limits` reads, with ``name_`` as its prefix; those that are ``below`` are falling."""
    return {
        f"{name}_{threshold}": Option(
            "float",
            f"{does} {verb} this {what}.",
            default=default,
            source=source,
            within=within,
            falling=verb == "below",
        )
        for threshold, does, default in (("warning", "Warn", warning), ("critical", "Fail", critical))
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
