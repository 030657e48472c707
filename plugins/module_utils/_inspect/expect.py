# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a service's answer must hold: rules of the description, and what is expected where it has none.

A healthy status code proves that something answered. Whether it is well stands in the body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Callable

from .._clients.http import HEADER_NAME
from .._core.checks import CRITICAL, OK, WARNING
from .._core.options import Option, Options, with_defaults
from .._core.text import excerpt, lines

RULE_OPTIONS: Options = {
    "path": Option("str", "Keys and list indexes that lead to a value of a JSON body, joined by dots."),
    "header": Option("str", "Name of a header of the answer, instead of a value of its body."),
    "equals": Option("raw", "The value is this one; a text is not a number."),
    "in": Option("list", "The value is one of these.", elements="raw", filled=True),
    "min": Option("float", "The value is a number of at least this."),
    "max": Option("float", "The value is a number of at most this."),
    "matches": Option(
        "str", "The value, or without a path and a header the body, has a match of this regular expression."
    ),
    "exists": Option("bool", "Whether there is such a value at all."),
    "else": Option("str", "What a broken rule means.", default=CRITICAL, choices=(WARNING, CRITICAL)),
}

HEALTHY = ("healthy", "ok", "ready", "pass", "up")
DEGRADED = ("degraded", "warn", "warning")

_MISSING = object()


@dataclass(frozen=True)
class Verdict:
    """What one rule makes of a body: a status, and the evidence."""

    status: str
    message: str


