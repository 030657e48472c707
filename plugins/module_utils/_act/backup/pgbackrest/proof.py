# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves a set of pgBackRest: it is restored as another cluster, and looked at with the server's own means.

Rows were not counted when it was taken, since pages were copied and no snapshot was. What can be proved of it is
proved: that pgBackRest restores each file as it was, that WAL leads to a consistent end, that each page and each index
is sound.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...._backup.manifest import Manifest
from ...._clients.pgbackrest import Stanza
from ...._core.errors import RunbookError
from ...._core.text import clean, some_of
from ...progress import Progress
from ..engine import Proof
from ..postgres import assertions, indexes
from ..postgres import tools as programs
from ..postgres.inventory import sequences
from ..postgres.scratch import Cluster
from ..postgres.tools import Tools
from . import copy, positions, wal
from .archive import Archive
from .contents import Contents
from .copy import Place

_NAMES = 10

#: Recovery ends as soon as the copy is consistent; its WAL lies beside it.
_TO_CONSISTENCY = """
restore_command = 'cp -- "{wal}/%f" "%p"'
recovery_target = 'immediate'
recovery_target_action = 'promote'
"""

_UNLOGGED = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relpersistence = 'u' AND c.relkind = 'r' ORDER BY 1"""

_TABLES = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND oid >= 16384"

#: What a copy has of its files' owners.
_FILES = """
    SELECT pg_relation_filepath(oid), oid::regclass::text FROM pg_class WHERE pg_relation_filepath(oid) IS NOT NULL"""

#: What leads to other servers.
_OUTWARD = """
    SELECT 'subscription ' || quote_ident(subname) FROM pg_subscription
    WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'foreign server ' || quote_ident(srvname) FROM pg_foreign_server
    UNION ALL SELECT 'publication ' || quote_ident(pubname) FROM pg_publication ORDER BY 1"""

#: Text is sorted by libraries of the system, and an index that another version of one has sorted is not sorted here.
#: The version of a database stands with it since version 15.
_OF_DATABASE = """
    SELECT 'the database', to_jsonb(d) ->> 'datcollversion', pg_database_collation_actual_version(oid)
    FROM pg_database d WHERE datname = current_database() AND NOT (datcollate IN ('C', 'POSIX')
        AND datctype IN ('C', 'POSIX') AND to_jsonb(d) ->> 'datlocprovider' = 'c')"""
_SINCE_15 = 15
_OF_COLLATIONS = """
    SELECT 'the collation ' || c.oid::regcollation::text, c.collversion, pg_collation_actual_version(c.oid)
    FROM pg_collation c WHERE c.collversion IS DISTINCT FROM pg_collation_actual_version(c.oid)
        AND (c.oid >= 16384 OR EXISTS (SELECT FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid
            AND t.oid >= 16384 WHERE a.attcollation = c.oid)) AND c.collprovider IN ('c', 'i')
        AND c.collcollate NOT IN ('C', 'POSIX')"""


@dataclass
class Examination:
    """What was found out of a copy: ``faults`` are wrong, ``unknown`` could not be found out, ``facts`` are counts."""

    faults: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    restored: list[str] = field(default_factory=list)


def prove(
    given: Mapping[str, Any],
    stanza: Stanza,
    manifest: Manifest,
    contents: Contents,
    folder: Path,
    progress: Progress,
    *,
    newest: bool,
) -> Proof:
    """See `engine.Engine.prove`; of the ``newest`` set, WAL has to lead to any time after it."""
    tools = tools_of(manifest, stanza)
    isolated = programs.may_isolate()
    repo, begin = manifest.content["repo"], time.monotonic()
    progress.phase("restoring")
    place = Place(folder / "restored", folder / "restored" / "data")
    place.folder.mkdir(mode=0o711)
    copy.make(place, tools.user)
    try:
        copy.restore(stanza, repo, manifest.id, place, ["--type=immediate", "--target-action=promote"])
        progress.phase("fetching WAL")
        found = copy.control(tools, place.data)
        archive = manifest.content["archive"]
        names = wal.between(archive["start"], archive["stop"], copy.segment_size(found))
        copy.fetch(stanza, repo, names, place)
    except (RunbookError, ValueError) as exc:
        return Proof(time.monotonic() - begin, (f"cannot be restored: {exc}",))
    work = Examination()
    if newest and (hole := Archive.of(stanza, manifest).reach(manifest, copy.segment_size(found)).hole):
        # A set that is not the newest has others after it, to which no WAL is needed.
        work.faults.append(f"{hole}; no time after that can be restored")
    refuse_foreign_tablespaces(place)
    progress.phase("replaying WAL")
    recovery = _TO_CONSISTENCY.format(wal=place.wal)
    with copy.running(place, tools, given["login"], given["jobs"], recovery, isolated=isolated) as (target, _log):
        seconds = time.monotonic() - begin
        look(given, target, manifest, work, progress)
    progress.phase("checking pages")
    check_pages(tools, place, found, contents, work)
    facts = {
        "databases": len(work.restored),
        "type": manifest.content["type"],
        "server": tools.version,
        "network": "none" if isolated else "that of the host",
        "manifest": contents.checksum,
        **work.facts,
    }
    return Proof(seconds, tuple(work.faults), facts, tuple(work.unknown))


def tools_of(manifest: Manifest, stanza: Stanza) -> Tools:
    """The programs of the set's major version; raises `RunbookError` where this host has none."""
    version = manifest.versions["server"]
    found = programs.find(programs.major_of(version), copy.PROGRAMS, user=copy.other_user(stanza))
    if found is None:
        raise RunbookError(programs.no_server(version, copy.PROGRAMS))
    return found


