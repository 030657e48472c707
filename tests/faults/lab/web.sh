#!/bin/sh
# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# On the web host: as many stand-ins of the API and TLS servers as rows break, named by their ports, and a user who has
# no rights.
set -eu
cat > /etc/systemd/system/xorb-lab-api@.service <<'END'
[Unit]
Description=Stand-in of the XORB API of the lab on port %i
[Service]
User=www-data
# Where the databases are, and the passwords; the ports of that file are taken already.
EnvironmentFile=/etc/xorb/api.env
EnvironmentFile=-/run/xorb-lab/environment-%i
ExecStart=/usr/bin/env XORB_STANDIN_API_PORT=%i XORB_STANDIN_METRICS_PORT=0 XORB_STANDIN_GRAFANA_PORT=0 \
    XORB_STANDIN_TEMPORAL_UI_PORT=0 XORB_STANDIN_ENVOY_PORT=0 XORB_STANDIN_DEFAULT_STATES= \
    XORB_STANDIN_STATE_FILE=/run/xorb-lab/state-%i /usr/bin/python3 -I /usr/local/lib/xorb_standin.py
TimeoutStopSec=2
END

cat > /etc/systemd/system/xorb-lab-nginx@.service <<'END'
[Unit]
Description=nginx of the lab on port %i
[Service]
Type=forking
PIDFile=/run/xorb-lab-nginx-%i.pid
ExecStartPre=/bin/sh -c 'mkdir -p /etc/xorb-lab/served/%i; cd /etc/xorb-lab/tls; cp good.pem ../served/%i/cert.pem; install -m 0400 good.key ../served/%i/key.pem; cp ca.pem ../served/%i/; cp none.crl ../served/%i/crl.pem'
ExecStartPre=/bin/sh -c 'sed s/PORT/%i/g /etc/xorb-lab/nginx.conf > /etc/xorb-lab/nginx-%i.conf'
ExecStart=/usr/sbin/nginx -c /etc/xorb-lab/nginx-%i.conf
ExecReload=/bin/kill -HUP $MAINPID
TimeoutStopSec=2
END
cat > /etc/xorb-lab/nginx.conf <<'END'
worker_processes 1;
pid /run/xorb-lab-nginx-PORT.pid;
error_log /var/log/nginx/lab.log;
events { worker_connections 64; }
http {
    access_log off;
    server {
        listen PORT ssl;
        ssl_certificate /etc/xorb-lab/served/PORT/cert.pem;
        ssl_certificate_key /etc/xorb-lab/served/PORT/key.pem;
        location / { default_type application/json; return 200 '{"status": "healthy"}'; }
    }
}
END
systemctl daemon-reload

id guest > /dev/null 2>&1 || useradd --create-home guest
install -d -o guest -g guest -m 0700 ~guest/.ssh
install -o guest -g guest -m 0600 /root/.ssh/authorized_keys ~guest/.ssh/

# For the fault on another host, which cannot start it there.
systemctl restart xorb-lab-api@8115
