# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Puts trusted authorities and revocation lists into service, beside a key and a certificate that stay what they are.

What a service trusts lies in its set, and a set never changes: a variant is put beside it, with the same key and
certificate and another file of authorities, and takes its place by the renaming of one link. Revocation lists lie in a
`list_file`. From the begin of an operation to its end this is the way of `change`, rolling back included.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from ..._certificates import spec
from ..._certificates.bundle import Reader, load_bundle
from ..._certificates.certificate import Certificate
from ..._certificates.chain import chain_fault, common
from ..._certificates.revocation import RevocationList
from ..._core.errors import RunbookError
from ..._core.options import Given, Option, Options
from ..journal import Journal
from ..options import CLOCK_TOLERANCE
from .change import NEEDS, Change, Outcome, carry_out, set_name
from .list_file import ListFile
from .set import label
from .set_content import leaf_of, read_set
from .set_file import LARGEST
from .store import layout_of

#: The name of the procedure in the journal.
PROCEDURE = "certificate_trust"

#: What an operation needs of each set to be ended.
TRUST_NEEDS: Mapping[str, type] = MappingProxyType({**NEEDS, "parts": list, "had_list": bool})

#: How a set ends whose files hold already what they should.
UNCHANGED = "unchanged"

#: What may be given with a set; at least one of them.
TRUST_OPTIONS: Options = {
    "trust": Option(
        "str", "Authorities that the service trusts from now on, in PEM: all that the file C(ca) of the set is to hold."
    ),
    "revocations": Option(
        "str",
        "Revocation lists, in PEM, one of each authority, that the file I(crl) of the set is to hold. Lists of others"
        " in it stay there, as long as the authority that signed them is trusted.",
    ),
}


@dataclass(frozen=True)
class Wanted:
    """A set as it is described, and what its files are to hold, in PEM; what is left out stays as it is."""

    given: Given
    trust: str | None = None
    revocations: str | None = None


@dataclass
class TrustChange(Change):
    """A set on its way to another file of authorities or other revocation lists; ``new`` is the set's variant.

    ``content`` are the bytes of either, by ``trust`` and ``revocations``, and not known any more after a death.
    """

    parts: frozenset[str] = frozenset()
    had_list: bool = False
    content: Mapping[str, bytes] = field(default_factory=dict)

    @contextmanager
    def _list(self) -> Iterator[ListFile]:
        with ListFile(self.given["crl"]).opened() as file:
            yield file

    def adopt(self) -> None:
        """Make the files in service a set, where that is what changes."""
        if "trust" in self.parts:
            super().adopt()

    def stage(self, now: datetime) -> None:  # noqa: ARG002 - what is staged was checked before
        """Put variant and list beside those in service."""
        if "trust" in self.parts:
            with self.sets() as sets:
                sets.vary(self.new, self.old, {"ca": self.content["trust"]})
                sets.prepare(self.new, self.old)
        if "revocations" in self.parts:
            layout = layout_of(self.given)
            with self._list() as file:
                file.stage(self.content["revocations"], (layout.uid, layout.gid))

    def faults(self, now: datetime) -> list[str]:  # noqa: ARG002 - key and certificate are those that were in service
        """What is wrong with the certificate in service: it cannot be read."""
        return [] if self.certificate(self.new) else ["there is no certificate that could be served"]

    def forward(self) -> None:
        """Put variant and list into service."""
        if "trust" in self.parts:
            super().forward()
        if "revocations" in self.parts:
            with self._list() as file:
                file.forward()

    def back(self) -> None:
        """Put both back as they were."""
        if "trust" in self.parts:
            super().back()
        if "revocations" in self.parts:
            with self._list() as file:
                file.back(existed=self.had_list)

    def discard(self) -> None:
        """Remove what is not in service."""
        if "trust" in self.parts:
            super().discard()
        if "revocations" in self.parts:
            with self._list() as file:
                file.discard()

    def forget(self) -> None:
        """Remove what was made for a change that never came into service; a pending key belongs to another change."""
        self.adopt()
        self.discard()

    def finish(self) -> None:
        """Clear up after the service has taken it."""
        if "trust" in self.parts:
            super().finish()

    def needs(self) -> dict[str, Any]:
        """What ending it takes; see `NEEDS`."""
        return {**super().needs(), "parts": sorted(self.parts), "had_list": self.had_list}

    def certificate(self, name: str) -> Certificate | None:  # noqa: ARG002 - all variants have the same one
        """The certificate in service, which is the same before and after."""
        return leaf_of(read_set(spec.paths(self.given)))


