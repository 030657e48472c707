#!/bin/sh
# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# On the monitor: a file system with few inodes, and a certificate.
set -eu
mkdir -p /srv/lab
mountpoint -q /srv/lab || mount -t tmpfs -o size=4m,nr_inodes=200 xorb-lab /srv/lab
# A pair that is well, and that nobody serves.
mkdir -p /etc/xorb-lab/own
cp ca.pem /etc/xorb-lab/own/
cp good.pem /etc/xorb-lab/own/cert.pem
install -m 0400 good.key /etc/xorb-lab/own/key.pem
