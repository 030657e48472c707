# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an archive of PostgreSQL needs of the server that it is restored to, by the names that it has in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...._core.errors import RunbookError
from ...._core.text import excerpt

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


def lacking_extensions(wanted: Mapping[str, str], available: Mapping[str, str]) -> list[str]:
    """What a server lacks of the extensions that an archive has, as sentences; both maps give versions by names."""
    found = []
    for name, version in sorted(wanted.items()):
        if name not in available:
            found.append(f"the extension {name} {version} is not installed on the server")
        elif _number(available[name]) < _number(version):
            found.append(f"the extension {name} is {version} in the set, and the server has only {available[name]}")
    return found


def locales(content: Mapping[str, Any]) -> list[str]:
    """The locales that a database needs of the system, without those that every system has."""
    return sorted({content["collate"], content["ctype"]} - {"C", "POSIX"})


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


#: The entries of an archive that are about the database itself, and not about what is in it.
_OF_THE_DATABASE = re.compile(r"^\d+; \d+ \d+ (DATABASE|DATABASE PROPERTIES|(ACL|COMMENT|SECURITY LABEL) - DATABASE)\b")

# A statement: text in quotes of either kind, or anything else but what begins such, up to a semicolon.
_STATEMENTS = re.compile(r"""(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*\n|[^'";])+;""")
_COMMENT = re.compile(r"^(?:\s*--[^\n]*\n|\s*\\[^\n]*\n|\s+)*")
_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[^\s";]+)'

#: What may be said of a database, up to its name.
_NAMES_DATABASE = (
    r"(?:CREATE|ALTER|COMMENT ON) DATABASE",
    rf"SECURITY LABEL FOR {_IDENTIFIER} ON DATABASE",
    rf"ALTER ROLE {_IDENTIFIER} IN DATABASE",
    r"(?:GRANT|REVOKE) [A-Z, ]+ ON DATABASE",
)

#: What else stands in such a script; none of it names a database.
_HARMLESS = re.compile(r"(SET|RESET) |SELECT pg_catalog\.set_config\(")


def of_the_database(toc: str) -> str:
    """Of the list of an archive, the entries that make the database itself, its rights, settings and comment."""
    return "".join(f"{line}\n" for line in toc.split("\n") if _OF_THE_DATABASE.match(line))


def renamed(script: str, old: str, new: str) -> Iterator[str]:
    """The statements of a script about one database, for another name; both names are as SQL writes them.

    Raises `RunbookError` for a statement that is none of those that pg_restore is known to write.
    """
    about = re.compile(rf"(?P<before>{'|'.join(_NAMES_DATABASE)}) {re.escape(old)}(?=[\s;])")
    for match in _STATEMENTS.finditer(script):
        statement = _COMMENT.sub("", match.group())
        found = about.match(statement)
        if found:
            yield f"{found['before']} {new}{statement[found.end() :]}"
        elif _HARMLESS.match(statement):
            yield statement
        else:
            raise RunbookError(f"what pg_restore says of the database is not understood: {excerpt(statement)}")


def missing_tablespaces(schema_script: str, tablespaces_script: str, there: Iterable[str]) -> list[str]:
    """The tablespaces of the source that a schema needs, and that are not there."""
    known = set(there)
    made = re.findall(rf"^CREATE TABLESPACE ({_IDENTIFIER}) ", tablespaces_script, re.MULTILINE)
    absent = [name for name in made if plain_name(name) not in known]
    used = r"(?:^SET default_tablespace = |\bTABLESPACE (?:= )?)"
    return [
        plain_name(name)
        for name in absent
        if re.search(rf"{used}'?{re.escape(name)}(?![\w$])", schema_script, re.MULTILINE)
    ]
