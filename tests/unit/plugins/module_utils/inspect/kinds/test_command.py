# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tools that are there, missing, old, silent, or odd about where they print their version."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN, WARNING, Finding
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import command

from tests.support.loopback import probe

NMAP = "Nmap version 7.95 ( https://nmap.org )\nCompiled with: nmap-libdnet-1.12"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in PATH for a tool of the test."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "scanner"


def install(tool: Path, script: str) -> None:
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def version(*argv: str, **given: object) -> Finding:
    return probe("command", argv=list(argv), **given)["version"]


def test_tool_and_its_version(tool: Path) -> None:
    install(tool, f'[ "$1" = --version ] && printf "{NMAP}\\n"')
    found = version("scanner", "--version")
    assert (found.status, found.value, found.message) == (OK, "7.95", f"{tool} is version 7.95")


def test_version_on_standard_error_and_another_exit_status(tool: Path) -> None:
    install(tool, "echo 'Nuclei Engine Version: v3.1.0' >&2; exit 1")
    assert version("scanner", status=[0, 1]).value == "3.1.0"
    refused = version("scanner")
    assert refused.status == CRITICAL
    assert refused.message == f"{tool} ended with 1, expected 0: Nuclei Engine Version: v3.1.0"


@pytest.mark.parametrize(
    ("minimum", "status"),
    [("7", OK), ("7.94", OK), ("7.95", CRITICAL), ("7.95.0rc1", OK), ("7.100", CRITICAL), ("v7.9", OK)],
)
def test_versions_are_compared_as_numbers(tool: Path, minimum: str, status: str) -> None:
    install(tool, "echo 7.95-rc1")
    assert version("scanner", minimum=minimum).status == status


def test_missing_tool_names_where_it_was_searched(tool: Path) -> None:
    found = version("no-such-scanner")
    assert found.status == CRITICAL
    assert found.message.startswith(f"no-such-scanner is not installed (searched {tool.parent}:")
    assert version("no-such-scanner", missing="warning").status == WARNING
    assert version("/opt/no-such-scanner").message == "/opt/no-such-scanner is not installed"


def test_file_that_no_user_may_execute_is_no_tool(tool: Path) -> None:
    tool.write_text("#!/bin/sh\n")
    assert version("scanner").status == CRITICAL


def test_tool_without_a_version_is_unknown(tool: Path) -> None:
    install(tool, "echo welcome")
    found = version("scanner")
    assert (found.status, found.value) == (UNKNOWN, None)
    assert found.message.endswith("runs, but prints no version: welcome")


def test_pattern_names_the_version(tool: Path) -> None:
    install(tool, "echo 'libfoo 9.9; scanner r2041'")
    assert version("scanner", pattern=r"scanner r(\d+)", minimum="2000").status == OK
    uncomparable = version("scanner", pattern="scanner r", minimum="2000")
    assert (uncomparable.status, uncomparable.value) == (UNKNOWN, "scanner r")


def test_arguments_reach_no_shell(tool: Path, tmp_path: Path) -> None:
    install(tool, 'echo "$# 1.2"')
    assert version("scanner", f"; touch {tmp_path}/owned").status == OK
    assert not (tmp_path / "owned").exists()


def test_tool_that_hangs_is_a_reason_not_to_know(tool: Path) -> None:
    install(tool, "sleep 60")
    with pytest.raises(RunbookError, match=r"scanner did not end within 0\.2 s"):
        version("scanner", timeout=0.2)


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("argv", {"argv": []}),
        ("argv", {"argv": [""]}),
        ("pattern", {"argv": ["a"], "pattern": "("}),
        ("pattern", {"argv": ["a"], "pattern": "(a)(b)"}),
        ("minimum", {"argv": ["a"], "minimum": "new"}),
        ("minimum", {"argv": ["a"], "minimum": 3.10}),
        ("minimum", {"argv": ["a"], "minimum": 3}),
        ("missing", {"argv": ["a"], "missing": "ok"}),
    ],
)
def test_faults_are_named(key: str, given: dict[str, object]) -> None:
    assert [name for name, _message in command.KIND.problems(given)] == [key]
