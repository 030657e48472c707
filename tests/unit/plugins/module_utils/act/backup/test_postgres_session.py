# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import contextlib

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres import inventory, session
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support.postgres_backups import Source


def test_lock_of_another_session_is_named_by_what_waits_for_it(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(session._SETTINGS, "lock_timeout", "'100ms'")
    with source.database("held", "CREATE TABLE busy (id int)"), contextlib.closing(source.connect("held")) as other:
        other.autocommit = False
        other.cursor().execute("LOCK TABLE busy")
        login = source.given("held")["login"]
        with session.session(login, "held") as one:
            # What is known without reading a table waits for nothing.
            assert [name for name, _persistence, _size in inventory.tables(one)] == ["public.busy"]
        with (
            session.session(login, "held") as one,
            pytest.raises(RunbookError, match=r"kept a lock for more than 5 minutes .* FROM ONLY public\.busy"),
        ):
            list(inventory.count_rows(one))
        other.rollback()
