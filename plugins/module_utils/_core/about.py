# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a failing check is about, as data: the report finds what explains it by this, and never by its words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

# -- Reasons: how something is wrong ----------------------------------------------------------------------------------

#: What an attempt to reach a service met. Nothing listens; packets vanish; it is connected to and sends nothing; it
#: hangs up; the answer is no whole one; it answers that it is not well; it answers late.
REFUSED, DROPPED, SILENT, CLOSED, GARBLED = "refused", "dropped", "silent", "closed", "garbled"
UNWELL, SLOW = "unwell", "slow"
#: It answers, but not this client: the login, a right, a free connection, or its start is missing.
LOGIN, DENIED, FULL, STARTING = "login", "denied", "full", "starting"
#: Its data cannot be written to disk.
UNSAVED = "unsaved"
#: No address is known.
UNRESOLVED = "unresolved"
#: There is no process or container to inspect.
ABSENT = "absent"
#: Nothing could be inspected: a library or a program is not there, the deadline came first, or whatever else.
MISSING, LATE, UNSEEN = "missing", "late", "unseen"
#: A unit, a container or an engine does not run.
DOWN = "down"
#: What is wrong with a certificate.
EXPIRY, CHAIN, NAMES, REVOCATION, SERVED = "expiry", "chain", "names", "revocation", "served"

# -- Subjects: what is wrong, by sort ---------------------------------------------------------------------------------

ENDPOINT, SERVICE, PROBE, UNIT, FILE, MOUNT, PROGRAM = (
    "endpoint", "service", "probe", "unit", "file", "mount", "program",
)  # fmt: skip
#: A certificate, and the chain that begins with it, by fingerprint: the same on every host.
CERTIFICATE, CHAIN_OF = "certificate", "chain"
#: A certificate at the port that shows it, as ``port/fingerprint``.
SHOWN = "shown"
#: The libraries that probes need, whichever is missing where: one playbook installs all of them everywhere.
DRIVERS = "drivers"
#: A variable of the inventory.
VARIABLE = "variable"
#: A host and port as another component knows them, which need not use our names.
ADDRESS = "address"

#: What is only meant on one host: the runner puts the host's name in front.
OF_A_HOST = frozenset({ENDPOINT, SHOWN, UNIT, FILE, MOUNT, PROGRAM})

# -- Relations: what can explain a check ------------------------------------------------------------------------------

#: The process of its own service does not run, and a service that it needs fails.
PROCESS, DEPENDENCY = "process", "dependency"

#: Which of them are compatible with a reason. A probe that got an answer has not reached a dead process, and a port at
#: which nothing listens is no consequence of what the process would have needed.
COMPATIBLE = {
    REFUSED: frozenset({PROCESS}),
    DROPPED: frozenset({PROCESS}),
    ABSENT: frozenset({PROCESS}),
    SILENT: frozenset({PROCESS, DEPENDENCY}),
    CLOSED: frozenset({PROCESS, DEPENDENCY}),
    LATE: frozenset({PROCESS, DEPENDENCY}),
    GARBLED: frozenset({DEPENDENCY}),
    UNWELL: frozenset({DEPENDENCY}),
    SLOW: frozenset({DEPENDENCY}),
}
#: Reasons for which nothing at all can be had of a service.
OUTAGES = frozenset({REFUSED, DROPPED, SILENT, CLOSED, DOWN})

# -- Records ----------------------------------------------------------------------------------------------------------

#: How a check knows of a fault: it is what brings it about, it inspects the very thing, it ran into it on its way to
#: something else, or another component reported that something is wrong there.
BRINGS, STATED, MET, REPORTED = "brings", "is", "met", "reported"
#: The first is the most specific one. A check to which a fault was only reported is no finder of it.
FINDERS = (BRINGS, STATED, MET)

Subject = tuple[str, str]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: how (``reason``), and what, by all the names that are known of it.

    Two checks have found the same fault where the reason and one of the subjects are the same. Without a subject, it is
    the endpoint of the probe, or else the probe itself.
    """

    reason: str
    subjects: tuple[Subject, ...] = ()
    known: str = MET

    @classmethod
    def stated(cls, reason: str, *subjects: Subject) -> Fault:
        """A fault of what a check itself inspects."""
        return cls(reason, subjects, STATED)


@dataclass(frozen=True)
class About:
    """What the report knows of a failing check besides its words.

    ``explained_by`` has the relations by which another check may explain it. ``process`` means that a service's process
    is dead, and ``opens`` that without this check the rest of its probe cannot be found out.
    """

    faults: tuple[Fault, ...] = ()
    explained_by: frozenset[str] = frozenset()
    process: bool = False
    opens: bool = False

    def __str__(self) -> str:
        """As words of ``key=value``, which is how it travels in a check and stands in the ledger."""
        words = [("by", ",".join(sorted(self.explained_by)))]
        marks = [name for name, present in (("process", self.process), ("opens", self.opens)) if present]
        words += [("marks", ",".join(marks))] if marks else []
        for fault in self.faults:
            words += [(fault.known, fault.reason), *fault.subjects]
        return " ".join(f"{key}={quote(value, safe=_SAFE)}" for key, value in words)

    @classmethod
    def read(cls, text: str) -> About:
        """The reverse of `str`; words that mean nothing here are passed over."""
        given: dict[str, frozenset[str]] = {}
        faults: list[tuple[str, str, list[Subject]]] = []
        for word in text.split():
            key, _equals, spelled = word.partition("=")
            value = unquote(spelled)
            if key in (*FINDERS, REPORTED):
                faults.append((value, key, []))
            elif faults:
                faults[-1][2].append((key, value))
            else:
                given[key] = frozenset(filter(None, value.split(",")))
        marks = given.get("marks", frozenset())
        return cls(
            tuple(Fault(reason, tuple(subjects), known) for reason, known, subjects in faults),
            given.get("by", frozenset()),
            process="process" in marks,
            opens="opens" in marks,
        )


_SAFE = "/:,@*.-_+()[]"


def compatible(reasons: Iterable[str]) -> frozenset[str]:
    """The relations that can explain all of some reasons at once."""
    allowed = frozenset({PROCESS, DEPENDENCY})
    for reason in reasons:
        allowed &= COMPATIBLE.get(reason, frozenset())
    return allowed
