# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A user of Redis: decided first, set once, kept always; and the module's own edge."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.xorb.runbook.plugins.module_utils._act.redis.acl import AclUser, ensure_user
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.modules import redis_acl_user

PASSWORD = "correct horse battery"  # noqa: S105 - of a server that does not exist
WANTED = AclUser.wanted("monitor", PASSWORD, commands=["+ping", "+info"], keys=[], channels=[])


@dataclass
class Server:
    """A Redis server with users and a record of its commands."""

    users: dict[str, AclUser] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    deaf: bool = False

    def get_user(self, name: str) -> AclUser | None:
        return self.users.get(name)

    def set_user(self, user: AclUser) -> None:
        self.commands.append("set")
        if not self.deaf:
            self.users[user.name] = user

    def save(self) -> None:
        self.commands.append("save")


def test_ensure_user_missing_is_made_and_kept() -> None:
    server = Server()
    outcome = ensure_user(server, WANTED, persist=True, check_mode=False)
    assert (outcome.changed, outcome.password_changed, server.commands) == (True, True, ["set", "save"])


def test_ensure_user_right_is_kept_all_the_same() -> None:
    server = Server({"monitor": WANTED})
    outcome = ensure_user(server, WANTED, persist=True, check_mode=False)
    assert (outcome.changed, server.commands) == (False, ["save"])


def test_ensure_user_check_mode_sends_no_command() -> None:
    server = Server()
    assert ensure_user(server, WANTED, persist=True, check_mode=True).changed
    assert server.commands == []


def test_ensure_user_that_does_not_take_is_an_error() -> None:
    with pytest.raises(RunbookError, match="is not what it was set to"):
        ensure_user(Server(deaf=True), WANTED, persist=True, check_mode=False)


@pytest.mark.parametrize(
    "reply",
    [
        # Redis 6 has lists, later ones have texts; both were seen on real servers.
        {"commands": "-@all +ping +info", "keys": [], "channels": [], "flags": ["on"]},
        {"commands": "-@all +ping +info", "keys": "", "channels": "", "flags": ["on", "sanitize-payload"]},
        # Redis 7.0 has an order of its own.
        {"commands": "-@all +info +ping", "keys": "", "channels": "", "flags": ["on"]},
    ],
)
def test_acl_user_from_reply_equals_the_wanted(reply: dict[str, Any]) -> None:
    assert AclUser.from_reply("monitor", {**reply, "passwords": [WANTED.password_sha256]}) == WANTED


@pytest.mark.parametrize(
    "reply",
    [
        {"flags": ["off"]},
        {"flags": ["on", "nopass"]},
        {"passwords": ["0" * 64]},
        {"passwords": [WANTED.password_sha256, "0" * 64]},
        {"commands": "+@all"},
        {"commands": "-@all +info +ping -info"},
        {"keys": "~*"},
        {"channels": "&*"},
    ],
)
def test_acl_user_with_more_or_less_differs(reply: dict[str, Any]) -> None:
    right = {
        "commands": "-@all +ping +info",
        "keys": "",
        "channels": "",
        "flags": ["on"],
        "passwords": [WANTED.password_sha256],
    }
    assert AclUser.from_reply("monitor", right) == WANTED
    assert AclUser.from_reply("monitor", {**right, **reply}) != WANTED


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], client: Any) -> dict[str, Any]:
    """Run the module as Ansible would, against ``client``."""
    monkeypatch.setattr(redis_acl_user, "RedisAclClient", client)
    given = {"name": "monitor", "password": PASSWORD, "commands": ["+ping", "+info"]}
    with patch_module_args(given), pytest.raises(SystemExit):
        redis_acl_user.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_main_shows_no_password_and_no_digest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(monkeypatch, capsys, lambda _login: Server())
    assert result["changed"] and result["user"]["commands"] == "-@all +info +ping"
    assert PASSWORD not in json.dumps(result) and WANTED.password_sha256 not in json.dumps(result)


def test_main_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_login: Any) -> Server:
        raise RunbookError("redis at localhost:6379: ACL GETUSER: NOPERM")

    result = run(monkeypatch, capsys, refuse)
    assert result["failed"] and result["msg"] == "redis at localhost:6379: ACL GETUSER: NOPERM"


def test_main_returns_what_it_documents(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(monkeypatch, capsys, lambda _login: Server())
    assert set(yaml.safe_load(redis_acl_user.RETURN)) == set(result) - {"changed", "diff", "invocation"}
