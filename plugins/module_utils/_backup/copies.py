# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the description says of a copy of a backup off its host: inspected by a kind of probe, made by a procedure."""

from __future__ import annotations

from collections.abc import Iterator

from .._clients.restic_address import FOLDER, S3, SFTP, parse
from .._core.errors import RunbookError
from .._core.options import AT_LEAST_ONE, POSITIVE, Given, Option, Options, Range, thresholds
from .spec import COMMON

#: The kind of probe that inspects copies, and the key of a backup under which they are described.
KIND, KEY = "backup_copy", "copies"

#: What opens and reaches a repository, by the scheme of its address.
_NEEDS = {
    FOLDER: (),
    SFTP: ("identity", "known_hosts"),
    S3: ("access_key_id", "secret_access_key"),
}

COPY: Options = {
    "directory": COMMON["directory"],
    "repository": Option(
        "str",
        "Repository of restic: an absolute path, C(sftp:user@host:/path), C(sftp://user@host:port//path), or"
        " C(s3:https://host/bucket/path).",
        required=True,
    ),
    "password": Option("str", "Password of the repository.", required=True, secret=True),
    "access_key_id": Option("str", "Access key, for S3.", secret=True),
    "secret_access_key": Option("str", "What the access key is signed with, for S3.", secret=True),
    "identity": Option("str", "Private key that SSH logs in with, for SFTP.", secret=True),
    "known_hosts": Option("str", "Keys of the server, as lines of C(known_hosts), for SFTP.", filled=True),
    "answer_timeout": Option(
        "float", "Seconds that the repository may take to answer a question.", default=60.0, within=POSITIVE
    ),
    "keep": Option("dict", "How long copies are kept.", options=COMMON["keep"].options),
    "check_every": Option(
        "float", "Hours after which the repository is checked again.", default=24.0, within=POSITIVE, source="ours"
    ),
    "read_share": Option(
        "float",
        "Percent of the data that a check reads; the next one reads the next part.",
        default=10.0,
        within=Range(above=0, maximum=100),
        source="ours",
    ),
    "read_days": Option("int", "Days of which it is said how much was read.", default=30, within=AT_LEAST_ONE),
    **thresholds("age", "number of hours since the newest copied set was begun", 36.0, 72.0, source="ours",
                 within=POSITIVE),
    **thresholds("proved", "number of hours since the last check of the repository", 48.0, 7 * 24.0, source="ours",
                 within=POSITIVE),
}  # fmt: skip

#: The options by which a repository is reached and opened.
ACCESS = ("repository", "password", "access_key_id", "secret_access_key", "identity", "known_hosts", "answer_timeout")

#: Options that only the procedures need: no probe gets them.
ACTING = frozenset(COPY) - {
    "directory",
    "read_days",
    "age_warning",
    "age_critical",
    "proved_warning",
    "proved_critical",
}


def check(given: Given) -> Iterator[tuple[str, str]]:
    """What no single option says: whether the address is one, and what is needed to reach it; a probe gets neither."""
    if given.get("repository") is None:
        return
    try:
        address = parse(str(given["repository"]))
    except RunbookError as exc:
        yield "repository", str(exc)
        return
    for scheme, needs in _NEEDS.items():
        for name in needs:
            if scheme == address.scheme and not given.get(name):
                yield name, f"missing; {address.scheme} needs it"
            elif scheme != address.scheme and given.get(name):
                yield name, f"is of no use for {address.scheme}"


def parts(given: Given) -> int:
    """Into how many parts the data is divided, of which each check reads one; 256 is the most that restic knows."""
    return max(1, min(256, round(100 / float(given["read_share"]))))
