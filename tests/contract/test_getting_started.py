# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory of docs/getting_started.md, copied out of the page, is sound and can be looked at."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.loopback import Client, served
from tests.support.procedures import BIN, ROOT, Ran, environment, play

PAGE = (ROOT / "docs/getting_started.md").read_text(encoding="utf-8")
#: The files of the page by their names below the inventory.
FILES = dict(re.findall(r"^`inventories/mine/(\S+)`:\n\n```yaml\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
VAULT = "group_vars/all/vault.yml"


def answer(client: Client) -> None:
    """An API that is well, and lets in who has the token of the page."""
    allowed = b"Authorization: Bearer correct-horse-battery-staple\r\n" in client.request()
    body = b'{"status": "ok"}'
    head = f"HTTP/1.1 {'200 OK' if allowed else '401 No'}\r\nContent-Length: {len(body)}\r\n\r\n"
    client.send(head.encode() + body)


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The inventory as the page has it, with the API at a port that is free."""
    folder = tmp_path_factory.mktemp("mine")
    (folder.parent / "password").write_text("of the vault")
    with served(answer) as port:
        for name, text in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            assert "port: 8000" in text or "platform" not in name
            path.write_text(text.replace("port: 8000", f"port: {port}"))
        encrypt = [str(BIN / "ansible-vault"), "encrypt", "--vault-password-file", str(folder.parent / "password")]
        done = subprocess.run([*encrypt, str(folder / VAULT)], env=environment(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        yield folder


def run(inventory: Path, playbook: str) -> Ran:
    """Run a playbook as the page says, with the password in a file, and what is kept beside the inventory."""
    state = inventory.parent / "state"
    given = ["--vault-password-file", str(inventory.parent / "password"), "-e", f"platform_state_dir={state}"]
    return play(inventory, playbook, *given, reports=state / "reports")


def test_page_shows_every_file_that_it_lists() -> None:
    tree = PAGE.split("```text", 1)[1].split("```", 1)[0]
    assert {Path(name).name for name in FILES} == set(re.findall(r"(\w+\.yml)", tree))


def test_inventory_is_sound(inventory: Path) -> None:
    (inventory / VAULT).read_text().startswith("$ANSIBLE_VAULT")
    ran = run(inventory, "platform_check")
    assert ran.status == 0, ran.output
    (sentence,) = re.findall(r"^The description is sound: .*$", PAGE, re.MULTILINE)
    assert sentence in ran.output


def test_health_check_looks_at_the_api_and_at_nothing_else(inventory: Path) -> None:
    ran = run(inventory, "health_check")
    assert ran.status == 0, ran.output
    assert ran.statuses == {"web1/api.rest.health": "ok", "web1/api.rest.latency": "ok"} or set(ran.statuses) == {
        "web1/api.rest.health"
    }
    assert "WARNING" not in ran.output


def test_getting_started_is_linked() -> None:
    assert "docs/getting_started.md" in (ROOT / "README.md").read_text(encoding="utf-8")
