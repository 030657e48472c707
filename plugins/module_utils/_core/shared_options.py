# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that several kinds and modules share, each declared once."""

from __future__ import annotations

from .options import PORTS, POSITIVE, Option, Options

#: Options of every probe, whatever its kind. Those that are not ``computed`` are keys of the description too.
COMMON_OPTIONS: Options = {
    "service": Option("str", "Name of the service in the platform description.", required=True, computed=True),
    "point": Option("str", "Name of the endpoint or check within the service.", required=True, computed=True),
    "owner": Option("str", "Inventory name of the host that owns the service.", required=True, computed=True),
    "topic": Option("str", "Chapter of the runbook that the checks belong to; the kind has a sensible one."),
    "remedy": Option("str", "Playbook or command that fixes a failing check."),
    "timeout": Option(
        "float", "Seconds that one step of the probe may take.", default=5.0, within=POSITIVE, lasting=True
    ),
}


#: Options of every probe that talks to an address.
NETWORK_OPTIONS: Options = {
    "address": Option("str", "Address to connect to.", default="localhost", computed=True),
}


def port(number: int | None = None, what: str = "TCP port.", *, required: bool = False) -> Option:
    """The option ``port``, with a usual number where there is one."""
    return Option("int", what, default=number, required=required, within=PORTS)


#: How long what changes by the second is observed.
SAMPLE_SECONDS = Option("float", "Seconds to observe.", default=1.0, within=POSITIVE, lasting=True)


#: Options of every probe that speaks TLS.
TLS_OPTIONS: Options = {
    "ca": Option("path", "PEM file on the observing host with the certificates to trust, instead of the system's."),
    "client_cert": Option("path", "PEM file on the observing host with the client certificate to present."),
    "client_key": Option("path", "PEM file on the observing host with the key of I(client_cert)."),
    "server_name": Option("str", "Name that the server's certificate must carry, where it is not the address."),
}


#: How much TLS a client of PostgreSQL demands, in the words of libpq.
SSL_MODE = Option(
    "str",
    "How much TLS is demanded. Without it: C(verify-full) where I(ca) is given, else C(prefer).",
    choices=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
)
