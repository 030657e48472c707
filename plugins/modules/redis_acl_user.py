# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: redis_acl_user
short_description: Make a user of a Redis server exactly what it should be
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Creates or changes a user of a Redis server (6.0 or newer) with one command, and keeps it over a restart.
  - Whatever is not named is denied. Only a digest of the password is sent when the user is set.
requirements:
  - redis (Python library) on the host that runs the module
options:
  name:
    description: Name of the user.
    type: str
    required: true
  password:
    description: Its password.
    type: str
    required: true
  commands:
    description:
      - Commands and categories that it may use, in the form of the Redis ACL, for example V(+info) or V(+@read).
    type: list
    elements: str
    required: true
  keys:
    description: Patterns of keys that it may touch, for example V(~cache:*).
    type: list
    elements: str
    default: []
  channels:
    description: Patterns of channels that it may use, for example V(&events).
    type: list
    elements: str
    default: []
  persist:
    description: Keep the user over a restart, in the ACL file where the server has one, else in its configuration file.
    type: bool
    default: true
extends_documentation_fragment:
  - xorb.runbook.redis
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: full
  diff_mode:
    description: Shows what would change.
    support: full
    details:
      - The password and its digest are never shown.
  idempotent:
    description: Running it again changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: A user that may inspect and do nothing else
  xorb.runbook.redis_acl_user:
    login_password: "{{ vault_redis_password }}"
    name: xorb_monitor
    password: "{{ vault_redis_monitor_password }}"
    commands: [+ping, +info]
"""

RETURN = r"""
user:
  description: The user as it is now, or would be in check mode.
  returned: success
  type: dict
  sample: {"name": "xorb_monitor", "enabled": true, "commands": "-@all +info +ping", "keys": "", "channels": ""}
password_changed:
  description: Whether the password is a new one.
  returned: success
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._act.redis.acl import AclUser, ensure_user
from ansible_collections.xorb.runbook.plugins.module_utils._act.redis.client import RedisAclClient
from ansible_collections.xorb.runbook.plugins.module_utils._clients.redis_login import login_spec
from ansible_collections.xorb.runbook.plugins.module_utils._core import surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError


def main() -> None:
    """Entry of the module."""
    surroundings.leave()
    module = AnsibleModule(
        argument_spec={
            **login_spec(),
            "name": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "commands": {"type": "list", "elements": "str", "required": True},
            "keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "channels": {"type": "list", "elements": "str", "default": []},
            "persist": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    wanted = AclUser.wanted(
        given["name"],
        given["password"],
        commands=given["commands"],
        keys=given["keys"],
        channels=given["channels"],
    )
    try:
        outcome = ensure_user(RedisAclClient(given), wanted, persist=given["persist"], check_mode=module.check_mode)
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(
        changed=outcome.changed,
        password_changed=outcome.password_changed,
        user=outcome.after.summary,
        diff={"before": outcome.before.summary if outcome.before else {}, "after": outcome.after.summary},
    )


if __name__ == "__main__":
    main()
