# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the rows of several chapters are made of."""

from __future__ import annotations

from tests.testbed.faults import Fault, shell


def dropped(port: int) -> str:
    """A script that makes the firewall drop what comes to a port, as if there were no host."""
    table = f"xorb_lab_{port}"
    return (
        f"nft add table inet {table}; "
        f"nft add chain inet {table} input '{{ type filter hook input priority 0; }}'; "
        f"nft add rule inet {table} input tcp dport {port} drop"
    )


def not_dropped(port: int) -> str:
    """A script that lets everything through to a port again."""
    return f"nft delete table inet xorb_lab_{port} 2> /dev/null || :"


def of_unit(
    name: str,
    sentence: str,
    role: str,
    unit: str,
    broken: str,
    *,
    takes_hold: str = "",
    mended: str = ":",
    ready: str = ":",
) -> Fault:
    """A fault of a server of the lab, which is as new after a restart.

    ``mended`` is a script to run before that, ``ready`` one that makes the new server what it has to be.
    """
    return Fault(
        name=name,
        sentence=sentence,
        role=role,
        broken_by=shell(broken),
        mended_by=shell(f"{mended}; systemctl restart {unit}; {ready}"),
        takes_hold=takes_hold,
    )
