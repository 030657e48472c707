# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that has to pass, in one run with one count: lint, sanity, unit, fleet, molecule.

Runs inside the environment that ``python3 -m tests.testbed environment`` makes.
"""
