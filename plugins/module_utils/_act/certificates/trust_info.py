# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the files of a set, or a file of authorities, say of the authorities that a service trusts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..._certificates import spec
from ..._certificates.certificate import Certificate
from ..._certificates.served import served
from ..._core.checks import OK
from ..._core.options import Given, Option, Options
from .set_content import leaf_of, read_set

#: A file of authorities that belongs to no set.
FILE_OPTIONS: Options = {
    "service": Option("str", "Service that reads it.", required=True),
    "point": Option("str", "What of that service reads it.", required=True),
    "path": Option("path", "The file.", required=True),
}


def of_set(given: Given, authorities: Sequence[Certificate], *, check_ports: bool) -> dict[str, Any]:
    """What a set is and trusts, as a module returns it.

    ``issuer`` and ``trusts`` are fingerprints of ``authorities``; ``foreign`` are the other authorities that the set
    trusts, in PEM; ``fault`` is what a port serves instead of the certificate in the file.
    """
    files = read_set(spec.paths(given))
    leaf = leaf_of(files)
    found = {
        "service": given["service"],
        "point": given["point"],
        "serial": leaf.serial if leaf else "",
        "issuer": next((one.fingerprint for one in authorities if leaf and leaf.issued_by(one)), ""),
        "has_trust": "ca" in files,
        "reads_lists": bool(given.get("crl")),
        **_held(files["ca"].certificates if "ca" in files else [], authorities),
        "fault": "",
    }
    if check_ports and given.get("served_by"):
        finding = served(given, files["certificate"])
        found["fault"] = "" if finding.status == OK else finding.message
    return found


def of_file(given: Given, authorities: Sequence[Certificate]) -> dict[str, Any]:
    """What a file of authorities holds, as a module returns it; nothing where it is not there."""
    file = read_set({"ca": Path(given["path"])})["ca"]
    return {**{name: given[name] for name in FILE_OPTIONS}, **_held(file.certificates, authorities)}


def _held(certificates: Sequence[Certificate], authorities: Sequence[Certificate]) -> dict[str, Any]:
    ours = {one.fingerprint for one in authorities}
    return {
        "trusts": [one.fingerprint for one in certificates if one.fingerprint in ours],
        "foreign": "".join(one.pem for one in certificates if one.fingerprint not in ours),
    }
