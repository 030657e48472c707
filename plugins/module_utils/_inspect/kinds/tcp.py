# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kind ``tcp``: something accepts connections on a port."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..._clients.network import Deadline, Unreachable, connect
from ..._core.about import DEPENDENCY, PROCESS
from ..._core.checks import CRITICAL, OK, Finding
from ..._core.options import Given
from ..._core.shared_options import NETWORK_OPTIONS, port
from ..kind import Kind


def run(given: Given) -> Iterator[Finding]:
    """Connect once and close."""
    began = time.monotonic()
    try:
        connect(given["address"], given["port"], Deadline(given["timeout"])).close()
    except Unreachable as exc:
        yield Finding.failed("connect", CRITICAL, str(exc), exc.fault)
        return
    spent = round((time.monotonic() - began) * 1000, 1)
    yield Finding("connect", OK, f"port {given['port']} accepts connections", value=spent, unit="ms")


KIND = Kind(
    name="tcp",
    summary="A port accepts connections. That is no evidence about the service behind it.",
    topic="health",
    options={**NETWORK_OPTIONS, "port": port(required=True)},
    expected=lambda _given: ("connect",),
    run=run,
    target=lambda given: str(given.get("port", "")),
    explained_by=frozenset({PROCESS, DEPENDENCY}),
)
