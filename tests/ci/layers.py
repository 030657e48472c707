# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The layers of the gate. Each runs its programs and returns a count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.ci import scenarios
from tests.ci.counting import Count, honest, of_exit_code, of_junit, total
from tests.ci.programs import run
from tests.ci.run import Run
from tests.ci.sanity import layer as sanity
from tests.testbed.layout import BUILD

_LINTERS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("yamllint", "--strict", "."),
    ("ansible-lint", "--offline", "-q"),
    ("antsibull-changelog", "lint"),
)


def lint(_run: Run) -> Count:
    """Every linter, even after one has failed: their findings are looked at together."""
    return total(of_exit_code(run(command), " ".join(command)) for command in _LINTERS)


def unit(current: Run) -> Count:
    """Unit and contract tests, side by side on all processors; whoever is idle takes over tests that wait."""
    return _pytest("unit", current.last, "--numprocesses=auto", "--dist=worksteal")


def fleet(current: Run) -> Count:
    """A part of the fleet, started and removed by the tests themselves."""
    return _pytest("fleet", current.last, "tests/fleet")


def _pytest(name: str, last: bool, *options: str) -> Count:
    results = BUILD / "results" / f"{name}.xml"
    results.unlink(missing_ok=True)
    # A cache of each layer: one run would forget what failed in another.
    again = ["--last-failed", "--last-failed-no-failures=none"] if last else []
    cache = ["-o", f"cache_dir={BUILD / 'results' / name}"]
    code = run(["python", "-m", "pytest", "-q", f"--junitxml={results}", *cache, *again, *options])
    return honest(of_junit(results), [code])


#: The layers that need no hosts.
HOSTLESS = ("lint", "sanity", "unit")

LAYERS: Mapping[str, Callable[[Run], Count]] = {
    "lint": lint,
    "sanity": sanity,
    "unit": unit,
    # Before the scenarios, whose hosts stay.
    "fleet": fleet,
    "molecule": scenarios.layer,
}

#: What is done for a layer before anything of the run starts.
PREPARE: Mapping[str, Callable[[Run], None]] = {"molecule": scenarios.enqueue}


@dataclass(frozen=True)
class Helper:
    """Work of a layer that goes on where the layers without hosts have ended before it."""

    layer: str
    run: Callable[[Run], Count]
    #: Leaves nothing to the helper, where its layer does not come to run.
    close: Callable[[], None]


HELPERS: Mapping[str, Helper] = {"twin": Helper("molecule", scenarios.twin, scenarios.close)}
