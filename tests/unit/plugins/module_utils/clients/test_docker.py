# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name of a Compose project, as Compose 2.26 derives it (seen with ``docker compose config``)."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._clients.docker import project_name
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

EMPTY = "services: {}\n"


def project(folder: Path, name: str = "Shop.Prod", **files: str) -> Path:
    """A folder with some files; two underscores in a name stand for a dot."""
    made = folder / name
    made.mkdir()
    for file, text in files.items():
        (made / file.replace("__", ".")).write_text(text)
    return made


@pytest.mark.parametrize(
    ("folder", "name"),
    [("xorb", "xorb"), ("Xorb", "xorb"), ("Shop.Prod", "shopprod"), ("_my-app_1", "my-app_1"), ("a b", "ab")],
)
def test_folder_names_the_project(tmp_path: Path, folder: str, name: str) -> None:
    assert project_name(project(tmp_path, folder, compose__yaml=EMPTY)) == name


@pytest.mark.parametrize(
    "line",
    ["name: shop", "name: 'shop'", 'name: "shop"  # live', "name:   shop   # live", '"name": shop', "name: shop\r"],
)
def test_key_name_names_the_project(tmp_path: Path, line: str) -> None:
    text = f"# a project\nservices:\n  api:\n    name: other\n{line}\n"
    assert project_name(project(tmp_path, docker_compose_yml="", **{"docker-compose__yml": text})) == "shop"


def test_last_file_with_a_name_wins(tmp_path: Path) -> None:
    folder = project(tmp_path, base__yml="name: base\n", prod__yml="name: prod\n", more__yml=EMPTY)
    assert project_name(folder, ["base.yml", "prod.yml", "more.yml"]) == "prod"
    assert project_name(folder, ["more.yml"]) == "shopprod"


@pytest.mark.parametrize(
    "line", ["COMPOSE_PROJECT_NAME=env", 'export COMPOSE_PROJECT_NAME="env"', "COMPOSE_PROJECT_NAME='env' # x"]
)
def test_environment_file_comes_first(tmp_path: Path, line: str) -> None:
    folder = project(tmp_path, compose__yaml="name: shop\n", __env=f"A=1\n#COMPOSE_PROJECT_NAME=no\n{line}\nB=2\n")
    assert project_name(folder) == "env"


def test_environment_file_without_the_name(tmp_path: Path) -> None:
    assert project_name(project(tmp_path, compose__yaml="name: shop\n", __env="COMPOSE_PROJECT_NAME=\n")) == "shop"


def test_default_files_in_the_order_of_compose(tmp_path: Path) -> None:
    both = {"compose__yaml": "name: first\n", "docker-compose__yml": "name: second\n"}
    assert project_name(project(tmp_path, **both)) == "first"


def test_name_from_a_variable_is_not_guessed(tmp_path: Path) -> None:
    folder = project(tmp_path, compose__yaml="name: ${STAGE:-dev}-shop\n")
    with pytest.raises(RunbookError, match=r"is named by a variable .* give its name as project"):
        project_name(folder)


def test_folder_without_a_compose_file_is_a_reason_not_to_know(tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match="has no Compose file: give files, or the name"):
        project_name(project(tmp_path))
    with pytest.raises(RunbookError, match=r"prod\.yml: No such file or directory"):
        project_name(project(tmp_path, "other"), ["prod.yml"])


@pytest.mark.parametrize("name", ["compose.override.yaml", "docker-compose.override.yml"])
def test_override_is_read_after_the_file(tmp_path: Path, name: str) -> None:
    folder = project(tmp_path, compose__yaml="name: first\n")
    (folder / name).write_text("name: over\n")
    assert project_name(folder) == "over"


def test_environment_file_names_the_files(tmp_path: Path) -> None:
    folder = project(tmp_path, compose__yaml="name: first\n", base__yml=EMPTY, live__yml="name: live\n")
    (folder / ".env").write_text("COMPOSE_FILE=base.yml:live.yml\n")
    assert project_name(folder) == "live"


def test_mark_in_front_of_a_file_is_no_part_of_it(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "compose.yaml").write_text("name: shop\n", encoding="utf-8-sig")
    assert project_name(folder) == "shop"


def test_linked_folder_is_called_what_the_link_is_called(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(project(tmp_path, "release-17", compose__yaml=EMPTY))
    assert project_name(tmp_path / "current") == "current"
