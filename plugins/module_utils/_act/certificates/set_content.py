# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the files of a set hold, as the procedures that act on it read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..._certificates.bundle import Reader
from ..._certificates.certificate import Certificate
from ..._certificates.files import File, read


def read_set(paths: Mapping[str, Path]) -> dict[str, File]:
    """The files of a set, by their role."""
    reader = Reader()
    return {role: read(str(path), path.name, reader) for role, path in paths.items()}


def leaf_of(files: Mapping[str, File]) -> Certificate | None:
    """The certificate of a set, where there is one that can be read."""
    return next(iter(files["certificate"].certificates), None)
