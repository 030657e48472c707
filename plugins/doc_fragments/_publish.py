# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where reports go and what they are judged by: options of every module that makes one."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ``plugin_utils/_prove/publish.py``."""

    DOCUMENTATION = r"""
options:
  state_dir:
    description:
      - Folder on the control node for everything that is kept.
      - The default is a folder named after the platform in the user's state folder.
    type: path
  ledger:
    description:
      - Path of the ledger on the control node, or C(postgresql://user:password@host/database).
      - The default is C(ledger.sqlite) in O(state_dir).
    type: str
  ledger_retention_days:
    description:
      - Days for which single checks are kept. The row of a run is kept for ever.
    type: int
    default: 90
  report_dir:
    description:
      - Folder on the control node for the files of the report.
      - The default is C(reports) in O(state_dir).
    type: path
  formats:
    description:
      - The files to write into O(report_dir).
      - V(json) has every field of every check, V(html) is the page, V(junit) is XML that build servers show, and
        V(prometheus) is the text format of metrics.
    type: list
    elements: str
    choices: [json, html, junit, prometheus]
    default: [json, html, junit, prometheus]
  textfile:
    description:
      - Where the metrics are written a second time, for the textfile collector of a node exporter on the control node.
      - A path that ends in C(.prom) is the file. Any other path is the collector's folder, and the file in it is named
        after platform and procedure.
      - The file has the same name in every run of a procedure, is replaced in one step, and can be read by every user.
    type: path
  keep:
    description:
      - How many runs keep their files.
    type: int
    default: 100
  fail_after:
    description:
      - In how many of the last runs that checked it, whatever their procedure, a check has to fail before it fails
        the run. A key C(fail_after) in the description overrides it.
      - It needs the ledger. Where that cannot be read, or there is none yet, every failure counts at once.
    type: str
    default: 1 of 1
  fail_on_warning:
    description:
      - Whether a warning counts as a failure, as for M(xorb.runbook.verdict).
    type: bool
    default: false
"""
