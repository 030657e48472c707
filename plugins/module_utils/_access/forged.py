# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Client certificates that must be refused, made in memory: like a good one, but no authority vouches for them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from .._core import drivers
from .._core.errors import RunbookError

HOUR = timedelta(hours=1)

#: What ties a certificate to the key that signed it, or to its own: a forged one has other keys.
_OF_KEYS = ("authorityKeyIdentifier", "subjectKeyIdentifier")


def read(path: str) -> Any:
    """The first certificate of a PEM file.

    Raises `RunbookError` when there is none, and `DriverMissing` without the library.
    """
    x509 = drivers.load("cryptography.x509")
    try:
        return x509.load_pem_x509_certificate(Path(path).read_bytes())
    except OSError as exc:
        raise RunbookError(f"{path} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise RunbookError(f"{path} holds no certificate in PEM") from exc


@contextlib.contextmanager
def lookalike(path: str, *, self_signed: bool) -> Iterator[tuple[str, str]]:
    """The files of a certificate with the names and purposes of a good one, and of its key, while they are needed.

    It is signed by itself, or by an authority that has the name of the good one's issuer but not the key. Both keys are
    made here and open nothing, so they do no harm where a killed process leaves them behind.
    """
    good = read(path)
    x509 = drivers.load("cryptography.x509")
    ec = drivers.load("cryptography.hazmat.primitives.asymmetric.ec")
    primitives = drivers.load("cryptography.hazmat.primitives")
    serialization = drivers.load("cryptography.hazmat.primitives.serialization")
    key = ec.generate_private_key(ec.SECP256R1())
    signer = key if self_signed else ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(good.subject)
        .issuer_name(good.subject if self_signed else good.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - HOUR)
        .not_valid_after(now + 24 * HOUR)
    )
    for extension in good.extensions:
        if extension.oid._name not in _OF_KEYS:
            builder = builder.add_extension(extension.value, critical=extension.critical)
    certificate = builder.sign(signer, primitives.hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # OpenSSL reads them from files only.
    with tempfile.TemporaryDirectory(prefix="xorb-runbook-") as folder:
        files = str(Path(folder) / "cert.pem"), str(Path(folder) / "key.pem")
        for file, content in zip(files, (certificate.public_bytes(serialization.Encoding.PEM), private)):
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(content)
        yield files
