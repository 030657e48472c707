# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates of a CA of the collection for the services of the test hosts, and afterwards those from before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.support.authority_bed import DIRECTORY, FOLDERS, TELL, install
from tests.support.rotated_bed import shell


@pytest.fixture(scope="session", autouse=True)
def of_the_ca() -> Iterator[None]:
    """Give every set a certificate of the CA, and restore everything whatever happens."""
    for role, folders in FOLDERS.items():
        shell(role, f"rm -rf /root/before; mkdir /root/before; cp -a --parents {' '.join(folders)} /root/before/")
    try:
        install()
        yield
    finally:
        for role, folders in FOLDERS.items():
            clean = "; ".join(f"find {folder} -mindepth 1 -delete" for folder in folders)
            back = "cp -a /root/before/etc/. /etc/; rm -rf /root/before /var/lib/xorb-runbook"
            shell(role, f"{clean}; {back}; {TELL[role]}")
        shutil.rmtree(DIRECTORY, ignore_errors=True)
