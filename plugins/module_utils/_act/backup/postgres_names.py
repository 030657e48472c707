# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an archive of PostgreSQL needs of the server that it is restored to, by the names that it has in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# How pg_dumpall writes a role, quoted where the server would quote it.
_ROLE = re.compile(r'^CREATE ROLE (?P<name>"(?:[^"]|"")+"|[^\s;"]+);$', re.MULTILINE)

# The statements of what pg_restore writes that have roles in them, each in one line, and the words before a role there.
_STATEMENT = re.compile(r"^(GRANT|REVOKE|ALTER|CREATE (POLICY|SCHEMA|USER MAPPING))\b.*", re.MULTILINE)
_BEFORE = r"(?:\bTO|\bFROM|\bFOR|\bROLE|\bUSER|\bBY|\bAUTHORIZATION|,)\s+"


def roles(globals_script: str) -> list[str]:
    """The roles that a script of globals makes, each as SQL writes it."""
    return [match["name"] for match in _ROLE.finditer(globals_script)]


def plain_name(identifier: str) -> str:
    """An identifier of SQL as the catalog has it."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def missing_roles(globals_script: str, schema_script: str, there: Iterable[str]) -> list[str]:
    """The roles of the source that a schema needs, and that are not there.

    Which words are roles, and how they are quoted, pg_dumpall says; so no SQL has to be understood here.
    """
    known = set(there)
    absent = [role for role in roles(globals_script) if plain_name(role) not in known]
    if not absent:
        return []
    text = "\n".join(match.group() for match in _STATEMENT.finditer(schema_script))
    return [plain_name(role) for role in absent if re.search(rf"{_BEFORE}{re.escape(role)}(?![\w$\"])", text)]


def lacking_extensions(
    wanted: Mapping[str, str], available: Mapping[str, str]
) -> list[str]:
    """What a server lacks of the extensions that an archive has, as sentences; both maps give versions by names."""
    found = []
    for name, version in sorted(wanted.items()):
        if name not in available:
            found.append(f"the extension {name} {version} is not installed on the server")
        elif _number(available[name]) < _number(version):
            found.append(f"the extension {name} is {version} in the set, and the server has only {available[name]}")
    return found


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))
