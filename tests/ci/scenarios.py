# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every molecule scenario, on one set of hosts or shared with a second one."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.ci import failed
from tests.ci.counting import Count, failure, honest, of_exit_code, of_junit, total
from tests.ci.programs import run
from tests.ci.run import Run
from tests.ci.scenario_queue import ScenarioQueue
from tests.testbed.layout import BUILD, ROOT, SCENARIO_BEDS
from tests.testbed.progress import say

_RESULTS = BUILD / "results" / "molecule"
_QUEUE = ScenarioQueue(BUILD / "results" / "scenarios.json")
_HOSTS = "default"
_BED, _TWIN = SCENARIO_BEDS

# First, so that neither bed is left with a long one at the end.
_LONG = ("faults", "health_check", "schedule")
# Hosts are not made for the last few: the other bed is done with them before.
_WORTH_A_BED = 3


def names() -> list[str]:
    """The scenarios to run, long ones first; ``default`` only makes the hosts the others share."""
    found = {path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")} - {_HOSTS}
    return sorted(found, key=lambda name: (name not in _LONG, name))


def enqueue(current: Run) -> None:
    """Say which scenarios this run is to run: all, or what failed in the run before."""
    before = {name for bed in SCENARIO_BEDS for name in failed.recall(_memory(bed))}
    _QUEUE.fill(name for name in names() if not current.last or name in before)
    for bed in SCENARIO_BEDS:
        failed.remember(_memory(bed), ())


def close() -> None:
    """Leave nothing to be run."""
    _QUEUE.close()


def layer(current: Run) -> Count:
    """Run what is in the queue; what failed in the run before runs on the hosts that it left."""
    return honest(_on(_BED, current, new_hosts=not current.last), [])


def twin(current: Run) -> Count:
    """Run what is still in the queue on hosts of its own, beside those of `layer`."""
    return _on(_TWIN, current, new_hosts=True) if len(_QUEUE) >= _WORTH_A_BED else Count()


def _on(bed: str, current: Run, *, new_hosts: bool) -> Count:
    """The hosts are removed again unless something failed that one may want to look at."""
    if new_hosts:
        run(["python", "-m", "tests.testbed", "down", bed])
    # Molecule would do the same, but show what takes a minute only when it is over.
    if run(["python", "-m", "tests.testbed", "platform", bed]) != 0:
        return failure(f"the hosts of the bed {bed} could not be made")
    counts = {name: _scenario(name, bed) for name in _taken(current)}
    failed.remember(_memory(bed), (name for name, count in counts.items() if count.failed))
    count = total(counts.values())
    if count.failed == 0:
        run(["python", "-m", "tests.testbed", "down", bed])
    return count


def _taken(current: Run) -> Iterator[str]:
    while (name := _QUEUE.take()) is not None:
        if current.is_over():
            say("The other scenarios are not run: something beside them has failed.")
            _QUEUE.close()
            return
        yield name


def _memory(bed: str) -> str:
    return f"scenarios-{bed}"


def _scenario(name: str, bed: str) -> Count:
    """The scenario is one test, and so is every case that its verify step has run."""
    results = _RESULTS / f"{name}.xml"
    results.unlink(missing_ok=True)
    begin = time.monotonic()
    code = run(
        ["molecule", "test", "--destroy", "never", "--scenario-name", name],
        bed=bed,
        more={"PYTEST_ADDOPTS": f"--junitxml={results}"},
    )
    count = of_exit_code(code, f"scenario {name}") + of_junit(results)
    say(f"scenario {name}: {count} ({time.monotonic() - begin:.0f} s)")
    return count
