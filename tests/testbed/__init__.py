# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The test bed: Docker hosts with systemd and SSH, built from Debian packages.

Standard library only, because it also builds the environment everything else is installed into.
"""
