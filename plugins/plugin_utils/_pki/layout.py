# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the generations of a CA stand in its directory, and what has to be as it should there.

::

    <directory>/root/  intermediate/  ca-chain.cert.pem  ca.pem  root-ca.pem  intermediate-ca.pem  authority.json
    <directory>/next/  previous/      while a rotation goes on, each with the levels that it replaces
    <directory>/retired/<name>/       generations of the past
"""

from __future__ import annotations

import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core.files import point_to, write_atomically
from .crypto import hashes, x509
from .issuance import pem, serial_text
from .level import CERTIFICATE_MODE, FILE_MODE, FOLDER_MODE, FOLDERS, KEY_MODE, MARK, STEMS, Level, config
from .state import SLOTS, STANDBY, State

CHAIN, TRUST = "ca-chain.cert.pem", "trust-bundle.pem"
MAKING = ".making"
RETIRED = "retired"
UNIQUE = "unique_subject = no\n"


@dataclass(frozen=True)
class Change:
    """Something that is not as it should be: what will be done, and doing it."""

    text: str
    act: Callable[[], object]


@dataclass(frozen=True)
class Layout:
    """A CA's directory, as its state says that it is."""

    directory: Path
    state: State

    def level(self, name: str, slot: str = "active") -> Level:
        """A level of a generation; one that a rotation does not replace is shared with the active generation."""
        if slot not in self.state.slots:
            raise RunbookError(f"generation: there is no {slot!r} CA in {self.directory} (phase {self.state.phase})")
        own = name in self.state.slots[slot]
        return Level(name, self.directory / (SLOTS[slot] if own else ".") / name)

    def levels(self) -> Iterator[tuple[str, Level]]:
        """Every level that there is, with its slot."""
        for slot in SLOTS:
            for name in STEMS:
                if name in self.state.slots.get(slot, {}):
                    yield slot, self.level(name, slot)

    def retired(self) -> Iterator[Level]:
        """Levels of the past."""
        for folder in sorted((self.directory / RETIRED).glob("*/*")):
            if folder.name in STEMS:
                yield Level(folder.name, folder)

    def chain(self, slot: str = "active") -> list[x509.Certificate]:
        """The certificates of a generation, the intermediate first."""
        return [self.level(name, slot).certificate() for name in reversed(STEMS)]

    def trusted(self) -> list[x509.Certificate]:
        """The certificates of all generations, those of the active one first."""
        return list(dict.fromkeys(each for slot in SLOTS if slot in self.state.slots for each in self.chain(slot)))

    def verify(self) -> None:
        """Raise `RunbookError` where a certificate is not the one that was put there."""
        for slot, level in self.levels():
            if fingerprint(level.certificate()) != self.state.slots[slot][level.name]:
                raise RunbookError(
                    f"{level.certificate_path}: this is not the certificate that was put there as the {level.name} of "
                    f"the {slot} CA; restore {self.directory} from a backup. Nothing was changed"
                )

    def changes(self) -> Iterator[Change]:
        """Everything that is not as it should be, except for lists of revoked certificates."""
        for slot, level in self.levels():
            yield from _level_changes(level, slot=slot, crl_days=self.state.crl_days)
        for level in self.retired():
            yield from _config_change(level, slot="retired", text=config(level, self.state.crl_days))
        rotating = self.state.phase != STANDBY
        yield from _file_change(self.directory / CHAIN, pem(self.chain()), CERTIFICATE_MODE)
        if rotating:
            yield from _file_change(self.directory / TRUST, pem(self.trusted()), CERTIFICATE_MODE)
        for link, target in (
            ("ca.pem", TRUST if rotating else CHAIN),
            ("root-ca.pem", "root/certs/ca.cert.pem"),
            ("intermediate-ca.pem", "intermediate/certs/intermediate.cert.pem"),
        ):
            yield from _link_change(self.directory / link, target)
        if not rotating and (self.directory / TRUST).exists():
            yield Change(f"remove {TRUST}", (self.directory / TRUST).unlink)
        for slot in ("next", "previous"):
            folder = self.directory / slot
            if slot not in self.state.slots and folder.is_dir() and not any(folder.iterdir()):
                yield Change(f"remove the empty folder {slot}", folder.rmdir)

    def settle(self) -> None:
        """Put everything right."""
        for change in self.changes():
            change.act()


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 of a certificate, in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _level_changes(level: Level, *, slot: str, crl_days: float) -> Iterator[Change]:
    for folder in (level.folder, *(level.folder / name for name in FOLDERS)):
        if not folder.is_dir():
            yield Change(f"make the folder {_short(folder, level)}", partial(folder.mkdir, mode=FOLDER_MODE))
    private = level.folder / "private"
    for path, mode in ((private, FOLDER_MODE), (level.key_path, KEY_MODE)):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & ~mode:
            yield Change(f"set the mode of {_short(path, level)} to {mode:04o}", partial(path.chmod, mode))
    for path, first in (
        (level.index_path, lambda: ""),
        (level.folder / "serial", lambda: serial_text(secrets.randbits(127) | 1 << 127) + "\n"),
        (level.folder / "crlnumber", lambda: serial_text(level.next_crl_number()) + "\n"),
    ):
        if not path.exists():
            yield Change(f"make {_short(path, level)}", partial(_write_first, path, first))
    # Without it, openssl can no longer read a register in which a name stands twice.
    yield from _file_change(level.folder / "index.txt.attr", UNIQUE, FILE_MODE, level=level)
    yield from _config_change(level, slot=slot, text=config(level, crl_days))


def _write_first(path: Path, first: Callable[[], str]) -> None:
    write_atomically(path, first(), mode=FILE_MODE)


def _config_change(level: Level, *, slot: str, text: str) -> Iterator[Change]:
    """Its openssl.cnf, unless another program than this one wrote it and works with it where it is."""
    path = level.config_path
    if path.exists() and not path.read_text(errors="replace").startswith(MARK):
        if slot == "active":
            return
        # It names the folder that the level stood in before, which now is another generation's.
        foreign = path.read_text(errors="replace")
        kept = path.with_name("openssl.cnf.adopted")
        yield Change(
            f"keep {_short(path, level)} as {kept.name}", partial(write_atomically, kept, foreign, mode=FILE_MODE)
        )
    yield from _file_change(path, text, FILE_MODE, level=level)


def _file_change(path: Path, text: str, mode: int, *, level: Level | None = None) -> Iterator[Change]:
    if not path.is_file() or path.read_text(errors="replace") != text:
        shown = _short(path, level) if level else path.name
        yield Change(f"write {shown}", partial(write_atomically, path, text, mode=mode))


def _link_change(link: Path, target: str) -> Iterator[Change]:
    wanted = link.parent / target
    if not link.exists() or not wanted.exists() or not link.samefile(wanted):
        yield Change(f"link {link.name} to {target}", partial(point_to, link, target))


def _short(path: Path, level: Level) -> str:
    return str(path.relative_to(level.folder.parent))
