# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Name constraints: what the authorities of a path may issue for (RFC 5280, 4.2.1.10, as OpenSSL applies it). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .._core.checks import UNKNOWN
from .certificate import Certificate
from .flaw import Flaw
from .names import DistinguishedName, address_of, canonical

_CONSTRAINTS = "2.5.29.30"
_COMMON_NAME, _EMAIL = bytes.fromhex("0603550403"), bytes.fromhex("06092a864886f70d010901")

#: A common name that OpenSSL takes for one of DNS, where there is no alternative name of that kind.
_LIKE_DNS = re.compile(rb"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+\Z")


def constraint_fault(path: Sequence[Certificate]) -> Flaw | None:
    """The first name on a path, from the leaf up, that an authority above may not issue for."""
    for above, authority in enumerate(path):
        constraints = authority.extension(_CONSTRAINTS) if above else None
        for depth, certificate in enumerate(path[:above] if constraints is not None else ()):
            if depth and certificate.self_issued:
                continue
            fault = _fault(constraints, certificate, leaf=depth == 0)
            if fault:
                return Flaw(f"{authority.subject} {fault[0]}", fault[1])
    return None


def _fault(constraints: Any, certificate: Certificate, *, leaf: bool) -> tuple[str, str] | None:
    permitted = list(_subtrees(constraints.permitted_subtrees))
    excluded = list(_subtrees(constraints.excluded_subtrees))
    for kind, name in _names(certificate, leaf=leaf):
        inside = [base for of, base in permitted if of == kind]
        outside = [base for of, base in excluded if of == kind]
        if (inside or outside) and kind not in _MATCHES:
            return f"has constraints for names of the kind {kind}, which are not judged here", UNKNOWN
        match = _MATCHES.get(kind, _never)
        if (inside and not any(match(name, base) for base in inside)) or any(match(name, base) for base in outside):
            return f"may not issue for the {kind} {_text(name)}", Flaw("").status
    return None


def _text(name: Any) -> str:
    return name if isinstance(name, str) else "in the subject"


def _subtrees(given: Iterable[Any] | None) -> Iterator[tuple[str, Any]]:
    for one in given or ():
        kind = type(one).__name__
        yield kind, canonical(one.value.public_bytes()) if kind == "DirectoryName" else one.value


def _names(certificate: Certificate, *, leaf: bool) -> Iterator[tuple[str, Any]]:
    subject = certificate.subject_name
    if subject:
        yield "DirectoryName", subject
    attributes = [(kind, value) for part in subject for kind, _tag, value in part]
    yield from (("RFC822Name", value.decode("utf-8", "replace")) for kind, value in attributes if kind == _EMAIL)
    alternatives = certificate.extension("2.5.29.17") or ()
    kinds = [type(one).__name__ for one in alternatives]
    for kind, one in zip(kinds, alternatives):
        yield kind, canonical(one.value.public_bytes()) if kind == "DirectoryName" else str(one.value)
    if leaf and "DNSName" not in kinds:
        names = [value for attribute, value in attributes if attribute == _COMMON_NAME and _LIKE_DNS.match(value)]
        yield from (("DNSName", value.decode("ascii")) for value in names)


def _never(_name: Any, _base: Any) -> bool:
    return False


def _dns(name: str, base: str) -> bool:
    name, base = name.lower(), base.lower()
    if not base or name == base:
        return True
    return name.endswith(base if base.startswith(".") else f".{base}")


def _address(name: str, base: Any) -> bool:
    address = address_of(name)
    return address is not None and address.version == base.version and address in base


def _directory(name: DistinguishedName, base: DistinguishedName) -> bool:
    return name[: len(base)] == base


def _mail(name: str, base: str) -> bool:
    if "@" in base:
        local, _at, host = base.rpartition("@")
        return name.rpartition("@")[0] == local and name.rpartition("@")[2].lower() == host.lower()
    host = name.rpartition("@")[2].lower()
    return host.endswith(base.lower()) if base.startswith(".") else host == base.lower()


_MATCHES: dict[str, Callable[[Any, Any], bool]] = {
    "DNSName": _dns,
    "IPAddress": _address,
    "DirectoryName": _directory,
    "RFC822Name": _mail,
}
