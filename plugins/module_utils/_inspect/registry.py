# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The registry of kinds: a new kind is one file in the folder ``kinds`` and one line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from .kind import Kind


def _shipped() -> None:
    """Never called: Ansible ships to a host what any line imports by name, and a host compiles all that it imports."""
    from .kinds import (
        access_http,
        access_postgres,
        access_redis,
        access_tls,
        backup_copy,
        backup_drill,
        backup_files,
        backup_postgres,
        backup_redis,
        certificate,
        certificate_files,
        clock,
        command,
        container,
        cpu,
        disk,
        docker_disk,
        docker_stats,
        failed_units,
        file_age,
        http,
        latency,
        load,
        memory,
        network,
        postgres,
        postgres_stats,
        process,
        prometheus,
        redis,
        redis_stats,
        swap,
        tcp,
        timer,
        tls,
        unit,
    )


class _Kinds(Mapping[str, Kind]):
    """Every kind by its name, imported when it is used: a host needs a few of them in each run."""

    def __getitem__(self, name: str) -> Kind:
        if name not in NAMES:
            raise KeyError(name)
        kind: Kind = import_module(f"{__package__}.kinds.{name}").KIND
        return kind

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


#: The names of the kinds, which are those that the import above would bind.
NAMES = _shipped.__code__.co_varnames
KINDS: Mapping[str, Kind] = _Kinds()
