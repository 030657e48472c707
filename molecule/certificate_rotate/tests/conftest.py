# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tests of rotation begin with, and what they leave behind: the certificates that were there before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography import x509

from tests.support.rotated_bed import CA, FOLDERS, TELL, issue, put, served, shell, until


@pytest.fixture(scope="session", autouse=True)
def put_back() -> Iterator[None]:
    """Put the folders back as they were, whatever happens."""
    for role, folders in FOLDERS.items():
        shell(role, f"rm -rf /root/before; mkdir /root/before; cp -a --parents {' '.join(folders)} /root/before/")
    yield
    for role, folders in FOLDERS.items():
        clean = "; ".join(f"umount {folder} 2>/dev/null || :; find {folder} -mindepth 1 -delete" for folder in folders)
        shell(role, f"{clean}; cp -a /root/before/etc/. /etc/; rm -rf /root/before /var/lib/xorb-runbook; {TELL[role]}")


@pytest.fixture
def due() -> str:
    """Let nginx have a certificate that is due, in plain files as another tool puts them there; returns its serial."""
    certificate, key = issue(days=5)
    shell("web", "rm -rf /etc/nginx/tls/.sets /var/lib/xorb-runbook")
    put("web", "/etc/nginx/tls/cert.pem", certificate)
    put("web", "/etc/nginx/tls/key.pem", key)
    put("web", "/etc/nginx/tls/ca.pem", (CA / "ca.pem").read_text())
    shell("web", "systemctl reload nginx")
    wanted = f"{x509.load_pem_x509_certificate(certificate.encode()).serial_number:X}"
    # Old workers accept beside the new ones for a moment.
    until(lambda: all(served("web", 8443).lstrip("0") == wanted for _again in range(5)))
    return served("web", 8443)
