# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The worked procedure of docs/architecture.md works: copied out of the page into a copy of the collection, it runs."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.xorb.runbook.plugins.module_utils import _act
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal

from tests.support import crash
from tests.support.procedures import BIN, ROOT, Ran, copy_of_the_collection, play

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
(SECTION,) = re.findall(r"^## How to add a procedure: a worked example\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
FILES = dict(
    re.findall(r"`((?:plugins|roles|playbooks)/[\w/.]+)`:\n\n```(?:python|yaml)\n(.*?)```", SECTION, re.DOTALL)
)
BEFORE, TEXT = "welcome\n", "work is under way"


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the collection to which the procedure was added as the page says."""
    folder = tmp_path_factory.mktemp("collections")
    copy = copy_of_the_collection(folder)
    for name, text in FILES.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text)
    return folder


class Host:
    """A host with a notice, on which the procedure of the copy is run."""

    def __init__(self, folder: Path, collections: Path) -> None:
        self.folder = folder
        self.notice = folder / "motd"
        self.notice.write_text(BEFORE)
        self._collections = collections

    def run(self, *options: str, text: str = TEXT, playbook: str = "notice_set") -> Ran:
        """Run a playbook of the copy."""
        me = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
        checks = {"notice": {"kind": "file_age", "path": str(self.notice), "warning": 7, "critical": 9}}
        variables = {
            "platform_name": "page",
            "platform_state_dir": str(self.folder),
            "platform_services": {"host": {"hosts": "me", "checks": checks}},
            "platform_topics": ["backups"],
            "notice_set_path": str(self.notice),
            "notice_set_text": text,
            "notice_set_host_state_dir": str(self.folder / "host"),
        }
        inventory = self.folder / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {"me": me}, "vars": variables}}))
        reports = self.folder / "reports"
        return play(inventory, playbook, *options, reports=reports, ANSIBLE_COLLECTIONS_PATH=str(self._collections))


@pytest.fixture
def host(tmp_path: Path, collections: Path) -> Host:
    return Host(tmp_path, collections)


def test_procedure_is_shown_whole_and_not_shipped() -> None:
    kinds = {name.split("/")[1] if name.startswith("plugins/") else name.split("/")[0] for name in FILES}
    assert kinds == {"module_utils", "modules", "plugin_utils", "action", "roles", "playbooks"}
    assert not [name for name in FILES if (ROOT / name).exists()]


def test_procedure_keeps_the_style_of_the_project(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # What each folder is let off is written with paths that are relative to this file.
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    strict = ["--strict", "-c", str(ROOT / ".yamllint"), "."]
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["yamllint", *strict]):
        tool = [str(BIN / command[0]), *command[1:]]
        done = subprocess.run(tool, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_procedure_shows_then_does_then_has_nothing_to_do_and_puts_back(host: Host) -> None:
    preview = host.run("--check", "--diff")
    assert preview.status == 0, preview.output
    assert f"me: the notice in {host.notice} is replaced" in preview.output and f"+{TEXT}" in preview.output
    assert host.notice.read_text() == BEFORE and not (host.folder / "host").exists()

    ran = host.run("-e", "platform_incident=INC-7")
    assert ran.status == 0, ran.output
    assert host.notice.read_text() == f"{TEXT}\n"
    (action,) = ran.report["actions"]
    assert (action["procedure"], action["subject"], action["incident"]) == ("notice_set", str(host.notice), "INC-7")

    again = host.run()
    assert again.status == 0 and again.report["actions"] == [] and "changed=1" not in again.output, again.output
    back = host.run(text="")
    assert back.status == 0, back.output
    assert host.notice.read_text() == BEFORE
    assert host.run(playbook="ledger_verify").status == 0


def test_procedure_that_fails_fails_the_run_and_its_preview(host: Host) -> None:
    host.notice.unlink()
    host.notice.mkdir()
    ran = host.run()
    assert ran.status == 2
    assert "Is a directory" in ran.message("me/runbook.act.notice_set_plan")
    assert host.run("--check").status == 2


def test_option_that_the_role_leaves_out_is_refused(collections: Path, tmp_path: Path) -> None:
    own = tmp_path / "collections"
    shutil.copytree(collections, own)
    main = own / "ansible_collections/xorb/runbook/roles/notice_set/tasks/main.yml"
    main.write_text(re.sub(r"\n      text:.*", "", main.read_text()))
    ran = Host(tmp_path, own).run("--check")
    assert ran.status == 2 and "text: missing" in ran.output, ran.output


@pytest.fixture
def use_case(collections: Path) -> ModuleType:
    """The use case, under the name that its imports need."""
    path = collections / "ansible_collections/xorb/runbook/plugins/module_utils/_act/notice.py"
    spec = importlib.util.spec_from_file_location(f"{_act.__name__}.notice", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Replacements:
    """The use case as a module calls it, on a notice of its own."""

    def __init__(self, use_case: Any, notice: Path, state: Path) -> None:
        self.use_case, self.notice, self.state = use_case, notice, state

    def replace(self, text: str) -> None:
        """Replace the notice, or put back what was there before."""
        with journal.locked(self.state, what="test", operator="test") as open_journal:
            content = self.use_case.wanted(self.notice, text)
            self.use_case.replace(self.notice, content, open_journal, restores=not text)

    def prepare(self, *, replaced: bool) -> None:
        """Begin anew."""
        shutil.rmtree(self.state, ignore_errors=True)
        for path in self.notice.parent.glob(f".{self.notice.name}.*"):
            path.unlink()
        self.notice.write_text(BEFORE)
        if replaced:
            self.replace(TEXT)


@pytest.mark.parametrize("restores", [False, True])
def test_procedure_that_is_killed_anywhere_is_ended_by_the_next_run(
    use_case: Any, tmp_path: Path, restores: bool
) -> None:
    one = Replacements(use_case, tmp_path / "motd", tmp_path / "host")
    text, wanted = ("", BEFORE) if restores else (TEXT, f"{TEXT}\n")
    for _point in crash.every_point(lambda: one.replace(text), prepare=lambda: one.prepare(replaced=restores)):
        assert one.notice.read_text() in (BEFORE, f"{TEXT}\n")
        with journal.locked(one.state, what="test", operator="test") as open_journal:
            ended, left = journal.recover(open_journal, {use_case.PROCEDURE: use_case.finish})
            assert not left
        assert not ended or one.notice.read_text() == wanted
        if not ended and one.notice.read_text() != wanted:
            one.replace(text)
        assert one.notice.read_text() == wanted


def test_restore_that_was_killed_at_its_end_is_shown_and_ended_by_the_next_run(host: Host, use_case: Any) -> None:
    """The notice is what it was, and so nothing seems to be due."""
    one = Replacements(use_case, host.notice, host.folder / "host")
    for _point in crash.every_point(lambda: one.replace(""), prepare=lambda: one.prepare(replaced=True)):
        if any("forget" in entry.steps for entry in journal.unfinished(one.state)):
            break
    assert host.notice.read_text() == BEFORE
    preview = host.run("--check", text="")
    assert preview.status == 0 and "left half done by a run that was killed, and ended first" in preview.output
    ran = host.run(text="")
    assert ran.status == 0, ran.output
    assert not journal.unfinished(one.state) and host.notice.read_text() == BEFORE
    assert [action["subject"] for action in ran.report["actions"]] == ["a run that was killed"]
