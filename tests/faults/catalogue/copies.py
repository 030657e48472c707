# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copies off the host: repositories that are gone, closed or damaged, each with a real one of restic."""

from __future__ import annotations

from tests.faults.catalogue.backups import PLACE, no_sets, python, store
from tests.faults.matrix import LAB_PASSWORD, PREPARATIONS, Expected, Row
from tests.testbed.faults import Fault, shell

_COPIED, _PROVED = "main.away.copied", "main.away.copy_proved"
_COPIES = PREPARATIONS[2:]

#: Changes one byte in the middle of the largest file.
_ROT = """
import pathlib
path = max(pathlib.Path('data').rglob('?' * 64), key=lambda one: one.stat().st_size)
path.chmod(0o600)
data = bytearray(path.read_bytes())
data[len(data) // 2] ^= 1
path.write_bytes(data)
"""


def _copied(name: str, sentence: str, broken: str, *expected: Expected) -> Row:
    """A row about the copy of a small folder; ``broken`` is run in the folder of the repository."""
    folder, repository = f"{PLACE}/files/{name}", f"{PLACE}/copies/{name}"
    access = f"export RESTIC_PASSWORD={LAB_PASSWORD} RESTIC_REPOSITORY=."
    made = f"mkdir -p {repository} {folder}; echo answer=42 > {folder}/app.conf"
    return Row(
        fault=Fault(
            name=name,
            sentence=sentence,
            role="web",
            broken_by=shell(f"cd {repository}; {access}; {broken}"),
            mended_by=shell(f"rm -rf {repository}; {made}; {no_sets(name)}"),
        ),
        chapter="Backups",
        look={
            "backups": {
                "main": {
                    "kind": "files",
                    "paths": [folder],
                    "directory": store(name),
                    "copies": {"away": {"repository": repository, "password": "{{ lab_password }}", "read_share": 100}},
                }
            }
        },
        expected=expected,
        command="the runbook has no copy off the host",
        task="no module of another collection works with restic",
        uses=frozenset({f"web/backups/{name}"}),
        procedures=_COPIES,
    )


ROWS = (
    _copied(
        "copy_repository_emptied",
        "the folder of the copies was emptied",
        "find . -mindepth 1 -delete",
        Expected(_COPIED, "critical", "there is no repository, and none is made"),
    ),
    _copied(
        "copy_password_changed",
        "the repository was given another password",
        "echo another-one > /root/another; restic --no-cache key passwd --new-password-file /root/another; "
        "rm /root/another",
        Expected(_COPIED, "unknown", "this password does not open it"),
    ),
    _copied(
        "copy_rotten_pack",
        "one byte of the data of the repository has changed",
        python(_ROT),
        Expected(_PROVED, "critical", "the repository is damaged"),
    ),
)