def plan(wanted: Sequence[Wanted], *, now: datetime) -> list[TrustChange]:
    """What has to be changed, after everything that can be known of it is known; changes nothing.

    Sets that hold already what they should have no ``parts``. Raises `RunbookError` naming the first set that its
    service could not work with.
    """
    changes = [_planned(one, now) for one in wanted]
    readers: dict[str, tuple[Any, TrustChange]] = {}
    for change in changes:
        if "revocations" in change.parts:
            options = change.given.get("reload")
            other_options, other = readers.setdefault(os.path.realpath(change.given["crl"]), (options, change))
            if other_options != options:
                raise RunbookError(
                    f"{label(other.given)} and {label(change.given)} read {change.given['crl']} and are reloaded in"
                    " different ways; give each a file of its own, so that each can be rolled back alone"
                )
    return changes


def _planned(wanted: Wanted, now: datetime) -> TrustChange:
    given, where = wanted.given, label(wanted.given)
    if wanted.trust is None and wanted.revocations is None:
        raise RunbookError(f"{where}: expected trust or revocations, got neither")
    if wanted.trust is not None and "ca" not in spec.paths(given):
        raise RunbookError(f"{where}: has no file for authorities (files.ca is null)")
    if wanted.revocations is not None and not given.get("crl"):
        raise RunbookError(f"{where}: has no file for revocation lists (crl)")
    try:
        files = read_set(spec.paths(given))
        leaf = leaf_of(files)
        if leaf is None:
            raise RunbookError(f"{where}: there is no certificate in service; rotate it first")
        installed = _installed_list(given)
        held = files["ca"].certificates if "ca" in files else []
        trusted = held if wanted.trust is None else _authorities(wanted.trust)
        chain = files["fullchain"].certificates[1:] if "fullchain" in files else []
        if wanted.trust is not None:
            _refuse_broken_chain(leaf, chain, held, trusted, now)
        known = [*trusted, *(one for one in chain if chain_fault(one, chain, trusted, now=now) is None)]
        # What cannot be read is no reason not to put a better one into its place.
        before = Reader().content(installed or b"").crls
        if wanted.revocations is not None:
            lists = _lists(wanted.revocations.encode())
            _refuse_bad_lists(lists, before, known, now)
            others = _others(lists, before, known)
            _refuse_missing_lists([*lists, *others], trusted)
            wanted = replace(wanted, revocations="".join([wanted.revocations, *(one.pem for one in others)]))
        elif wanted.trust is not None and installed is not None:
            _refuse_missing_lists(before, trusted)
    except RunbookError as exc:
        raise RunbookError(f"{where}: {str(exc).removeprefix(f'{where}: ')}") from exc
    except OSError as exc:
        raise RunbookError(f"{where}: {exc.filename or given['directory']}: {exc.strerror}") from exc
    return _change(wanted, installed)


def _change(wanted: Wanted, installed: bytes | None) -> TrustChange:
    given = wanted.given
    content = {
        part: text.encode()
        for part, text in (("trust", wanted.trust), ("revocations", wanted.revocations))
        if text is not None
    }
    change = TrustChange(given, "", had_list=installed is not None, content=content)
    with change.sets() as sets:
        live = sets.live()
        base = sets.current or set_name(load_bundle(live["certificate"])[0])
        change.new = sets.variant(base)
    now_there = {"trust": live.get("ca"), "revocations": installed}
    change.parts = frozenset(part for part, data in content.items() if now_there[part] != data)
    return change


def _authorities(text: str) -> list[Certificate]:
    found = load_bundle(text.encode())
    others = [common(one.subject) for one in found if not one.is_authority]
    if others:
        raise RunbookError(f"trust: {', '.join(others)} is no authority")
    return found


