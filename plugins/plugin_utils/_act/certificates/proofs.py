# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates that prove which CA a consumer trusts: issued for that, shown, and revoked."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..._pki.authority import Authority
from ..._pki.crypto import NameOID, hashes, serialization, x509
from ..._pki.signing import new_key
from .authority_rotation import Generation

#: Days that a certificate is valid which proves which CA a consumer trusts. It is revoked right after.
PROOF_DAYS = 1 / 24

#: The common name of proofs that are shown to clients by no service in particular.
PROOF_NAME = "trust-proof.invalid"


@dataclass
class Proofs:
    """Pairs of one CA that prove whether a consumer trusts it; each is valid for an hour, and revoked after its use."""

    authority: Authority
    generation: Generation
    serials: list[str] = field(default_factory=list)

    def __enter__(self) -> Proofs:
        return self

    def __exit__(self, *_words: object) -> None:
        if self.serials:
            self.authority.revoke(*self.serials, reason="superseded", generation=self.generation.slot)

    def pair(self, *, common_name: str, names: Sequence[str], organizational_unit: str) -> dict[str, str]:
        """A pair for both ends of a connection. Its key is made here, and opens nothing once it is revoked."""
        key = new_key("ecdsa-p256")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        made = self.authority.issue(
            request.public_bytes(serialization.Encoding.PEM).decode(),
            profile="both",
            names=names,
            common_name=common_name,
            days=PROOF_DAYS,
            organizational_unit=organizational_unit,
            generation=self.generation.slot,
        )
        self.serials.append(made.serial)
        private = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {"certificate": made.fullchain, "key": b64encode(private).decode()}
