# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The backups of a service: by which of its endpoints each logs in, and what that comes to."""

from __future__ import annotations

import hashlib
from bisect import bisect
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._backup import drills
from ansible_collections.xorb.runbook.plugins.module_utils._backup.copies import KEY, KIND
from ansible_collections.xorb.runbook.plugins.module_utils._backup.spec import KINDS, NO_COPIES

from .._core.messages import suggest
from .model import Point
from .schema import NAME
from .secrets import _is_unresolved

#: What a name of a kind of probe begins with that inspects backups; the rest is the kind of the backup.
PREFIX = "backup_"

#: The kinds of probe that inspect backups.
PROBES = tuple(f"{PREFIX}{name}" for name in KINDS)

#: The kinds that stand below something else, with the key that they stand under there.
BELOW: Mapping[str, tuple[str, str]] = {KIND: (KEY, "a backup"), drills.KIND: (drills.KEY, "a copy")}

#: The kinds of endpoints that a backup can log in by.
_ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    "postgres": ("postgres", "postgres_stats"),
    "redis": ("redis", "redis_stats"),
}

#: What a login comes to where neither the backup nor its endpoint says so.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "postgres": {"address": "localhost", "port": 5432, "timeout": 5.0},
    "redis": {"address": "localhost", "port": 6379, "tls": False, "timeout": 5.0},
}

#: Where PostgreSQL of a distribution listens for logins by the system's own users.
_SOCKETS = "/var/run/postgresql"


def kind_of(probe: str) -> str:
    """The kind of the backups that a kind of probe inspects; empty where it inspects something else."""
    return probe[len(PREFIX) :] if probe in PROBES else ""


def apart(given: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[tuple[str, str, Mapping[str, Any], str]]]:
    """A description without what stands below it, and of that each with its path, name, options, and what is wrong.

    A copy is inspected as a point of its own, which has the folder of its backup; and so is the drill of a copy, which
    another host inspects.
    """
    if KEY not in given or kind_of(str(given.get("kind"))) == "":
        return given, []
    own = {name: value for name, value in given.items() if name != KEY}
    described = given[KEY]
    if given.get("engine") == "pgbackrest":
        return own, [(KEY, "", {}, NO_COPIES)]
    if not isinstance(described, Mapping) or not described:
        return own, [(KEY, "", {}, "expected a map of names to descriptions, written out")]
    below: list[tuple[str, str, Mapping[str, Any], str]] = []
    for name, options in described.items():
        path, fault = f"{KEY}.{name}", _fault_of_copy(str(name), options, described)
        below.append((path, str(name), _options_of_copy(options, own), fault))
        if not fault and drills.KEY in options:
            drill = options[drills.KEY]
            below.append(
                (f"{path}.{drills.KEY}", f"{name}.{drills.KEY}", _options_of_drill(drill), _wrong_drill(drill))
            )
    return own, below


def _options_of_copy(options: Any, backup: Mapping[str, Any]) -> dict[str, Any]:
    folder = {name: backup[name] for name in ("directory",) if name in backup}
    given = options if isinstance(options, Mapping) else {}
    return {**{name: value for name, value in given.items() if name != drills.KEY}, **folder, "kind": KIND}


def _options_of_drill(options: Any) -> dict[str, Any]:
    return {**(options if isinstance(options, Mapping) else {}), "kind": drills.KIND}


def _wrong_drill(options: Any) -> str:
    if not isinstance(options, Mapping):
        return "expected a map with the key 'hosts'"
    return "kind: unknown key; a copy has one kind of drill" if "kind" in options else ""


def _fault_of_copy(name: str, options: Any, described: Mapping[str, Any]) -> str:
    if not NAME.match(name):
        return "a name has letters, digits and underscores only"
    if [str(other).lower() for other in described].count(name.lower()) > 1:
        return "differs from another one in upper and lower case only; give it another name"
    if not isinstance(options, Mapping):
        return "expected a map with the keys 'repository' and 'password'"
    for key in ("directory", "kind"):
        if key in options:
            return f"{key}: unknown key; it follows from the backup"
    return ""


def faults(
    points: Iterable[Point], endpoints: Collection[str], groups: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, str]]:
    """What is wrong with the logins of backups, and with where they are verified and drilled, as path and message.

    ``points`` are the sound ones of a service, ``endpoints`` the names of all its endpoints, ``groups`` those of the
    inventory with their hosts.
    """
    known = {point.name: point for point in points}
    for point in known.values():
        kind = kind_of(point.kind.name)
        if kind in _ENDPOINTS:
            yield from ((f"{point.path}.endpoint", message) for message in _faults(kind, point, known, endpoints))
        key = "hosts" if point.kind.name == drills.KIND else "verify_on" if kind else ""
        if point.given.get(key) is not None:
            yield from ((f"{point.path}.{key}", message) for message in _misplaced(point, key, groups))


