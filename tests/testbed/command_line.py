# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands and their arguments; each is a few calls into the pieces beside this file."""

from __future__ import annotations

import argparse
import fcntl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.testbed import (
    cleanup,
    converge,
    credentials,
    demo,
    engine,
    environment,
    faults,
    fleet,
    hosts,
    image,
    prerequisites,
)
from tests.testbed.engine import Engine
from tests.testbed.errors import BedError
from tests.testbed.layout import BEDS, READY, STATE, Bed, bed_named
from tests.testbed.progress import say


def up(arguments: argparse.Namespace) -> int:
    """Build the image if needed and start the hosts of a bed."""
    with _alone():
        _up(bed_named(arguments.bed))
    return 0


def down(arguments: argparse.Namespace) -> int:
    """Remove the hosts and the network of a bed."""
    bed = bed_named(arguments.bed)
    with _alone():
        running = engine.find()
        if running is not None:
            hosts.down(running, bed)
    return 0


def secrets(arguments: argparse.Namespace) -> int:
    """Make the passwords of a bed."""
    credentials.ensure(bed_named(arguments.bed))
    return 0


def platform(arguments: argparse.Namespace) -> int:
    """Install the stand-in platform on the hosts of a bed."""
    bed = bed_named(arguments.bed)
    with _alone():
        environment.ensure()
        converge.ensure(_up(bed), bed)
    return 0


def break_(arguments: argparse.Namespace) -> int:
    """Put a fault into a bed."""
    fault, bed = faults.fault_named(arguments.fault), bed_named(arguments.bed)
    faults.break_it(_running(), bed, fault)
    return 0


def mend(arguments: argparse.Namespace) -> int:
    """Take a fault out of a bed."""
    fault, bed = faults.fault_named(arguments.fault), bed_named(arguments.bed)
    faults.mend(_running(), bed, fault)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Run the demo, with --fault the one of a fault."""
    bed = bed_named("demo")
    fault = faults.fault_named(arguments.fault) if arguments.fault else None
    with _alone():
        environment.ensure()
        running = _up(bed)
        faults.mend_left_over(running, bed)
        converge.ensure(running, bed)
    return demo.show_fault(running, bed, fault) if fault else demo.show(bed)


def make_environment(_arguments: argparse.Namespace) -> int:
    """Make the Python environment."""
    with _alone():
        environment.ensure()
    return 0


def status(_arguments: argparse.Namespace) -> int:
    """Show the state of every host."""
    for row in hosts.status(_running()):
        say("{:6}{:20}{:16}{}".format(*row))
    return 0


def clean(_arguments: argparse.Namespace) -> int:
    """Remove hosts, images, networks, files, and an engine that was started here."""
    with _alone():
        cleanup.clean()
    return 0


def main(words: Sequence[str]) -> int:
    """Run one command; what a person has to know is one line on stderr, never a traceback."""
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.run(arguments))
    except BedError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.testbed", description="The Docker hosts of the demo and the tests."
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=function.__doc__)
        command.set_defaults(run=function)
        return command

    for name, on_bed in (("up", up), ("down", down), ("secrets", secrets), ("platform", platform)):
        add(name, on_bed).add_argument("bed", help=f"one of: {', '.join(BEDS)}")
    for name, on_fault in (("break", break_), ("mend", mend)):
        command = add(name, on_fault)
        command.add_argument("fault", help=f"one of: {', '.join(faults.FAULTS)}")
        command.add_argument("--bed", default="demo", help=f"one of: {', '.join(BEDS)}")
    add("demo", show).add_argument("--fault", help=f"one of: {', '.join(faults.FAULTS)}")
    add("environment", make_environment)
    add("status", status)
    add("clean", clean)
    return parser


def _up(bed: Bed) -> Engine:
    prerequisites.ensure()
    running = engine.ensure()
    suites = {host.suite for host in bed.hosts}
    ready = {READY: fleet.ensure_image(running)} if READY in suites else {}
    hosts.up(running, bed, {**image.ensure_all(running, sorted(suites - {READY})), **ready})
    return running


def _running() -> Engine:
    running = engine.find()
    if running is None:
        raise BedError("no Docker engine answers")
    return running


@contextmanager
def _alone() -> Iterator[None]:
    """Two runs at once would build the same image twice and fight for names."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another run that is changing the hosts ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
