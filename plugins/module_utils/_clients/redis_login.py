# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the user of a module names the Redis server to log in to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def login_spec() -> dict[str, Any]:
    """Options of every module that logs in to Redis; in step with the doc fragment ``redis``."""
    return {
        "login_host": {"type": "str", "default": "localhost"},
        "login_port": {"type": "int", "default": 6379},
        "login_user": {"type": "str"},
        "login_password": {"type": "str", "no_log": True},
        "login_timeout": {"type": "float", "default": 5.0},
        "tls": {"type": "bool", "default": False},
        "ca": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
    }


def login_given(login: Mapping[str, Any]) -> dict[str, Any]:
    """What a kind is given where a module's user wrote ``login``."""
    return {
        "address": login["login_host"],
        "port": login["login_port"],
        "username": login["login_user"],
        "password": login["login_password"],
        "database": 0,
        "timeout": login["login_timeout"],
        **{name: login[name] for name in ("tls", "ca", "client_cert", "client_key", "server_name")},
    }
