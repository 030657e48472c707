# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks of the reference description at what cannot be had for a test, made at the stand-in: well, and in trouble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, WARNING, Finding

from tests.contract.repository import load
from tests.support.loopback import probe
from tests.support.procedures import ROOT
from tests.support.standin import Wire, listening

SERVICES: dict[str, Any] = load(ROOT / "inventories/xorb/group_vars/all/platform.yml")["platform_services"]

#: Service, endpoint and aspect of the description; which application answers, how it is judged when it is well, a state
#: in which it is in trouble, and how it is judged then.
LOOKS = [
    ("ptaas", "rest", "health", "api", OK, "degraded", CRITICAL),
    ("ptaas", "rest", "scanners", "api", OK, "degraded", CRITICAL),
    ("ptaas", "rest", "active", "api", OK, "ptaas_missing", CRITICAL),
    ("ptaas", "rest", "queue", "api", OK, "ptaas_missing", CRITICAL),
    ("ptaas", "rest", "scan_times", "api", OK, "ptaas_missing", CRITICAL),
    # One of the first sessions of the stand-in has failed.
    ("ptaas", "rest", "failed", "api", WARNING, "error_500", CRITICAL),
    ("grafana", "web", "health", "grafana", OK, "grafana.error_500", CRITICAL),
    ("temporal_ui", "web", "workflows", "temporal_ui", OK, "temporal_ui.error_500", CRITICAL),
]


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    """The applications, each at a port of its own."""
    with listening(tmp_path, "api", "grafana", "temporal_ui") as started:
        yield started


@pytest.mark.parametrize(("service", "point", "aspect", "application", "well", "state", "in_trouble"), LOOKS)
def test_look_at_a_stand_in(
    wire: Wire, service: str, point: str, aspect: str, application: str, well: str, state: str, in_trouble: str
) -> None:
    described = {key: value for key, value in SERVICES[service]["endpoints"][point].items() if key != "kind"}

    def found() -> Finding:
        return probe("http", **{**described, "port": wire.ports[application], "address": "127.0.0.1"})[aspect]

    assert found().status == well, found().message
    wire.state(f"{state}\n")
    assert found().status == in_trouble


def test_every_look_is_in_the_description() -> None:
    described = [
        (service, point)
        for service in ("ptaas", "grafana", "temporal_ui")
        for point, options in SERVICES[service]["endpoints"].items()
        if options["kind"] == "http"
    ]
    assert {reference[:2] for reference in LOOKS} == set(described)
