# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves a set of PostgreSQL: all of it is restored into a throwaway server, and compared with what was counted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...._backup.manifest import Manifest
from ...._core.errors import RunbookError
from ...._core.text import clean
from ...progress import Progress
from ..engine import Proof
from ..scratch import container_name
from . import assertions, indexes, inventory, names
from . import tools as programs
from .compare import differences, inventory_differences
from .databases import Databases
from .dump import ROLES, TABLESPACES
from .scratch import Cluster, cluster, roles_script, tablespaces_script
from .session import Session
from .tools import Tools

#: The programs that a proof needs.
_WANTED = (*programs.SERVER, *programs.RESTORE)


def prove(given: Mapping[str, Any], plain: Path, manifest: Manifest, scratch: Path, progress: Progress) -> Proof:
    """See `engine.Engine.prove`."""
    content = manifest.content
    isolated = programs.may_isolate()
    progress.phase("starting a throwaway server")
    begin = time.monotonic()
    bootstrap, jobs = content["server"]["bootstrap"], given["jobs"]
    with (
        _tools(given, str(content["server"]["version"]), scratch) as tools,
        cluster(scratch, tools, bootstrap, jobs, isolated=isolated) as target,
    ):
        work = _Work(given, content, plain, scratch, target, progress)
        _refuse_source(target, content)
        work.restore()
        seconds = time.monotonic() - begin
        work.compare()
    facts = {
        "databases": len(content["databases"]),
        "tables": sum(len(one["tables"]) for one in content["databases"].values()),
        "rows": sum(sum(one["tables"].values()) for one in content["databases"].values()),
        "seconds": round(seconds, 1),
        "server": tools.version,
        "network": "none" if isolated or tools.container else "that of the host",
        "not_carried": [*content["not_carried"], *_of_all(content, "not_carried")],
        "sequences_behind": _of_all(content, "sequences_behind"),
        **work.facts,
    }
    return Proof(seconds, tuple(work.faults), facts)


def _of_all(content: Mapping[str, Any], key: str) -> list[str]:
    return [f"database {name}: {line}" for name, one in content["databases"].items() for line in one[key]]


@contextlib.contextmanager
def _tools(given: Mapping[str, Any], version: str, scratch: Path) -> Iterator[Tools]:
    """A server of the set's major version: of this host, else of the service's image in a container of its own."""
    major = programs.major_of(version)
    found = programs.find(major, _WANTED)
    if found is None and given.get("container"):
        name = container_name(scratch.parent)
        with programs.container_like(given["container"], scratch.parent, name) as container:
            found = programs.find_in_container(container, major, _WANTED)
            if found is not None:
                yield found
                return
    if found is None:
        raise RunbookError(programs.no_server(version, _WANTED))
    yield found


def without_server(given: Mapping[str, Any], version: str) -> Iterator[str]:
    """Why no server of a version can be started here; an image of the service's is found out by trying."""
    if not given.get("container") and programs.find(programs.major_of(version), _WANTED) is None:
        yield programs.no_server(version, _WANTED)


def _refuse_source(target: Cluster, content: Mapping[str, Any]) -> None:
    """The throwaway server is a new one: were it ever the source, all of this would happen to that."""
    with target.session() as one:
        own = str(one.value("SELECT system_identifier FROM pg_control_system()"))
    if own == content["server"]["system_identifier"]:
        raise RunbookError("the server to restore into is the source itself: nothing was restored")


@dataclass
class _Work:
    """One restore and its comparison; ``restored`` are the databases that are there to be compared."""

    given: Mapping[str, Any]
    content: Mapping[str, Any]
    plain: Path
    scratch: Path
    target: Cluster
    progress: Progress
    faults: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    restored: list[str] = field(default_factory=list)

    def restore(self) -> None:
        """Restore globals and each database; the first error of each is a fault, and the others go on."""
        self._refuse_missing()
        self.progress.phase("restoring roles")
        roles = roles_script(_read(self.plain / ROLES), self.content["server"]["bootstrap"])
        tablespaces = tablespaces_script(
            _read(self.plain / TABLESPACES), self.scratch / "tablespaces", self.target.tools
        )
        for name, script in ((ROLES, roles), (TABLESPACES, tablespaces)):
            if complaint := self.target.psql(name, script):
                self.faults.append(f"{name} cannot be restored: {complaint}")
                return
        for number, (name, one) in enumerate(self.content["databases"].items()):
            self.progress.phase(f"restoring {clean(name)}", total=len(self.content["databases"]), unit="databases")
            self.progress.at(number)
            if complaint := self.target.restore(self.plain / one["folder"]):
                self.faults.append(f"database {clean(name)} cannot be restored: {complaint}")
            else:
                self.restored.append(name)

    def _refuse_missing(self) -> None:
        """An extension or a locale that this host has not says nothing of the set."""
        missing = [f"no extension {one}, install its package" for one in self._missing_extensions()]
        missing += [f"no locale {one}, install it (locales-all has all)" for one in self._missing_locales()]
        if missing:
            raise RunbookError(
                f"this host has for PostgreSQL {self.target.tools.version} not all that the set needs:"
                f" {'; '.join(missing)}; or verify on another host"
            )

    def _missing_extensions(self) -> list[str]:
        with self.target.session() as one:
            here = set(one.rows("SELECT name, version FROM pg_available_extension_versions"))
        databases = self.content["databases"].values()
        wanted = {each for database in databases for each in database["extensions"].items()}
        return sorted(f"{clean(name)} {version}" for name, version in wanted - here)

    def _missing_locales(self) -> list[str]:
        server = Databases(self.target.login)
        wanted = {each for database in self.content["databases"].values() for each in names.locales(database)}
        known = [name for name in wanted if server.knows_locale(name, database=self.target.maintenance)]
        return sorted(clean(name) for name in wanted.difference(known))

    def compare(self) -> None:
        """Compare whatever was restored."""
        with self.target.session() as one:
            found = inventory.global_objects(one)
        own = {f"role {self.target.maintenance}"}
        self.faults += inventory_differences(
            "server", self.content["globals"], {name: text for name, text in found.items() if name not in own}
        )
        for name in self.restored:
            self.progress.phase(f"comparing {clean(name)}")
            with self.target.session(name) as one:
                self.faults += differences(name, self.content["databases"][name], found_in(one))
            self.progress.phase(f"checking the indexes of {clean(name)}")
            self._indexes(indexes.check(self.target, name))
        self.faults += assertions.failed(self.target, self.given.get("assertions") or (), self.restored)

    def _indexes(self, found: indexes.Checked) -> None:
        self.faults += found.faults
        self.facts["indexes"] = found.unknown or self.facts.get("indexes", 0) + found.count


def found_in(one: Session) -> dict[str, Any]:
    """What is in a database, in the form of a manifest's content."""
    return {
        "tables": dict(inventory.count_rows(one)),
        "materialized_views": inventory.materialized_views(one),
        "sequences": inventory.sequences(one),
        "large_objects": inventory.large_objects(one),
        "sequences_behind": inventory.sequences_behind(one),
        "objects": inventory.objects(one),
    }


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape")
