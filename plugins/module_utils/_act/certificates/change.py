# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine of changes to certificates in service: stage, swap, reload, verify; and roll back where that fails.

Sets whose service is reloaded in the same way are one operation, so that a service is reloaded once. Every operation is
written into the journal first; `recovery` ends one that was killed.

.. code-block:: text

    begin ─► adopt ─► stage ─► swap ─► reload ─► verify ─► end (done)
               │        │        │        │         │
               ▼        ▼        └────────┴─────────┴──► roll_back ─► end (rolled_back)
       end (rolled_back)
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..._certificates.bundle import load_bundle
from ..._certificates.certificate import Certificate
from ..._certificates.der import Unreadable
from ..._certificates.served import served_certificate
from ..._certificates.spec import SET_OPTIONS
from ..._core.errors import RunbookError
from ..._core.names import DONE, ROLLED_BACK
from ..._core.options import Given, without_secrets
from .. import reload
from ..journal import Entry, Journal
from .request import reasons
from .set import label
from .set_content import leaf_of, read_set
from .store import SETS, CertificateSets, layout_of, paths

#: The steps of an operation, as its entry in the journal names them; see `FORMAT`.
ADOPT, STAGE, SWAP, RELOAD, VERIFY, ROLL_BACK = "adopt", "stage", "swap", "reload", "verify", "roll_back"
STEPS = frozenset({ADOPT, STAGE, SWAP, RELOAD, VERIFY, ROLL_BACK})

#: What an operation needs of each set to be ended, with its type.
NEEDS: Mapping[str, type] = MappingProxyType({"given": dict, "secrets": bool, "new": str})

#: How a change ends that could not even be begun, or neither be made nor rolled back.
FAILED = "failed"

#: Seconds within which a service has to serve the new certificate once it was reloaded, and the pause between attempts.
SETTLE, PAUSE = 20.0, 0.25


@dataclass(frozen=True)
class Outcome:
    """What became of one set."""

    service: str
    point: str
    outcome: str
    message: str
    serial: str = ""
    previous_serial: str = ""
    fingerprint: str = ""
    not_after: str = ""

    @property
    def name(self) -> str:
        """What a message calls the set."""
        return f"{self.service} {self.point}"

    def as_dict(self) -> dict[str, Any]:
        """As a module returns it."""
        return dict(self.__dict__)


@dataclass
class Change:
    """One set on its way from an old one to a new one; ``old`` is empty where there was none.

    Every method may be called again after a run was killed inside it.
    """

    given: Given
    new: str
    old: str = ""

    def sets(self) -> CertificateSets:
        """The sets on the disk, to be opened with ``with``."""
        return CertificateSets(layout_of(self.given))

    def contents(self, _sets: CertificateSets) -> dict[str, bytes]:
        """The files of the new set but for its key, by their role; a change that is only ended has none."""
        raise RunbookError(f"{label(self.given)}: nothing was issued")

    def adopt(self) -> None:
        """Make the files in service a set; where they are one already, clear up what a killed run left."""
        with self.sets() as sets:
            try:
                name = set_name(load_bundle(sets.live().get("certificate", b""))[0])
            except Unreadable:
                name = "unreadable"
            self.old = sets.adopt(name)

    def stage(self, now: datetime) -> None:
        """Put the new set beside the old one, and make sure on the disk that it is good; raises `RunbookError`."""
        with self.sets() as sets:
            sets.stage(self.new, self.contents(sets))
        faults = self.faults(now)
        if faults:
            raise RunbookError(f"{label(self.given)}: the new certificate is no good: {'; '.join(faults)}")
        with self.sets() as sets:
            sets.prepare(self.new, self.old)

    def forward(self) -> None:
        """Put the new set into service."""
        with self.sets() as sets:
            sets.forward(self.new)

    def back(self) -> None:
        """Put the old set into service again."""
        with self.sets() as sets:
            sets.back(self.old)

    def discard(self) -> None:
        """Remove what is not in service."""
        with self.sets() as sets:
            sets.discard(self.new)

    def forget(self) -> None:
        """Remove what was made for a change that never came into service."""
        self.adopt()
        with self.sets() as sets:
            sets.discard(self.new)
            sets.forget_pending()

    def finish(self) -> None:
        """Clear up after the new set has proven good."""
        with self.sets() as sets:
            sets.finish(keep=(self.old,))

    def needs(self) -> dict[str, Any]:
        """What ending it takes, without secrets: a run that needs one has it in its own options; see `NEEDS`."""
        password = (self.given.get("reload") or {}).get("password")
        return {"given": without_secrets(SET_OPTIONS, self.given), "secrets": bool(password), "new": self.new}

    def certificate(self, name: str) -> Certificate | None:
        """The certificate of a set on the disk."""
        layout = layout_of(self.given)
        folder = Path(layout.directory) / SETS / name
        return leaf_of(read_set({role: folder / file for role, file in layout.files.items()}))

    def faults(self, now: datetime) -> list[str]:
        """What is wrong with the new set as it lies there."""
        layout = layout_of(self.given)
        folder = Path(layout.directory) / SETS / self.new
        files = read_set({role: folder / file for role, file in layout.files.items()})
        return reasons(self.given, files, now)

    def outcome(self, outcome: str, message: str = "") -> Outcome:
        """What became of it, with the certificates before and after."""
        new, old = self.certificate(self.new), self.certificate(self.old) if self.old else None
        return Outcome(
            service=self.given["service"],
            point=self.given["point"],
            outcome=outcome,
            message=message,
            serial=new.serial if new else self.new.upper(),
            previous_serial=old.serial if old else "",
            fingerprint=new.fingerprint if new else "",
            not_after=f"{new.ends:%Y-%m-%d %H:%M} UTC" if new else "",
        )


