# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""By which versions of libc and ICU a database sorts text, and what of it depends on that: indexes, and partitions.

A dump has no index in it: each is built anew where it is restored. What is sorted in another way then gives other rows
for a range, and rows of a partitioned table may belong to another part; so it is the operator who accepts that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...._core.text import clean, some_of
from .databases import Databases
from .session import Session

#: Names that a sentence lists.
_NAMES = 3

#: Since this version the server says by what it sorts a whole database.
_OF_DATABASE_SINCE = 15

_PROVIDERS: Mapping[str, str] = {"c": "libc", "i": "icu"}

# Nothing sorts C and POSIX, nor what is in the server itself, in another way elsewhere.
_USED = """
WITH used AS (
  SELECT unnest(x.indcollation) AS sorted_by, 'index ' || x.indexrelid::regclass AS name
    FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indexrelid >= 16384 AND c.relkind IN ('i', 'I')
  UNION SELECT unnest(p.partcollation), 'partitioned table ' || p.partrelid::regclass FROM pg_partitioned_table p
), known AS (
  SELECT c.oid, c.collprovider::text AS provider, coalesce(to_jsonb(c) ->> 'colllocale',
      to_jsonb(c) ->> 'colliculocale', c.collcollate) AS locale, pg_collation_actual_version(c.oid) AS version
    FROM pg_collation c WHERE c.collprovider <> 'd' AND c.oid IN (SELECT sorted_by FROM used)
  UNION ALL SELECT c.oid, coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'), coalesce(to_jsonb(d) ->> 'datlocale',
      to_jsonb(d) ->> 'daticulocale', d.datcollate), {version}
    FROM pg_collation c, pg_database d WHERE c.collprovider = 'd' AND d.datname = current_database()
)
SELECT provider, locale, version, array_agg(DISTINCT name ORDER BY name) FROM known JOIN used ON sorted_by = oid
WHERE provider IN ('c', 'i') AND NOT (provider = 'c' AND (locale IN ('C', 'POSIX') OR locale ILIKE 'C.%'))
GROUP BY 1, 2, 3 ORDER BY 1, 2"""


def used(session: Session) -> list[dict[str, Any]]:
    """What sorts text of the session's database: ``provider``, ``locale``, ``version``, and what it is ``used_by``.

    The version is none where the server does not know it.
    """
    by_server = session.major >= _OF_DATABASE_SINCE
    query = _USED.format(version="pg_database_collation_actual_version(d.oid)" if by_server else "NULL")
    return [
        {
            "provider": _PROVIDERS[provider],
            "locale": locale,
            "version": version,
            "used_by": list(map(session.text, names)),
        }
        for provider, locale, version, names in session.rows(query)
    ]


def refusals(found: Iterable[Mapping[str, Any]], databases: Databases, *, same_server: bool) -> Iterator[str]:
    """Why text would be sorted in another way here, or may be: a version that is not known is not the same."""
    for one in found:
        here = databases.collation_version(one["provider"], one["locale"])
        if here == one["version"] and (here is not None or same_server):
            continue
        versions = [value or "no version that is known" for value in (one["version"], here)]
        yield (
            f"text in {clean(one['locale'])} was sorted by {one['provider']} {versions[0]} where the set was taken, and"
            f" here it is by {versions[1]}: {some_of(map(clean, one['used_by']), _NAMES)} depend on that; accept it by"
            " backup_restore_accept_collations: true, and all of them are built anew here"
        )
