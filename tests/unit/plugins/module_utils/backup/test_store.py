# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder of sets: each name without a dot is a whole set, whatever the moment at which a run is killed."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import NAME, Manifest, StoredFile
from ansible_collections.xorb.runbook.plugins.module_utils._backup.receipt import Receipt
from ansible_collections.xorb.runbook.plugins.module_utils._backup.spec import check
from ansible_collections.xorb.runbook.plugins.module_utils._backup.store import Store, stray_files
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash

DATA = b"what is kept"
DIGEST = hashlib.sha256(DATA).hexdigest()
OLD, NEW = "20261129T094500Z", "20261130T094500Z"


def store_in(folder: Path) -> Store:
    return Store(folder / "sets", "app", "main")


def publish(store: Store, name: str) -> Manifest:
    made = store.make(name)
    (made / "data").mkdir(mode=0o700)
    (made / "data" / "one").write_bytes(DATA)
    files = (StoredFile("data/one", len(DATA), DIGEST, len(DATA), DIGEST),)
    manifest = Manifest(name, "p", "app", "main", "h", "files", "tar", 1, 2, files)
    store.publish(manifest)
    return manifest


def receipt_of(store: Store, name: str) -> Receipt:
    return Receipt(name, store.find(name).manifest_sha256, 5, "h", 1, 1)


def test_sets_the_newest_first(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    assert (store.sets(), store.left_over()) == ([], [])
    assert not store.folder.exists()
    manifests = [publish(store, name) for name in (OLD, NEW)]
    assert [one.manifest for one in store.sets()] == manifests[::-1]
    assert store.find(OLD).begin < store.find(NEW).begin
    with pytest.raises(RunbookError, match=f"has no set 'x'; the newest are: {NEW}, {OLD}"):
        store.find("x")
    assert list(stray_files(store.find(OLD).folder, manifests[0])) == []
    with pytest.raises(RunbookError, match="there is a set of that name already"):
        publish(store, NEW)


def test_a_receipt_is_of_its_set_alone(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    publish(store, OLD)
    publish(store, NEW)
    store.record(receipt_of(store, OLD))
    assert store.find(OLD).verified and not store.find(NEW).verified
    (store.folder / ".receipts" / f"{OLD}.json").rename(store.folder / ".receipts" / f"{NEW}.json")
    assert not store.find(OLD).verified and not store.find(NEW).verified


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no JSON"),
        (b"\xff", "has bytes that are no text"),
        (None, "No such file or directory"),
        ("other", f"that of another set, {OLD}"),
    ],
)
def test_one_bad_manifest_costs_its_set_alone(tmp_path: Path, content: bytes | str | None, why: str) -> None:
    store = store_in(tmp_path)
    for name in (OLD, NEW):
        publish(store, name)
    path = store.folder / NEW / NAME
    if content == "other":
        shutil.copyfile(store.folder / OLD / NAME, path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.unlink()
    damaged, sound = store.sets()
    assert why in damaged.fault and damaged.failed and damaged.manifest is None
    assert sound.manifest and not sound.failed


def test_killed_while_a_set_is_published(tmp_path: Path) -> None:
    store = store_in(tmp_path)

    def prepare() -> None:
        shutil.rmtree(tmp_path / "sets", ignore_errors=True)
        publish(store, OLD)

    for point in crash.every_point(lambda: publish(store, NEW), prepare=prepare):
        for one in store.sets():
            assert one.manifest and (one.folder / "data" / "one").read_bytes() == DATA, point
        assert OLD in [one.id for one in store.sets()]
        for folder in store.left_over():
            store.clear(folder)
        assert store.left_over() == []


def test_killed_while_a_set_is_removed(tmp_path: Path) -> None:
    store = store_in(tmp_path)

    def prepare() -> None:
        shutil.rmtree(tmp_path / "sets", ignore_errors=True)
        for name in (OLD, NEW):
            publish(store, name)
            store.record(receipt_of(store, name))

    for point in crash.every_point(lambda: store.remove(OLD), prepare=prepare):
        for one in store.sets():
            assert one.verified and (one.folder / "data" / "one").read_bytes() == DATA, point
        assert NEW in [one.id for one in store.sets()]
        for folder in store.left_over():
            store.clear(folder)
        assert store.left_over() == []


def test_killed_while_a_receipt_is_recorded(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    publish(store, OLD)
    receipt = receipt_of(store, OLD)

    def prepare() -> None:
        shutil.rmtree(store.folder / ".receipts", ignore_errors=True)

    for point in crash.every_point(lambda: store.record(receipt), prepare=prepare):
        assert store.find(OLD).receipt in (None, receipt), point


def test_only_what_is_no_set_is_cleared(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    publish(store, OLD)
    for folder in (store.folder / OLD, tmp_path / ".making-x", store.folder / ".receipts"):
        with pytest.raises(RunbookError, match="only what is no set"):
            store.clear(folder)


def test_what_no_single_option_says() -> None:
    good = {"recipients": [f"age1{'q' * 58}", "ssh-ed25519 AAAA me"], "paths": ["/a", "/b"]}
    assert list(check(good)) == []
    bad = {"recipients": ["AGE-SECRET-KEY-1"], "paths": ["/a", "/a"], "assertions": [{"query": "select 1"}]}
    assert [name for name, _why in check(bad)] == ["recipients", "paths", "assertions"]
