# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Root causes: which failing check explains which others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ansible_collections.xorb.runbook.plugins.module_utils._certificates.judge import READABLE, SERVED
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import (
    CRITICAL,
    STATUSES,
    UNKNOWN,
    WARNING,
    Check,
)
from ansible_collections.xorb.runbook.plugins.module_utils._core.names import SUPERVISOR

#: The id of the check that says why a whole host was silent.
SILENT_HOST = "runbook.host.reachable"

FAILING = (WARNING, UNKNOWN, CRITICAL)
#: The topic that looks at what the host has, which no process of a service can explain.
OF_THE_HOST = "capacity"


@dataclass(frozen=True)
class Cause:
    """A failing check that nothing else explains: its ``host/id``, and those of the checks that it explains."""

    check: str
    explains: tuple[str, ...]


def explain(
    checks: Iterable[Check], depends_on: Mapping[str, tuple[str, ...]]
) -> tuple[list[Check], tuple[Cause, ...]]:
    """Set ``blocked_by`` of every failing check that another one explains, and list the root causes, worst first.

    A silent host explains every check that it should have made, a dead supervisor the endpoints of its own service on
    its host, a critical service those that depend on it, and a critical aspect what the same look could not find out
    any more. A supervisor is never explained by a dependency: a dead process is looked at first, whatever killed it.
    """
    found = list(checks)
    search = _Search(found, depends_on)
    explained = [_explained(check, search.root(check)) for check in found]
    consequences: dict[str, list[str]] = defaultdict(list)
    for check in explained:
        if check.blocked_by:
            consequences[check.blocked_by].append(check.address)
    roots = sorted(
        (check for check in explained if check.status in FAILING and not check.blocked_by),
        key=lambda check: (-STATUSES.index(check.status), -len(consequences[check.address]), check.address),
    )
    causes = {check.address: Cause(check.address, tuple(consequences[check.address])) for check in roots}
    return explained, tuple(causes.values())


def _explained(check: Check, root: str) -> Check:
    # Nearly every check is as it came, and a copy of each would be most of what this costs.
    return check if check.blocked_by == root else replace(check, blocked_by=root)


class _Search:
    """Finds the root cause of a check among all checks of a run."""

    def __init__(self, checks: list[Check], depends_on: Mapping[str, tuple[str, ...]]) -> None:
        self._depends_on = depends_on
        self._silent = {check.host: check for check in checks if check.id == SILENT_HOST and check.status in FAILING}
        self._critical: dict[str, list[Check]] = defaultdict(list)
        self._failed_looks: dict[tuple[str, ...], Check] = {}
        self._dead_supervisors: dict[tuple[str, str], Check] = {}
        #: What was found of a service once holds for all its checks.
        self._failed_dependencies: dict[str, Check | None] = {}
        #: Looks that could not find everything out: a connection that failed, not a bad answer.
        self._cut_short = {_look(check) for check in checks if check.status == UNKNOWN}
        for check in checks:
            if check.id == SILENT_HOST:
                continue
            # Of the aspects of files, only that they cannot be read keeps anybody from finding out the others.
            if check.status == CRITICAL and not (_of_files(check) and _aspect(check) != READABLE):
                self._failed_looks.setdefault(_look(check), check)
            if check.topic == "health":
                self._note_health(check)

    def _note_health(self, check: Check) -> None:
        if check.owner in self._silent and check.owner == check.host:
            self._critical[check.service].append(self._silent[check.owner])
        elif check.status == CRITICAL:
            self._critical[check.service].append(check)
            if _point(check) == SUPERVISOR:
                self._dead_supervisors.setdefault((check.service, check.owner), check)

    def root(self, check: Check) -> str:
        """The address of what explains ``check``, or nothing."""
        if check.status not in FAILING or check.id == SILENT_HOST:
            return ""
        for host in (check.host, check.owner):
            if host in self._silent:
                return self._silent[host].address
        if check.topic == OF_THE_HOST or _point(check) == SUPERVISOR:
            return ""
        cause = None
        if check.topic == "health" or (_look(check) in self._cut_short and not _of_files(check)):
            cause = self._dead_supervisors.get((check.service, check.owner))
        if not cause and check.topic == "health":
            cause = self._failed_dependency(check.service)
        if not cause and check.status == UNKNOWN:
            cause = self._failed_looks.get(_look(check))
        return cause.address if cause else ""

    def _failed_dependency(self, service: str) -> Check | None:
        if service not in self._failed_dependencies:
            self._failed_dependencies[service] = self._deepest_that_fails(service)
        return self._failed_dependencies[service]

    def _deepest_that_fails(self, service: str) -> Check | None:
        """The failing check of the deepest dependency that fails: what it needs itself is fine."""
        deepest = None
        for name in self._dependencies(service, {service}):
            # Services that need each other explain nobody in their circle: each of them would blame the next.
            if self._critical[name] and service not in self._dependencies(name, {name}):
                deepest = min(self._critical[name], key=lambda check: (_point(check) != SUPERVISOR, check.address))
        return deepest

    def _dependencies(self, service: str, seen: set[str]) -> Iterator[str]:
        """Everything a service needs, directly or not, nearest first and each once (a cycle ends)."""
        waiting = [name for name in self._depends_on.get(service, ()) if name not in seen]
        while waiting:
            seen.update(waiting)
            yield from waiting
            waiting = [
                further
                for name in waiting
                for further in dict.fromkeys(self._depends_on.get(name, ()))
                if further not in seen
            ]


def _point(check: Check) -> str:
    return check.id.partition(".")[2].partition(".")[0]


def _aspect(check: Check) -> str:
    return check.id.rpartition(".")[2]


def _of_files(check: Check) -> bool:
    """Whether it is about certificates as they lie on the disk, which no process has to run for."""
    return check.topic == "certificates" and ":/" in check.target and _aspect(check) != SERVED


def _look(check: Check) -> tuple[str, ...]:
    # What is served is another look than the one at the files.
    return (check.host, check.owner, check.service, _point(check), SERVED if _aspect(check) == SERVED else "")
