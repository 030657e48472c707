# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A set as a stream: whatever its files and the pieces are, it arrives as it was stored, or it does not arrive."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._backup import stream
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import StoredFile
from ansible_collections.xorb.runbook.plugins.module_utils._backup.stream import Arrival
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from hypothesis import given, settings
from hypothesis import strategies as st

CONTENTS = {"a/one": b"first", "a/empty": b"", "two": b"", "three": b"the third"}


def stored(folder: Path, contents: dict[str, bytes]) -> list[StoredFile]:
    """Write the files of a set."""
    files = []
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        files.append(StoredFile(name, len(data), digest, len(data), digest))
    return files


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir(mode=0o700)
    return tmp_path / "target"


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40), max_size=8),
    pieces=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    back=st.integers(0, 20),
)
def test_any_set_arrives_by_any_pieces_some_of_them_twice(sizes: list[int], pieces: list[int], back: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        source, target = Path(made, "source"), Path(made, "target")
        source.mkdir()
        target.mkdir()
        contents = {f"{number % 3}/{number}": bytes([number]) * size for number, size in enumerate(sizes)}
        files = stored(source, contents)
        with closing(Arrival(target, files)) as arrival:
            step = 0
            while not arrival.complete:
                # A piece whose answer was lost is sent again, and may be cut otherwise.
                offset = max(0, arrival.position - back % (step + 1))
                count = arrival.position - offset + pieces[step % len(pieces)]
                arrival.add(offset, stream.read(source, files, offset, count))
                step += 1
        assert arrival.position == arrival.total == sum(sizes)
        assert {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()} == (
            contents
        )


def test_what_arrives_is_private(source: Path, target: Path) -> None:
    files = stored(source, CONTENTS)
    with closing(Arrival(target, files)) as arrival:
        arrival.add(0, stream.read(source, files, 0, 100))
    assert arrival.complete
    assert {path.stat().st_mode & 0o777 for path in target.rglob("*") if path.is_file()} == {0o600}
    assert (target / "a").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("offset", "change", "why"),
    [
        (0, lambda data: bytes([data[0] ^ 1, *data[1:]]), "a/one: did not arrive as it was stored"),
        (0, lambda data: data[:-1] + bytes([data[-1] ^ 1]), "three: did not arrive as it was stored"),
        (0, lambda data: data + b"x", "more of the set arrives than the 14 bytes that it has"),
        (3, lambda data: data[3:], "begins at 3, and 0 bytes of it have arrived"),
    ],
)
def test_what_is_not_as_it_was_stored_does_not_arrive(
    source: Path, target: Path, offset: int, change: Callable[[bytes], bytes], why: str
) -> None:
    files = stored(source, CONTENTS)
    with closing(Arrival(target, files)) as arrival, pytest.raises(RunbookError, match=why):
        arrival.add(offset, change(stream.read(source, files, 0, 100)))


def test_file_that_was_cut_off_or_is_gone_is_named(source: Path) -> None:
    files = stored(source, CONTENTS)
    (source / "three").write_bytes(b"the")
    with pytest.raises(RunbookError, match="three: has fewer bytes than the 9 that were written"):
        stream.read(source, files, 0, 100)
    assert stream.read(source, files, 0, 7) == b"firstth"
    (source / "a/one").unlink()
    with pytest.raises(FileNotFoundError):
        stream.read(source, files, 0, 1)