@dataclass
class Operation:
    """Some sets whose service is reloaded once, with their entry in the journal."""

    entry: Entry
    changes: Sequence[Change]
    #: Whether the service may have read the new sets.
    reloaded: bool = field(default=False)

    @property
    def reload_options(self) -> reload.ReloadOptions | None:
        """How the service is reloaded, where it has to be."""
        return self.changes[0].given.get("reload")

    @property
    def files(self) -> dict[str, str]:
        """Every path that the service knows, by the point and the role of its file."""
        return {
            f"{change.given['point']}.{role}": path
            for change in self.changes
            for role, path in paths(layout_of(change.given)).items()
        }

    def adopt(self) -> None:
        """Make the files that are in service sets of their own; nothing that the service sees changes."""
        self.entry.step(ADOPT)
        for change in self.changes:
            change.adopt()

    def stage(self, now: datetime) -> None:
        """Put the new sets beside the old ones, and make sure on the disk that they are good."""
        self.entry.step(STAGE, old=[change.old for change in self.changes])
        for change in self.changes:
            change.stage(now)

    def go_forward(self) -> str:
        """Put the new sets into service; returns a sentence about it. May be called again after it was cut off."""
        options = self.reload_options
        running = options is None or reload.is_running(options, self.files)
        self.entry.step(SWAP)
        for change in self.changes:
            change.forward()
        if not running:
            return "not reloaded, since the service is not running"
        if options is not None:
            self.entry.step(RELOAD)
            self.reloaded = True
            reload.perform(options, self.files)
        self.entry.step(VERIFY)
        self._verify({id(change): change.new for change in self.changes})
        return reload.description(options)

    def roll_back(self, why: str) -> str:
        """Have the old sets in service, wherever this was cut off; returns what there is to say about it.

        Raises `RunbookError` where that is impossible: the entry stays unfinished then.
        """
        if SWAP in self.entry.steps:
            return self._put_back(why)
        self._discard()
        return f"{why}; the old set stayed in service"

    def _discard(self) -> None:
        for change in self.changes:
            # What cannot be removed now is in the way of no service.
            with suppress(OSError):
                change.discard()

    def _put_back(self, why: str) -> str:
        with suppress(RunbookError):  # a full disk must not keep the old set out of service
            self.entry.step(ROLL_BACK)
        for change in self.changes:
            try:
                change.back()
            except OSError as exc:
                raise RunbookError(
                    f"{label(change.given)}: {why}; and the old set could not be put back: {exc.strerror}; the next run"
                    " tries it again"
                ) from exc
        complaints = self._reload_again() if self.reloaded else []
        self._discard()
        return "; ".join([why, "the old set is in service again", *complaints])

    def finish(self) -> None:
        """Clear up after the new sets have proven good."""
        for change in self.changes:
            with suppress(OSError):
                change.finish()

    def _reload_again(self) -> list[str]:
        """Let the service read the old sets; returns why it may not serve them."""
        complaints, options = [], self.reload_options
        try:
            if options is not None:
                reload.perform(options, self.files)
        except RunbookError as exc:
            complaints.append(str(exc))
        try:
            self._verify({id(change): change.old for change in self.changes if change.old})
        except RunbookError as exc:
            return [*complaints, f"but it is not served: {exc}"]
        # An error of the reload does not matter where the service serves what it should.
        return []

    def _verify(self, names: Mapping[int, str]) -> None:
        """Wait until every port serves the certificate that it should."""
        for change in self.changes:
            name = names.get(id(change))
            wanted = change.certificate(name) if name else None
            if wanted:
                for port in change.given.get("served_by") or ():
                    _await({**port, "timeout": change.given["timeout"]}, wanted)


