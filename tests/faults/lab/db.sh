#!/bin/sh
# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# On the database host: as many small Redis and PostgreSQL servers as rows break, named by their ports.
# A restart makes each as new.
set -eu
version=$(ls /usr/lib/postgresql)
bin="/usr/lib/postgresql/$version/bin"

cat > /etc/systemd/system/xorb-lab-redis@.service <<'END'
[Unit]
Description=Redis of the lab on port %i
[Service]
User=redis
StateDirectory=xorb-lab-redis/%i
ExecStartPre=/bin/sh -c 'test -e /run/xorb-lab/keep-%i || rm -rf /var/lib/xorb-lab-redis/%i/*'
EnvironmentFile=-/run/xorb-lab/environment-%i
ExecStart=/usr/bin/redis-server --port %i --dir /var/lib/xorb-lab-redis/%i --save 3600 1 --protected-mode no $OPTIONS
TimeoutStopSec=2
END

cat > /etc/systemd/system/xorb-lab-postgres@.service <<END
[Unit]
Description=PostgreSQL of the lab on port %i
[Service]
Type=notify
User=postgres
ExecStartPre=/bin/sh -c 'test -e /run/xorb-lab/keep-%i || { rm -rf /var/lib/xorb-lab/%i && cp -a /var/lib/xorb-lab/template /var/lib/xorb-lab/%i; }'
ExecStart=$bin/postgres -D /var/lib/xorb-lab/%i -p %i
KillMode=mixed
KillSignal=SIGINT
TimeoutStopSec=3
TimeoutStartSec=infinity
END
systemctl daemon-reload

cd /var/lib/xorb-lab
if ! test -e template.done; then
    rm -rf template
    install -d -o postgres -g postgres -m 0755 .
    as() { runuser -u postgres -- "$@"; }
    as "$bin/initdb" -D template --no-sync -A trust > /dev/null
    install -o postgres -m 0600 /etc/xorb-lab/tls/good.key template/server.key
    install -o postgres -m 0600 /etc/xorb-lab/tls/good.pem template/server.pem
    cat >> template/postgresql.conf <<'END'
listen_addresses = '*'
unix_socket_directories = '/run/xorb-lab'
fsync = off
max_connections = 20
shared_buffers = '8MB'
shared_preload_libraries = 'pg_stat_statements'
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
END
    printf 'local all all trust\nlocal replication all trust\nhost all all all scram-sha-256\n' > template/pg_hba.conf
    as "$bin/pg_ctl" -D template -o "-p 5439" -w -l template.log start > /dev/null
    as psql -Xq -h /run/xorb-lab -p 5439 postgres <<END
CREATE ROLE xorb_user LOGIN PASSWORD '$LAB_PASSWORD';
CREATE ROLE xorb_monitor LOGIN PASSWORD '$LAB_PASSWORD' IN ROLE pg_monitor;
CREATE DATABASE xorb_db OWNER xorb_user;
\connect xorb_db
CREATE EXTENSION pg_stat_statements;
GRANT CREATE ON SCHEMA public TO xorb_user;
END
    as "$bin/pg_ctl" -D template -m fast -w stop > /dev/null
    : > template.done
fi

# For the fault on another host, which cannot start it there.
systemctl restart xorb-lab-postgres@5440
