#!/bin/sh
# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# On the monitor: a file system with few inodes, a certificate, and a Prometheus of its own.
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
# A pair that is well, and that no server has.
mkdir -p /etc/xorb-lab/own
cp ca.pem /etc/xorb-lab/own/
cp good.pem /etc/xorb-lab/own/cert.pem
install -m 0400 good.key /etc/xorb-lab/own/key.pem

# A Prometheus that finds its targets in a file, and what it scrapes: an empty page. Both are as new after every start.
mkdir -p /etc/xorb-lab/prometheus /var/lib/xorb-lab/pods
: > /var/lib/xorb-lab/pods/metrics
cat > /etc/xorb-lab/prometheus/prometheus.yml <<'END'
global: {scrape_interval: 5s, evaluation_interval: 5s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: pods
    file_sd_configs: [{files: [pods.json], refresh_interval: 1s}]
END
cat > /etc/xorb-lab/prometheus/pods <<'END'
#!/usr/bin/python3
"""Make Prometheus find pods: how many, and how many characters each one's annotation has.

Prometheus shows what was discovered about a target, and keeps nothing of it in its series.
"""
import json, os, sys
number, characters = map(int, sys.argv[1:])
found = [
    {"targets": ["127.0.0.1:9495"], "labels": {"pod": f"pod-{each}", "__meta_annotation": "x" * characters}}
    for each in range(number)
]
os.chdir(os.path.dirname(__file__))
with open("pods.new", "w") as file:
    json.dump(found, file)
os.replace("pods.new", "pods.json")
END
chmod 0755 /etc/xorb-lab/prometheus/pods
cat > /etc/xorb-lab/prometheus/rules.yml <<'END'
groups: [{name: lab, rules: [{alert: LabPodDown, expr: up == 0, labels: {severity: warning}}]}]
END
cat > /etc/systemd/system/xorb-lab-pods.service <<'END'
[Unit]
Description=Targets of the lab's Prometheus
[Service]
DynamicUser=true
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /var/lib/xorb-lab/pods 9495
TimeoutStopSec=2
END
cat > /etc/systemd/system/xorb-lab-prometheus.service <<'END'
[Unit]
Description=Prometheus of the lab
Wants=xorb-lab-pods.service
[Service]
User=prometheus
StateDirectory=xorb-lab-prometheus
ExecStartPre=/bin/sh -c 'rm -rf /var/lib/xorb-lab-prometheus/*'
ExecStart=/usr/bin/prometheus --config.file=/etc/xorb-lab/prometheus/prometheus.yml \
    --storage.tsdb.path=/var/lib/xorb-lab-prometheus --web.listen-address=127.0.0.1:9494
TimeoutStopSec=5
END
systemctl daemon-reload
