# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The demo: the daily check on hosts of its own, and with a fault the proof that it is reported and mended."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.testbed import environment, faults
from tests.testbed.engine import Engine
from tests.testbed.errors import BedError
from tests.testbed.faults import Fault
from tests.testbed.inventory import INVENTORY
from tests.testbed.layout import ROOT, VENV, Bed
from tests.testbed.progress import say

_DAILY = "daily"
_RECOVERY_ATTEMPTS = 4
_RECOVERY_PAUSE = 10.0


def run(bed: Bed, name: str = _DAILY) -> int:
    """Run a playbook with its output on the terminal; returns its exit code."""
    playbook = Path("playbooks") / f"{name}.yml"
    command = [str(VENV / "bin" / "ansible-playbook"), "-i", str(INVENTORY), str(playbook)]
    say(f"\n$ XORB_BED={bed.name} ansible-playbook -i {INVENTORY} {playbook}")
    return subprocess.run(command, cwd=ROOT, env=environment.variables(bed=bed.name), check=False).returncode


def show(bed: Bed) -> int:
    """The demo without a fault: green, or the exit code that says it is not."""
    code = run(bed)
    say(f"\nThe report: {_report(bed, 'html')}")
    return code


def show_fault(engine: Engine, bed: Bed, fault: Fault) -> int:
    """Break, look, mend, look again. The fault is mended whatever happens in between."""
    signal.signal(signal.SIGTERM, _interrupt)
    say(f"\nFault {fault.name}: {fault.sentence}.")
    with faults.broken(engine, bed, [fault]):
        begin = time.time()
        code = run(bed, fault.found_by)
        reported = code != 0 and faults.shows(fault, _checks(bed, since=begin))
        say(f"\nMending {fault.name}.")
    green = (fault.found_by == _DAILY or run(bed, fault.found_by) == 0) and _recovers(bed)
    say(f"\nFault {fault.name}: {'reported' if reported else 'NOT reported'} ({fault.found_by} ended with {code}),")
    say(f"after fixing it the platform is {'green' if green else 'NOT green'}. The report: {_report(bed, 'html')}")
    return 0 if reported and green else 1


def _recovers(bed: Bed) -> bool:
    """Whether daily gets green; a service may need some seconds to notice that what it needs is back."""
    for attempt in range(_RECOVERY_ATTEMPTS):
        if run(bed) == 0:
            return True
        if attempt + 1 < _RECOVERY_ATTEMPTS:
            say(f"Not green yet; looking again in {_RECOVERY_PAUSE:.0f} s.")
            time.sleep(_RECOVERY_PAUSE)
    return False


def _checks(bed: Bed, *, since: float) -> list[dict[str, Any]]:
    """The checks of the latest report, which has to be of this run: an old one proves nothing."""
    path = ROOT / _report(bed, "json")
    try:
        if path.stat().st_mtime < since:
            return []
        checks: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["checks"]
    except (OSError, ValueError, KeyError) as exc:
        raise BedError(f"the daily check left no readable report at {path}: {exc}") from exc
    return checks


def _report(bed: Bed, kind: str) -> Path:
    return bed.directory.relative_to(ROOT) / "reports" / f"latest.{kind}"


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
