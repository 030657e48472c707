# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every molecule scenario on one set of hosts."""

from __future__ import annotations

import time

from tests.ci import failed
from tests.ci.counting import Count, failure, honest, of_exit_code, of_junit, total
from tests.ci.programs import run
from tests.ci.run import Run
from tests.testbed.layout import BUILD, ROOT
from tests.testbed.progress import say

_RESULTS = BUILD / "results" / "molecule"
_HOSTS = "default"


def names() -> list[str]:
    """The scenarios to run; ``default`` only makes the hosts the others share."""
    return sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml") if path.parent.name != _HOSTS)


def layer(current: Run) -> Count:
    """New hosts, every scenario, and the hosts removed again unless something failed that one may want to look at.

    What failed in the run before runs on the hosts that it left.
    """
    if not current.last:
        run(["molecule", "destroy", "--scenario-name", _HOSTS])
    # Molecule would do the same, but show what takes a minute only when it is over.
    if run(["python", "-m", "tests.testbed", "platform", "test"]) != 0:
        return failure("the hosts of the scenarios could not be made")
    counts: dict[str, Count] = {}
    for name in names():
        if current.is_over():
            say("The other scenarios are not run: something beside them has failed.")
            break
        if not current.last or name in failed.recall("scenarios"):
            counts[name] = _scenario(name)
    failed.remember("scenarios", (name for name, count in counts.items() if count.failed))
    count = total(counts.values())
    if count.failed == 0:
        run(["molecule", "destroy", "--scenario-name", _HOSTS])
    return honest(count, [])


def _scenario(name: str) -> Count:
    """The scenario is one test, and so is every case that its verify step has run."""
    results = _RESULTS / f"{name}.xml"
    results.unlink(missing_ok=True)
    begin = time.monotonic()
    code = run(
        ["molecule", "test", "--destroy", "never", "--scenario-name", name],
        more={"PYTEST_ADDOPTS": f"--junitxml={results}"},
    )
    count = of_exit_code(code, f"scenario {name}") + of_junit(results)
    say(f"scenario {name}: {count} ({time.monotonic() - begin:.0f} s)")
    return count
