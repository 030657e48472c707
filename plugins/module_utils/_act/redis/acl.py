# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users of a Redis server: what one should be, what it is, and the one command that makes it so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..._core.errors import RunbookError


@dataclass(frozen=True)
class AclUser:
    """A user as Redis describes it. ``password_sha256`` is how Redis itself keeps the password."""

    name: str
    password_sha256: str
    commands: tuple[str, ...]
    keys: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    enabled: bool = True

    @classmethod
    def wanted(cls, name: str, password: str, *, commands: list[str], keys: list[str], channels: list[str]) -> AclUser:
        """The user that is to be; everything not named is denied."""
        digest = hashlib.sha256(password.encode()).hexdigest()
        return cls(name, digest, _ordered(["-@all", *commands]), tuple(sorted(keys)), tuple(sorted(channels)))

    @classmethod
    def from_reply(cls, name: str, reply: Mapping[str, Any]) -> AclUser:
        """The user that ``ACL GETUSER`` describes, from Redis 6 (lists) or later (texts)."""
        passwords = [str(password) for password in reply.get("passwords", ())]
        flags = [str(flag) for flag in reply.get("flags", ())]
        return cls(
            name,
            passwords[0] if len(passwords) == 1 and "nopass" not in flags else "",
            _ordered(_words(reply.get("commands"))),
            tuple(sorted(_words(reply.get("keys")))),
            tuple(sorted(_words(reply.get("channels")))),
            enabled="on" in flags,
        )

    @property
    def rules(self) -> list[str]:
        """The rules that make exactly this user out of any other."""
        return [
            "reset",
            "on" if self.enabled else "off",
            f"#{self.password_sha256}",
            *self.keys,
            "resetchannels",
            *self.channels,
            *self.commands,
        ]

    @property
    def summary(self) -> dict[str, Any]:
        """The user for a diff, without the password's digest."""
        return {
            "name": self.name,
            "enabled": self.enabled,
            "commands": " ".join(self.commands),
            "keys": " ".join(self.keys),
            "channels": " ".join(self.channels),
        }


class AclClient(Protocol):
    """What is needed of a connection."""

    def get_user(self, name: str) -> AclUser | None:
        """Return the user, or nothing where there is none."""

    def set_user(self, user: AclUser) -> None:
        """Make the user exactly so."""

    def save(self) -> None:
        """Keep the users over a restart. Raises `RunbookError` where the server cannot."""


@dataclass(frozen=True)
class Outcome:
    """What was, what is, and what was done about it."""

    changed: bool
    password_changed: bool
    before: AclUser | None
    after: AclUser


def ensure_user(client: AclClient, wanted: AclUser, *, persist: bool, check_mode: bool) -> Outcome:
    """Make a user exactly what is wanted, and keep it.

    It is kept even where nothing changes: an earlier run may have been killed between setting and keeping it.
    """
    before = client.get_user(wanted.name)
    outcome = Outcome(
        changed=before != wanted,
        password_changed=before is None or before.password_sha256 != wanted.password_sha256,
        before=before,
        after=wanted,
    )
    if check_mode:
        return outcome
    if outcome.changed:
        client.set_user(wanted)
        if client.get_user(wanted.name) != wanted:
            raise RunbookError(f"redis user {wanted.name!r} is not what it was set to")
    if persist:
        client.save()
    return outcome


def _ordered(rules: list[str]) -> tuple[str, ...]:
    """Rules that only allow, in one order, for Redis 7.0 returns them in another than it was given.

    Where one forbids again what another allows, the order has a meaning and stays.
    """
    first, allowed = rules[:1], rules[1:]
    if all(rule.startswith("+") for rule in allowed):
        allowed = sorted(set(allowed))
    return (*first, *allowed)


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [word for item in value for word in _words(item)]
    return str(value).split()
