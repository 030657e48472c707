# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection to a Redis server: the only file that knows redis-py where users are changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core import drivers
from ..._core.errors import RunbookError
from .acl import AclUser


class RedisAclClient:
    """Reads and sets the users of a server."""

    def __init__(self, login: Mapping[str, Any]) -> None:
        self._driver = drivers.load("redis")
        secure = {
            "ssl": True,
            "ssl_ca_certs": login["ca"],
            "ssl_certfile": login["client_cert"],
            "ssl_keyfile": login["client_key"],
        }
        self._connection = self._driver.Redis(
            host=login["login_host"],
            port=login["login_port"],
            username=login["login_user"],
            password=login["login_password"],
            socket_timeout=login["login_timeout"],
            socket_connect_timeout=login["login_timeout"],
            decode_responses=True,
            **(secure if login["tls"] else {}),
        )
        # The driver's own reading moves some of the rules out of the order that Redis keeps them in.
        self._connection.set_response_callback("ACL GETUSER", lambda reply, **_options: reply)
        self._where = f"redis at {login['login_host']}:{login['login_port']}"

    def get_user(self, name: str) -> AclUser | None:
        """Return the user, or nothing where there is none."""
        reply = self._command("ACL GETUSER", name)
        if reply is None:
            return None
        # RESP2 gives a flat list, which older drivers leave as it is.
        if isinstance(reply, (list, tuple)):
            reply = dict(zip(reply[::2], reply[1::2]))
        return AclUser.from_reply(name, reply)

    def set_user(self, user: AclUser) -> None:
        """Make the user exactly so."""
        self._command("ACL SETUSER", user.name, *user.rules)

    def save(self) -> None:
        """Keep the users over a restart: in the ACL file where there is one, else in the configuration file."""
        try:
            self._command("ACL SAVE")
        except RunbookError:
            self._command("CONFIG REWRITE")

    def _command(self, *words: str) -> Any:
        try:
            return self._connection.execute_command(*words)
        except self._driver.RedisError as exc:
            raise RunbookError(f"{self._where}: {words[0]}: {exc}") from exc
