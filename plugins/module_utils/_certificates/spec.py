# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the description says of a set of certificates: inspected by a kind of probe, replaced by the procedures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from .._clients.tls import STARTTLS
from .._core.options import AT_LEAST_ONE, Given, Option, Options
from .._core.shared_options import COMMON_OPTIONS, TLS_OPTIONS, port
from .limits import LIMIT_OPTIONS

PROFILES = ("server", "client", "both")


KEY_TYPES = ("rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384")


#: What each kind of ``reload`` cannot do without.
RELOADS: Mapping[str, tuple[str, ...]] = {
    "systemd": ("unit",),
    "redis": (),
    "compose": ("project_src", "service"),
    "command": ("argv",),
}


#: How a service is reloaded once its certificate is new.
RELOAD_OPTIONS: Options = {
    "kind": Option("str", "What is reloaded, and in which way.", required=True, choices=tuple(RELOADS)),
    "action": Option(
        "str",
        "Whether C(systemd) and C(compose) reload or restart the service.",
        default="reload",
        choices=("reload", "restart"),
    ),
    "unit": Option("str", "Unit of C(systemd)."),
    "port": port(6379, "Port that C(redis) is reconfigured through."),
    "username": Option("str", "User that C(redis) is reconfigured as; it needs the command CONFIG SET."),
    "password": Option("str", "Password of that user.", secret=True),
    "tls": Option("bool", "Whether that port speaks TLS.", default=False),
    **TLS_OPTIONS,
    "project_src": Option("path", "Folder of the project of C(compose)."),
    "files": Option(
        "list", "Compose files, where they have other names than the usual ones.", elements="str", filled=True
    ),
    "service": Option("str", "Service of the project of C(compose)."),
    "signal": Option("str", "Signal by which C(compose) reloads the service.", default="HUP"),
    "argv": Option("list", "The C(command), word by word; no shell is involved.", elements="str", filled=True),
}


#: A port that serves the certificate.
SERVED_OPTIONS: Options = {
    "port": port(what="TCP port on the host.", required=True),
    "address": Option("str", "Address on the host, where it is not every one.", default="localhost"),
    "server_name": Option("str", "Name that is requested, where a port serves more than one certificate."),
    "starttls": STARTTLS,
    "client_cert": TLS_OPTIONS["client_cert"],
    "client_key": TLS_OPTIONS["client_key"],
}


#: A port that lets the certificate in as a client.
ACCEPTED_OPTIONS: Options = {
    "port": port(required=True),
    "address": Option("str", "Address or name of the host that has it.", default="localhost"),
    "server_name": Option("str", "Name that is requested and has to be in the other end's certificate."),
    "ca": TLS_OPTIONS["ca"],
    "starttls": STARTTLS,
    "path": Option(
        "str",
        "Path to read over HTTP. A server like nginx completes every handshake, and refuses the request that follows.",
    ),
    "host_header": Option("str", "Name in the C(Host) header, where it is another one."),
}


#: What ends sessions, by the server that keeps them.
SESSIONS: Mapping[str, tuple[str, ...]] = {"postgres": ("user", "database"), "redis": ()}


#: How a service that knows its clients by certificates is made to end their sessions.
SESSION_OPTIONS: Options = {
    "kind": Option(
        "str",
        "C(postgres) ends the sessions that were opened with a revoked certificate; its user needs the roles"
        " pg_read_all_stats and pg_signal_backend. C(redis) does not know which those are, and ends the sessions of all"
        " clients, which connect anew.",
        required=True,
        choices=tuple(SESSIONS),
    ),
    "port": port(what="TCP port on the host. Without it, the usual one."),
    "user": Option("str", "User to log in as."),
    "password": Option("str", "Password of that user.", secret=True),
    "database": Option("str", "Database of C(postgres) to log in to."),
    "tls": Option("bool", "Whether that port of C(redis) speaks TLS.", default=False),
    **TLS_OPTIONS,
}


