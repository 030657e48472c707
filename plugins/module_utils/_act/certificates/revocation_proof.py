# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves that the certificates of a set that were revoked are refused by every endpoint that has to.

The pair that was replaced lies among the sets of its host still: as a client's it is presented to every port that lets
the set in, and as a server's to a client that reads the revocation lists.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from ..._access import tls as access_tls
from ..._access.attempt import Attempt
from ..._certificates import spec
from ..._core.checks import CRITICAL, OK, UNKNOWN, Finding
from ..._core.errors import RunbookError
from ..._core.options import Given, Option, Options
from .presentation import (
    REFUSAL,
    Endpoint,
    Judgement,
    Pair,
    acceptance,
    compare,
    port_options,
    reading_client,
    refusal,
    summary,
)
from .set import serial_number
from .set_content import leaf_of, read_set
from .store import SET_NAME, SETS

REVOKED_OPTIONS: Options = {
    "old": Option(
        "list",
        "Serial numbers, in hexadecimal digits, of the certificates of this set that were revoked.",
        elements="str",
        default=[],
    ),
}


def prove(given: Given, revocations: str) -> Iterator[Finding]:
    """One finding for a set whose old certificates were revoked: whether each of them is refused everywhere.

    ``revocations`` are the lists that clients would read, in PEM.
    """
    yield from summary(REFUSAL, (each for serial in given["old"] for each in _judged(given, serial, revocations)))


def _judged(given: Given, serial: str, revocations: str) -> Iterator[Judgement]:
    try:
        outgoing = kept(given, serial)
    except RunbookError as exc:
        yield Judgement(UNKNOWN, f"not determined: {exc}")
        return
    if outgoing is None:
        yield Judgement(UNKNOWN, f"not determined: the pair of {serial} is no longer on this host")
        return
    control = in_service(given)
    if given["profile"] in ("client", "both"):
        if not given.get("accepted_by"):
            yield Judgement(UNKNOWN, f"not determined: no port that lets {serial} in is described (accepted_by)")
        for endpoint in _ports(given):
            yield _of_one(endpoint, serial, control, outgoing)
    if given["profile"] in ("server", "both"):
        trust = spec.paths(given).get("ca")
        if trust is None:
            yield Judgement(UNKNOWN, "not determined: the set has no file of authorities (files.ca)")
        else:
            yield _of_one(_client(str(trust), revocations), serial, control, outgoing)


def _of_one(endpoint: Endpoint, serial: str, control: Pair, outgoing: Pair) -> Judgement:
    """What one endpoint does with a revoked pair; that it refuses this one means nothing where it refuses both."""
    met = compare(endpoint, control, outgoing)
    status, message = refusal(met.outgoing, met.control)
    name = f"the revoked certificate {serial}"
    if status == CRITICAL:
        return Judgement(status, f"{endpoint.location}: still accepted: {name}: {met.outgoing.evidence}")
    control_status, control_message = acceptance(met.control)
    if control_status != OK:
        refused = "refused: " if control_status == CRITICAL else ""
        return Judgement(control_status, f"{endpoint.location}: the certificate in service: {refused}{control_message}")
    return Judgement(status, f"{endpoint.location}: {name}: {message}")


def in_service(given: Given) -> Pair:
    """The pair under the known names."""
    return _pair({role: str(path) for role, path in spec.paths(given).items()})


def kept(given: Given, serial: str) -> Pair | None:
    """The pair of a serial number among the sets of its folder; raises `RunbookError` for what is no such number."""
    wanted, folder = serial_number(serial), Path(given["directory"]) / SETS
    names = {role: path.name for role, path in spec.paths(given).items()}
    for path in sorted(folder.glob("*")):
        if path.is_symlink() or not path.is_dir() or not SET_NAME.fullmatch(path.name):
            continue
        leaf = leaf_of(read_set({role: path / name for role, name in names.items()}))
        if leaf is not None and serial_number(leaf.serial) == wanted:
            return _pair({role: str(path / name) for role, name in names.items()})
    return None


def _pair(files: Mapping[str, str]) -> Pair:
    chain = files.get("fullchain", "")
    return Pair(chain if chain and Path(chain).exists() else files["certificate"], files["key"])


def _ports(given: Given) -> Iterator[Endpoint]:
    """Every port that lets the set in as a client."""
    for port in given.get("accepted_by") or ():
        location = f"{port['address']} port {port['port']}"
        yield Endpoint(location, partial(_through_port, port_options(port, timeout=given["timeout"])))


def _through_port(port: Given, pair: Pair) -> Attempt:
    return access_tls.try_port({**port, "client_cert": pair.certificate, "client_key": pair.key})


def _client(trust: str, revocations: str) -> Endpoint:
    """A client of the set's service that reads the revocation lists."""

    def present(pair: Pair) -> Attempt:
        # The list of the issuer is enough: which authorities are revoked is not what is proved here.
        return reading_client(trust, pair, revocations, which=ssl.VERIFY_CRL_CHECK_LEAF)

    return Endpoint("a client that reads the revocation lists", present)
