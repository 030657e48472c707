# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from tests.testbed import debian

DEBIAN = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
# a comment with an = sign
ID=debian
VERSION_ID="12"
VERSION_CODENAME=bookworm
"""
UBUNTU = 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n'

STANZAS = """\
Types: deb-src
URIs: https://sources.example/debian
Suites: bookworm

Types: deb
# the security archive carries no release
URIs: https://security.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://mirror.example/debian https://second.example/debian
Suites: bookworm bookworm-updates
Components: main
"""


def test_parse_os_release_quotes_and_comments_are_understood() -> None:
    release = debian.parse_os_release(DEBIAN)
    assert release["PRETTY_NAME"] == "Debian GNU/Linux 12 (bookworm)"
    assert release["VERSION_CODENAME"] == "bookworm"


@pytest.mark.parametrize(("text", "expected"), [(DEBIAN, True), (UBUNTU, False), ("", False)])
def test_is_debian_a_derivative_does_not_count(text: str, *, expected: bool) -> None:
    assert debian.is_debian(debian.parse_os_release(text)) is expected


@pytest.mark.parametrize(
    "line",
    [
        "deb https://mirror.example/debian bookworm main\n",
        "deb [signed-by=/usr/share/keyrings/k.gpg arch=amd64] https://mirror.example/debian bookworm main contrib\n",
        "# deb https://other.example/debian bookworm main\ndeb https://mirror.example/debian bookworm main\n",
        STANZAS,
    ],
)
def test_debian_mirror_every_format_gives_the_release_mirror(line: str) -> None:
    assert debian.debian_mirror([line], "bookworm") == "https://mirror.example/debian"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "deb cdrom:[Debian]/ bookworm main\n",
        "deb https://security.example/debian-security bookworm-security main\n",
        "Types: deb\nURIs: mirror+file:/etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n",
        "Enabled: no\nTypes: deb\nURIs: https://mirror.example/debian\nSuites: bookworm\n",
    ],
)
def test_debian_mirror_nothing_usable_leaves_the_choice_to_the_builder(text: str) -> None:
    assert debian.debian_mirror([text], "bookworm") is None


def test_system_mirror_ubuntu_takes_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "os_release", lambda: debian.parse_os_release(UBUNTU))
    assert debian.system_mirror() is None


def test_parse_apt_settings_only_what_holds_for_the_image_too() -> None:
    dump = """\
APT::Architecture "amd64";
Acquire::Check-Valid-Until "false";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::Proxy "";
"""
    assert debian.parse_apt_settings(dump) == [
        'Acquire::Check-Valid-Until "false";',
        'Acquire::http::Proxy "http://proxy.example:3128";',
    ]
