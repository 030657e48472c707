# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Import of the libraries that a probe needs on its host, with an error that says how to get them."""

from __future__ import annotations

import importlib
import re
import sys
from types import ModuleType

from .errors import DriverMissing

#: Name of the module to import, and the package that has it in Debian and Ubuntu.
PACKAGES = {"psycopg2": "python3-psycopg2", "redis": "python3-redis", "cryptography": "python3-cryptography"}

#: The oldest version of each that was ever tried, which is what Debian 12 has. Something older may fail anywhere, or
#: answer another question than the one that was put.
OLDEST = {"psycopg2": (2, 9), "redis": (4, 3), "cryptography": (38, 0)}


#: Drivers that were found to be usable: some are loaded for each of ten thousand certificates.
_LOADED: dict[str, ModuleType] = {}


def load(name: str) -> ModuleType:
    """Import a driver (dotted names may reach into it).

    Raises `DriverMissing` with the import error's own text, the interpreter and the package's name, and where the
    driver is older than any that was tried.
    """
    known = _LOADED.get(name)
    if known is not None and sys.modules.get(name) is known:
        return known
    top = name.split(".", 1)[0]
    package = PACKAGES[top]
    try:
        driver = importlib.import_module(name)
        version = str(importlib.import_module(top).__version__)
    except Exception as exc:  # a broken driver raises anything, from ImportError to a loader's OSError
        raise DriverMissing(
            f"driver not usable: {type(exc).__name__}: {exc}; interpreter {sys.executable}; install the package"
            f" {package} (playbook xorb.runbook.prerequisites)"
        ) from exc
    if tuple(map(int, re.findall(r"[0-9]+", version)[:2])) < OLDEST[top]:
        wanted = ".".join(map(str, OLDEST[top]))
        raise DriverMissing(
            f"driver too old: {top} {version} of {driver.__file__}; {wanted} or newer is needed; interpreter"
            f" {sys.executable}; update the package {package}"
        )
    _LOADED[name] = driver
    return driver
