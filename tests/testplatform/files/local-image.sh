#!/bin/sh
# Makes an image from programs of this very host, since there is no registry to pull one from.
set -eu
postgresql=/usr/lib/postgresql
# Where they are once the host is to have none of its own.
if test -d "$postgresql.in-containers"; then mv "$postgresql.in-containers" "$postgresql"; fi
{
    for file in /bin/sh /bin/cat /bin/chown /bin/mkdir /bin/rm /bin/sleep /bin/tar /usr/bin/head /usr/bin/id \
        /usr/bin/setpriv /usr/bin/stat /usr/bin/redis-server /usr/bin/redis-cli /usr/bin/redis-check-rdb \
        /usr/bin/redis-check-aof /usr/bin/python3 "$postgresql"/*/bin/* \
        $(find /usr/lib/python3.* "$postgresql"/*/lib -name '*.so'); do
        echo "$file"
        ldd "$file" 2> /dev/null | grep -o '/[^ ]*' || :
    done
    find /usr/lib/python3.* -type f -not -path '*/__pycache__/*'
    # Most time zones are links.
    find -L /usr/share/postgresql/*/ /usr/lib/locale /usr/share/zoneinfo -type f
    echo /etc/passwd
    echo /etc/group
    echo /tmp
} | sort -u | tar --create --no-recursion --dereference --hard-dereference --files-from - 2> /dev/null |
    docker import --change 'ENV PATH=/usr/bin:/bin' - "$1"
