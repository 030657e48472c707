# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the page of a report names, with every range of hosts written out again."""

from __future__ import annotations

import re


def expanded(hosts: str) -> list[str]:
    """Hosts as the page names them, ranges as all that is in them."""
    found = []
    for name in hosts.split(", "):
        match = re.fullmatch(r"(.*?)([0-9]+)-\1([0-9]+)", name)
        if match:
            first, last = match[2], match[3]
            found += [f"{match[1]}{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
        else:
            found.append("" if name == "control node" else name)
    return found


def addresses(source: str) -> list[str]:
    """The address of every failing check that a page shows, as a card or in a row: its host, its id and its owner."""
    found: list[str] = []
    for begun in re.split(r'(?= id="(?:cause|failing)-\d+")', source)[1:]:
        entry = re.split(r"</section>|<summary>Explains", begun)[0]
        (hosts,) = re.findall(r'class="(?:place|where)">.*?<b>(.*?)</b>', entry, re.DOTALL)
        places = re.findall(r'<ul class="places addresses">(.*?)</ul>', entry, re.DOTALL)
        if places:
            listed = re.findall(r"<strong>(.*?)</strong> (.*?)</li>", places[0])
            found += [
                f"{host}/{name}" for some, names in listed for host in expanded(some) for name in names.split(", ")
            ]
            continue
        (name, *_others) = re.findall(r"<code>(.*?)</code>", entry)
        owner = re.search(r"\(of ([^)]+)\)", entry)
        found += [f"{host}/{name}{f'@{owner[1]}' if owner else ''}" for host in expanded(hosts)]
    return found


def hosts_named(source: str) -> set[str]:
    """Every host that a page names, as failing or as one of those on which a service is fine."""
    failing = re.findall(r"<(?:b|strong)>([^<]*)</", source)
    fine = re.findall(r"checks? on (?:\d+ hosts: )?([^<]*)<", source)
    return {host for some in (*failing, *fine) for host in expanded(some)}
