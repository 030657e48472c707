# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The server's end of Redis's protocol, as far as tests speak it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.loopback import Client


def commands(client: Client) -> Iterator[list[str]]:
    """Each command of a client, word by word; the first word in capitals."""
    reader = client.connection.makefile("rb")
    while head := reader.readline():
        words = [(reader.readline(), reader.readline())[1].strip().decode() for _word in range(int(head[1:]))]
        yield [words[0].upper(), *words[1:]]
