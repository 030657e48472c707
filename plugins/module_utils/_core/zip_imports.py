# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Imports from the archive that Ansible sends to a host: each file is compiled once, and not twice.

The archive has sources only, so a host compiles all that it imports, in each run. From Python 3.10 on ``zipimport``
does that twice: it compiles a file to find out its name, throws the result away, and compiles it again to run it.
"""

from __future__ import annotations

import os
import sys
from zipimport import zipimporter


class _Importer(zipimporter):
    """Knows the name of a file without its code: an archive of Ansible has nothing but sources."""

    def get_filename(self, fullname: str) -> str:
        """The path of a module's source. Raises `zipimport.ZipImportError` where there is none."""
        name = fullname.rpartition(".")[2]
        file = f"{name}{os.sep}__init__.py" if self.is_package(fullname) else f"{name}.py"
        return f"{self.archive}{os.sep}{self.prefix}{file}"


def compile_once() -> None:
    """Compile whatever is imported from now on once. A module calls it before its other imports."""
    if _Importer in sys.path_hooks:
        return
    sys.path_hooks.insert(0, _Importer)
    for path, importer in list(sys.path_importer_cache.items()):
        if isinstance(importer, zipimporter) and not isinstance(importer, _Importer):
            del sys.path_importer_cache[path]
