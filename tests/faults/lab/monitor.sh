#!/bin/sh
# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# On the monitor: a file system with few inodes, and a certificate.
set -eu
mkdir -p /srv/lab
mountpoint -q /srv/lab || mount -t tmpfs -o size=4m,nr_inodes=200 xorb-lab /srv/lab
# Disks of its own, one of which is in fstab: never on the machine that the hosts run on.
test -e /.dockerenv
for name in disk frozen; do
    mkdir -p "/srv/lab-$name"
    mountpoint -q "/srv/lab-$name" || mount -t tmpfs -o size=4m "xorb-lab-$name" "/srv/lab-$name"
done
grep -q xorb-lab-disk /etc/fstab || echo 'xorb-lab-disk /srv/lab-disk tmpfs size=4m 0 0' >> /etc/fstab
systemctl daemon-reload
# A pair that is well, and that nobody serves.
mkdir -p /etc/xorb-lab/own
cp ca.pem /etc/xorb-lab/own/
cp good.pem /etc/xorb-lab/own/cert.pem
install -m 0400 good.key /etc/xorb-lab/own/key.pem
