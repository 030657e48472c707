# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one module that imports cryptography on the control node.

Ansible imports every plugin to list and document it, on control nodes without the library as well. There a stand-in
stands in for it while modules are loaded, and `require_library` says what is missing before anything is done with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError


class _Absent:
    """Stands for a name of a library that is not there: has every attribute, and nothing in it."""

    def __getattr__(self, name: str) -> _Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_arguments: Any, **_options: Any) -> _Absent:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())


if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    MISSING = ""
else:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as exc:
        MISSING = str(exc)
        x509 = hashes = serialization = ec = ed448 = ed25519 = rsa = ExtendedKeyUsageOID = NameOID = _Absent()
    else:
        MISSING = ""

__all__ = [
    "ExtendedKeyUsageOID",
    "NameOID",
    "ec",
    "ed448",
    "ed25519",
    "hashes",
    "require_library",
    "rsa",
    "serialization",
    "x509",
]


def require_library() -> None:
    """Raise `RunbookError` where cryptography is missing, or too old to give times with their zone."""
    wanted = "cryptography 42 or newer is needed on the control node: pip install 'cryptography>=42'"
    if MISSING:
        raise RunbookError(f"{wanted} ({MISSING})")
    if not hasattr(x509.Certificate, "not_valid_after_utc"):
        raise RunbookError(wanted)
