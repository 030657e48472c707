# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ledger in a real PostgreSQL, in a database that is made for the tests and dropped behind them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest

from tests.support.procedures import ROOT, Ran, play
from tests.testbed import engine
from tests.testbed.layout import scenario_bed

BED = scenario_bed()
NAME = "ledger_under_test"


@dataclass(frozen=True)
class Database:
    """Where the ledger is, and how to get behind its back."""

    address: str
    password: str

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as the owner and return what the last one found."""
        with closing(psycopg2.connect(self.address)) as connection:
            cursor = connection.cursor()
            cursor.execute("SET search_path = runbook_ledger")
            for statement in statements:
                cursor.execute(statement)
            connection.commit()
            return cursor.fetchall() if cursor.description else []


def as_superuser(*statements: str) -> None:
    """Run statements on the server as its superuser, each for itself."""
    docker = engine.ensure()
    for statement in statements:
        words = ["psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-c", statement]
        docker.run("exec", BED.host("db").name, "runuser", "-u", "postgres", "--", *words)


def drop() -> None:
    """Leave nothing behind."""
    as_superuser(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", f"DROP ROLE IF EXISTS {NAME}")


@pytest.fixture
def database() -> Iterator[Database]:
    """A new database, owned by a role that can do nothing else; its password needs encoding."""
    password = f"p@ss/w:rd%{secrets.token_hex(8)}"
    drop()
    as_superuser(
        f"CREATE ROLE {NAME} LOGIN PASSWORD '{password}'",
        f"CREATE DATABASE {NAME} OWNER {NAME}",
    )
    yield Database(f"postgresql://{NAME}:{quote(password, safe='')}@{BED.host('db').address}:5432/{NAME}", password)
    drop()


@pytest.fixture(params=["file", "server"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger can be: what one store does, the other one does, too."""
    if request.param == "file":
        return str(tmp_path / "ledger.sqlite")
    made: Database = request.getfixturevalue("database")
    return made.address


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """Run a playbook on the test hosts."""
    reports = tmp_path_factory.mktemp("reports")

    def run_playbook(playbook: str, *options: str) -> Ran:
        folder = ("-e", f"platform_report_dir={reports}")
        return play(ROOT / "inventories/demo", playbook, *folder, *options, reports=reports, XORB_BED=BED.name)

    return run_playbook
