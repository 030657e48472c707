# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ledger in PostgreSQL as far as no server is needed: what is taken for an address, and what is never shown of it.

What it does on a server is proven by the scenario ``ledger``.
"""

from __future__ import annotations

import sys

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.postgres import PostgresStore, _named, _read
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.store import INSERT_ACTION


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("postgresql://u:correct-horse@db:5432/x", "postgresql://u@db:5432/x"),
        ("postgres://u@db/x", "postgres://u@db/x"),
        ("postgresql://db/x?password=correct-horse&sslmode=require", "postgresql://db/x"),
        ("postgresql://u:correct%2Fhorse%40@[::1]:5432/x", "postgresql://u@[::1]:5432/x"),
    ],
)
def test_location_has_everything_but_the_password(address: str, location: str) -> None:
    assert PostgresStore(address).location == location


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:correct/horse@db/x",
        "postgresql://u:correct@horse@db/x",
        "postgresql://u:correct:horse@db/x",
        "postgresql://u:correct#horse@db/x",
        "postgresql://u:correct?horse@db/x",
        "postgresql://u:correct horse@db/x",
        "postgresql://u:correct@horse",
        "postgresql:///horse",
        "postgresql://",
    ],
)
def test_address_that_could_be_misread_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(RunbookError, match=r"^platform_ledger: expected postgresql://user:password@host") as caught:
        PostgresStore(address)
    assert "horse" not in str(caught.value)


def test_missing_driver_says_what_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with (
        pytest.raises(RunbookError, match="needs psycopg2 on the control node"),
        PostgresStore("postgresql://u:correct-horse@db/x").reading(),
    ):
        pass


def test_refused_connection_is_one_line_without_the_password() -> None:
    store = PostgresStore("postgresql://u:correct-horse@127.0.0.1:1/x?connect_timeout=1")
    with pytest.raises(RunbookError) as caught, store.reading():
        pass
    message = str(caught.value)
    assert message.startswith("the ledger postgresql://u@127.0.0.1:1/x cannot be used:")
    assert "correct-horse" not in message and "\n" not in message
    assert caught.value.__cause__ is None


def test_named_turns_every_placeholder() -> None:
    assert _named(INSERT_ACTION) == "INSERT INTO actions VALUES (%(sequence)s, %(action)s)"


@pytest.mark.parametrize(("spelled", "value"), [("80", 80), ("80.0", 80.0), ('"x"', "x"), (None, None), ("no", "no")])
def test_read_gives_back_what_was_spelled(spelled: str | None, value: object) -> None:
    found = _read(spelled)
    assert (found, type(found)) == (value, type(value))
