# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Walks through a restore, word by word as docs/backup_restore.md has them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from tests.support.procedures import ROOT, Ran

_PAGE = (ROOT / "docs/backup_restore.md").read_text(encoding="utf-8")


class Walk:
    """Takes the commands of a section one after the other; a name with a time is the one that was printed last.

    ``play`` runs a playbook with options, on an inventory in place of that of the page.
    """

    def __init__(self, play: Callable[..., Ran], title: str) -> None:
        (section,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## )", _PAGE, re.DOTALL | re.MULTILINE)
        self._commands = re.findall(r"^\$ ansible-playbook xorb\.runbook\.(.*)$", section, re.MULTILINE)
        self._play = play
        self._printed = ""

    @property
    def ended(self) -> bool:
        """Whether every command was taken."""
        return not self._commands

    def step(self, *more: str) -> Ran:
        """Run the next command, with more options where a test has to say more than the inventory of the page."""
        playbook, *options = shlex.split(self._commands.pop(0))
        at = options.index("-i")
        assert options[at + 1] == "inventories/mine"
        ran = self._play(playbook, *map(self._meant, [*options[:at], *options[at + 2 :]]), *more)
        self._printed = ran.output
        return ran

    def _meant(self, option: str) -> str:
        example = re.search(r"xorb_(before|undone)_\d{8}T\d{6}Z", option)
        if not example:
            return option
        (name,) = set(re.findall(rf"xorb_{example[1]}_\d{{8}}T\d{{6}}Z", self._printed))
        return option.replace(example.group(), name)
