# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is pure about a proof of PostgreSQL: definitions without their writing, differences, scripts of globals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.compare import (
    assertion_fault,
    inventory_differences,
)
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.inventory import canonical
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.scratch import (
    restore_error,
    roles_script,
    tablespaces_script,
)
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres.tools import Tools
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.postgres_backups import Source

SAME = [
    (
        "CHECK (((v)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
        "CHECK (((v)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))",
    ),
    ("'x'::character varying(9)", "'x'::varchar"),
    ("((n)::numeric(5,2) > 1.5)", "n > 1.5"),
    ("now()::timestamp(3) without time zone", "now()"),
    ('\'{}\'::"My"."type"[]', "'{}'"),
]
OTHER = [("a > 1", "a > 2"), ("v = 'a'", "v = 'b'"), ("lower(v)", "upper(v)"), ("a AND b", "a OR b")]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_casts_and_brackets_do_not_count(first: str, second: str) -> None:
    assert canonical(first) == canonical(second)


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_what_it_means_counts(first: str, second: str) -> None:
    assert canonical(first) != canonical(second)


#: Parts of conditions over the columns of the table below.
_VALUES = st.sampled_from(["v", "w", "'a'", "lower(v)", "v || 'x'", "coalesce(w, 'q')", "n::text", "upper(w)::varchar"])
_LISTS = st.lists(st.sampled_from(["'a'", "'b'", "'it''s'", "'(::text)'"]), min_size=1, max_size=3).map(", ".join)
_CONDITIONS = st.recursive(
    st.one_of(
        st.tuples(_VALUES, st.sampled_from(["IN", "NOT IN"]), _LISTS).map(lambda x: f"({x[0]}) {x[1]} ({x[2]})"),
        st.tuples(_VALUES, _VALUES).map(lambda x: f"{x[0]} LIKE {x[1]}"),
        st.tuples(_VALUES, _VALUES, _VALUES).map(lambda x: f"{x[0]} BETWEEN {x[1]} AND {x[2]}"),
        st.integers(0, 99).map(lambda x: f"n > {x}"),
        st.integers(0, 99).map(lambda x: f"d > now() - interval '{x} days'"),
    ),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})"),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(conditions=st.lists(_CONDITIONS, min_size=10, max_size=10))
def test_a_definition_is_the_same_after_any_restore(shared_source: Source, conditions: list[str]) -> None:
    """The server reads what it wrote, as a restore makes it, and writes it again."""
    columns = "v varchar(9), w varchar, n numeric(5, 2), d timestamp"
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass ORDER BY conname"

    def checked(checks: list[str]) -> list[str]:
        constraints = [f"ALTER TABLE t ADD CONSTRAINT c{number} {check}" for number, check in enumerate(checks)]
        rows = shared_source.sql("postgres", f"CREATE TEMPORARY TABLE t ({columns})", *constraints, query)
        return [text for (text,) in rows]

    first = checked([f"CHECK ({condition})" for condition in conditions])
    assert list(map(canonical, first)) == list(map(canonical, checked(first)))


def test_differences_are_named_and_few_of_many() -> None:
    before = {f"index i{number:03}": "1" for number in range(100)}
    missing = list(inventory_differences("database app", before, {"schema public": "x"}))
    assert missing == [f"database app: missing: {', '.join(f'index i{number:03}' for number in range(10))} and 90 more"]
    assert list(inventory_differences("x", before, dict(before))) == []


@pytest.mark.parametrize(
    ("assertion", "value", "holds"),
    [
        ({"equals": "1"}, 1, True), ({"equals": "true"}, True, True), ({"equals": "t"}, True, False),
        ({"equals": ""}, None, False), ({"min": 0.0}, 0, True), ({"min": 0.0}, float("nan"), False),
        ({"max": 0.0}, float("nan"), False), ({"min": 0.0}, "x", False), ({"min": 0.0, "max": 2.0}, 3, False),
    ],
)  # fmt: skip
def test_assertions(assertion: dict[str, Any], value: Any, holds: bool) -> None:
    assert (assertion_fault({"database": "d", "query": "q", **assertion}, value) == "") is holds


def test_the_superuser_of_a_new_server_is_made_once() -> None:
    dumped = 'CREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER;\nCREATE ROLE "Post""gres";\nCREATE ROLE a;'
    assert roles_script(dumped, "postgres").startswith("ALTER ROLE postgres")
    assert '"Post""gres"' not in roles_script(dumped, 'Post"gres')
    assert "CREATE ROLE a;" in roles_script(dumped, "postgres")


def test_tablespaces_go_elsewhere(tmp_path: Path) -> None:
    dumped = """CREATE TABLESPACE fast OWNER postgres LOCATION '/srv/a''b';
CREATE TABLESPACE "two words" OWNER "a b" LOCATION E'/srv/x';
ALTER TABLESPACE fast SET (seq_page_cost = 2);
"""
    script = tablespaces_script(dumped, tmp_path / "spaces", Tools("", ""))
    assert "/srv" not in script
    assert script.count(str(tmp_path)) == 2
    assert script.endswith("ALTER TABLESPACE fast SET (seq_page_cost = 2);\n")


def test_an_error_of_a_restore_names_its_object() -> None:
    serial = (
        "pg_restore: while PROCESSING TOC:\n"
        "pg_restore: from TOC entry 3322; 1259 16389 INDEX x_f postgres\n"
        "pg_restore: error: could not execute query: ERROR:  function h(text) does not exist\n"
        "LINE 1: h(t)\nCommand was: CREATE INDEX x_f ON public.x USING btree (public.f(v));\n"
    )
    assert restore_error(serial).startswith("INDEX x_f postgres: pg_restore: error: could not execute query: ERROR:")
    parallel = serial.replace("pg_restore: from TOC entry 3322; 1259 16389 INDEX x_f postgres\n", "")
    assert restore_error(parallel).startswith("CREATE INDEX x_f ON public.x USING btree (public.f(v));: pg_restore:")
    assert restore_error("pg_restore: error: could not open file") == "pg_restore: error: could not open file"
