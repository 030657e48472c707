#!/bin/sh
# Runs PostgreSQL in its container, on data that are made when there are none.
set -eu
data=/var/lib/postgresql/data
programs=$(echo /usr/lib/postgresql/*/bin)
owned="setpriv --reuid=postgres --regid=postgres --init-groups --"
if ! test -s "$data/PG_VERSION"; then
    chown postgres:postgres "$data"
    $owned "$programs/initdb" --pgdata="$data" --username=postgres --encoding=UTF8 --locale=C.UTF-8 --no-sync \
        --auth-local=trust --auth-host=scram-sha-256 --pwfile=/run/secrets/postgres_password
    echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
    echo "CREATE DATABASE findings" | $owned "$programs/postgres" --single -D "$data" postgres
fi
# The first process stays root's: an engine that is in a container itself can enter no other one's namespaces.
$owned "$programs/postgres" -D "$data" -c "listen_addresses=*" -c unix_socket_directories=/tmp &
trap 'kill -INT $!' TERM INT
# Ends by the signal, and then when the server has.
wait $! || wait $!
