# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How services are reloaded, as far as that needs no service; Molecule reloads real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import reload
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.spec import RELOAD_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults

FILES = {"certificate": "/etc/x/cert.pem", "key": "/etc/x/key.pem"}


def options(**given: Any) -> dict[str, Any]:
    return with_defaults(RELOAD_OPTIONS, given)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a program into the PATH that writes down how it is called, and prints something."""

    def install(name: str, says: str = "", status: int = 0) -> Path:
        log = tmp_path / "log"
        (tmp_path / "says").write_text(says)
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {log}\ncat {tmp_path}/says\nexit {status}\n')
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return log

    return install


@pytest.mark.parametrize("action", ["reload", "restart"])
def test_systemd_gets_its_own_word(program: Any, action: str) -> None:
    log = program("systemctl")
    reload.perform(options(kind="systemd", unit="nginx.service", action=action), FILES)
    assert log.read_text() == f"{action} -- nginx.service\n"


@pytest.mark.parametrize(
    ("state", "running"),
    [("active", True), ("reloading", True), ("inactive", False), ("failed", False)],
)
def test_unit_that_does_not_run_has_not_to_be_options(program: Any, state: str, running: bool) -> None:
    program("systemctl", f"LoadState=loaded\nActiveState={state}\n")
    assert reload.is_running(options(kind="systemd", unit="nginx.service"), FILES) is running


def test_unit_that_is_not_known_is_an_error(program: Any) -> None:
    program("systemctl", "LoadState=not-found\nActiveState=inactive\n")
    with pytest.raises(RunbookError, match=r"nginx\.service is not known to systemd"):
        reload.is_running(options(kind="systemd", unit="nginx.service"), FILES)


def test_refusal_comes_with_the_services_own_words(program: Any) -> None:
    program("systemctl", "Job for nginx.service failed.", status=1)
    with pytest.raises(RunbookError, match=r"systemctl reload nginx\.service failed: Job for nginx\.service failed"):
        reload.perform(options(kind="systemd", unit="nginx.service"), FILES)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"action": "reload"}, "kill --signal=HUP c0ffee"),
        ({"action": "reload", "signal": "USR1"}, "kill --signal=USR1 c0ffee"),
        ({"action": "restart"}, "restart c0ffee"),
    ],
)
def test_containers_get_a_signal_or_are_restarted(
    program: Any, tmp_path: Path, given: dict[str, str], words: str
) -> None:
    log = program("docker", '{"ID": "c0ffee", "Labels": ""}\n')
    (tmp_path / "compose.yml").write_text("name: shop\nservices: {}\n")
    compose = options(kind="compose", project_src=str(tmp_path), service="proxy", **given)
    assert reload.is_running(compose, FILES)
    reload.perform(compose, FILES)
    assert log.read_text().splitlines()[-1] == words
    assert "label=com.docker.compose.service=proxy" in log.read_text()


def test_command_is_run_without_a_shell(tmp_path: Path) -> None:
    mark = tmp_path / "a mark; with $(words)"
    reload.perform(options(kind="command", argv=["touch", str(mark)]), FILES)
    assert mark.exists()


def test_redis_that_does_not_answer_is_an_error(closed_port: int) -> None:
    with pytest.raises(RunbookError, match=f"redis at port {closed_port}"):
        reload.is_running(options(kind="redis", port=closed_port), FILES)


def test_description_names_the_way() -> None:
    assert reload.description(None) == "no service has to be reloaded"
    assert reload.description(options(kind="systemd", unit="nginx.service")) == "systemctl reload nginx.service"
