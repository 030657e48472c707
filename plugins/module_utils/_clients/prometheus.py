# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The HTTP API of Prometheus, as far as probes need it: answers as plain data, and reasons why there is none."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from .._core.errors import RunbookError
from .._core.refusal import reasons_in
from .._core.text import excerpt
from .http import Client


class Refused(RunbookError):
    """The server answered, but not with what was requested; the message has its own words."""


@dataclass(frozen=True)
class Sample:
    """One element of an instant vector; the value is not finite where there was nothing to calculate."""

    labels: Mapping[str, str]
    value: float

    @property
    def name(self) -> str:
        """The labels in the usual notation."""
        pairs = [f"{key}={value}" for key, value in sorted(self.labels.items()) if key != "__name__"]
        return excerpt(f"{{{', '.join(pairs)}}}") if pairs else excerpt(self.labels.get("__name__", "the value"))

    @property
    def is_number(self) -> bool:
        """Whether this can be judged."""
        return math.isfinite(self.value)


class Api:
    """The API of one Prometheus.

    Everything raises `Unreachable` when no complete answer arrives, and `Refused` when it is not the right one.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix.rstrip("/")

    def query(self, expression: str) -> tuple[list[Sample], list[str]]:
        """The elements of an instant vector (or the one of a scalar), and what the server warns of."""
        answer = self._get("query", query=expression)
        data = answer["data"]
        warnings = [str(warning) for warning in answer.get("warnings") or ()]
        if not isinstance(data, Mapping):
            raise Refused("the answer has no result")
        kind, result = data.get("resultType"), data.get("result")
        if kind == "scalar":
            return [_sample({"value": result})], warnings
        if kind != "vector" or not isinstance(result, list):
            raise Refused(f"the query gives a {excerpt(kind)}, expected an instant vector")
        return [_sample(element) for element in result], warnings

    def targets(self) -> list[Mapping[str, Any]]:
        """The active targets."""
        return self._list("targets", "activeTargets", state="active")

    def rule_groups(self) -> list[Mapping[str, Any]]:
        """The groups of rules that are loaded."""
        return self._list("rules", "groups")

    def _list(self, endpoint: str, key: str, **arguments: str) -> list[Mapping[str, Any]]:
        data = self._get(endpoint, **arguments)["data"]
        found = data.get(key) if isinstance(data, Mapping) else None
        if not isinstance(found, list):
            raise Refused(f"the answer has no list of {key}")
        return found

    def _get(self, endpoint: str, **arguments: str) -> Mapping[str, Any]:
        query = f"?{urlencode(arguments)}" if arguments else ""
        answer = self._client.get(f"{self._prefix}/api/v1/{endpoint}{query}")
        try:
            body = json.loads(answer.text)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, Mapping) and body.get("status") == "error":
            raise Refused(f"{excerpt(body.get('errorType'))}: {excerpt(body.get('error'), 200)}")
        if answer.status != HTTPStatus.OK:
            raise Refused(f"HTTP {answer.status}, expected 200: {reasons_in(answer.text)}")
        if not isinstance(body, Mapping) or body.get("status") != "success" or "data" not in body:
            raise Refused(f"this is not the API of Prometheus: {excerpt(answer.text)}")
        return body


def _sample(element: Any) -> Sample:
    """One element; histograms have no value."""
    try:
        return Sample(dict(element.get("metric") or {}), float(element["value"][1]))
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as exc:
        raise Refused(f"the query gives something without a value: {excerpt(element)}") from exc


def parse_time(text: object) -> datetime | None:
    """A time of the API, which may have more digits than Python reads; nothing where it never was."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", str(text))
    if not match or match.group(1).startswith("0001"):
        return None
    return datetime.fromisoformat(match.group(1) + match.group(2).replace("Z", "+00:00"))
