# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An outside issuer instead of the small CA: a command that makes a certificate of a request.

It gets the request in PEM on its standard input and what is wanted in its environment, and prints the certificate and
its issuers in PEM. Nothing of what it prints is believed: a certificate that is not what was requested is refused.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import excerpt

from .authority import Authority
from .crypto import ExtendedKeyUsageOID, require_library, x509
from .issuance import (
    PROFILES,
    Issued,
    Issuer,
    Wish,
    is_issuer_of,
    is_self_signed,
    now_utc,
    pem,
    read_certificates,
    read_request,
    serial_text,
    wish,
)
from .signing import CLOCK_GRACE

#: The variable of the inventory that names the command; refusals begin with it.
COMMAND = "certificate_issuer_command"
#: Seconds that the command has: some issuers wait for DNS.
PATIENCE = 300
#: How much of what the command says is shown.
LENGTH = 200


class CommandIssuer:
    """Issues by a command.

    ``trust`` are certificates in PEM that consumers have to trust, for commands that do not print their root.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        trust: str = "",
        patience: float = PATIENCE,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        if isinstance(argv, str) or not argv or not all(isinstance(word, str) and word for word in argv):
            raise RunbookError(f"{COMMAND}: expected a list of words, the program first")
        require_library()
        self._argv = list(argv)
        self._trust = read_certificates(trust, "certificate_issuer_trust") if trust else []
        self._patience = patience
        self._clock = clock

    def issue(
        self,
        csr: str,
        *,
        profile: str,
        names: Sequence[str],
        common_name: str = "",
        days: float = 30,
        organizational_unit: str = "",
    ) -> Issued:
        """Have a certificate issued. Raises `RunbookError` where the command fails, or the certificate is not it."""
        wanted = wish(
            profile=profile, names=names, common_name=common_name, days=days, organizational_unit=organizational_unit
        )
        request = read_request(csr)
        printed = read_certificates(self._run(csr, wanted), f"{COMMAND}: it printed")
        fault = self._fault(printed, wanted, request)
        if fault:
            raise RunbookError(f"{COMMAND}: the certificate that it printed {fault}; nothing was installed")
        certificate, chain = printed[0], [each for each in printed[1:] if not is_self_signed(each)]
        return Issued(
            certificate=pem([certificate]),
            chain=pem(chain),
            fullchain=pem([certificate, *chain]),
            ca=pem(dict.fromkeys([*printed[1:], *self._trust])),
            serial=serial_text(certificate.serial_number),
            not_after=certificate.not_valid_after_utc,
        )

    def _run(self, csr: str, wanted: Wish) -> str:
        environment = {
            **os.environ,
            "CERTIFICATE_PROFILE": wanted.profile,
            "CERTIFICATE_COMMON_NAME": wanted.common_name,
            "CERTIFICATE_NAMES": ",".join(wanted.words),
            "CERTIFICATE_DAYS": f"{wanted.days:g}",
            "CERTIFICATE_ORGANIZATIONAL_UNIT": wanted.organizational_unit,
        }
        try:
            process = subprocess.Popen(
                self._argv,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as exc:
            raise RunbookError(f"{COMMAND}: {self._argv[0]} cannot be run: {exc.strerror or exc}") from exc
        with process:
            try:
                printed, complaint = process.communicate(csr, timeout=self._patience)
            except subprocess.TimeoutExpired as exc:
                # With all that it started, which would keep the pipes open.
                os.killpg(process.pid, signal.SIGKILL)
                raise RunbookError(f"{COMMAND}: {self._argv[0]} gave no answer within {self._patience:g} s") from exc
        if process.returncode != 0:
            last = (complaint.strip().splitlines() or [""])[-1]
            raise RunbookError(
                f"{COMMAND}: {self._argv[0]} ended with status {process.returncode}: {excerpt(last, LENGTH)}"
            )
        return printed

    def _fault(self, printed: list[x509.Certificate], wanted: Wish, request: x509.CertificateSigningRequest) -> str:
        """Why what was printed cannot be used; nothing where it is what was requested."""
        return (
            _fault_of_certificate(printed[0], wanted, request)
            or _fault_of_time(printed[0], self._clock())
            or self._fault_of_chain(printed)
        )

    def _fault_of_chain(self, printed: list[x509.Certificate]) -> str:
        if is_self_signed(printed[0]):
            return "is signed by itself"
        for below, above in zip(printed, printed[1:]):
            if not is_issuer_of(above, below):
                return f"has a chain in which {_subject(above)} did not sign {_subject(below)}"
        top = printed[-1]
        if self._trust:
            known = top in self._trust or any(is_issuer_of(each, top) for each in self._trust)
            return "" if known else "is not signed by anything in certificate_issuer_trust"
        return "" if len(printed) > 1 else "comes without its issuer; print that too, or set certificate_issuer_trust"


def _fault_of_certificate(certificate: x509.Certificate, wanted: Wish, request: x509.CertificateSigningRequest) -> str:
    if certificate.public_key() != request.public_key():
        return "is for another key than the request"
    missing = [str(name.value) for name in wanted.names if name not in _names(certificate)]
    if missing:
        return f"lacks the name {', '.join(missing)}"
    usages = _usages(certificate)
    if (
        usages
        and not {*PROFILES[wanted.profile]} <= usages
        and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usages
    ):
        return f"cannot be used as {wanted.profile}"
    try:
        authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        authority = False
    return "is an authority's" if authority else ""


def _fault_of_time(certificate: x509.Certificate, now: datetime) -> str:
    if certificate.not_valid_before_utc > now + CLOCK_GRACE:
        return f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if certificate.not_valid_after_utc <= now:
        return f"expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    return ""


def _names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [x509.DNSName(name.value.lower()) if isinstance(name, x509.DNSName) else name for name in found]


def _usages(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    try:
        return set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return set()


def _subject(certificate: x509.Certificate) -> str:
    return excerpt(certificate.subject.rfc4514_string())


def issuer(
    *,
    command: Sequence[str] = (),
    trust: str = "",
    directory: str = "",
    passphrase: str = "",
    root_passphrase: str = "",
) -> Issuer:
    """The issuer of a platform: the command where one is named, else the CA on the control node."""
    if command:
        return CommandIssuer(command, trust=trust)
    if not directory:
        raise RunbookError(
            f"certificate_authority_dir: missing; name the directory of the CA, or an issuer by {COMMAND}"
        )
    return Authority.open(directory, passphrase=passphrase, root_passphrase=root_passphrase)