def _await(port: Mapping[str, Any], wanted: Certificate) -> None:
    ends = time.monotonic() + SETTLE
    while True:
        try:
            got = served_certificate(port)
            if got == wanted:
                return
            fault = f"port {port['port']} serves the certificate {got.serial} and not {wanted.serial}"
        except RunbookError as exc:
            fault = f"port {port['port']}: {exc}"
        if time.monotonic() >= ends:
            raise RunbookError(f"{fault}, {SETTLE:g} s after the service was reloaded")
        time.sleep(PAUSE)


def set_name(certificate: Certificate) -> str:
    """What the set of a certificate is called."""
    return certificate.serial.lower()


def carry_out(journal: Journal, procedure: str, changes: Sequence[Change], *, now: datetime) -> Iterator[Outcome]:
    """Make changes that have been checked, service after service; yields what became of each.

    The first service that refuses ends it: its old sets are in service again, and what follows is left alone.
    """
    for group in _groups(changes):
        outcomes = _carry_out_group(journal, procedure, group, now)
        yield from outcomes
        if any(outcome.outcome != DONE for outcome in outcomes):
            return


def _groups(changes: Sequence[Change]) -> Iterable[list[Change]]:
    """Sets that share how their service is reloaded; where none has to be, each is alone."""
    groups: dict[str, list[Change]] = {}
    for number, change in enumerate(changes):
        options = change.given.get("reload")
        groups.setdefault(json.dumps(options, sort_keys=True) if options else str(number), []).append(change)
    return groups.values()


def _carry_out_group(journal: Journal, procedure: str, changes: Sequence[Change], now: datetime) -> list[Outcome]:
    subject = ", ".join(label(change.given) for change in changes)
    try:
        needs = {"sets": [change.needs() for change in changes]}
        operation = Operation(journal.begin(procedure, subject, needs), changes)
    except (RunbookError, OSError) as exc:
        return [change.outcome(FAILED, failure_text(exc, change.given)) for change in changes]
    try:
        operation.adopt()
        operation.stage(now)
        message = operation.go_forward()
    except (RunbookError, OSError) as exc:
        outcomes = [change.outcome(ROLLED_BACK) for change in changes]
        try:
            message = _close(operation.entry, ROLLED_BACK, operation.roll_back(failure_text(exc, changes[0].given)))
        except RunbookError as stuck:
            # The entry stays open for the next run; what was done before is reported all the same.
            return [replace(one, outcome=FAILED, message=str(stuck)) for one in outcomes]
        return [replace(one, message=message) for one in outcomes]
    operation.finish()
    message = _close(operation.entry, DONE, message)
    return [change.outcome(DONE, message) for change in changes]


def _close(entry: Entry, outcome: str, message: str) -> str:
    """End an entry; where that cannot be written the next run does it, since doing all of it again changes nothing."""
    try:
        entry.end(outcome, message)
    except RunbookError as exc:
        return f"{message}; {exc}"
    return message


def failure_text(exc: Exception, given: Given) -> str:
    """What a message says of an error that came up at a set."""
    return f"{given['directory']}: {exc.strerror or exc}" if isinstance(exc, OSError) else str(exc)
