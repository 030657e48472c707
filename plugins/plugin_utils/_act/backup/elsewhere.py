# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sets that are verified on another host: which one, how they get there, and what is kept of it.

The stored files go through the control node, piece by piece: it reaches both hosts already, and they need no way to
one another. So there is no port, no key and no right that was not there before, and memory and disk of the control node
stay as they are, however large a set is. What is stored encrypted goes encrypted.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import parse
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._platform import backups
from ..other_host import turn
from ..procedure import Answer, Context
from ..progress import ProgressLines
from .host_backups import Backup

#: Bytes of a piece: as text and with all its copies it takes a few times that, in each process on its way.
PIECE = 8 << 20

#: Seconds that the job on the other host is waited for before the first piece comes.
_MOMENT = 0.2


@dataclass(frozen=True)
class Place:
    """A host that proves a set, with the set's manifest.

    ``silent`` are the hosts that would have been chosen before it and did not answer.
    """

    there: Context
    manifest: str
    silent: tuple[str, ...] = ()
    fault: str = ""

    @property
    def host(self) -> str:
        """Its name in the inventory."""
        return self.there.host


def order(hosts: Iterable[str], name: str) -> list[str]:
    """Hosts in the order in which they are asked to prove something: another one for each name, always the same.

    A host that comes or goes changes nothing for the names that had another one.
    """
    return sorted(hosts, key=lambda host: hashlib.sha256(f"{name} {host}".encode()).digest())


def place(context: Context, one: Backup, name: str) -> Place:
    """The host that proves a set: the first of those that answer. ``fault`` is why it cannot.

    Raises `RunbookError` where the set cannot be read, or where no host answers.
    """
    answer = context.ask("backup_set_read", "manifest", **_set(one, name))
    if answer.fault:
        raise RunbookError(answer.fault)
    manifest: str = answer.values["manifest"]
    silent: list[str] = []
    candidates = backups.verifiers(one.verify_on, context.host, context.inventory.groups)
    for host in order(candidates, f"{one.label} {name}"):
        there = context.on(host)
        answer = there.ask("backup_set_prove", "set", only_plan=True, **_proof(context, one, host, manifest))
        if not answer.unreachable:
            return Place(there, manifest, tuple(silent), answer.fault)
        silent.append(f"{host}: {answer.fault}")
    raise RunbookError(f"no host of {one.verify_on} answers: {'; '.join(silent) or 'it has none beside its own'}")


def proved(context: Context, one: Backup, name: str, chosen: Place) -> Answer:
    """Bring a set to a host, have it proved there, and keep the receipt beside the set: it is the value ``kept``."""
    there = chosen.there
    arguments, subject = _proof(context, one, there.host, chosen.manifest), f"{one.label} of {context.host}"
    with turn(there.host):
        begun = there.ask("backup_set_prove", "job", **arguments, wait=_MOMENT)
        if begun.fault:
            return begun
        job = begun.values["job"]
        fault = _bring(context, one, name, chosen, job)
        answer = there.ask_job("backup_set_prove", "receipt", subject, **arguments, job=job)
    if answer.fault:
        # Where the job ended because a piece did not come, why that did not is what there is to know.
        return Answer(answer.values, fault or answer.fault)
    with turn(context.host):
        kept = context.ask("backup_set_receipt", "kept", **_set(one, name), receipt=answer.values["receipt"])
    return Answer({**kept.values, "recovered": answer.values.get("recovered", ())}, kept.fault)


def _bring(context: Context, one: Backup, name: str, chosen: Place, job: str) -> str:
    """Bring the stored files of a set to the job that waits for them; returns why not all of them came."""
    there, total, done, begin = chosen.there, parse(chosen.manifest).size, 0, time.time()
    progress = ProgressLines(f"{there.host}: {context.name} {one.label} of {context.host}")
    while done < total:
        piece = context.ask_again("backup_set_read", "data", **_set(one, name), offset=done, size=PIECE)
        why_not = piece.fault or ("" if piece.values["data"] else "the set is another one than when it was begun")
        if why_not:
            # The job would wait for the rest.
            there.ask_again("backup_set_deliver", "taken", job=job, fault=why_not)
            return f"{context.host}: {why_not}"
        taken = there.ask_again("backup_set_deliver", "taken", job=job, offset=done, data=piece.values["data"])
        if taken.fault:
            return ""
        done += taken.values["taken"]
        now = time.time()
        report = {"phase": "bringing", "begin": begin, "at": now, "done": done, "total": total, "unit": "bytes"}
        context.show(progress.due(report, now))
    return ""


def _set(one: Backup, name: str) -> dict[str, Any]:
    return {"service": one.service, "backup": one.name, "directory": one.options["directory"], "set": name}


def _proof(context: Context, one: Backup, host: str, manifest: str) -> dict[str, Any]:
    options = context.options
    scratch = {"scratch_dir": options["scratch_dir"]} if options["scratch_dir"] else {}
    return {**one.arguments_on(host, context), "manifest": manifest, "identities": options["identities"], **scratch}
