# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a kind of probe is: everything that the rest of the collection knows about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from .._core.checks import Finding
from .._core.options import Given, Options, crossed, out_of_range, problems
from .._core.shared_options import COMMON_OPTIONS


def no_problems(_given: Given) -> Iterator[tuple[str, str]]:
    """A kind whose options are checked enough by their declaration."""
    yield from ()


def whole(given: Given) -> list[dict[str, Any]]:
    """A kind whose point is one probe."""
    return [dict(given)]


@dataclass(frozen=True)
class Kind:
    """A way of inspecting a service.

    ``expected`` returns the aspects that must arrive; it may depend on which keys are given, never on their values,
    because the report calls it with a description whose secrets and templates it does not resolve.
    ``run`` yields one `Finding` for each of them (more may follow) and imports its driver itself. It raises whatever
    goes wrong: the runner turns that into ``unknown`` checks for the aspects that did not arrive.
    ``run_all`` does so for several points by one question, where that costs a host less: it yields the position of a
    point and its finding. Each point that it does not get to is run by itself, so a bad one costs no other.
    ``target`` names what is inspected, as a check shows it.
    ``check`` yields faults that an option spec cannot express, as ``(key, message)``.
    ``split`` cuts a point into parts that are probed side by side, so that one that hangs holds up no other.
    ``local`` kinds inspect the host they run on, which cannot be done from elsewhere. Of what belongs to another host
    they inspect what ``lies_here``, on the one that they run on.
    ``acting`` options are those that only procedures need which change something: no observing host gets them.

    What can explain a failing check is declared here, too, and goes with the check, so that the report knows no kind.
    ``explained_by`` has the relations of `_core.about`: the service's dead process, a service that it needs. Whether
    one fits depends on what was met: a port that refuses is no consequence of a dependency. ``opens`` names the aspects
    without which the others of the same probe cannot be found out; by default, each of them can be one.
    """

    name: str
    summary: str
    topic: str
    options: Options
    expected: Callable[[Given], tuple[str, ...]]
    run: Callable[[Given], Iterator[Finding]]
    target: Callable[[Given], str]
    check: Callable[[Given], Iterator[tuple[str, str]]] = no_problems
    split: Callable[[Given], list[dict[str, Any]]] = whole
    run_all: Callable[[Sequence[Given]], Iterator[tuple[int, Finding]]] | None = None
    local: bool = False
    lies_here: bool = False
    acting: frozenset[str] = frozenset()
    explained_by: frozenset[str] = frozenset()
    opens: tuple[str, ...] | None = None

    @property
    def all_options(self) -> Options:
        """Every option of a point: of its probe, and of the procedures that change something."""
        return {**COMMON_OPTIONS, **self.options}

    @property
    def probe_options(self) -> Options:
        """Every option of one probe."""
        return {name: option for name, option in self.all_options.items() if name not in self.acting}

    @property
    def description_options(self) -> Options:
        """The options that a point of the platform description may have."""
        return {name: option for name, option in self.all_options.items() if not option.computed}

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the options whose values are secrets, or have some inside."""
        return frozenset(name for name, option in self.options.items() if option.holds_secret)

    def problems(self, given: Given) -> Iterator[tuple[str, str]]:
        """Yield every fault of a point's resolved options."""
        found = list(problems(self.description_options, given))
        yield from found
        if self.readable(given):
            named = {key for key, _message in found}
            yield from ((key, message) for key, message in self.conflicts(given) if key not in named)

    def readable(self, given: Given) -> bool:
        """Whether nothing is missing among a point's options, and each has the right type."""
        return not any(problems(self.description_options, given, limits=False))

    def conflicts(self, given: Given) -> Iterator[tuple[str, str]]:
        """Yield what options cannot mean together, each of which is sound."""
        yield from crossed(self.options, given)
        yield from self.check(given)

    def refused(self, given: Given) -> Iterator[tuple[str, str]]:
        """Yield what an argument spec cannot express and the description would refuse, for modules."""
        yield from list(out_of_range(self.probe_options, given)) or self.conflicts(given)
