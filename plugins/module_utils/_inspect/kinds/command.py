# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``command``: a tool is there, runs, and is new enough."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

from ..._clients import commands
from ..._core import versions
from ..._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Finding
from ..._core.options import EXIT_STATUS, Given, Option, Options
from ..._core.text import excerpt
from ..kind import Kind

OPTIONS: Options = {
    "argv": Option("list", "The tool and the arguments that print its version.", elements="str", required=True),
    "pattern": Option(
        "str",
        "Regular expression whose group, or else whole match, is the version in what the tool prints, on standard "
        "output or standard error.",
        default=rf"\d+(?:\.\d+)+{versions.SUFFIX}",
        filled=True,
    ),
    "minimum": Option(
        "str", "Oldest version that is good enough, as a text in quotes; compared as Python's packages are (PEP 440)."
    ),
    "status": Option(
        "list",
        "Exit statuses that are right. Some tools print their version and end with another than 0.",
        elements="int",
        default=[0],
        within=EXIT_STATUS,
        filled=True,
    ),
    "missing": Option("str", "What it means when the tool is missing.", default=CRITICAL, choices=(WARNING, CRITICAL)),
}


def check(given: Given) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the command, the pattern and the version."""
    argv = given["argv"]
    if not isinstance(argv, str) and not (argv and str(argv[0])):
        yield "argv", "expected the name of a tool and its arguments"
    try:
        if re.compile(str(given.get("pattern") or "")).groups > 1:
            yield "pattern", "has several groups; the version is in one"
    except re.error as exc:
        yield "pattern", f"not a regular expression: {exc}"
    minimum = given.get("minimum")
    if minimum is not None and not isinstance(minimum, str):
        yield "minimum", f"expected a version in quotes, got the number {minimum!r}: YAML makes 3.1 of 3.10"
    elif minimum is not None and versions.older(minimum, "0") is None:
        yield "minimum", f"expected a version like 2.10 as a text, got {minimum!r}"


def run(given: Given) -> Iterator[Finding]:
    """Find the tool, and run it without a shell."""
    name = given["argv"][0]
    path = shutil.which(name)
    if path is None:
        where = "" if "/" in name else f" (searched {excerpt(os.environ.get('PATH', os.defpath), 200)})"
        yield Finding("version", given["missing"], f"{name} is not installed{where}")
        return
    yield judge(path, commands.run([path, *given["argv"][1:]], timeout=given["timeout"]), given)


def judge(path: str, outcome: commands.Outcome, given: Given) -> Finding:
    """Judge what a tool that is there did and printed."""
    printed = f"{outcome.stdout}\n{outcome.stderr}"
    if outcome.status not in given["status"]:
        expected = " or ".join(str(status) for status in given["status"])
        message = f"{path} ended with {outcome.status}, expected {expected}: {excerpt(printed)}"
        return Finding("version", CRITICAL, message)
    found = re.search(given["pattern"], printed)
    version = found and found.group(found.re.groups)
    if not version:
        wanted = given["pattern"]
        like = "" if wanted == OPTIONS["pattern"].default else f" matching {wanted}"
        message = f"{path} runs, but prints no version{like}: {excerpt(printed)}"
        return Finding("version", UNKNOWN, message)
    version, minimum = excerpt(version), given.get("minimum")
    old = versions.older(version, minimum) if minimum else False
    if old is None:
        return Finding("version", UNKNOWN, f"{path} is {version}, which cannot be compared with {minimum}", version)
    if old:
        return Finding("version", CRITICAL, f"{path} is version {version}, older than {minimum}", version)
    return Finding("version", OK, f"{path} is version {version}", version)


def _target(given: Given) -> str:
    argv = given.get("argv")
    return str(argv[0]) if isinstance(argv, list) and argv else str(argv or "")


KIND = Kind(
    name="command",
    summary="A tool is installed, runs, and is new enough.",
    topic="scanners",
    options=OPTIONS,
    expected=lambda _given: ("version",),
    run=run,
    target=_target,
    check=check,
    local=True,
)
