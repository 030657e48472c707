# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restores a set of pgBackRest as a server of its own, beside the live one: to its end, a time, or a transaction.

What is restored never has a port, an archive, or a subscription that is on; see `copy`. It is a folder with all of it:

    <target>/data           the data, owned by the user of the stanza
    <target>/tablespaces    a folder for each tablespace, by its name
    <target>/server.conf    the configuration that it was looked at with
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ...._backup.manifest import Manifest
from ...._clients.pgbackrest import PROGRAM_NAME
from ...._core.errors import RunbookError
from ...._core.text import clean, excerpt, size
from ...progress import Progress
from .. import restored_folder as folders
from .. import scratch
from ..engine import Forecast, Proof
from ..postgres.databases import Databases
from ..postgres.scratch import Cluster
from ..restorer import Destination, Request
from ..space import Need
from . import copy, source
from .archive import Archive
from .copy import Place
from .method import PgBackRest
from .proof import Examination, check_pages, look, refuse_foreign_tablespaces, tools_of

#: Where recovery ends, as the server says it in its log.
_STOPPED = re.compile(r"recovery stopping (?:before|after|at) .*")

_TRANSACTION = re.compile(r"[1-9]\d{0,9}\Z")

_RECOVERY = """
restore_command = '{command} %f "%p"'
recovery_target_action = 'promote'
recovery_target_timeline = '{timeline}'
recovery_target_inclusive = off
{target}
"""


class PgBackRestRestorer:
    """See `restorer.Restorer`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._method = PgBackRest(given)
        self._stanza = self._method.stanza

    def destination(self, _manifest: Manifest, request: Request, stamp: str) -> Destination:
        if request.in_place or request.database:
            raise RunbookError("a set of pgBackRest is the whole server, which is restored beside the live one only")
        if request.transaction and not _TRANSACTION.match(request.transaction):
            raise RunbookError(f"transaction: expected the number of one, got {request.transaction!r}")
        live = self._live_data()
        name = request.target or (f"{live}_recovery" if live else "")
        if not name.startswith("/") or str(Path(name)) != name or ".." in Path(name).parts:
            raise RunbookError(f"target: expected the absolute path of a folder, got {name!r}")
        if live and (one := _inside(Path(name), Path(live))):
            raise RunbookError(f"{name}: {one}, and nothing is restored there")
        return Destination(
            name, "", stamp, in_place=False, replaces=False, at=request.at, transaction=request.transaction
        )

    def forecast(self, manifest: Manifest, destination: Destination) -> Forecast:
        target = Path(destination.name)
        refused = [*folders.refusals(target)]
        needs = (Need(target.parent, manifest.plain_size, "for the server"),)
        lines = [f"the server becomes {clean(target)}: {size(manifest.plain_size)}, up to {_goal(destination)}"]
        try:
            tools_of(manifest, self._stanza)
            self._method.refuse_unknown_tablespaces(manifest)
            lines.append(f"timeline {Archive.of(self._stanza, manifest).timeline(manifest)}")
            refused += self._unreached(manifest, destination)
        except RunbookError as exc:
            refused.append(str(exc))
        lines.append("it has no port, archives nothing, and its subscriptions are turned off")
        return Forecast(tuple(lines), manifest.plain_size, tuple(refused), needs)

    def examine(self, _plain: Path, _manifest: Manifest, _destination: Destination) -> tuple[str, ...]:
        """All that can be known is known before."""
        return ()

    def container(self) -> str:
        return ""

    def build(self, _plain: Path, manifest: Manifest, destination: Destination, progress: Progress) -> Proof:
        begin, made = time.monotonic(), _made(destination)
        tools, place = tools_of(manifest, self._stanza), Place(made, made / "data")
        archive = Archive.of(self._stanza, manifest)
        progress.phase("restoring")
        made.mkdir(mode=0o711)
        copy.make(place, tools.user)
        copy.restore(self._stanza, archive.repo, manifest.id, place, ["--type=default"])
        refuse_foreign_tablespaces(place)
        found = copy.control(tools, place.data)
        recovery = self._recovery(place, archive.timeline(manifest), destination)
        progress.phase("replaying WAL")
        work = Examination()
        given = {**self._given, "assertions": ()}
        with copy.running(place, tools, self._given["login"], self._given["jobs"], recovery, isolated=False) as (
            target,
            log,
        ):
            seconds = time.monotonic() - begin
            work.faults += _not_stopped(log, destination)
            work.facts["disabled subscriptions"] = list(_let_go(target))
            look(given, target, manifest, work, progress)
        check_pages(tools, place, found, self._method.contents(manifest), work)
        facts = {"stopped": _stopped(log), "server": tools.version, **work.facts}
        return Proof(seconds, tuple(work.faults), facts, tuple(work.unknown))

    def swap(self, destination: Destination) -> None:
        made, target = _made(destination), Path(destination.name)
        for link in (made / "data/pg_tblspc").iterdir():
            # The links have the name that the folder has from now on.
            moved = target / link.readlink().relative_to(made)
            link.unlink()
            link.symlink_to(moved)
        configuration = made / "server.conf"
        configuration.write_text(configuration.read_text("utf-8").replace(str(made), str(target)), encoding="utf-8")
        if target.exists():
            target.rmdir()
        folders.rename(made, target)

    def in_effect(self, destination: Destination) -> bool:
        return Path(destination.name, "data").is_dir() and not _made(destination).exists()

    def tidy(self, _destination: Destination) -> None:
        """One rename leaves nothing."""

    def put_back(self, destination: Destination) -> None:
        made = _made(destination)
        if made.exists():
            scratch.clean(made)

    def undo(self, destination: Destination) -> None:
        raise RunbookError(f"{destination.name}: nothing was replaced, so there is nothing to put back")

    def is_undone(self, _destination: Destination) -> bool:
        return False

    def cancel_undo(self, _destination: Destination) -> None:
        """Nothing is ever replaced."""

    def drop(self, name: str) -> None:
        raise RunbookError(f"nothing is kept as {name!r}")

    def held(self) -> Mapping[str, Sequence[str]]:
        return {}

    def release(self, name: str) -> None:
        """Nothing is held back."""

    def kept(self) -> Mapping[str, str]:
        return {}

    def _live_data(self) -> str:
        """The folder of the live server's data; empty where there is no such server here."""
        try:
            with source.first_session(self._given["login"]) as one:
                return str(one.value("SHOW data_directory"))
        except RunbookError:
            return ""

    def _unreached(self, manifest: Manifest, destination: Destination) -> Iterator[str]:
        """Why the time that is wanted cannot be restored: no WAL leads there.

        Whether there is a transaction after it is known to the server alone, which refuses to end before its target.
        """
        if destination.at is None:
            return
        if destination.at < manifest.end:
            yield f"{manifest.id} was whole at {_iso(manifest.end)} only: an earlier time needs an earlier set"
        found = self._method.reach(manifest)
        # A repository knows the second in which a file came there.
        if destination.at >= found.archived_at + 1:
            why = found.hole or "have the server archive what it has: SELECT pg_switch_wal()"
            yield (
                f"the WAL of the archive leads from {manifest.id} to {found.last or 'nothing'}, archived"
                f" {_iso(found.archived_at)}, and so not to {_iso(destination.at)}; {why}"
            )

    def _recovery(self, place: Place, timeline: int, destination: Destination) -> str:
        words = [PROGRAM_NAME, f"--config={self._stanza.config}", f"--stanza={self._stanza.stanza}"]
        command = shlex.join([*words, f"--pg1-path={place.data}", "--log-level-console=off", "archive-get"])
        target = "recovery_target = 'immediate'"
        if destination.transaction:
            target = f"recovery_target_xid = '{destination.transaction}'"
        elif destination.at is not None:
            target = f"recovery_target_time = '{_exact(destination.at)}'"
        quoted = command.replace("%", "%%").replace("'", "''")
        return _RECOVERY.format(command=quoted, timeline=timeline, target=target)


