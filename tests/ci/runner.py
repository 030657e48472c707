# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run layers in order, stop after the first that fails, and sum up in one line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence

from tests.ci import failed
from tests.ci.counting import Count, failure, total
from tests.ci.layers import LAYERS
from tests.testbed.errors import BedError
from tests.testbed.progress import say

Layers = Mapping[str, Callable[[bool], Count]]

#: The word that asks for what failed in the run before, and nothing else.
LAST = "--last"

_FAILURES_SHOWN = 10


def main(words: Sequence[str], layers: Layers | None = None) -> int:
    """Run the wanted layers, or all of them; returns the exit code."""
    layers = LAYERS if layers is None else layers
    last = LAST in words
    wanted = [word for word in words if word != LAST]
    unknown = [name for name in wanted if name not in layers]
    if unknown:
        print(f"error: no layer is called {unknown[0]!r}; there are: {', '.join(layers)}", file=sys.stderr)
        return 2
    chosen = [name for name in wanted or layers if not last or name in failed.recall("layers")]
    if not chosen:
        say("Nothing failed in the run before.")
        return 0
    counts = run_layers({name: layers[name] for name in chosen}, last=last)
    left = [name for name in chosen if name not in counts]
    failed.remember("layers", (name for name, count in counts.items() if count.failed))
    say("")
    # Again at the very end: of a long log, its end is what a person sees first.
    for name, count in counts.items():
        for line in count.failures[:_FAILURES_SHOWN]:
            say(f"failed: {name}: {line}")
    for name, count in counts.items():
        say(f"{name}: {count}")
    for name in left:
        say(f"{name}: not run")
    result = total(counts.values())
    say(str(result))
    return 1 if result.failed else 0


def run_layers(layers: Layers, *, last: bool = False) -> dict[str, Count]:
    """The counts of the layers that ran: those after a failure would only bury it."""
    counts: dict[str, Count] = {}
    for name, layer in layers.items():
        say(f"\n==== {name} ====")
        begin = time.monotonic()
        try:
            counts[name] = layer(last)
        except BedError as exc:
            say(f"error: {exc}")
            counts[name] = failure(str(exc))
        say(f"==== {name}: {counts[name]} in {time.monotonic() - begin:.0f} s ====")
        if counts[name].failed:
            break
    return counts
