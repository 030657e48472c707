# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gives the hosts certificates of a CA that can revoke, and puts back those that were there before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import steps
from tests.support.authorities import PASSPHRASE, made, opened
from tests.support.revoked_bed import CA, CLIENT, LISTS, overrides, sql
from tests.support.rotated_bed import BED, FOLDERS, TELL, inventory_name, put, run, shell

ROLES = ("web", "db", "monitor")
CONFIGURED = "/etc/postgresql/17/main/conf.d/crl.conf"


@pytest.fixture(scope="session", autouse=True)
def put_back() -> Iterator[None]:
    """Put the folders back as they were, whatever happens."""
    for role, folders in FOLDERS.items():
        shell(role, f"rm -rf /root/before; mkdir /root/before; cp -a --parents {' '.join(folders)} /root/before/")
    shell("monitor", f"mkdir -p {CLIENT}")
    yield
    for role, folders in FOLDERS.items():
        clean = "; ".join(f"find {folder} -mindepth 1 -delete" for folder in folders)
        shell(role, f"rm -f {CONFIGURED}; {clean}; cp -a /root/before/etc/. /etc/; rm -rf /root/before; {TELL[role]}")
    sql("REVOKE pg_signal_backend FROM xorb_monitor")
    for role in ROLES:
        shell(role, f"rm -rf {CLIENT} /var/lib/xorb-runbook")
    for folder in (CA, BED.directory / "state/revocations"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def revoking(put_back: None) -> None:  # noqa: ARG001 - it has to be first
    """Every service and the client have a certificate of the new CA, and each that reads revocation lists has them."""
    shutil.rmtree(CA, ignore_errors=True)
    made(CA)
    # A rotation keeps whom a service trusts beside its issuer, and there are no lists of the CA of the bed.
    for role, folders in FOLDERS.items():
        shell(role, "; ".join(f"rm -f {folder}/ca.pem" for folder in folders))
    wanted = {"force": True, "ca_dir": str(CA), "ca_passphrase": PASSPHRASE}
    given = steps.arguments("certificate_rotate", "replace", **wanted)
    described = json.dumps({"platform_overrides": overrides(redis=False)})
    hosts = ",".join(map(inventory_name, ROLES))
    ran = run("ansible", hosts, "-m", "xorb.runbook.certificate_rotate", "-a", json.dumps(given), "-e", described)
    assert ran.status == 0, ran.output
    for role, (path, owner) in LISTS.items():
        put(role, path, opened(CA).crls(), owner=owner)
    shell("db", f"cat > {CONFIGURED}; chmod 644 {CONFIGURED}", data=f"ssl_crl_file = '{LISTS['db'][0]}'\n")
    shell("web", TELL["web"])
    shell("db", TELL["db"])
    sql("GRANT pg_signal_backend TO xorb_monitor")


@pytest.fixture
def stolen(revoking: None, tmp_path: Path) -> Path:  # noqa: ARG001 - it has to be first
    """The pair of the client as a thief has it; returns its folder, which the db host has as well."""
    for name in ("fullchain.pem", "key.pem"):
        content = shell("monitor", f"cat {CLIENT}/{name}")
        (tmp_path / name).write_text(content)
        put("db", f"/root/stolen-{name}", content)
    return tmp_path
