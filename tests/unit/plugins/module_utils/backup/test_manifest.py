# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manifests and receipts: they come back as they were written, or they are refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._backup import manifest, receipt
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import DamagedManifest, Manifest, StoredFile
from ansible_collections.xorb.runbook.plugins.module_utils._backup.receipt import Receipt
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from hypothesis import given, settings
from hypothesis import strategies as st

DIGEST = "a" * 64
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def made(**values: Any) -> Manifest:
    files = (StoredFile("data/one", 3, DIGEST, 3, DIGEST),)
    names = {"platform": "p", "service": "s", "backup": "b", "host": "h", "kind": "files", "engine": "tar"}
    return Manifest(**{"id": "20261130T094500Z", "begin": 1.5, "end": 4, "files": files, **names, **values})


class TestManifest:
    @given(st.dictionaries(st.text(), JSON, max_size=4))
    @settings(max_examples=60, deadline=None, derandomize=True)
    def test_it_comes_back(self, content: dict[str, Any]) -> None:
        one = made(content=content, versions={"tar": "1"}, recipients=("age1x",))
        assert manifest.parse(one.to_text()) == one

    def test_every_bit_of_it_matters(self) -> None:
        text = made(content={"name": "\udcff é", "count": 5}).to_text().encode()
        for position in range(len(text)):
            for bit in range(7):
                changed = bytearray(text)
                changed[position] ^= 1 << bit
                with pytest.raises(DamagedManifest):
                    manifest.parse(changed.decode("ascii"))
        for position in range(len(text)):
            with pytest.raises(DamagedManifest):
                manifest.parse(text[:position].decode("ascii"))

    @pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "a//b", "./a", "", "manifest.json", "a/"])
    def test_a_path_that_leads_out_is_refused(self, path: str) -> None:
        with pytest.raises(DamagedManifest, match="outside of the set"):
            manifest.parse(made(files=(StoredFile(path, 1, DIGEST, 1, DIGEST),)).to_text())

    def test_what_is_no_manifest(self) -> None:
        for text in ("", "[]", "null", "{}", '{"sha256": 1}', "7"):
            with pytest.raises(DamagedManifest, match="is no JSON with a digest"):
                manifest.parse(text)
        with pytest.raises(DamagedManifest, match="no digest of"):
            manifest.parse(made(files=(StoredFile("a", 1, "", 1, DIGEST),)).to_text())
        with pytest.raises(DamagedManifest, match="a name that is none"):
            manifest.parse(made(id="yesterday").to_text())

    def test_another_format_is_refused(self) -> None:
        values = {**json.loads(made().to_text()), "format": 2}
        values.pop("sha256")
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        whole = {**values, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        with pytest.raises(DamagedManifest, match="has format 2, and this version reads 1"):
            manifest.parse(json.dumps(whole))

    def test_times_and_sizes(self) -> None:
        assert manifest.id_of(manifest.time_of("20261130T094500Z")) == "20261130T094500Z"
        assert (made().size, made().plain_size, made().seconds) == (3, 3, 2.5)
        with pytest.raises(ValueError, match="does not match"):
            manifest.time_of("yesterday")


class TestReceipt:
    def test_it_comes_back(self) -> None:
        one = Receipt("20261130T094500Z", DIGEST, 5.0, "h", 2.0, 1.0, ("a fault",), {"keys": 3})
        assert receipt.parse(one.to_text()) == one
        assert not one.passed and replace(one, faults=()).passed

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"faults": []}', '{"faults": 1}'])
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(RunbookError, match="cannot be read"):
            receipt.parse(text)
