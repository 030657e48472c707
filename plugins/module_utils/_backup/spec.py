# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the description says of a backup: inspected by the kinds of probe, taken and proved by the procedures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .._core.options import AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE, Given, Option, Options
from .._core.shared_options import SSL_MODE, TLS_OPTIONS, port
from .retention import Retention

#: Where sets are kept unless the description says otherwise.
DIRECTORY = "/var/backups/xorb-runbook"

#: A recipient of age: a key of its own, or one of SSH.
_RECIPIENT = re.compile(r"(age1[02-9ac-hj-np-z]{58}|(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/=]+( .*)?)\Z")

_HOUR, _DAY = 3600, 86400

KEEP_OPTIONS: Options = {
    "daily": Option("int", "Days that keep a set.", default=Retention.daily, within=NOT_NEGATIVE),
    "weekly": Option("int", "Weeks that keep a set.", default=Retention.weekly, within=NOT_NEGATIVE),
    "monthly": Option("int", "Months that keep a set.", default=Retention.monthly, within=NOT_NEGATIVE),
    "minimum_redundancy": Option(
        "int",
        "Verified sets that stay, whatever their age.",
        default=Retention.minimum_redundancy,
        within=AT_LEAST_ONE,
    ),
}

#: What every backup may say, whatever is in it.
COMMON: Options = {
    "directory": Option("path", "Folder on the host with the sets of all backups.", default=DIRECTORY),
    "recipients": Option(
        "list",
        "Public keys (of age, or of SSH) for which sets are encrypted. Without any they are not.",
        elements="str",
        filled=True,
    ),
    "keep": Option("dict", "How long sets are kept.", options=KEEP_OPTIONS),
    "verify_on": Option(
        "str",
        "Another host of the inventory, or a group, where sets are verified. Without it, that is done where they are.",
        filled=True,
    ),
    "age_critical": Option(
        "float",
        "Hours after which the newest set is too old.",
        default=36.0,
        within=POSITIVE,
        source="runbook, daily database backup, and half a day",
    ),
    "verified_warning": Option(
        "float", "Hours after which the newest verified set is old.", default=36.0, within=POSITIVE, source="ours"
    ),
    "verified_critical": Option(
        "float", "Hours after which it is too old.", default=7 * 24.0, within=POSITIVE, source="ours"
    ),
    "size_warning": Option(
        "float",
        "Percent by which the size of the newest set may differ from the median of the others.",
        default=50.0,
        within=POSITIVE,
        source="ours",
    ),
    "restore_warning": Option(
        "float",
        "Seconds that a restore may be expected to take.",
        default=900.0,
        within=POSITIVE,
        source="runbook, recovery within 15 minutes",
    ),
}

#: What a login says of its patience; without it, the endpoint does.
TIMEOUT = Option("float", "Seconds that the server may take to answer.", within=POSITIVE)

#: A query of the owner's, that has to hold in what was restored.
ASSERTION_OPTIONS: Options = {
    "database": Option("str", "Database that is queried.", required=True),
    "query": Option("str", "SQL that returns one value.", required=True),
    "equals": Option("str", "What the value has to be, as text."),
    "min": Option("float", "The least that it may be."),
    "max": Option("float", "The most that it may be."),
}

#: Where the sets are that pgBackRest takes, and of which type the next one is.
REPOSITORY_OPTIONS: Options = {
    "stanza": Option("str", "Name of the stanza.", required=True),
    "config": Option("path", "pgBackRest's configuration on the host.", default="/etc/pgbackrest.conf"),
    "os_user": Option("str", "User of the system whose stanza it is.", default="postgres"),
    "full_days": Option(
        "float", "Days after which the next set is a full one.", default=7.0, within=POSITIVE, source="ours"
    ),
    "diff_days": Option(
        "float",
        "Days after which it is a differential one; before that it is an incremental one.",
        default=1.0,
        within=POSITIVE,
        source="ours",
    ),
}

REPOSITORY = Option("dict", "Stanza of pgBackRest whose sets these are.", options=REPOSITORY_OPTIONS)

POSTGRES: Options = {
    **COMMON,
    "engine": Option("str", "How it is taken.", default="dump", choices=("dump", "pgbackrest")),
    "repository": REPOSITORY,
    "databases": Option(
        "list",
        "Databases of a set that is dumped. Roles and other globals are always in it.",
        elements="str",
        filled=True,
    ),
    "endpoint": Option(
        "str", "Endpoint of the service whose address and login are used, unless I(login) says otherwise."
    ),
    "login": Option(
        "dict",
        "How the server is reached for this purpose.",
        options={
            **TLS_OPTIONS,
            "password": Option("str", "Password of the role.", secret=True),
            "sslmode": SSL_MODE,
            "port": port(),
            "timeout": TIMEOUT,
            "address": Option("str", "Address, or the folder of its socket."),
            "user": Option("str", "Role to log in as."),
            "os_user": Option("str", "User of the system that does all this, for logins by C(peer)."),
        },
    ),
    "jobs": Option("int", "Tables that are dumped, or restored, at the same time.", default=2, within=AT_LEAST_ONE),
    "assertions": Option(
        "list", "What has to hold in what was restored.", elements="dict", options=ASSERTION_OPTIONS, filled=True
    ),
}

