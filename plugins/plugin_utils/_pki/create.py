# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes a CA where there is none, adopts one that openssl made, and puts right what is not as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from . import state as states
from .crypto import NameOID, x509
from .directory import LOCK, WAIT, CaDirectory, Plan
from .issuance import is_issuer_of, now_utc
from .layout import MAKING, Change, Layout, fingerprint
from .level import STEMS, Level
from .signing import KEY_TYPES
from .state import STANDBY, State

#: What may be in a directory that a CA is made in.
HARMLESS = {LOCK, MAKING, "lost+found", ".gitignore", ".gitkeep"}

#: The keys of a subject in their order.
SUBJECT = {
    "country": NameOID.COUNTRY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizational_unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
}
LETTERS_OF_A_COUNTRY = 2


@dataclass(frozen=True)
class Blueprint:
    """How a CA is made where there is none; of one that exists, only ``crl_days`` is looked at."""

    name: str
    subject: dict[str, str] = field(default_factory=dict)
    key_type: str = "rsa-4096"
    root_days: float = 3650
    intermediate_days: float = 1825
    crl_days: float = 30

    def plans(self) -> dict[str, Plan]:
        """Its levels, the root first."""
        days = {"root": self.root_days, "intermediate": self.intermediate_days}
        return {name: Plan(self._subject(name.capitalize()), self.key_type, days[name]) for name in STEMS}

    def _subject(self, role: str) -> x509.Name:
        attributes = []
        for key in self.subject:
            if key not in SUBJECT:
                raise RunbookError(f"subject.{key}: unknown key; known are {', '.join(SUBJECT)}")
        for key, oid in SUBJECT.items():
            if self.subject.get(key):
                attributes.append(_attribute(f"subject.{key}", oid, self.subject[key]))
        if not self.name:
            raise RunbookError("name: missing; the certificates of the CA are named after it")
        return x509.Name([*attributes, _attribute("name", NameOID.COMMON_NAME, f"{self.name} {role} CA")])

    def check(self) -> None:
        """Raise `RunbookError` naming the key that is wrong."""
        if self.key_type not in KEY_TYPES:
            raise RunbookError(f"key_type: expected one of {', '.join(KEY_TYPES)}, got {self.key_type!r}")
        for key in ("root_days", "intermediate_days", "crl_days"):
            if getattr(self, key) <= 0:
                raise RunbookError(f"{key}: expected more than 0, got {getattr(self, key)}")
        self.plans()


@dataclass(frozen=True)
class Ensured:
    """What became of a CA: ``created``, ``adopted`` or ``present``, and every change that was made (or would be)."""

    outcome: str
    changes: list[str]


def ensure(
    directory: Path | str,
    blueprint: Blueprint,
    *,
    passphrase: str,
    root_passphrase: str = "",
    clock: Callable[[], datetime] = now_utc,
    wait: float = WAIT,
    check: bool = False,
) -> Ensured:
    """Make a CA where there is none, adopt one that openssl made, and put right what is not as it should be.

    With ``check``, only say what would be done. Raises `RunbookError`, naming the key that is wrong.
    """
    ca = CaDirectory(directory, passphrase=passphrase, root_passphrase=root_passphrase, clock=clock, wait=wait)
    blueprint.check()
    for level in STEMS:
        ca.check_passphrase(level)
    if not ca.path.exists():
        if check:
            return Ensured("created", _plan_new(ca, blueprint))
        ca.make_directory()
    with ca.locked(shared=check):
        if states.read(ca.path) is not None:
            return _put_right(ca, blueprint, check=check)
        if Level("root", ca.path / "root").exists():
            return _adopt(ca, blueprint, check=check)
        planned = _plan_new(ca, blueprint)
        if not check:
            _create(ca, blueprint)
        return Ensured("created", planned)


