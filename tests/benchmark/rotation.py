# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What it costs to rotate fifty certificates of one host.

Beside the openssl commands of the runbook's script, for which nobody waits, checks, or goes back. Needs no host.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmark.figure import Figure, figure
from tests.support.lab import Lab
from tests.support.procedures import ROOT
from tests.support.steps import arguments
from tests.testplatform import pki

SETS = 50

WHOLE = f"rotation of {SETS} certificates of one host / the same by openssl, told to nobody"
DEPLOYED = f"putting {SETS} new certificates of one host into service / one call each"
ALL_TRIPS = f"whole rotation of {SETS} certificates of one host / one call each"
NAMES = (WHOLE, DEPLOYED, ALL_TRIPS)
PASSPHRASE = "correct horse battery"  # noqa: S105 - of a CA that lives as long as the measurement


def rotate(folder: Path) -> tuple[float, list[str]]:
    """Seconds of one run of the action, as an operator sees them, and the modules that it had run on the host."""
    # Not imported above: it needs the collection, which `rows` puts into reach.
    site = importlib.import_module("tests.support.rotating").Site(folder / "site")
    lab = Lab(folder, hosts={"one": {}})
    sets = {}
    for number in range(SETS):
        name = f"set{number}"
        site.install(name)
        options = site.given(name, reload={"kind": "command", "argv": ["true"]})
        sets[name] = {key: options[key] for key in ("directory", "names", "user", "group", "reload")}
        sets[name]["reload"] = {"kind": "command", "argv": ["true"]}
    making = _collection("_pki.create")
    making.ensure(folder / "authority", making.Blueprint(name="Bench", key_type="ecdsa-p256"), passphrase=PASSPHRASE)
    lab.variables["platform_services"] = {"many": {"hosts": "one", "certificates": sets}}
    given = {"ca_dir": str(folder / "authority"), "ca_passphrase": PASSPHRASE, "host_state_dir": str(site.state)}
    task = arguments("certificate_rotate", "replace", **given)
    play = {"hosts": "one", "gather_facts": False, "tasks": [{"xorb.runbook.certificate_rotate": task}]}
    (folder / "rotate.yml").write_text(json.dumps([play]))
    ran = lab.play(str(folder / "rotate.yml"), "-vvv")
    assert ran.status == 0, ran.output
    for name in sets:
        site.in_service(name)
    entries = [path.read_text() for path in (site.state / "journal").iterdir()]
    assert len(entries) == 1 and '"outcome": "done"' in entries[0], "the service was told more than once"
    return ran.seconds, re.findall(r"Using module file \S*/(\w+)\.py", ran.output)


def _collection(name: str) -> Any:
    """A module of the control node's side of the collection, as it lies in the checkout."""
    return importlib.import_module(f"ansible_collections.xorb.runbook.plugins.plugin_utils.{name}")


def by_openssl(folder: Path) -> float:
    """Seconds of the same by hand: a key, a request, a certificate, its check, and the files put into their places."""
    pki.ensure(folder / "ca", [], now=datetime.now(tz=UTC))
    begun = time.perf_counter()
    for number in range(SETS):
        place = folder / f"by-hand-{number}"
        place.mkdir()
        for words in (
            "ecparam -name prime256v1 -genkey -noout -out key.pem",
            "req -new -key key.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost -out request.pem",
            f"x509 -req -in request.pem -CA {folder}/ca/ca.pem -CAkey {folder}/ca/ca-key.pem -days 30 -out cert.pem",
            f"verify -CAfile {folder}/ca/ca.pem cert.pem",
        ):
            subprocess.run(["openssl", *words.split()], cwd=place, capture_output=True, check=True)
    return time.perf_counter() - begun


def figures() -> list[Figure]:
    """Measure everything."""
    sys.path.insert(0, str(ROOT / ".ansible/collections"))
    folder = Path(tempfile.mkdtemp(prefix="xb-rotation"))
    try:
        ours, modules = rotate(folder)
        peer = by_openssl(folder)
    finally:
        shutil.rmtree(folder)
    calls = "module calls"
    return [
        figure(WHOLE, "s", [ours], [peer]),
        figure(DEPLOYED, calls, [modules.count("certificate_deploy")], [SETS], goal=1 / SETS),
        figure(ALL_TRIPS, calls, [len(modules)], [SETS], goal=2 / SETS),
    ]