def _made(destination: Destination) -> Path:
    """Where a server is while it is restored: named so that whatever runs there can be ended."""
    return scratch.beside(Path(destination.name), destination.stamp)


def _inside(target: Path, live: Path) -> str:
    """How a folder and that of the live server lie in one another; empty where they do not."""
    real, data = target.resolve(), live.resolve()
    if real == data:
        return "is the data of the live server"
    if data in real.parents:
        return "lies in the data of the live server"
    return "has the data of the live server in it" if real in data.parents else ""


def _goal(destination: Destination) -> str:
    if destination.transaction:
        return f"just before the transaction {destination.transaction}"
    return _iso(destination.at) if destination.at is not None else "the end of the set"


def _stopped(log: str) -> str:
    """Where recovery ended, in the server's own words; empty where it ended at the end of the WAL."""
    found = _STOPPED.findall(log)
    return excerpt(found[-1], 200) if found else ""


def _not_stopped(log: str, destination: Destination) -> Iterator[str]:
    """Why a copy is not of the moment that was asked for."""
    stopped, wanted = _stopped(log), destination.transaction
    if destination.at is None and not wanted:
        return
    if not stopped:
        yield f"recovery did not stop at {_goal(destination)}"
    elif wanted and f"transaction {wanted}," not in stopped:
        yield f"recovery stopped elsewhere than before the transaction {wanted}: {stopped}"


def _let_go(target: Cluster) -> Iterator[str]:
    """Turn off what would take the changes that are meant for the live server; yields each by database and name."""
    databases = Databases(target.login)
    with target.session() as one:
        names = [name for (name,) in one.rows("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1")]
    for name in names:
        found = databases.subscriptions(name)
        if found:
            databases.let_go_of_publishers(name)
        yield from (f"{name}: {one}" for one in found)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _exact(seconds: float) -> str:
    """A time for the server, with its offset: without one it would be another time in each zone."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00")
