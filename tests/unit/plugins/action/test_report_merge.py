# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slices put together: what none of them looked at is never green."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.lab import Lab


def test_merge_from_end_to_end(lab: Lab, open_port: int) -> None:
    port = {"port": {"kind": "tcp", "port": open_port}}
    lab.variables["platform_services"] = {
        "api": {"hosts": "web", "endpoints": port, "depends_on": ["sql"]},
        "sql": {"hosts": "db", "endpoints": port},
    }
    part = ("-e", "platform_slice_of=tonight")
    first = lab.play("health_check", "--limit", "one", *part)
    assert first.status == 0 and first.report["run"]["slice_of"] == "tonight"
    files = [str(file) for file in (lab.folder / "state/reports").glob("health_check-*.json")]
    lost = lab.play("report_merge", *part)
    assert lost.status == 2
    assert lost.statuses == {
        "one/api.port.connect": "ok",
        "two/sql.port.connect": "unknown",
        "two/runbook.host.reachable": "unknown",
    }
    assert lost.message("two/sql.port.connect") == "no slice looked at this host"
    limited = lab.play("report_merge", "--limit", "one", *part)
    assert limited.status == 2
    assert lab.play("health_check", "--limit", "two", *part).status == 0
    whole = lab.play("report_merge", *part)
    assert whole.status == 0, whole.output
    assert (whole.report["received"], whole.report["expected"], whole.report["run"]["procedure"]) == (
        2,
        2,
        "health_check_merged",
    )
    from_files = lab.play("report_merge", "-e", f'{{"report_merge_files": {files!r}}}'.replace("'", '"'))
    assert from_files.status == 2 and from_files.statuses["one/api.port.connect"] == "ok"
    stale = lab.folder / "stale.json"
    stale.write_text(json.dumps({**json.loads(Path(files[0]).read_text()), "finished_at": "2020-01-01T00:00:00.000Z"}))
    old = lab.play("report_merge", "-e", json.dumps({"report_merge_files": [str(stale)]}))
    assert old.status == 2
    assert any("too old to say how anything is now" in check["message"] for check in old.report["checks"])
