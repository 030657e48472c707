# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Import of the libraries that a probe needs on its host, with an error that says how to get them."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from ansible_collections.xorb.runbook.plugins.module_utils._errors import DriverMissing

#: Name of the module to import, and the package that has it in Debian and Ubuntu.
PACKAGES = {"psycopg2": "python3-psycopg2", "redis": "python3-redis", "cryptography": "python3-cryptography"}


def load(name: str) -> ModuleType:
    """Import a driver (dotted names may reach into it).

    Raises `DriverMissing` with the import error's own text, the interpreter and the package's name.
    """
    try:
        return importlib.import_module(name)
    except Exception as exc:  # a broken driver raises anything, from ImportError to a loader's OSError
        package = PACKAGES[name.split(".", 1)[0]]
        raise DriverMissing(
            f"driver not usable: {type(exc).__name__}: {exc}; interpreter {sys.executable}; install the package"
            f" {package} (playbook xorb.runbook.prerequisites)"
        ) from exc