def drilled_on(
    name: str, given: Mapping[str, Any], owners: Iterable[str], groups: Mapping[str, Collection[str]]
) -> dict[str, list[str]]:
    """The hosts that drill the copy of a name, each with the owners whose copy it drills: of each owner, one does.

    Hosts and owners are on a ring by their digests, and an owner's is the next host that is not itself. So a host that
    comes or goes changes nothing for the owners that had another one, and thousands of both cost no more than a sort.
    """
    ring = sorted((_digest(host), host) for host in _hosts(given.get("hosts"), groups))
    found: dict[str, list[str]] = defaultdict(list)
    for owner in owners:
        place = bisect(ring, (_digest(f"{name} {owner}"), ""))
        following = (ring[(place + step) % len(ring)][1] for step in range(min(len(ring), 2)))
        for host in [host for host in following if host != owner][:1]:
            found[host].append(owner)
    return dict(found)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def verifiers(pattern: str, owner: str, groups: Mapping[str, Collection[str]]) -> list[str]:
    """The hosts that a pattern names to prove the sets of an owner, which is none of them."""
    return [host for host in _hosts(pattern, groups) if host != owner]


def _hosts(pattern: Any, groups: Mapping[str, Collection[str]]) -> Collection[str]:
    """The hosts of a group, or the host of that name."""
    return groups.get(pattern) or [host for host in groups.get("all", ()) if host == pattern]


def _misplaced(point: Point, key: str, groups: Mapping[str, Collection[str]]) -> Iterator[str]:
    pattern, hosts = point.given[key], groups.get("all", ())
    if _is_unresolved(pattern):
        yield "expected the name of a host or of a group, written out"
    elif pattern not in groups and pattern not in hosts:
        names = [*(group for group, members in groups.items() if members), *hosts]
        yield f"{pattern!r} is neither a group nor a host of the inventory{suggest(str(pattern), names)}"
    else:
        alone = [owner for owner in point.owners if not verifiers(pattern, owner, groups)]
        if alone:
            lacks = f"host beside {alone[0]} itself" if groups.get(pattern, hosts) else "hosts"
            yield f"{pattern!r} has no {lacks}: sets would be {_NOWHERE[key]}; name another host, or a group with one"


#: What does not happen where a key names no host for it.
_NOWHERE = {"verify_on": "verified nowhere", "hosts": "drilled nowhere"}


def _faults(kind: str, point: Point, known: Mapping[str, Point], endpoints: Collection[str]) -> Iterator[str]:
    name, login = point.given.get("endpoint"), point.given.get("login") or {}
    kinds = _ENDPOINTS[kind]
    if name is None:
        named = _is_unresolved(login) or any(login.get(key) for key in ("user", "os_user"))
        if kind == "postgres" and not named:
            yield "missing; expected an endpoint of the service, or a login with its user"
    elif _is_unresolved(name):
        yield "expected the name of an endpoint, written out"
    elif name not in endpoints:
        fitting = [other for other in endpoints if other in known and known[other].kind.name in kinds]
        yield f"the service has no endpoint {name!r}{suggest(str(name), fitting)}"
    elif name in known and known[name].kind.name not in kinds:
        yield f"expected an endpoint of the kind {' or '.join(kinds)}, and {name!r} is a {known[name].kind.name}"


def login(kind: str, own: Mapping[str, Any], endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """How the server of a backup is reached: as its endpoint is, unless the backup says otherwise.

    A password belongs to its user: where the backup names another one, that of the endpoint is none of it.
    """
    names = set(KINDS[kind]["login"].options)
    stated = {name: value for name, value in own.items() if value is not None}
    lent = {name: value for name, value in endpoint.items() if name in names and value is not None}
    user = "user" if kind == "postgres" else "username"
    if stated.get(user, lent.get(user)) != lent.get(user):
        lent.pop("password", None)
    merged = {**dict.fromkeys(names), **_DEFAULTS[kind], **lent, **stated}
    if kind == "postgres" and merged["os_user"]:
        merged["user"] = merged["user"] or merged["os_user"]
        if "address" not in {**lent, **stated}:
            merged["address"] = _SOCKETS
    return merged
