# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import contextlib

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres import inventory, session
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support.postgres_backups import Source


def test_server_that_cannot_answer_is_no_answer(source: Source) -> None:
    """An assertion, or a check of an index, that the server has no room for says nothing about what it asks."""
    sorts = "SELECT count(*) FROM (SELECT md5(i::text) FROM generate_series(1, 200000) i ORDER BY 1) AS sorted"
    with source.database("app"), session.session(source.given("app")["login"], "app") as one:
        assert one.try_value("SELECT 1 / 0") == (None, "database app: division by zero")
        one.execute("SET LOCAL temp_file_limit = '64kB'")
        one.execute("SET LOCAL work_mem = '64kB'")
        with pytest.raises(RunbookError, match="temp_file_limit"):
            one.try_value(sorts)


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