def _refuse_broken_chain(
    leaf: Certificate,
    chain: Sequence[Certificate],
    held: Sequence[Certificate],
    trusted: Sequence[Certificate],
    now: datetime,
) -> None:
    """Refuse authorities that the certificate in service does not lead to any more."""
    fault = chain_fault(leaf, chain, trusted, now=now)
    if fault is not None and not (held and chain_fault(leaf, chain, held, now=now) is not None):
        raise RunbookError(f"trust: the certificate in service, {leaf.serial}, does not lead to it: {fault.message}")


def _installed_list(given: Given) -> bytes | None:
    if not given.get("crl"):
        return None
    if os.path.lexists(given["crl"]) and os.stat(given["crl"]).st_size > LARGEST:  # noqa: PTH116 - any path
        raise RunbookError(f"{given['crl']} is larger than a revocation list can be")
    with ListFile(given["crl"]).opened() as file:
        return file.content()


def _lists(data: bytes) -> list[RevocationList]:
    """The lists in a file that has nothing else in it; raises `RunbookError`."""
    found = Reader().content(data)
    fault = "; ".join(found.faults)
    if not fault and (found.certificates or found.keys):
        fault = "holds more than revocation lists"
    if not fault and not found.crls:
        fault = "holds no revocation list"
    if fault:
        raise RunbookError(f"revocations: {fault}")
    return found.crls


def _refuse_bad_lists(
    lists: Sequence[RevocationList],
    installed: Sequence[RevocationList],
    authorities: Sequence[Certificate],
    now: datetime,
) -> None:
    """Refuse lists that no trusted authority has signed, that do not cover this moment, or that are older."""
    before = {one.issuer_name: one for one in installed}
    for one in lists:
        name = f"revocations: the list of {common(one.issuer)}"
        if not any(one.is_of(each) and one.is_signed_by(each) for each in authorities):
            raise RunbookError(f"{name} is not signed by an authority that is trusted")
        if one.begins > now + timedelta(seconds=CLOCK_TOLERANCE):
            raise RunbookError(f"{name} is not valid before {one.begins:%Y-%m-%d %H:%M} UTC")
        if one.ends is not None and one.ends <= now:
            raise RunbookError(
                f"{name} ended on {one.ends:%Y-%m-%d %H:%M} UTC: a service that reads it would refuse every client"
            )
        present = before.get(one.issuer_name)
        if present is not None and _is_older(one, present):
            raise RunbookError(
                f"{name} is older than the one in service (number {one.number} after {present.number}): what was"
                " revoked since would be accepted again"
            )


def _others(
    lists: Iterable[RevocationList], installed: Iterable[RevocationList], authorities: Iterable[Certificate]
) -> list[RevocationList]:
    """The lists in service of authorities that are trusted and have no new list."""
    given, known = {one.issuer_name for one in lists}, list(authorities)
    return [
        one
        for one in installed
        if one.issuer_name not in given and any(one.is_of(each) and one.is_signed_by(each) for each in known)
    ]


def _is_older(one: RevocationList, present: RevocationList) -> bool:
    if one.number is not None and present.number is not None:
        return one.number < present.number
    return one.begins < present.begins


def _refuse_missing_lists(lists: Iterable[RevocationList], trusted: Iterable[Certificate]) -> None:
    """Refuse to leave a trusted authority without a list: nginx and PostgreSQL would refuse all that it issued."""
    issuers = {one.issuer_name for one in lists}
    missing = [common(one.subject) for one in trusted if one.subject_name not in issuers]
    if missing:
        raise RunbookError(
            f"revocations: there is no list of {', '.join(missing)}, which is trusted: a service that checks every link"
            " would refuse all that it issued"
        )


def put(journal: Journal, changes: Sequence[TrustChange], *, now: datetime) -> Iterator[Outcome]:
    """Put what was planned into service; yields what became of each set.

    The first service that refuses ends it: what it had is in service again, and what follows is left alone.
    """
    for change in changes:
        if not change.parts:
            yield change.outcome(UNCHANGED, "holds already what it should")
    yield from carry_out(journal, PROCEDURE, [change for change in changes if change.parts], now=now)
