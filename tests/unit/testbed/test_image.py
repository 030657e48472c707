# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from tests.testbed.image import bootstrap_command, reference
from tests.testbed.recipe import DEFAULT


def test_fingerprint_is_the_same_for_the_same_recipe() -> None:
    assert replace(DEFAULT).fingerprint == DEFAULT.fingerprint
    assert reference() == f"xorb-runbook-host:trixie-{DEFAULT.fingerprint}"


@pytest.mark.parametrize("name", [field.name for field in fields(DEFAULT)])
def test_fingerprint_every_part_of_the_recipe_counts(name: str) -> None:
    value = getattr(DEFAULT, name)
    changed = replace(DEFAULT, **{name: value + ("more" if isinstance(value, str) else ("more",))})
    assert changed.fingerprint != DEFAULT.fingerprint


def test_script_drivers_lie_ready_but_are_not_installed() -> None:
    assert not set(DEFAULT.shelf) & set(DEFAULT.packages)
    assert f"--download-only {' '.join(DEFAULT.shelf)}" in DEFAULT.script


@pytest.mark.parametrize(
    ("mirror", "end"),
    [("https://mirror.example/debian", ["trixie", "-", "https://mirror.example/debian"]), (None, ["trixie", "-"])],
)
def test_bootstrap_command_without_a_mirror_names_none(mirror: str | None, end: list[str]) -> None:
    command = bootstrap_command(DEFAULT, script=Path("/b/customize.sh"), mirror=mirror, settings=['A "b";'])
    assert command[-len(end) :] == end
    assert '--aptopt=A "b";' in command
