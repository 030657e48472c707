# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page docs/benchmarks.md, made from the figures of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.benchmark.figure import Figure

_PAGE = """\
# Benchmarks

<!-- Written by `make bench`; do not edit. -->

What a run of `xorb.runbook.daily` costs beside other ways of looking at the same hosts, in one run on one machine.

{table}

{missed}

## What is compared

Every host has a PostgreSQL, a Redis, an API, nginx with TLS and a node exporter of its own, and is asked for
{checks} checks over SSH with pipelining, {forks} hosts at a time.

* **Peer playbook** ([tests/benchmark/peer.yml](../tests/benchmark/peer.yml)): the same {checks} checks by
  `community.postgresql`, `community.general`, `community.crypto` and `ansible.builtin`, a task a check, with loops
  where a playbook would have them. A test compares its checks with ours. A host's first check that fails is its last;
  ours goes on, explains, records and reports. Most of its time is that of its tasks, most of ours that of a host: with
  fewer checks a host the ratio is higher, and lower with more.
* **Runbook's commands** ([tests/benchmark/runbook.sh](../tests/benchmark/runbook.sh)): curl, psql, redis-cli, openssl,
  df in one SSH session a host. Their output is not read: they judge nothing, and most end with 0 whatever they
  find. They have no goal, because they do less; they show what SSH and the commands alone cost.
* **`ansible -m ping`**: the least that Ansible can do with these hosts.
* **Page**: the report's page of 40 hosts in Chromium, from the start of the browser to the picture, beside an empty
  page.
* **Certificates**: the whole module, from the start of its interpreter, beside the runbook's loop of `openssl x509`
  (taken on 1,000 files and scaled), and its code beside a loop in one process that reads the same fields with the same
  library and judges nothing.
* **Report and verdict**: the shipped role on generated results of hosts with 43 checks each, of which three do not
  apply, over a local connection that is never made; what is measured is Ansible, the report, and the verdict. A host
  that fails has a dead database and 12 consequences of it. Beside them stands one task that reads every host's result
  (`run_once`) on the same inventory, most of whose time is that of reading the inventory. Memory is the most that any
  one process had.
* **What a module ships**: the files and their size that Ansible's own packer takes from the collection's
  `module_utils`, beside what it took at commit 5fbdf85. `probe` ships every kind, because Ansible packs a module once a
  run for all hosts; a host compiles the kinds that it is asked for and no other.
* **Start of a module**: the packed module as a host starts it, with nothing to do, on the control node's Python: the
  processor's time to read the archive, to compile and import, and to end. Beside it stand the same module at that
  commit, where the clone has it, and `ping`, of which all is Ansible's own.
* **Rotation**: one run of the action for fifty certificates of one host, with their keys, requests, checks, the change
  of the links and the proof; beside openssl's commands alone, which ask for nothing of that; and counted in calls of
  modules.
* **Backups** ([tests/benchmark/backups.py](../tests/benchmark/backups.py)): about a gigabyte of rows in eight tables.
  A dump is the parallel one with its exact counts and inventory, a backup also what reads it back, digests and
  publishes it; beside `pg_dump | gzip`, which does none of that. A verified restore is the throwaway server, the
  restore, all comparisons and the check of each index; beside `gunzip | psql` into a server that runs already.

## Where the milliseconds of a host go

The daily run costs more than `ping`, because a host does more and because the control node waits for it. Measured on
2026-11-30 inside one host of the fleet (Debian 13, Python 3.13), as time of its processor:

| | ms | `ping` |
|---|---|---|
| Python starts and unpacks what Ansible sent | 35 | the same |
| Ansible's own `module_utils`, compiled twice and imported | 140 | the same |
| our files: fifty imported, with `ssl`, `http.client` and `email`, while each was compiled twice | 127 to 165 | |
| the same, compiled once: what the whole module took less, in turns with the other | -46 to -70 | |
| drivers: redis-py 32 to 40, cryptography 23, psycopg2 6 | 65 | |
| the arguments checked, the result printed | 8 | |
| the looks themselves, side by side | 48 | |
| programs: `pg_dump --version` 30 (Perl), `systemctl` 7 each, while each of five units was asked for | 60 to 70 | |

The units are one question since, which leaves two calls of `systemctl` of six; that was not measured on a host yet.
The rest of a host's time is that of its services, which answer: PostgreSQL, nginx, the API and the node exporter run on
the same processors here. A smaller archive would not help: to decode it takes a host 2 ms, to unpack our files in it
13 ms, and one with a host's own kinds only would be packed anew for each set of kinds, which takes the control node
0.5 s.

The control node's part grows with the time that it waits: Ansible's main process asks its workers again and again
whether they are alive, most often while all {forks} are busy. That was about half of its 7.3 s of processor in a run
on a busy machine; `ping` pays the same for each second, and waits fewer. Of what is ours, reading the description and
resolving what a host looks at is 11 ms a host (13 before values of the right type were taken as they are), packing
`probe` 0.5 s once a run, and the report of forty hosts 0.5 s.

What a run pays once counts most with one host. The first play, which refuses what cannot be meant, was three processes
of Ansible's and is one: where there are hosts, the play ends without another.

Of what 1,000 hosts with 50 that fail cost more than the task that reads their results, 46 % was the report, 43 % that
Ansible's main process goes through all hosts twice (to end the role for those that have nothing to be judged by, and
to complete it; it puts a host's variables together three times for that), and 9 % the 50 processes of `verdict`. The
report took 4.9 s of processor, and takes 3.9 since a check that arrived has no placeholder made of it. The
collection of garbage has no part in that: the process of the report never gets to a full one.

## How to read them

Ratios of medians of {runs} runs each; least and most in brackets. The sides take turns, and each run makes its own SSH
connections. The hosts are containers on the control node's own {processors} processors, so that what a host spends on
looking slows the control node down, which it would not elsewhere: the processor time of the control node stands apart.
Where a line says "2 and 0 late", a machine that was busy with something else was too slow for two checks of ours in all
runs together (of the peer playbook: hosts with such a check) and for none of the other side; what they waited for is in
the time.

Taken on {date}; the hosts at rest, and whatever else ran, kept the processors {busy} % busy before the first run.

## How to repeat them

`make bench` starts forty hosts, measures, writes `build/bench.json` and this page, and removes the hosts.
`.venv/bin/python -m tests.benchmark --rounds 3 "10 hosts"` measures some rows only.
"""


