# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module costs the host that it is sent to, beside what it did before, and beside ``ping``. Needs no host.

Ansible's own packer says what is sent, and the packed modules are started as a host starts them. Each is given nothing
to do: what is left is to read the archive, to compile and import what it has, and to end. ``probe`` gets a point of
each kind that a host of the fleet has, none of which answers, so that it imports their drivers, too.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmark.figure import Figure, figure
from tests.support.procedures import ROOT, environment
from tests.testbed.errors import BedError
from tests.testbed.progress import say

ROUNDS = 5
FILES, SIZE, CPU = "files", "KiB", "ms of CPU on the host"

#: The state that is compared with: the last one in which all modules shared one folder of utilities.
BEFORE = "5fbdf85"


@dataclass(frozen=True)
class Before:
    """What a module shipped at `BEFORE`, and what it was called there."""

    name: str
    files: int
    kibibytes: int


#: By the names of today. Counted as `Packed` counts.
MODULES: Mapping[str, Before] = {
    "certificate_deploy": Before("certificate_deploy", 71, 466),
    "certificate_info": Before("certificate_info", 66, 390),
    "certificate_trust_bundle": Before("certificate_trust_file", 12, 93),
    "certificate_trust_info": Before("certificate_trust_info", 69, 435),
    "postgres_info": Before("postgres_info", 65, 380),
    "probe": Before("probe", 65, 380),
    "redis_info": Before("redis_info", 67, 388),
}

_POINT = {"service": "nothing", "point": "here", "owner": "localhost"}
_PORT = {**_POINT, "address": "127.0.0.1", "port": 1}
#: One point of each kind that a host of the fleet has. Nothing listens on that port, and there is no such file.
POINTS: Mapping[str, list[dict[str, Any]]] = {
    "certificate_files": [{**_POINT, "paths": ["/nonexistent"]}],
    "command": [{**_POINT, "argv": ["/nonexistent"]}],
    "disk": [{**_POINT, "path": "/"}],
    "failed_units": [_POINT],
    "http": [{**_PORT, "health": {"path": "/"}}],
    "load": [_POINT],
    "memory": [_POINT],
    "postgres": [{**_PORT, "user": "nobody", "database": "none", "password": "no password"}],
    "redis": [{**_PORT, "password": "no password"}],
    "tls": [_PORT],
    "unit": [{**_POINT, "unit": "none.service"}],
}

PING = "ping"
PACK = """
import base64, io, json, pathlib, re, sys, zipfile
from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar
folder, modules = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
init_plugin_loader()
packed = {}
for name, given in modules.items():
    full = f"ansible.builtin.{name}" if name == "ping" else f"xorb.runbook.{name}"
    built = modify_module(
        module_name=full,
        module_path=module_loader.find_plugin_with_context(full).plugin_resolved_path,
        module_args={"_ansible_remote_tmp": str(folder), **given},
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": sys.executable},
        module_compression="ZIP_DEFLATED",
    )
    (folder / name).write_bytes(built.b_module_data)
    archive = re.search(rb"zip_data='([^']+)'", built.b_module_data)[1]
    entries = zipfile.ZipFile(io.BytesIO(base64.b64decode(archive))).infolist()
    packed[name] = [one.file_size for one in entries if "/runbook/plugins/module_utils/" in one.filename]
print(json.dumps(packed))
"""

STARTED = {name: f"start of {name} on a host / at {BEFORE}" for name in MODULES}
SHIPPED = {name: f"what {name} ships / at {BEFORE}" for name in MODULES}
BESIDE_PING = "start of probe on a host, with the kinds of the fleet / of ping"
NAMES = (*SHIPPED.values(), *STARTED.values(), BESIDE_PING)


@dataclass(frozen=True)
class Packed:
    """A packed module that can be started, and the sizes in bytes of the files of ours that are in it.

    Files of the folder ``module_utils`` that are not empty are counted, which leaves out the module itself.
    """

    path: Path
    sizes: list[int]

    @property
    def files(self) -> int:
        """How many they are."""
        return sum(size > 0 for size in self.sizes)

    @property
    def kibibytes(self) -> float:
        """How much they are."""
        return sum(self.sizes) / 1024


def pack(collections: Path, folder: Path, modules: Mapping[str, Mapping[str, Any]]) -> dict[str, Packed]:
    """Have Ansible pack some modules of the collection in a folder of collections, with their arguments."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PACK, str(folder), json.dumps(modules)],
        env={**environment(), "ANSIBLE_COLLECTIONS_PATH": str(collections)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BedError(f"Ansible did not pack the modules:\n{done.stderr[-3000:]}")
    return {name: Packed(folder / name, sizes) for name, sizes in json.loads(done.stdout.splitlines()[-1]).items()}


def start(module: Packed) -> float:
    """Start a packed module as a host does; the milliseconds of the processor that it took, with its children.

    A module that does not come as far as its own answer is an error and no figure.
    """
    # An installed library is compiled once in its life, and a host keeps that.
    variables = {name: value for name, value in environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, str(module.path)], env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    if '"invocation"' not in printed or "Unsupported parameters" in printed:
        raise BedError(f"{module.path.name} did not start:\n{printed[-3000:]}")
    return 1000 * (used.ru_utime + used.ru_stime)


def unpack_before(folder: Path) -> Path | None:
    """The collection as it was at `BEFORE`, or nothing where the clone is too shallow to have it."""
    command = ["git", "archive", BEFORE, "galaxy.yml", "meta", "plugins"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=False)
    if done.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder / "ansible_collections/xorb/runbook", filter="data")
    return folder


def _with_arguments(names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Modules with their arguments: one that misses some says so as the last thing that it does before its work."""
    return {name: {"deadline": 20, **POINTS} if name == "probe" else {} for name in names}


def figures() -> list[Figure]:
    """Measure everything: today, before where this clone has it, and ``ping``, by turns."""
    folder = Path(tempfile.mkdtemp(prefix="xb-shipping"))
    try:
        now = pack(ROOT / ".ansible/collections", folder / "now", _with_arguments([*MODULES, PING]))
        old = unpack_before(folder / "before")
        before = pack(old, folder / "then", _with_arguments(one.name for one in MODULES.values())) if old else {}
        if not before:
            say(f"{BEFORE} is not in this clone: what a host paid then is not measured")
        taken = _starts([*now.values(), *before.values()])
    finally:
        shutil.rmtree(folder)
    shipped = [
        row
        for name, was in MODULES.items()
        for row in (
            figure(SHIPPED[name], FILES, [now[name].files], [was.files]),
            figure(SHIPPED[name], SIZE, [now[name].kibibytes], [was.kibibytes]),
        )
    ]
    started = [
        figure(STARTED[name], CPU, taken[now[name].path], taken[before[was.name].path])
        for name, was in MODULES.items()
        if before
    ]
    return [*shipped, *started, figure(BESIDE_PING, CPU, taken[now["probe"].path], taken[now[PING].path])]


def _starts(modules: list[Packed]) -> dict[Path, list[float]]:
    """What each start takes. The first round is not counted: it compiles what stays compiled."""
    taken: dict[Path, list[float]] = {}
    for number in range(ROUNDS + 1):
        for module in modules:
            spent = start(module)
            if number:
                taken.setdefault(module.path, []).append(spent)
    return taken
