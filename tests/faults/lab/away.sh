#!/bin/sh
# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# On every host: nothing of the lab is left.
set -u
cd /
if test -e /opt/xorb-lab/docker-compose.yml && docker version > /dev/null 2>&1; then
    docker compose --project-directory /opt/xorb-lab down --timeout 1 --volumes > /dev/null 2>&1
fi
systemctl stop 'xorb-lab-*' 2> /dev/null
systemctl reset-failed 'xorb-lab-*' 2> /dev/null
if test -e /.dockerenv; then
    for place in /srv/lab /srv/lab-disk /srv/lab-frozen; do mountpoint -q "$place" && umount "$place"; done
    grep -o '/var/lib/xorb-lab/[^ ]*' /proc/mounts | xargs --no-run-if-empty umount
    sed -i '/^xorb-lab-/d' /etc/fstab
    rm -f /usr/lib/python3/dist-packages/xorb_lab.pth
    mount -o remount,hidepid=0 /proc
    if id guest > /dev/null 2>&1; then userdel --remove guest 2> /dev/null; fi
fi
if test -e /opt/xorb-lab-named; then docker compose --project-directory /opt/xorb-lab-named down --timeout 1 > /dev/null 2>&1; fi
rm -rf /etc/systemd/system/xorb-lab-* /etc/xorb-lab /var/lib/xorb-lab /var/lib/xorb-lab-redis /run/xorb-lab /opt/xorb-lab /opt/xorb-lab-* /srv/lab /srv/lab-*
rm -f /usr/share/postgresql/*/extension/xorb_lab*
systemctl daemon-reload
