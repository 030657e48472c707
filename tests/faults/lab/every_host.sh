#!/bin/sh
# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# On every host of the lab: a place of its own, and certificates as good and as bad as they come.
set -eu
mkdir -p /etc/xorb-lab/tls /var/lib/xorb-lab
# Not below /run/xorb-...: a unit would take it away.
install -d -m 1777 /run/xorb-lab

cd /etc/xorb-lab/tls
pair() { # NAME SUBJECT OPTIONS...: a key and its certificate
    name="$1" subject="$2"
    shift 2
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=XORB Lab/CN=$subject" \
        -keyout "$name.key" -out "$name.pem" "$@" 2> /dev/null
}
if ! test -e done; then
    # Modules under a new Python need a statement of what a CA is for.
    authority="-addext keyUsage=critical,keyCertSign,cRLSign"
    pair ca "Lab CA" -days 3650 $authority
    pair stranger "Somebody else's CA" -days 3650 $authority
    signed="-CA ca.pem -CAkey ca.key -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=CA:FALSE"
    pair good localhost -days 90 $signed
    pair renewed localhost -days 90 $signed
    pair client xorb-lab-client -days 90 $signed
    pair foreign localhost -days 90 -CA stranger.pem -CAkey stranger.key -addext subjectAltName=DNS:localhost
    pair expired localhost -not_before 20190101000000Z -not_after 20200101000000Z $signed
    # Others, for faults that are broken beside the first.
    for other in lapsed outdated; do
        pair $other localhost -not_before 20190101000000Z -not_after 20200101000000Z $signed
    done
    pair wrong_name elsewhere.example -days 90 -CA ca.pem -CAkey ca.key -addext subjectAltName=DNS:elsewhere.example
    pair nameless localhost -days 90 -CA ca.pem -CAkey ca.key -addext basicConstraints=CA:FALSE
    # Lists of the lab's CA: one that revokes nothing, and one that revokes the good certificate.
    printf '[ca]\ndefault_ca = lab\n[lab]\ndatabase = index.txt\ncertificate = ca.pem\nprivate_key = ca.key\n' > ca.cnf
    printf 'default_md = sha256\ndefault_crl_days = 30\ncrlnumber = crlnumber\n' >> ca.cnf
    : > index.txt
    echo 01 > crlnumber
    openssl ca -config ca.cnf -gencrl -out none.crl 2> /dev/null
    openssl ca -config ca.cnf -revoke good.pem 2> /dev/null
    openssl ca -config ca.cnf -gencrl -out revoked.crl 2> /dev/null
    openssl ca -config ca.cnf -gencrl -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z \
        -out stale.crl 2> /dev/null
    chmod 0644 ./*
    : > done
fi
