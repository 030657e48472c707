# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a backup of PostgreSQL costs and takes, beside the runbook's ``pg_dump | gzip`` and ``gunzip | psql``.

Needs no host: a server on the loopback address with about a gigabyte of rows in eight tables, all of whose bytes a
shop could have. Both sides run in turn. Ours counts, digests and reads everything back; the runbook's does not.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.benchmark.figure import Figure, figure
from tests.support.peers import postgres_programs, postgres_server
from tests.testbed.layout import ROOT
from tests.testbed.progress import say

ROUNDS = 3
SECONDS, MEBIBYTES = "s", "MiB"

DUMP = "PostgreSQL dumped / pg_dump | gzip"
WHOLE = "backup of PostgreSQL / pg_dump | gzip"
SIZE = "size of a backup of PostgreSQL / pg_dump | gzip"
VERIFIED = "verified restore of PostgreSQL / gunzip | psql"
NAMES = (DUMP, WHOLE, SIZE, VERIFIED)

#: The most that each ratio may be. With the tools of PostgreSQL 16 and later a backup is no larger at all.
GOALS: Mapping[str, float] = {DUMP: 0.3, WHOLE: 0.45, SIZE: 1.1, VERIFIED: 1.1}

#: How large the database is; a test takes less.
SCALE = 1.0

_WORDS = "the backup database restored customer order is was never before after table with payment delivery please call"


def _words(expression: str, words: str) -> str:
    """SQL that takes one of some words, by a number."""
    items = words.split()
    return f"(ARRAY{items})[1 + ({expression})::int % {len(items)}]"


#: Rows of each table at scale one, and its columns of a number ``i``: keys, names, times, amounts, JSON and prose.
TABLES: Mapping[str, tuple[int, str]] = {
    "customers": (500_000, f"""
        i AS id, {_words("random() * 1e6", "Anna Björn Carla David Elif Farid Greta Hugo Ines")} || ' ' ||
        {_words("random() * 1e6", "Andersson Müller Rossi Smith Yilmaz Nguyen Garcia")} AS name,
        'user' || i || '@example.org' AS email, gen_random_uuid() AS uid,
        timestamp '2024-01-01' + random() * interval '900 days' AS created"""),
    "addresses": (500_000, f"""
        i AS id, i AS customer, {_words("random() * 1e6", "Main Mill Station Church Garden Lake")} || ' street ' ||
        (random() * 200)::int AS street, (10000 + random() * 89999)::int::text AS code"""),
    "products": (200_000, f"""
        i AS id, {_words("i", "blue red green")} || ' ' || {_words("i / 3", "chair table lamp shelf")} || i
        AS name, (random() * 1000)::numeric(10, 2) AS price, md5(i::text) AS code"""),
    "orders": (1_500_000, f"""
        i AS id, (random() * 500000)::int AS customer, (random() * 1e5)::numeric(10, 2) AS amount,
        {_words("random() * 1e6", "new paid shipped returned")} AS status,
        timestamp '2024-01-01' + i * interval '17 seconds' AS at"""),
    "items": (3_000_000, """
        i AS id, i / 2 AS "order", (random() * 200000)::int AS product, 1 + (random() * 5)::int AS number"""),
    "events": (1_500_000, f"""
        i AS id, gen_random_uuid() AS uid, jsonb_build_object('type',
        {_words("random() * 1e6", "click view buy login")},
        'page', '/shop/item/' || (random() * 5000)::int, 'agent', 'Mozilla/5.0 (X11; Linux x86_64)',
        'ip', '10.' || (random() * 255)::int || '.' || (random() * 255)::int || '.7', 'ms', (random() * 1000)::int)
        AS body, timestamptz '2024-01-01' + i * interval '3 seconds' AS at"""),
    "sessions": (700_000, """
        gen_random_uuid() AS id, (random() * 500000)::int AS customer, md5(random()::text) AS token,
        now() - random() * interval '30 days' AS seen"""),
    "notes": (300_000, f"""
        i AS id, (SELECT string_agg({_words("random() * 1e6", _WORDS)}, ' ') FROM generate_series(1, 30 + i % 20))
        AS text"""),
}  # fmt: skip


def statements(scale: float) -> Iterator[str]:
    """What makes the tables, each with a key, and some of the indexes that a shop would have."""
    for name, (rows, columns) in TABLES.items():
        most = max(int(rows * scale), 1)
        yield f"CREATE TABLE {name} AS SELECT {columns} FROM generate_series(1, {most}) i"
        yield f"ALTER TABLE {name} ADD PRIMARY KEY (id)"
    yield "CREATE INDEX ON orders (customer)"
    yield 'CREATE INDEX ON items ("order")'
    yield "VACUUM ANALYZE"


def figures(scale: float = SCALE, rounds: int = ROUNDS) -> list[Figure]:
    """The figures of all rows."""
    costs: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in NAMES}
    sys.path.insert(0, str(ROOT / ".ansible/collections"))
    measuring = importlib.import_module("tests.benchmark.backup_round")
    with _patched_path(), postgres_server(*measuring.SETTINGS) as server:
        source = measuring.filled(server, statements(scale))
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                for name, (ours, peer) in measuring.run(source, Path(folder)).items():
                    costs[name][0].append(ours)
                    costs[name][1].append(peer)
                    say(f"round {number + 1}: {name}: {ours:.2f} / {peer:.2f}")
    return [
        figure(name, MEBIBYTES if name == SIZE else SECONDS, ours, peer, goal=GOALS[name])
        for name, (ours, peer) in costs.items()
    ]


@contextmanager
def _patched_path() -> Iterator[None]:
    """PostgreSQL's programs where the engine finds them."""
    if shutil.which("initdb"):
        yield
        return
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{before}{os.pathsep}{postgres_programs()}"
    try:
        yield
    finally:
        os.environ["PATH"] = before
