# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run layers, stop after the first that fails, and sum up in one line.

Layers that need no hosts run beside those that do: each leaves processors idle that the other can use.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.ci import failed, lane
from tests.ci.counting import Count, failure, total
from tests.ci.layers import HELPERS, HOSTLESS, LAYERS, PREPARE
from tests.ci.run import Run
from tests.testbed.errors import BedError
from tests.testbed.progress import say

Layers = Mapping[str, Callable[[Run], Count]]

_FAILURES_SHOWN = 10


def main(words: Sequence[str], layers: Layers | None = None) -> int:
    """Run the wanted layers, or all of them; returns the exit code."""
    layers = LAYERS if layers is None else layers
    options = _options(words, layers)
    chosen = [name for name in options.layers or layers if not options.last or name in failed.recall("layers")]
    if not chosen:
        say("Nothing failed in the run before.")
        return 0
    if options.counts:
        known = {**layers, **{name: helper.run for name, helper in HELPERS.items()}}
        counts = run_layers({name: known[name] for name in chosen}, Run(options.last))
        lane.write(options.counts, counts)
    else:
        counts = _run({name: layers[name] for name in chosen}, Run(options.last))
        failed.remember("layers", (name for name, count in counts.items() if count.failed))
    _sum_up(chosen, counts)
    return 1 if total(counts.values()).failed else 0


def _options(words: Sequence[str], layers: Layers) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.ci", description=main.__doc__)
    parser.add_argument("--last", action="store_true", help="only what failed in the run before")
    parser.add_argument("--counts", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("layers", nargs="*", metavar="layer", help=", ".join(layers))
    options = parser.parse_args(list(words))
    for name in options.layers:
        if name not in layers and not (options.counts and name in HELPERS):
            parser.error(f"no layer is called {name!r}; there are: {', '.join(layers)}")
    return options


def _run(layers: Layers, current: Run) -> dict[str, Count]:
    """The counts of the layers, in their order."""
    for name in layers:
        if name in PREPARE:
            PREPARE[name](current)
    hostless = [name for name in layers if name in HOSTLESS]
    others = {name: layer for name, layer in layers.items() if name not in HOSTLESS}
    if not (hostless and others):
        return run_layers(layers, current)
    helpers = {name: helper for name, helper in HELPERS.items() if helper.layer in others and not current.last}
    say(f"Beside what follows: {', '.join(hostless)}.")
    with lane.beside([*hostless, *helpers], ["--last"] if current.last else []) as running:
        counts = run_layers(others, Run(current.last, running.has_failed))
        for helper in helpers.values():
            if helper.layer not in counts:
                helper.close()
        beside = running.result()
    for name, helper in helpers.items():
        counts[helper.layer] = counts.get(helper.layer, Count()) + beside.pop(name, Count())
    return {**beside, **counts}


def _sum_up(chosen: Sequence[str], counts: Mapping[str, Count]) -> None:
    say("")
    # Again at the very end: of a long log, its end is what a person sees first.
    for name, count in counts.items():
        for line in count.failures[:_FAILURES_SHOWN]:
            say(f"failed: {name}: {line}")
    for name in chosen:
        say(f"{name}: {counts.get(name, 'not run')}")
    say(str(total(counts.values())))


def run_layers(layers: Layers, run: Run) -> dict[str, Count]:
    """The counts of the layers that ran: those after a failure would only bury it."""
    counts: dict[str, Count] = {}
    for name, layer in layers.items():
        if run.is_over():
            break
        say(f"\n==== {name} ====")
        begin = time.monotonic()
        try:
            counts[name] = layer(run)
        except BedError as exc:
            say(f"error: {exc}")
            counts[name] = failure(str(exc))
        say(f"==== {name}: {counts[name]} in {time.monotonic() - begin:.0f} s ====")
        if counts[name].failed:
            break
    return counts
