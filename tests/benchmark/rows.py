# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rows of the benchmark. A new one is a line here, and a side in `sides` where it needs another command."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.benchmark.sides import BLANK, OURS, PAGE, PEER, PING, SHELL, Side

WALL, CPU = "s", "s of CPU on the control node"


@dataclass(frozen=True)
class Row:
    """Two sides on as many hosts, what is compared, and the most that is wanted: of the ratio, or of our own figure."""

    name: str
    hosts: int
    ours: Side
    peer: Side
    goal: float | None = None
    unit: str = WALL
    absolute: bool = False


def _hosts(number: int) -> str:
    return "1 host" if number == 1 else f"{number} hosts"


def _against(peer: Side, goals: dict[int, float | None], unit: str = WALL) -> Iterable[Row]:
    for hosts, goal in goals.items():
        yield Row(f"daily / {peer.name}, {_hosts(hosts)}", hosts, OURS, peer, goal, unit)


ROWS: tuple[Row, ...] = (
    *_against(PEER, {1: 0.35, 10: 0.12, 40: 0.12}),
    *_against(PING, {40: 2.0}),
    *_against(SHELL, {1: None, 10: None, 40: None}),
    *_against(PEER, {40: None}, CPU),
    *_against(PING, {40: 1.3}, CPU),
    Row("page of 40 hosts in Chromium / an empty page", 40, PAGE, BLANK, 2.0, absolute=True),
)
