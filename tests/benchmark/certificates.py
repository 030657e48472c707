# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What it costs to look at ten thousand certificates.

Beside two others: the runbook's loop, which starts openssl for each file and judges nothing, and a bare loop that reads
the same fields with the same library in one process and judges nothing either. Needs no host.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.benchmark.figure import Figure, figure
from tests.support.issuing import root
from tests.support.procedures import ROOT, environment

MANY, FEW = 10_000, 1_000
ROUNDS = 3

WHOLE = "10,000 certificates by certificate_info / by the runbook's find -exec openssl"
BARE = "every field of 10,000 certificates, judged / a bare loop over the same fields"
NAMES = (WHOLE, BARE)

#: The runbook's loop as it stands there, but for the shell's pipe behind it.
RUNBOOK = ("find", "{}", "-name", "*.pem", "-exec", "openssl", "x509", "-noout", "-dates", "-in", "{{}}", ";")


def make(folder: Path, number: int) -> None:
    """Certificates of services, each in a folder of its own, as many as there should be."""
    authority, key = root(), rsa.generate_private_key(65537, 2048)
    for index in range(number):
        name = f"service-{index}"
        issued = authority.issue(name, names=[name, f"{name}.xorb.local", "localhost", "127.0.0.1"], key=key)
        (folder / name).mkdir()
        (folder / name / "cert.pem").write_bytes(issued.pem)


def whole_module(folder: Path, number: int) -> None:
    """The module as Ansible runs it on a host, from the start of the interpreter to the result."""
    program = "from ansible_collections.xorb.runbook.plugins.modules.certificate_info import main; main()"
    arguments = {"paths": [str(folder)], "_ansible_remote_tmp": str(folder.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={**environment(), "PYTHONPATH": str(ROOT / ".ansible/collections")},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["summary"]["certificates"] == number and not result["findings"], result["summary"]


def runbook_loop(folder: Path) -> None:
    """The runbook's loop."""
    command = [word.format(folder) for word in RUNBOOK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("notAfter=") == FEW


def in_process(folder: Path) -> list[dict[str, Any]]:
    """Every field of every certificate, judged, in this process."""
    info, options = _collection("_inspect.certificate_info"), _collection("_core.options")
    given = options.with_defaults(info.OPTIONS, {"paths": [str(folder)], "detail": "full"})
    certificates: list[dict[str, Any]] = info.inspect(given, owner="localhost")["certificates"]
    return certificates


def _collection(name: str) -> Any:
    """A module of the collection, as it lies in the checkout."""
    place = str(ROOT / ".ansible/collections")
    if place not in sys.path:
        sys.path.insert(0, place)
    return importlib.import_module(f"ansible_collections.xorb.runbook.plugins.module_utils.{name}")


def bare_loop(folder: Path) -> list[dict[str, Any]]:
    """The same fields, read as somebody would who needs just them."""
    found = []
    for path, _folders, names in os.walk(folder):
        for name in names:
            with open(f"{path}/{name}", "rb") as file:  # noqa: PTH123 - a bare loop makes no Path of it
                certificates = x509.load_pem_x509_certificates(file.read())
            found += [_fields(f"{path}/{name}", position, one) for position, one in enumerate(certificates, start=1)]
    return found


def _fields(path: str, position: int, certificate: x509.Certificate) -> dict[str, Any]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    left = ends - certificate.not_valid_before_utc.now(begins.tzinfo)
    extensions = certificate.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    key = certificate.public_key()
    return {
        "file": path,
        "position": position,
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "names": [str(name.value) for name in names],
        "serial": f"{certificate.serial_number:X}",
        "fingerprint": certificate.fingerprint(hashes.SHA256()).hex(),
        "begins": begins.isoformat(),
        "ends": ends.isoformat(),
        "days_left": left.total_seconds() / 86400,
        "share_left": left / (ends - begins),
        "key_type": type(key).__name__,
        "key_bits": getattr(key, "key_size", 0),
        "signature_algorithm": certificate.signature_algorithm_oid._name,
        "usage": [one._name for one in usage],
        "authority": extensions.get_extension_for_class(x509.BasicConstraints).value.ca,
        "self_signed": certificate.subject == certificate.issuer,
    }


def spent(action: Callable[[], object], *, rounds: int = ROUNDS) -> list[float]:
    """What an action takes, each time."""
    taken = []
    for _round in range(rounds):
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return taken


def figures() -> list[Figure]:
    """Measure everything."""
    folder = Path(tempfile.mkdtemp(prefix="xb-certificates"))
    try:
        for name, number in (("many", MANY), ("few", FEW)):
            (folder / name).mkdir()
            make(folder / name, number)
        many, few = folder / "many", folder / "few"
        bare_loop(many)  # so that nobody is the first to read the files
        loop = [taken * MANY / FEW for taken in spent(lambda: runbook_loop(few), rounds=1)]
        return [
            figure(WHOLE, "s", spent(lambda: whole_module(many, MANY)), loop, goal=0.01),
            figure(BARE, "s of CPU", *_in_process(many), goal=1.5),
        ]
    finally:
        shutil.rmtree(folder)


def _in_process(folder: Path) -> tuple[list[float], list[float]]:
    """Ours and the bare loop by turns, in time of the processor: both are one thread of one process."""
    assert len(in_process(folder)) == len(bare_loop(folder)) == MANY
    ours: list[float] = []
    peer: list[float] = []
    for _round in range(ROUNDS):
        for action, taken in ((in_process, ours), (bare_loop, peer)):
            begun = time.process_time()
            action(folder)
            taken.append(time.process_time() - begun)
    return ours, peer