def refuse_foreign_tablespaces(place: Place) -> None:
    """Raise `RunbookError` where the copy would write into a folder that is not its own."""
    for link in (place.data / "pg_tblspc").iterdir():
        if place.folder not in link.resolve().parents:
            raise RunbookError(f"a tablespace of the copy lies in {link.resolve()}, outside of it: it is not started")


def look(given: Mapping[str, Any], target: Cluster, manifest: Manifest, work: Examination, progress: Progress) -> None:
    """Look at all of a copy that runs."""
    with target.session() as one:
        identifier = str(one.value("SELECT system_identifier FROM pg_control_system()"))
        if one.value("SELECT pg_is_in_recovery()"):
            work.faults.append("what was restored has not come to an end of its recovery")
        names = [name for (name,) in one.rows("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1")]
    if identifier != manifest.content["system_identifier"]:
        work.faults.append(f"what was restored is of the cluster {identifier}, and the set is of another one")
    work.restored += names
    seen: dict[str, Any] = {}
    for name in names:
        progress.phase(f"checking {clean(name)}")
        seen[name] = _database(target, name, work)
    work.faults += assertions.failed(target, given.get("assertions") or (), names)
    kept = positions.kept(given["positions"], manifest.id) if given.get("positions") else None
    if kept is not None:
        work.faults += positions.faults(*kept, seen)
        work.facts["sequences"] = sum(map(len, seen.values()))


def _database(target: Cluster, name: str, work: Examination) -> dict[str, list[Any]]:
    """Look at a database; returns where its sequences stand."""
    where = f"database {clean(name)}"
    with target.session(name) as one:
        _collations(where, one, work)
        for (table,) in one.rows(_UNLOGGED):
            if rows := one.value(f"SELECT count(*) FROM {table}"):  # noqa: S608 - the server has quoted it
                work.faults.append(f"{where}: unlogged {clean(table)} has {rows} rows, and no set has any of it")
            work.facts.setdefault("unlogged", []).append(f"{name}: {one.text(table)}")
        work.facts.setdefault("outward", []).extend(f"{name}: {one.text(row)}" for (row,) in one.rows(_OUTWARD))
        work.facts["tables"] = work.facts.get("tables", 0) + one.value(_TABLES)
        work.files.update({path: f"{name}: {one.text(relation)}" for path, relation in one.rows(_FILES)})
        found = sequences(one)
    checked = indexes.check(target, name)
    work.faults += checked.faults
    work.facts["indexes"] = work.facts.get("indexes", 0) + checked.count
    if checked.unknown:
        work.unknown.append(f"{where}: indexes: {checked.unknown}")
    return found


def _collations(where: str, one: Any, work: Examination) -> None:
    queries = [*([_OF_DATABASE] if one.major >= _SINCE_15 else []), _OF_COLLATIONS]
    for what, recorded, actual in (row for query in queries for row in one.rows(query)):
        if recorded is None and actual is not None:
            work.unknown.append(f"{where}: by which version of its library {what} was sorted")
        elif recorded != actual:
            work.faults.append(
                f"{where}: {what} was sorted by version {recorded} of its library, and this host has {actual}: indexes"
                " of text are wrong here until REINDEX"
            )


def check_pages(tools: Tools, place: Place, found: Mapping[str, str], contents: Contents, work: Examination) -> None:
    """Every page that is damaged, by the relation that it is of: in the set, as pgBackRest saw it, and in the copy."""
    if found["Data page checksum version"] == "0":
        work.unknown.append("whether pages are damaged, since page checksums are off")
        return
    files = sorted({*contents.damaged, *copy.damaged_files(tools, place.data)})
    if files:
        names = some_of(_relations(files, work.files), _NAMES, separator="; ")
        work.faults.append(f"pages are damaged: {names}")


def _relations(files: list[str], known: Mapping[str, str]) -> Iterator[str]:
    for path in files:
        folder, _slash, name = path.rpartition("/")
        main = f"{folder}/{name.partition('.')[0].partition('_')[0]}"
        yield f"{known[main]} ({path})" if main in known else path
