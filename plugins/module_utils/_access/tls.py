# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An attempt to come in through a TLS port, with a client certificate or without."""

from __future__ import annotations

from .._clients import tls
from .._clients.http import HTTP_OPTIONS, get, headers
from .._core.options import Given, Option, Options
from .._core.shared_options import NETWORK_OPTIONS, TLS_OPTIONS, port
from . import attempt as access
from .attempt import ACCESS_OPTIONS, Attempt


def _pair(name: str, description: str) -> dict[str, Option]:
    return {
        f"{name}_cert": Option("path", f"PEM file on the observing host with {description}"),
        f"{name}_key": Option("path", f"PEM file on the observing host with the key of I({name}_cert)."),
    }


OPTIONS: Options = {
    **NETWORK_OPTIONS,
    **TLS_OPTIONS,
    **{name: HTTP_OPTIONS[name] for name in ("host_header", "headers", "secret_headers", "max_body_bytes")},
    **ACCESS_OPTIONS,
    **_pair("expired", "a certificate like I(client_cert), of the same issuer, that has expired."),
    **_pair("revoked", "a certificate like I(client_cert), of the same issuer, that is revoked."),
    **_pair("wrong_unit", "a certificate of the same issuer whose subject must not come in."),
    "port": port(required=True),
    "path": Option(
        "str",
        "Path to read over HTTP once the handshake is through. Without it the handshake alone is tried, for services "
        "that speak something else.",
    ),
    # 495 and 496 are how nginx refuses certificates, besides 400.
    **access.status_options([400, 401, 403, 495, 496]),
}


#: Seconds that a server has to refuse after the handshake, where no request would show it.
REFUSAL_WAIT = 1.0


def try_port(given: Given) -> Attempt:
    """Shake hands with the client certificate of the options, and read the path where there is one."""
    context = tls.context(given)
    if given.get("path") is None:
        return access.through_tls(given, context, REFUSAL_WAIT)
    return access.over_http(given, lambda: get(given, given["path"], headers(given), context))
