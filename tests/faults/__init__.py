# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of faults: each broken for real, and looked at by the runbook's command, by a module, and by our probe.

A fault is data: a `Row` in ``catalogue``. Everything else here only runs rows and writes down what came of them.
"""
