# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One level of a CA, root or intermediate, as a folder that ``openssl ca`` works with, too.

::

    certs/<stem>.cert.pem  private/<stem>.key.pem  crl/<stem>.crl.pem  newcerts/<serial>.pem
    openssl.cnf  index.txt  index.txt.attr  serial  crlnumber
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core.files import write_atomically
from . import register
from .crypto import serialization, x509
from .issuance import is_issuer_of, pem, read_certificates, serial_text
from .register import Row
from .signing import Signer, revocation_list

#: The levels of a CA with the stem of their files' names.
STEMS = {"root": "ca", "intermediate": "intermediate"}

FOLDERS = ("certs", "private", "crl", "newcerts")
FOLDER_MODE = 0o700
KEY_MODE = 0o400
CERTIFICATE_MODE = 0o444
FILE_MODE = 0o600

#: The first line of an openssl.cnf that was written here and may be written again.
MARK = "# Written by xorb.runbook; changes are overwritten."

#: What a write that was killed leaves beside the file.
_LEFTOVER = re.compile(r"\.(.+\.(pem|txt|attr|cnf|json)|serial|crlnumber)\.[a-z0-9_]{8}")


@dataclass(frozen=True)
class Level:
    """A level by its name and its folder. Nothing is remembered: every question is answered by the files."""

    name: str
    folder: Path

    @property
    def stem(self) -> str:
        """What the names of its files begin with."""
        return STEMS[self.name]

    @property
    def certificate_path(self) -> Path:
        """Its certificate."""
        return self.folder / f"certs/{self.stem}.cert.pem"

    @property
    def key_path(self) -> Path:
        """Its encrypted key."""
        return self.folder / f"private/{self.stem}.key.pem"

    @property
    def crl_path(self) -> Path:
        """Its list of revoked certificates."""
        return self.folder / f"crl/{self.stem}.crl.pem"

    @property
    def index_path(self) -> Path:
        """Its register."""
        return self.folder / "index.txt"

    @property
    def config_path(self) -> Path:
        """Its configuration for openssl."""
        return self.folder / "openssl.cnf"

    def exists(self) -> bool:
        """Whether there is an authority."""
        return self.certificate_path.is_file()

    def certificate(self) -> x509.Certificate:
        """Its certificate. Raises `RunbookError`."""
        certificate = read_certificates(self._read(self.certificate_path), str(self.certificate_path))[0]
        try:
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            constraints = x509.BasicConstraints(ca=False, path_length=None)
        if not constraints.ca:
            raise RunbookError(f"{self.certificate_path}: this is no certificate of an authority")
        return certificate

    def signer(self, passphrase: str, option: str) -> Signer:
        """Its certificate with its key. ``option`` is the name that the passphrase has where it was given.

        Raises `RunbookError` where the passphrase is wrong, or the key is another certificate's.
        """
        certificate = self.certificate()
        content = self._read(self.key_path)
        try:
            key: Any = serialization.load_pem_private_key(content, passphrase.encode())
        except TypeError:
            key = serialization.load_pem_private_key(content, None)
        except ValueError as exc:
            raise RunbookError(
                f"{option}: it does not decrypt {self.key_path} (or that is no key); nothing was changed"
            ) from exc
        if key.public_key() != certificate.public_key():
            raise RunbookError(f"{self.key_path}: it is not the key of {self.certificate_path}; nothing was changed")
        return Signer(certificate, key)

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as exc:
            raise RunbookError(f"{path}: cannot be read: {exc.strerror or exc}") from exc

    # --- the register

    def rows(self) -> list[Row]:
        """Its register; of an authority that never issued anything, an empty one."""
        if not self.index_path.exists():
            return []
        return register.parse(self._read(self.index_path).decode(errors="replace"), self.index_path)

    def write_rows(self, rows: Iterable[Row]) -> None:
        """Replace its register."""
        write_atomically(self.index_path, register.render(rows), mode=FILE_MODE)

    def unused_serial(self, rows: Iterable[Row]) -> int:
        """A random serial of 159 bits that no certificate of it has."""
        taken = {row.number for row in rows}
        while True:
            number = x509.random_serial_number()
            if number not in taken:
                return number

    def enter(self, certificate: x509.Certificate) -> None:
        """Keep a new certificate and enter it into the register; only then may it be handed out."""
        rows = self.rows()
        write_atomically(
            self.folder / f"newcerts/{serial_text(certificate.serial_number)}.pem",
            pem([certificate]),
            mode=CERTIFICATE_MODE,
        )
        self.write_rows([*rows, register.of_certificate(certificate)])

    def unregistered(self) -> list[x509.Certificate]:
        """Certificates that it signed and kept, and did not get to enter into the register."""
        known = {row.number for row in self.rows()}
        found = []
        for path in sorted((self.folder / "newcerts").glob("*.pem")):
            if re.fullmatch(r"[0-9A-Fa-f]+", path.stem) and int(path.stem, 16) not in known:
                # openssl puts a description above the PEM.
                (certificate, *_others) = read_certificates(self._read(path), str(path))
                if certificate.serial_number not in known and is_issuer_of(self.certificate(), certificate):
                    found.append(certificate)
        return found

    # --- the list of revoked certificates

    def crl(self) -> x509.CertificateRevocationList | None:
        """Its present list, if it has one. Raises `RunbookError` where the file is none."""
        if not self.crl_path.exists():
            return None
        try:
            return x509.load_pem_x509_crl(self._read(self.crl_path))
        except ValueError as exc:
            raise RunbookError(f"{self.crl_path}: no CRL in PEM; move it away to have a new one made") from exc

    def crl_is_due(self, now: datetime) -> str:
        """Why a new list is needed; nothing where the present one will do."""
        crl = self.crl()
        if crl is None:
            return "there is none"
        if not crl.is_signature_valid(self.certificate().public_key()):  # type: ignore[arg-type]
            return "it was signed with another key"
        if {entry.serial_number for entry in crl} != {row.number for row in self.rows() if row.revoked}:
            return "the register has other revocations"
        begins, ends = crl.last_update_utc, crl.next_update_utc
        if ends is None or now >= begins + (ends - begins) / 2:
            return "it is past half of its time"
        return ""

    def make_crl(self, signer: Signer, *, days: float, now: datetime) -> x509.CertificateRevocationList:
        """Make and keep a new list. Its number is used up before it is given, so that none is given twice."""
        number = self.next_crl_number()
        write_atomically(self.folder / "crlnumber", serial_text(number + 1) + "\n", mode=FILE_MODE)
        crl = revocation_list(self.rows(), number=number, days=days, now=now, signer=signer)
        text = crl.public_bytes(serialization.Encoding.PEM).decode()
        write_atomically(self.crl_path, text, mode=CERTIFICATE_MODE)
        return crl

    def next_crl_number(self) -> int:
        """The number of the next list: larger than that of the present one, whatever the file says."""
        path = self.folder / "crlnumber"
        try:
            stated = int(self._read(path), 16) if path.exists() else 1
        except ValueError as exc:
            raise RunbookError(f"{path}: expected one hexadecimal number") from exc
        crl = self.crl()
        return max(stated, (crl_number(crl) if crl is not None else 0) + 1)

    # --- its files

    def leftovers(self) -> Iterator[Path]:
        """What killed writes left behind."""
        for folder in (self.folder, *(self.folder / name for name in FOLDERS)):
            if folder.is_dir():
                yield from (path for path in folder.iterdir() if _LEFTOVER.fullmatch(path.name))

    def make_folders(self) -> None:
        """Make the folders that are missing."""
        for folder in (self.folder, *(self.folder / name for name in FOLDERS)):
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)

    def write_key(self, key: Any, passphrase: str) -> None:
        """Keep its key, encrypted with AES-256."""
        encrypted = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode()),
        )
        write_atomically(self.key_path, encrypted.decode(), mode=KEY_MODE)

    def write_certificate(self, certificate: x509.Certificate) -> None:
        """Keep its certificate."""
        write_atomically(self.certificate_path, pem([certificate]), mode=CERTIFICATE_MODE)


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """The number of a list; 0 of one that has none."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def config(level: Level, crl_days: float) -> str:
    """The configuration with which openssl works on the same folder."""
    return f"""{MARK}
# openssl ca -config {level.config_path} -updatedb | -status SERIAL | -gencrl -out FILE
[ca]
default_ca = CA_default

[CA_default]
dir = {level.folder}
certs = $dir/certs
crl_dir = $dir/crl
new_certs_dir = $dir/newcerts
database = $dir/index.txt
serial = $dir/serial
rand_serial = yes
crlnumber = $dir/crlnumber
crl = $dir/crl/{level.stem}.crl.pem
certificate = $dir/certs/{level.stem}.cert.pem
private_key = $dir/private/{level.stem}.key.pem
crl_extensions = crl_ext
default_crl_days = {max(1, round(crl_days))}
default_days = 30
default_md = sha256
preserve = no
unique_subject = no
policy = policy_loose
x509_extensions = server

[policy_loose]
countryName = optional
stateOrProvinceName = optional
localityName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
emailAddress = optional

[server]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth

[client]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth

[crl_ext]
authorityKeyIdentifier = keyid
"""
