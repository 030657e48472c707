# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""By which programs a server is worked on, and how they reach it: on this host, else in the server's own container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from .. import compose
from . import tools as programs
from .session import Login
from .tools import Tools


def tools_of(given: Mapping[str, Any], major: int, wanted: Sequence[str]) -> Tools | None:
    """Programs of the server's own major version: others write what this server cannot read again."""
    found = programs.find(major, wanted, user=given["login"].get("os_user") or "")
    if found is None and given.get("container"):
        container = str(compose.container_of(given["container"])["Id"])
        return programs.find_in_container(container, major, wanted)
    return found


def without_tools(given: Mapping[str, Any], version: str, wanted: Sequence[str]) -> str:
    """What is said to the operator where there are none."""
    here = ", ".join(programs.versions_here(wanted)) or "none"
    major = version.partition(".")[0]
    container = ", and its container has none" if given.get("container") else ""
    return (
        f"the server is PostgreSQL {version}, and {wanted[0]} on this host is of version {here}{container}: what one"
        f" version writes another may not know; install the package postgresql-client-{major}"
    )


def login_of(login: Login, tools: Tools, value: Callable[[str], Any]) -> Login:
    """The login of a server as some tools make it; ``value`` is the one that the server gives for a query."""
    if not tools.container:
        return login
    # As a client in its own container reaches it, whatever ports are published.
    sockets = str(value("SELECT current_setting('unix_socket_directories')")).split(",")
    port = int(value("SELECT current_setting('port')"))
    names = ("user", "password", "timeout")
    return {
        **{name: login.get(name) for name in names},
        "address": sockets[0].strip() or "127.0.0.1",
        "port": port,
        "sslmode": "prefer",
    }
