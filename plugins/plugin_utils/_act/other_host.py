# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Another host of the inventory, for a step that is taken on one.

What is asked there runs as a task does that is delegated: by that host's own connection, user and interpreter, and
whether or not a limit leaves it out of the run. Nothing of it is beside what Ansible itself does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ansible import constants
from ansible.executor.task_executor import TaskExecutor
from ansible.plugins.action import ActionBase
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from .._core.lock import locked
from .._platform.inventory import Inventory

#: Seconds that a host is waited for on which this very run is at work: the task has a timeout of its own.
_PATIENCE = 7 * 86400.0


class Acting(Protocol):
    """What a step needs of a host: the modules of this collection there, and what is known of the run."""

    @property
    def name(self) -> str:
        """The name of the procedure."""

    @property
    def check_mode(self) -> bool:
        """Whether nothing may be changed."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """The variables of the host."""

    def inventory(self) -> Inventory:
        """The inventory as the host sees it."""

    def module(self, name: str, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a module of this collection returns from the host."""

    def reconnect(self) -> None:
        """Begin a new connection to the host, for the next module."""


class OtherHost:
    """See `Acting`. ``action`` is the step that is taken, on its own host."""

    def __init__(self, action: ActionBase, host: str, name: str, own: Mapping[str, Any]) -> None:
        self._action = action
        self._host = host
        self._own = own
        self.name = name

    @property
    def check_mode(self) -> bool:
        """See `Acting`."""
        return bool(self._action._task.check_mode)

    @cached_property
    def variables(self) -> Mapping[str, Any]:
        """See `Acting`. Which hosts the play has is the same on all of them."""
        play = {name: value for name, value in self._own.items() if name.startswith("ansible_play_")}
        hostvars = self._own["hostvars"]
        return {**hostvars.raw_get(self._host), **play, "hostvars": hostvars}

    def inventory(self) -> Inventory:
        """See `Acting`."""
        return Inventory(self.variables, self._action._templar)

    def module(self, name: str, arguments: Mapping[str, Any], _variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Acting`. Where the host cannot be reached, that is in the result, and not what becomes of the task."""
        hostvars = self._own["hostvars"]
        executor = TaskExecutor(
            hostvars._inventory.get_host(self._own["inventory_hostname"]),
            self._task(name, arguments),
            dict(self._own),
            self._action._play_context,
            self._action._loader,
            self._action._shared_loader_obj,
            None,  # where results of retries and of asynchronous tasks go, which this is none of
            hostvars._variable_manager,
        )
        result: dict[str, Any] = executor.run()
        if "timedout" in result:
            # The time is that of the step, and it is over.
            raise RunbookError(str(result.get("msg")))
        # What Ansible itself has instead of an answer is what a connection leaves that was lost.
        return {"module_stdout": "", **result} if result.get("unreachable") else result

    def reconnect(self) -> None:
        """See `Acting`. Each module has a connection of its own."""

    def _task(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """The task that this step is, with another module, delegated to the host."""
        task = self._action._task.copy()
        task.action = f"xorb.runbook.{name}"
        task.args = dict(arguments)
        task.delegate_to = self._host
        task.register, task.timeout = None, 0
        task.when, task.changed_when, task.failed_when = [], [], []
        return task


@contextlib.contextmanager
def turn(host: str) -> Iterator[None]:
    """Wait until no other step of this run works on a host, and keep the others waiting for the length of the block.

    A host does one thing at a time, and refuses another. Steps of several hosts are taken side by side, and where one
    may work on the host of another, they would refuse one another. Raises `RunbookError`.
    """
    # Of this run alone, in all its processes, and gone with it. A run of another control node is refused by the host.
    path = Path(constants.DEFAULT_LOCAL_TMP) / f"turn-{host.replace('/', '_')}"
    with locked(path, f"the host {host}", seconds=_PATIENCE):
        yield