OPTIONS: Options = {
    "directory": Option("path", "Folder of the set.", required=True),
    "files": Option(
        "dict",
        "Names of the files in the folder: C(certificate), C(key), C(fullchain), C(ca) and C(pkcs12)."
        " Null leaves one out; certificate and key cannot be. Without it: C(cert.pem), C(key.pem), C(fullchain.pem),"
        " C(ca.pem), and no PKCS#12.",
        filled=True,
    ),
    "profile": Option("str", "What the certificate is for.", default="server", choices=PROFILES),
    "common_name": Option("str", "Common name of the subject. Without it, the first of I(names)."),
    "names": Option("list", "DNS names and addresses that the certificate must cover.", required=True, elements="str"),
    "days": Option("int", "Days that a new certificate is valid.", default=30, within=AT_LEAST_ONE),
    "key_type": Option("str", "Type of a new key.", default="ecdsa-p256", choices=KEY_TYPES),
    # Not "owner": that is the host that owns a service.
    "user": Option("str", "User that owns the files.", default="root"),
    "group": Option("str", "Group of the files.", default="root"),
    "key_mode": Option("str", "Mode of the key's file.", default="0400", choices=("0400", "0440", "0600", "0640")),
    "reload": Option(
        "dict",
        "How the service is reloaded once its certificate is new. Without it, no service has to be reloaded.",
        options=RELOAD_OPTIONS,
    ),
    "served_by": Option(
        "list",
        "Ports where this certificate must be the one that is served.",
        elements="dict",
        options=SERVED_OPTIONS,
    ),
    "crl": Option("path", "File that the service reads revocations from, where it can."),
    "accepted_by": Option(
        "list",
        "Ports that let this certificate in as a client. Once it is revoked, each has to refuse it.",
        elements="dict",
        options=ACCEPTED_OPTIONS,
    ),
    "sessions": Option(
        "dict",
        "How sessions of clients whose certificates were revoked are ended at this service.",
        options=SESSION_OPTIONS,
    ),
    **LIMIT_OPTIONS,
}


#: Names of the files of a set, by what they hold. A set that has no use for one says null.
FILES: Mapping[str, str | None] = {
    "certificate": "cert.pem",
    "key": "key.pem",
    "fullchain": "fullchain.pem",
    "ca": "ca.pem",
    "pkcs12": None,
}


_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\Z")


def paths(given: Given) -> dict[str, Path]:
    """The files of a set by what they hold, without those that it has no use for."""
    names = {**FILES, **(given.get("files") or {})}
    return {role: Path(given["directory"]) / name for role, name in names.items() if name}


def common_name(given: Given) -> str:
    """The common name of a set's certificate."""
    return str(given.get("common_name") or given["names"][0])


def check(given: Given) -> Iterator[tuple[str, str]]:
    """What the types of the options cannot express."""
    yield from _file_faults(given.get("files") or {})
    names = given.get("names")
    for index, name in enumerate(names or ()):
        if not is_name(str(name)):
            yield f"names[{index}]", f"expected a DNS name or an address, got {name!r}"
    wanted = given.get("reload") or {}
    for key in RELOADS.get(str(wanted.get("kind")), ()):
        if not wanted.get(key):
            yield f"reload.{key}", f"missing; {wanted['kind']} needs it"
    for index, served in enumerate(given.get("served_by") or ()):
        if served.get("client_key") and not served.get("client_cert"):
            yield f"served_by[{index}].client_cert", "missing; a key alone is no identity"
    yield from _revocation_faults(given)


def _revocation_faults(given: Given) -> Iterator[tuple[str, str]]:
    if given.get("accepted_by") and given.get("profile", "server") == "server":
        yield "accepted_by", "a certificate of the profile server is no client's"
    sessions = given.get("sessions") or {}
    for key in SESSIONS.get(str(sessions.get("kind")), ()):
        if not sessions.get(key):
            yield f"sessions.{key}", f"missing; {sessions['kind']} needs it"


def _file_faults(files: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for role, name in files.items():
        if role not in FILES:
            yield f"files.{role}", f"unknown key; known are {', '.join(FILES)}"
        elif name is None and role in ("certificate", "key"):
            yield f"files.{role}", "cannot be left out"
        elif name is not None and (not isinstance(name, str) or not name or "/" in name or name.startswith(".")):
            yield f"files.{role}", "expected the name of a file in the folder, which does not begin with a dot"
    used = [name for name in {**FILES, **files}.values() if name]
    for name in sorted({str(name) for name in used if used.count(name) > 1}):
        yield "files", f"{name} is used twice"


def is_name(text: str) -> bool:
    """Whether it is an address, or a DNS name that may begin with a star."""
    try:
        ip_address(text)
    except ValueError:
        labels = text[2:].split(".") if text.startswith("*.") else text.split(".")
        return len(text) <= 253 and all(_LABEL.match(label) for label in labels)  # noqa: PLR2004 - DNS
    return True


#: What has to be given with a set that is deployed.
ISSUED_OPTIONS: Options = {
    "certificate": Option("str", "The certificate that was issued for the pending key, in PEM.", required=True),
    "fullchain": Option("str", "The certificate and its issuers, but for the root, in PEM.", required=True),
    "ca": Option(
        "str",
        "What the other end has to trust, in PEM. Whatever else the file C(ca) of the set holds when the new set is"
        " made stays trusted, but for the certificate that is replaced.",
        required=True,
    ),
}

#: Options of a set as the modules that act on it take them.
SET_OPTIONS: Options = {**{name: COMMON_OPTIONS[name] for name in ("service", "point", "timeout")}, **OPTIONS}
