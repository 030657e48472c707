# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The comparison is fair: the peer playbook makes the very checks that the description of the fleet asks for."""

from __future__ import annotations

from collections import Counter

import yaml
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.reader import read

from tests.benchmark.sides import FORKS, HERE
from tests.testbed.inventory import FLEET
from tests.testbed.layout import ROOT


def test_peer_playbook_makes_each_check_of_the_fleet_once() -> None:
    described = yaml.safe_load((ROOT / FLEET).read_text(encoding="utf-8"))["all"]["vars"]
    platform = read(described, {"all": ["one"], "xorb": ["one"]}, lambda value: value)
    ours = Counter(check.id for target in platform.targets() for check in target.placeholders("expected"))
    (play,) = yaml.safe_load((HERE / "peer.yml").read_text(encoding="utf-8"))
    theirs = Counter(tag for task in play["tasks"] for tag in task.get("tags", ()))
    assert not platform.problems
    assert theirs == ours
    assert ours.total() >= 20


def test_all_sides_ask_as_many_hosts_at_once() -> None:
    assert f"\nforks = {FORKS}\n" in (ROOT / "ansible.cfg").read_text(encoding="utf-8")
