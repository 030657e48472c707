# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The directory of a CA as one run works with it: its lock, what a killed run left, its keys, and what it signs."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import SHORTEST_SECRET

from .._core.lock import locked
from . import state as states
from .crypto import require_library, serialization, x509
from .issuance import now_utc
from .layout import MAKING, Layout, fingerprint
from .level import FOLDER_MODE, Level
from .signing import Signer, authority_certificate, new_key

LOCK = ".lock"
#: Seconds that a run waits for another one; each holds the lock for one certificate at a time.
WAIT = 60.0

#: What OpenSSL can take for a passphrase.
LONGEST_PASSPHRASE = 1023


@dataclass(frozen=True)
class Plan:
    """A level that is to be made."""

    subject: x509.Name
    key_type: str
    days: float


class CaDirectory:
    """A CA's directory with the passphrases of its keys. Every method reads the files anew: others may have been here.

    ``root_passphrase`` is needed where the root has another one. ``clock`` returns aware whole seconds, ``wait`` is how
    many seconds to wait for other runs.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        passphrase: str = "",
        root_passphrase: str = "",
        clock: Callable[[], datetime] = now_utc,
        wait: float = WAIT,
    ) -> None:
        require_library()
        # Absolute, because openssl.cnf names it, but through links: where they point to is the operator's business.
        self.path = Path(directory).expanduser().absolute()
        self.now = clock
        self._passphrases = {"intermediate": passphrase, "root": root_passphrase or passphrase}
        self._options = {"intermediate": "passphrase", "root": "root_passphrase" if root_passphrase else "passphrase"}
        self._wait = wait
        self._signers: dict[Path, Signer] = {}

    @contextlib.contextmanager
    def locked(self, *, shared: bool) -> Iterator[None]:
        """Hold the lock. What the operating system refuses inside is a `RunbookError`, too."""
        try:
            with locked(self.path / LOCK, f"the CA in {self.path}", seconds=self._wait, shared=shared):
                yield
        except OSError as exc:
            raise RunbookError(f"{exc.filename or self.path}: {exc.strerror or exc}") from exc

    @contextlib.contextmanager
    def reading(self) -> Iterator[Layout]:
        """The CA as it is, unchanged while others may read it, too."""
        with self.locked(shared=True):
            layout = self.layout()
            if layout.state.pending is not None:
                raise RunbookError(
                    f"the CA in {self.path} was left half way by a run that was killed; the playbook "
                    "certificate_authority finishes it"
                )
            layout.verify()
            yield layout

    @contextlib.contextmanager
    def changing(self) -> Iterator[Layout]:
        """The CA for a run that changes it, after everything that other runs had begun was finished."""
        if not (self.path / states.FILE).exists():
            self.layout()
        with self.locked(shared=False):
            yield self.recovered()

    def make_directory(self) -> None:
        """Make the directory, with those above it."""
        try:
            self.path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as exc:
            raise RunbookError(f"{self.path}: cannot be made: {exc.strerror or exc}") from exc

    def layout(self) -> Layout:
        """The CA as its state says that it is. Raises `RunbookError` where there is none."""
        state = states.read(self.path)
        if state is None:
            raise RunbookError(f"there is no CA in {self.path}; the playbook certificate_authority makes or adopts one")
        return Layout(self.path, state)

    def recovered(self) -> Layout:
        """Finish what was begun, and clear away what was not."""
        layout = self.layout()
        if layout.state.pending is not None:
            layout = Layout(self.path, layout.state.finish(self.path))
            layout.settle()
        layout.verify()
        self.clear(layout)
        for _slot, level in layout.levels():
            found = level.unregistered()
            for certificate in found:
                level.enter(certificate)
        return layout

    def clear(self, layout: Layout | None) -> None:
        """Remove what killed runs left behind that was of no use yet."""
        shutil.rmtree(self.path / MAKING, ignore_errors=True)
        for path in self.path.glob(".*.pem.*"):
            if re.fullmatch(r"\..+\.pem\.([a-z0-9_]{8}|\d+)", path.name):
                path.unlink()
        for path in self.path.glob(".authority.json.*"):
            path.unlink()
        if layout is not None:
            for level in (*(level for _slot, level in layout.levels()), *layout.retired()):
                for path in level.leftovers():
                    path.unlink()

    def check_passphrase(self, level: str) -> None:
        """Raise `RunbookError` where the passphrase of a level cannot be one."""
        passphrase, option = self._passphrases[level], self._options[level]
        if not passphrase:
            raise RunbookError(f"{option}: missing; the keys of the CA are encrypted with it")
        if len(passphrase) < SHORTEST_SECRET:
            raise RunbookError(f"{option}: a passphrase must have at least {SHORTEST_SECRET} characters")
        if len(passphrase.encode()) > LONGEST_PASSPHRASE:
            raise RunbookError(f"{option}: a passphrase must have at most {LONGEST_PASSPHRASE} bytes")

    def signer(self, level: Level) -> Signer:
        """A level's certificate with its key, decrypted once."""
        known = self._signers.get(level.folder)
        if known is None or known.certificate != level.certificate():
            self.check_passphrase(level.name)
            known = level.signer(self._passphrases[level.name], self._options[level.name])
            self._signers[level.folder] = known
        return known

    def crl(self, layout: Layout, level: Level) -> str:
        """A level's list as PEM, made anew where that is due; empty where a root has none and its key is elsewhere."""
        if level.crl_is_due(self.now()) and self.can_renew(level):
            level.make_crl(self.signer(level), days=layout.state.crl_days, now=self.now())
        crl = level.crl()
        return crl.public_bytes(serialization.Encoding.PEM).decode() if crl is not None else ""

    def can_renew(self, level: Level) -> bool:
        """Whether the key that signs a level's list is kept here; that of a root may be elsewhere."""
        return level.name != "root" or level.key_path.exists()

    def write_key(self, level: Level, key: Any) -> None:
        """Keep a level's key, encrypted."""
        self.check_passphrase(level.name)
        level.write_key(key, self._passphrases[level.name])

    def build(self, plans: Mapping[str, Plan], *, root: Level | None = None) -> dict[str, str]:
        """Make levels in a folder that no run reads yet, and return the fingerprints of their certificates.

        ``root`` is the one that stays where only an intermediate is made. An intermediate is registered by its root.
        """
        making = self.path / MAKING
        making.mkdir(mode=FOLDER_MODE)
        made: dict[str, Signer] = {}
        if root is not None:
            made["root"] = self.signer(root)
        for name in plans:
            issuing = None if name == "root" else root or Level("root", making / "root")
            made[name] = self._build(Level(name, making / name), plans[name], made.get("root"), issuing)
        return {name: fingerprint(made[name].certificate) for name in plans}

    def _build(self, level: Level, plan: Plan, signer: Signer | None, issuing: Level | None) -> Signer:
        level.make_folders()
        key = new_key(plan.key_type)
        self.write_key(level, key)
        serial = issuing.unused_serial(issuing.rows()) if issuing else x509.random_serial_number()
        certificate = authority_certificate(
            plan.subject, key, days=plan.days, serial=serial, now=self.now(), signer=signer
        )
        if issuing:
            issuing.enter(certificate)
        level.write_certificate(certificate)
        return Signer(certificate, key)

    def move(self, layout: Layout, moves: list[list[str]], phase: str, slots: dict[str, dict[str, str]]) -> Layout:
        """Move folders so that a run that is killed meanwhile can be finished by the next one."""
        state = layout.state.moving(moves, phase, slots)
        state.write(self.path)
        moved = Layout(self.path, state.finish(self.path))
        moved.settle()
        return moved