def render(figures: Sequence[Figure], facts: Mapping[str, Any]) -> str:
    """The whole page."""
    return _PAGE.format(
        table=table(figures),
        missed=_missed(figures),
        forks=20,
        runs=_runs(figures),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        **facts,
    )


def _runs(figures: Sequence[Figure]) -> str:
    """How often a side ran: rows with hosts run as often as the command line says, others as often as they need."""
    least, most = (choose((figure.runs for figure in figures), default=0) for choose in (min, max))
    return f"{most}" if least == most else f"{least} to {most}"


def table(figures: Sequence[Figure]) -> str:
    """One line a figure."""
    if not figures:
        return "No figures have been taken yet."
    head = "| | unit | ours | other | ratio | goal | |\n|---|---|---|---|---|---|---|\n"
    return head + "\n".join(_line(figure) for figure in figures)


def _line(figure: Figure) -> str:
    ours, peer = (
        f"{value:g} ({least:g} to {most:g})"
        for value, (least, most) in ((figure.ours, figure.ours_range), (figure.peer, figure.peer_range))
    )
    of = f" {figure.unit}" if figure.absolute else ""
    goal = "none" if figure.goal is None else f"at most {figure.goal:g}{of}"
    result = "" if figure.goal is None else "met" if figure.met else "**missed**"
    if any(figure.late):
        result = ", ".join(filter(None, [result, f"{figure.late[0]} and {figure.late[1]} late"]))
    name = figure.name.replace("|", "\\|")
    return f"| {name} | {figure.unit} | {ours} | {peer} | {figure.ratio:g} | {goal} | {result} |"


def _missed(figures: Sequence[Figure]) -> str:
    """The goals that were not reached, in words."""
    missed = [figure for figure in figures if not figure.met]
    if not figures:
        return "So it is not known which goals are met."
    if not missed:
        return "Every goal is met."
    text = "; ".join(
        f"{figure.name} is at {figure.ours if figure.absolute else figure.ratio:g} instead of {figure.goal:g}"
        for figure in missed
    )
    return f"**Missed:** {text}."
