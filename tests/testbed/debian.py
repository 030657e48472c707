# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The machine we are on: which distribution, its package mirror and settings, and installing packages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.testbed.commands import elevate, run, which
from tests.testbed.errors import BedError
from tests.testbed.progress import step

_SOURCES = Path("/etc/apt")
# What a machine behind a proxy or on an archive snapshot has set for itself is right for the image too.
_SHARED_SETTINGS = (
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
)


def parse_os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): "".join(shlex.split(value)) for key, _equals, value in pairs}


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    return parse_os_release(path.read_text(encoding="utf-8")) if path.exists() else {}


def is_debian(release: dict[str, str]) -> bool:
    """Debian itself. Ubuntu's mirrors do not carry Debian, so a derivative does not count."""
    return release.get("ID") == "debian"


def source_files(directory: Path = _SOURCES) -> Iterator[Path]:
    yield from (path for path in [directory / "sources.list"] if path.exists())
    parts = directory / "sources.list.d"
    yield from sorted(path for path in parts.glob("*") if path.suffix in (".list", ".sources"))


def debian_mirror(texts: Iterable[str], codename: str) -> str | None:
    """The http(s) address from which this Debian takes its release, or None when the sources name none."""
    for text in texts:
        for address, suites in (*_one_line_sources(text), *_stanza_sources(text)):
            if codename in suites and re.match(r"https?://", address):
                return address
    return None


def _one_line_sources(text: str) -> Iterator[tuple[str, list[str]]]:
    for match in re.finditer(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s", text, re.MULTILINE):
        yield match.group(1), [match.group(2)]


def _stanza_sources(text: str) -> Iterator[tuple[str, list[str]]]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
        if fields.get("Enabled", "yes") == "yes" and "deb" in fields.get("Types", "").split():
            yield from ((address, fields.get("Suites", "").split()) for address in fields.get("URIs", "").split())


def system_mirror() -> str | None:
    """The mirror to build Debian from, or None to let the builder take its default (Ubuntu, unusual sources)."""
    release = os_release()
    if not is_debian(release):
        return None
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in source_files()]
    return debian_mirror(texts, release.get("VERSION_CODENAME", ""))


def parse_apt_settings(dump: str) -> list[str]:
    """The settings of ``apt-config dump`` that hold for the image as well, as lines for an apt.conf file."""
    lines = (line.strip() for line in dump.splitlines())
    return [line for line in lines if line.split(" ", 1)[0] in _SHARED_SETTINGS and not line.endswith(' "";')]


def apt_settings() -> list[str]:
    return parse_apt_settings(run(["apt-config", "dump"]).stdout)


def apt_knows(package: str) -> bool:
    return run(["apt-cache", "show", package], check=False).returncode == 0


def install(packages: Sequence[str], *, why: str) -> None:
    """Install packages with apt-get. Refreshes the lists first: on a new machine they are empty or old."""
    if which("apt-get") is None:
        raise BedError(f"{why} needs {', '.join(packages)}, and there is no apt-get here to install it with")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    with step(f"Installing {' '.join(packages)} ({why})"):
        # A third-party source that does not answer is not our business: the install tells if something is missing.
        run(elevate([*apt, "update"]), check=False)
        run(elevate([*apt, "install", "--yes", "--no-install-recommends", *packages]))
