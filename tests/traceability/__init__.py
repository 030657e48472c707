# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which command of the runbook is covered by what: the rows, the runbook they come from, and the page made of them."""