def _changes(ca: CaDirectory, layout: Layout) -> list[Change]:
    """What is to be put right, after every key was tried."""
    changes = []
    for _slot, level in layout.levels():
        if not level.key_path.exists() and level.name == "root":
            continue
        signer = ca.signer(level)
        if b"ENCRYPTED" not in level.key_path.read_bytes():
            changes.append(
                Change(
                    f"encrypt the key of the {level.name}",
                    partial(ca.write_key, level, signer.key),
                )
            )
    changes += layout.changes()
    for _slot, level in layout.levels():
        due = level.crl_is_due(ca.now())
        if due and level.key_path.exists():
            changes.append(
                Change(
                    f"make a CRL of the {level.name}: {due}",
                    partial(ca.crl, layout, level),
                )
            )
    return changes


def _put_right(ca: CaDirectory, blueprint: Blueprint, *, check: bool) -> Ensured:
    layout = ca.layout()
    if check and layout.state.pending is not None:
        return Ensured("present", ["finish what a run that was killed had begun"])
    finished = layout.state.pending is not None
    if check:
        layout.verify()
    else:
        layout = ca.recovered()
    changes = []
    if layout.state.crl_days != blueprint.crl_days:
        state = replace(layout.state, crl_days=blueprint.crl_days)
        layout = Layout(ca.path, state)
        changes.append(Change(f"let CRLs last {blueprint.crl_days:g} days", partial(state.write, ca.path)))
    changes += _changes(ca, layout)
    if not check:
        for change in changes:
            change.act()
    recovery = ["finish what a run that was killed had begun"] if finished else []
    return Ensured("present", [*recovery, *(change.text for change in changes)])


def _adopt(ca: CaDirectory, blueprint: Blueprint, *, check: bool) -> Ensured:
    fingerprints = {}
    for name in STEMS:
        level = Level(name, ca.path / name)
        if not level.exists():
            raise RunbookError(
                f"{ca.path}: it has a root and no intermediate ({level.certificate_path} is missing): "
                "finish it by hand, or name an empty folder"
            )
        level.rows()
        fingerprints[name] = fingerprint(level.certificate())
    layout = Layout(ca.path, State("adopted", crl_days=blueprint.crl_days, slots={"active": fingerprints}))
    if not is_issuer_of(layout.level("root").certificate(), layout.level("intermediate").certificate()):
        raise RunbookError(f"{ca.path}: the intermediate was not signed by the root; nothing was changed")
    changes = [
        Change(f"adopt the CA in {ca.path}", partial(layout.state.write, ca.path)),
        *_changes(ca, layout),
    ]
    if not check:
        for change in changes:
            change.act()
    return Ensured("adopted", [change.text for change in changes])


def _create(ca: CaDirectory, blueprint: Blueprint) -> None:
    ca.clear(None)
    made = ca.build(blueprint.plans())
    layout = Layout(ca.path, State("created", crl_days=blueprint.crl_days))
    layout = ca.move(layout, [[f"{MAKING}/{name}", name] for name in STEMS], STANDBY, {"active": made})
    ca.clear(layout)
    for _slot, level in layout.levels():
        ca.crl(layout, level)


def _plan_new(ca: CaDirectory, blueprint: Blueprint) -> list[str]:
    if ca.path.exists():
        strange = sorted(path.name for path in ca.path.iterdir() if path.name not in HARMLESS)
        strange = [name for name in strange if not re.fullmatch(r"\.authority\.json\.[a-z0-9_]{8}", name)]
        if strange:
            raise RunbookError(
                f"{ca.path}: there is no CA in it, but {', '.join(strange[:5])}; name an empty folder, or "
                "the one that has root/certs/ca.cert.pem"
            )
    return [
        f"make the {name} {plan.subject.rfc4514_string()} ({plan.key_type}, {plan.days:g} days)"
        for name, plan in blueprint.plans().items()
    ]


def _attribute(key: str, oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    if oid == NameOID.COUNTRY_NAME and len(value) != LETTERS_OF_A_COUNTRY:
        raise RunbookError(f"{key}: expected the two letters of a country, got {value!r}")
    try:
        return x509.NameAttribute(oid, value)
    except ValueError as exc:
        raise RunbookError(f"{key}: {exc}") from exc
