# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A driver that is missing, broken or too old is distinguished from a service that is."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core import drivers
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import DriverMissing


def driver(version: str) -> ModuleType:
    found = ModuleType("redis")
    found.__file__ = "/usr/lib/python3/dist-packages/redis/__init__.py"
    found.__dict__["__version__"] = version
    return found


@pytest.mark.parametrize("version", ["4.3.4", "6.1.0", "10.0", "4.3rc1"])
def test_new_enough(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setitem(sys.modules, "redis", driver(version))
    assert drivers.load("redis").__dict__["__version__"] == version


@pytest.mark.parametrize("version", ["3.5.3", "4.2.99", "2.10.6"])
def test_too_old(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setitem(sys.modules, "redis", driver(version))
    with pytest.raises(DriverMissing, match=rf"driver too old: redis {version} of /usr/.*; 4\.3 or newer is needed"):
        drivers.load("redis")


def test_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(DriverMissing, match=r"driver not usable: .*; install the package python3-redis"):
        drivers.load("redis")


def test_drivers_of_this_environment_are_new_enough() -> None:
    assert drivers.load("psycopg2").__name__ == "psycopg2"
    assert drivers.load("cryptography.x509").__name__ == "cryptography.x509"
