# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an archive of PostgreSQL needs of the server that it is restored to, by the names that it has in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...._core.errors import RunbookError
from ...._core.text import excerpt

# A statement: text in quotes of either kind, or anything else but what begins such, up to a semicolon.
_STATEMENTS = re.compile(r"""(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*\n|[^'";])+;""")
_COMMENT = re.compile(r"^(?:\s*--[^\n]*\n|\s*\\[^\n]*\n|\s+)*")
_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[^\s";]+)'

#: What else stands in such a script; none of it names a database.
_HARMLESS = re.compile(r"(SET|RESET) |SELECT pg_catalog\.set_config\(")


def plain_name(identifier: str) -> str:
    """An identifier of SQL as the catalog has it."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


#: What pg_dumpall says of one role: the last of these is about the member.
_OF_A_ROLE = (
    r"CREATE ROLE (?P<made>{0});",
    r"ALTER ROLE (?P<altered>{0}) (?:WITH|SET|RESET)\b",
    r"COMMENT ON ROLE (?P<commented>{0}) IS ",
    r"SECURITY LABEL FOR {0} ON ROLE (?P<labelled>{0}) IS ",
    r"GRANT {0} TO (?P<member>{0})(?: WITH [A-Z, ]+?)?(?: GRANTED BY (?P<grantor>{0}))?;",
)

_PASSWORD = re.compile(r"ALTER ROLE (?P<name>\S+|\"(?:[^\"]|\"\")+\") WITH [^']*PASSWORD '(?P<password>(?:[^']|'')*)'")


def of_roles(script: str, wanted: Iterable[str], renamed_grantors: Mapping[str, str]) -> Iterator[str]:
    """The statements of a script of globals about some roles, and what these are members of.

    ``renamed_grantors`` are those by whom roles were granted, with who grants them now. Raises `RunbookError` for a
    statement that is none of those that pg_dumpall is known to write.
    """
    known = set(wanted)
    about = re.compile("|".join(one.format(_IDENTIFIER) for one in _OF_A_ROLE))
    for statement in _statements(script):
        found = about.match(statement)
        if found is None:
            if not _HARMLESS.match(statement):
                raise RunbookError(f"what pg_dumpall says of roles is not understood: {_without_values(statement)}")
            continue
        role = next((found[key] for key in ("made", "altered", "commented", "labelled", "member") if found[key]), "")
        if plain_name(role) not in known:
            continue
        if found["grantor"] and plain_name(found["grantor"]) in renamed_grantors:
            new = renamed_grantors[plain_name(found["grantor"])].replace('"', '""')
            statement = f'{statement[: found.start("grantor")]}"{new}";'  # noqa: PLW2901 - the same one, said here
        yield statement


def passwords(script: str) -> dict[str, str]:
    """The password of each role of a script of globals that has one, as the server stores it."""
    found = (_PASSWORD.match(statement) for statement in _statements(script))
    return {plain_name(one["name"]): one["password"].replace("''", "'") for one in found if one}


def _statements(script: str) -> Iterator[str]:
    for match in _STATEMENTS.finditer(script):
        if statement := _COMMENT.sub("", match.group()):
            yield statement


def _without_values(statement: str) -> str:
    """A statement as a message shows it: what stands in quotes may be a password."""
    return excerpt(re.sub(r"'(?:[^']|'')*'", "'...'", statement))


#: Extensions that are made in one database of a server only, with what names it: nothing is restored beside that.
_BOUND = {"pg_cron": "that cron.database_name names"}


def lacking_extensions(wanted: Mapping[str, str], available: Mapping[str, str]) -> list[str]:
    """What a server lacks of the extensions that an archive has, as sentences; both maps give versions by names."""
    found = []
    for name, version in sorted(wanted.items()):
        if name in _BOUND:
            found.append(f"the extension {name} can be made in the database {_BOUND[name]} alone, and not beside it")
        elif name not in available:
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

#: What may be said of a database, up to its name.
_NAMES_DATABASE = (
    r"(?:CREATE|ALTER|COMMENT ON) DATABASE",
    rf"SECURITY LABEL FOR {_IDENTIFIER} ON DATABASE",
    rf"ALTER ROLE {_IDENTIFIER} IN DATABASE",
    r"(?:GRANT|REVOKE) [A-Z, ]+ ON DATABASE",
)


def of_the_database(toc: str) -> str:
    """Of the list of an archive, the entries that make the database itself, its rights, settings and comment."""
    return "".join(f"{line}\n" for line in toc.split("\n") if _OF_THE_DATABASE.match(line))


def renamed(script: str, old: str, new: str) -> Iterator[str]:
    """The statements of a script about one database, for another name; both names are as SQL writes them.

    Raises `RunbookError` for a statement that is none of those that pg_restore is known to write.
    """
    about = re.compile(rf"(?P<before>{'|'.join(_NAMES_DATABASE)}) {re.escape(old)}(?=[\s;])")
    for statement in _statements(script):
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
