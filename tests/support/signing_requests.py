# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificate signing requests, and the real openssl to judge what comes of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key that is quickly made."""
    return ec.generate_private_key(ec.SECP256R1())


def request(key: Any = None, common_name: str = "asked-for") -> str:
    """A request in PEM; its subject is what an issuer has to ignore."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    signed = builder.sign(key or new_key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def openssl(*words: object, passphrase: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the real openssl; a passphrase is read by it from the environment as ``env:PASSPHRASE``."""
    return subprocess.run(
        ["openssl", *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PASSPHRASE": passphrase},
    )


def verified(certificate: str, bundle: str, folder: Path, *options: object) -> str:
    """What ``openssl verify`` says of a certificate and a bundle in PEM."""
    (folder / "leaf.pem").write_text(certificate)
    (folder / "bundle.pem").write_text(bundle)
    done = openssl("verify", "-CAfile", folder / "bundle.pem", *options, folder / "leaf.pem")
    return (done.stdout + done.stderr).replace(f"{folder}/", "")