class Body:
    """The body of an answer, as text and as JSON, and the headers that came with it."""

    def __init__(self, text: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.text = text
        self._headers = list(headers)
        self.is_json = True
        try:
            self._value = json.loads(text)
        except (ValueError, RecursionError):
            self.is_json = False
            self._value = _MISSING

    def value(self, path: str = "") -> Any:
        """The value at a dotted path, or ``_MISSING``."""
        found = self._value
        for step in path.split(".") if path else ():
            if isinstance(found, Mapping) and step in found:
                found = found[step]
            elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                return _MISSING
        return found

    def header(self, name: str) -> Any:
        """The value of a header, however its name is written, or ``_MISSING``; several are one list (RFC 9110, 5.3)."""
        found = [value for key, value in self._headers if key.lower() == name.lower()]
        return ", ".join(found) if found else _MISSING

    def complaint(self, wanted: str = "JSON") -> Verdict:
        """The verdict on a body that is not what it should be at all."""
        return Verdict(CRITICAL, f"the body is not {wanted}: {excerpt(self.text)}")


#: Judges a whole body: one verdict for each thing that was expected of it.
Expectation = Callable[[Body], "list[Verdict]"]


@dataclass(frozen=True)
class _Test:
    """One way of testing a value: whether it holds, and how an unmet expectation is worded."""

    holds: Callable[[Any, Any], bool]
    expected: Callable[[Any], str]


def _same(value: Any, wanted: Any) -> bool:
    # In Python True equals 1; in JSON it does not.
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _shown(value: Any) -> str:
    return excerpt(json.dumps(value, ensure_ascii=False))


_TESTS: Mapping[str, _Test] = {
    "equals": _Test(_same, lambda wanted: f"expected {_shown(wanted)}"),
    "in": _Test(
        lambda value, wanted: any(_same(value, one) for one in wanted),
        lambda wanted: f"expected one of {', '.join(_shown(one) for one in wanted)}",
    ),
    "min": _Test(
        lambda value, wanted: _is_number(value) and value >= wanted, lambda wanted: f"expected at least {wanted:g}"
    ),
    "max": _Test(
        lambda value, wanted: _is_number(value) and value <= wanted, lambda wanted: f"expected at most {wanted:g}"
    ),
    "matches": _Test(
        lambda value, wanted: bool(re.search(wanted, _as_text(value))), lambda wanted: f"expected a match of {wanted}"
    ),
}


def rule_faults(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a rule beyond what its options express, as ``(key, message)``."""
    tests = [name for name in (*_TESTS, "exists") if rule.get(name) is not None]
    if rule.get("header") is not None:
        yield from _header_faults(rule)
    if not tests:
        yield "path" if "path" in rule else "matches", f"the rule needs one of {', '.join((*_TESTS, 'exists'))}"
    elif not rule.get("path") and not rule.get("header") and tests != ["matches"]:
        yield "path", "missing; without it, only 'matches' can judge the body"
    if rule.get("matches") == "":
        yield "matches", "would accept every body; leave the rule out or give what must be there"
    elif rule.get("matches") is not None:
        try:
            re.compile(str(rule["matches"]))
        except re.error as exc:
            yield "matches", f"not a regular expression: {exc}"


def _header_faults(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what keeps a header from being judged, or from being shown."""
    if rule.get("path"):
        yield "header", "a rule is of the body or of a header; write two"
    if not HEADER_NAME.fullmatch(str(rule["header"])):
        yield "header", f"no header can have the name {rule['header']!r}"
    elif str(rule["header"]).lower() == "set-cookie":
        yield "header", "cookies are secrets, which no report should show"
    for name in ("min", "max"):
        if rule.get(name) is not None:
            yield name, "the value of a header is a text; use equals, in, matches or exists"


def follow(rules: list[Mapping[str, Any]]) -> Expectation:
    """The expectation that some rules are, each with a verdict of its own."""
    complete = [with_defaults(RULE_OPTIONS, rule) for rule in rules]
    return lambda body: [_judge(rule, body) for rule in complete]


def _judge(rule: Mapping[str, Any], body: Body) -> Verdict:
    whole = not rule["path"] and not rule["header"]
    broken = _broken_body(rule, body) if whole else _broken_value(rule, body)
    if broken:
        return Verdict(rule["else"], broken)
    if whole:
        return Verdict(OK, f"the body matches {rule['matches']}")
    name, value = _found(rule, body)
    return Verdict(OK, f"{name} is absent" if rule["exists"] is False else f"{name} is {_shown(value)}")


def _found(rule: Mapping[str, Any], body: Body) -> tuple[str, Any]:
    """What a rule calls its value, and the value."""
    if rule["header"]:
        return f"the header {rule['header']}", body.header(rule["header"])
    return rule["path"], body.value(rule["path"])


def _broken_body(rule: Mapping[str, Any], body: Body) -> str | None:
    if re.search(rule["matches"], body.text):
        return None
    return f"the body has no match of {rule['matches']}: {excerpt(body.text)}"


def _broken_value(rule: Mapping[str, Any], body: Body) -> str | None:
    """How the value of the rule breaks it, if it does."""
    if rule["path"] and not body.is_json:
        return body.complaint().message
    name, value = _found(rule, body)
    if value is _MISSING:
        return None if rule["exists"] is False else f"{name} is missing"
    if rule["exists"] is False:
        return f"{name} is {_shown(value)}, expected to be absent"
    unmet = [
        test.expected(rule[name])
        for name, test in _TESTS.items()
        if rule[name] is not None and not test.holds(value, rule[name])
    ]
    return f"{name} is {_shown(value)}, {' and '.join(unmet)}" if unmet else None


def health(body: Body) -> list[Verdict]:
    """What is expected of a health endpoint that has no rules: an object whose ``status`` is a good word."""
    if not body.is_json:
        return [body.complaint()]
    if not isinstance(body.value(), Mapping):
        return [body.complaint("a JSON object")]
    status = body.value("status")
    if status is _MISSING:
        return [Verdict(CRITICAL, f"status is missing: {excerpt(body.text)}")]
    word = status.lower() if isinstance(status, str) else ""
    judged = OK if word in HEALTHY else WARNING if word in DEGRADED else CRITICAL
    return [Verdict(judged, f"status is {_shown(status)}")]


_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*\s*=\s*"(?:[^"\\]|\\.)*"\s*(?:,\s*)?'
_NUMBER = r"[+-]?(?:[0-9.]+(?:[eE][+-]?[0-9]+)?|[Ii]nf|[Nn]a[Nn])"
#: A value may be followed by a time stamp and, in OpenMetrics, by an exemplar.
_SAMPLE = re.compile(rf"{_NAME}\s*(?:\{{\s*(?:{_LABEL})*\}})?\s+{_NUMBER}(?:\s+{_NUMBER})?\s*(?:#.*)?")


def metrics(body: Body) -> list[Verdict]:
    """What is expected of a metrics endpoint that has no rules: samples, as Prometheus text or as a JSON object."""
    if body.is_json:
        value = body.value()
        if isinstance(value, Mapping) and value:
            return [Verdict(OK, f"{len(value)} metrics as JSON")]
        return [body.complaint("a JSON object with metrics")]
    stripped = [line.strip(" \t") for line in lines(body.text)]
    samples = [line for line in stripped if line and not line.startswith("#")]
    wrong = next((line for line in samples if not _SAMPLE.fullmatch(line)), None)
    if wrong is not None:
        return [Verdict(CRITICAL, f"not Prometheus text: {excerpt(wrong)}")]
    if not samples:
        return [Verdict(CRITICAL, f"no sample in the body: {excerpt(body.text)}")]
    return [Verdict(OK, f"{len(samples)} samples")]


#: What is expected of an endpoint of this name where the description does not have it.
DEFAULTS: Mapping[str, Expectation] = {"health": health, "readiness": health, "metrics": metrics}