REDIS: Options = {
    **COMMON,
    "engine": Option("str", "How it is taken.", default="rdb", choices=("rdb",)),
    "endpoint": Option(
        "str", "Endpoint of the service whose address and login are used, unless I(login) says otherwise."
    ),
    "login": Option(
        "dict",
        "How the server is reached for this purpose.",
        options={
            **TLS_OPTIONS,
            "port": port(),
            "timeout": TIMEOUT,
            "address": Option("str", "Address of the server."),
            "username": Option("str", "User to log in as; it needs INFO, BGSAVE, CONFIG GET, SCAN and to read keys."),
            "password": Option("str", "Password of that user.", secret=True),
            "tls": Option("bool", "Whether the port speaks TLS."),
        },
    ),
    "samples": Option("int", "Keys whose values are compared after a restore.", default=200, within=NOT_NEGATIVE),
    "save_timeout": Option("float", "Seconds that a save may take.", default=3600.0, within=POSITIVE),
}

FILES: Options = {
    **COMMON,
    "engine": Option("str", "How it is taken.", default="tar", choices=("tar",)),
    "paths": Option("list", "Files and folders of a set.", elements="path", required=True),
    "exclude": Option("list", "Patterns of paths that are left out.", elements="str", filled=True),
    "volatile": Option("list", "Patterns of paths that may change while they are read.", elements="str", filled=True),
}

#: The options of a backup, by its kind.
KINDS: Mapping[str, Options] = {"postgres": POSTGRES, "redis": REDIS, "files": FILES}

#: What is in a set of each kind, as a sentence names it.
SUBJECTS: Mapping[str, str] = {
    "postgres": "databases of PostgreSQL",
    "redis": "a Redis server",
    "files": "files",
}

#: Options that only the procedures need: no probe gets them.
ACTING = frozenset(
    {
        "engine",
        "recipients",
        "keep",
        "verify_on",
        "databases",
        "endpoint",
        "login",
        "jobs",
        "assertions",
        "samples",
        "save_timeout",
        "paths",
        "exclude",
        "volatile",
    }
)


def check(given: Given) -> Iterator[tuple[str, str]]:
    """What no single option says: keys of recipients, and paths that make no sense."""
    for recipient in given.get("recipients") or ():
        if not _RECIPIENT.match(str(recipient)):
            yield "recipients", f"expected a public key like age1..., ssh-ed25519 ... or ssh-rsa ..., got {recipient!r}"
    if len(given.get("paths") or ()) != len(set(given.get("paths") or ())):
        yield "paths", "a path stands there twice"
    yield from _check_engine(given)
    for one in given.get("assertions") or ():
        if not any(one.get(limit) is not None for limit in ("equals", "min", "max")):
            yield "assertions", "each needs equals, min or max: what has to hold?"


#: What pgBackRest does by itself, or its sets do not allow, by the key that is of no use for them.
_NOT_OF_PGBACKREST: Mapping[str, str] = {
    "databases": "pgbackrest takes the whole server",
    "recipients": "pgbackrest encrypts by its own configuration",
    "verify_on": "sets of pgbackrest are verified on their own host: no stored files of theirs are brought to another",
}

#: The same, of copies.
NO_COPIES = "pgbackrest keeps copies in further repositories by its own configuration"


def _check_engine(given: Given) -> Iterator[tuple[str, str]]:
    """Who takes a set of PostgreSQL decides what has to be said of it, and what cannot be."""
    if given.get("engine") == "pgbackrest":
        if not given.get("repository"):
            yield "repository", "missing; pgbackrest needs its stanza"
        for name, reason in _NOT_OF_PGBACKREST.items():
            if given.get(name):
                yield name, reason
    elif given.get("engine") == "dump":
        if given.get("databases") is None:
            yield "databases", "missing"
        if given.get("repository"):
            yield "repository", "is that of pgbackrest, and the engine is dump"


def retention(given: Given) -> Retention:
    """The rule of a backup."""
    keep: Mapping[str, Any] = given.get("keep") or {}
    return Retention(**{name: value for name, value in keep.items() if value is not None})


def place(given: Given) -> str:
    """Where the sets of a backup are, as its probe is given them."""
    repository: Mapping[str, Any] = given.get("repository") or {}
    if repository:
        return (
            f"stanza {repository.get('stanza')} of {repository.get('config') or REPOSITORY_OPTIONS['config'].default}"
        )
    return f"{directory(given)}/{given.get('service')}.{given.get('point')}"


def directory(given: Given) -> Path:
    """The folder of all sets."""
    return Path(given.get("directory") or DIRECTORY)
