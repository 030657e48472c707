# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates: each fault has a TLS server of its own, but for the platform's expired one."""

from __future__ import annotations

from typing import Any

from tests.faults.catalogue.parts import of_unit
from tests.faults.matrix import Command, Expected, Row, Task
from tests.testbed.faults import FAULTS

_TLS = "/etc/xorb-lab/tls"
_MTLS, _DATES = "access.mtls", "certificates.expiry"


def _unit(port: int) -> str:
    return f"xorb-lab-nginx@{port}.service"


def _files(port: int, name: str) -> str:
    """A script that puts another pair where the server reads its own."""
    place = f"/etc/xorb-lab/served/{port}"
    return f"cp {_TLS}/{name}.pem {place}/cert.pem; cp {_TLS}/{name}.key {place}/key.pem"


def _served(port: int, name: str) -> str:
    return f"{_files(port, name)}; systemctl reload {_unit(port)}; sleep 1"


def _until_served(port: int, name: str) -> str:
    """A script that waits until a port serves a pair."""
    fingerprint = "openssl x509 -noout -fingerprint"
    shown = f"openssl s_client -connect localhost:{port} < /dev/null 2> /dev/null | {fingerprint}"
    same = f'test "$({shown})" = "$({fingerprint} -in {_TLS}/{name}.pem)"'
    return f"for _ in $(seq 40); do if {same}; then break; fi; sleep 0.25; done"


def _command(command: str, port: int, telling: str = "", evidence: str = "") -> Command:
    """The runbook's handshake with a server, or its loop over the files that are served."""
    handshake = {
        "api:8443": f"localhost:{port}",
        "secrets/tls/api-client/cert.pem": f"{_TLS}/client.pem",
        "secrets/tls/api-client/key.pem": f"{_TLS}/client.key",
        "secrets/tls/ca/ca.pem": f"{_TLS}/ca.pem",
    }
    files = {"./secrets/tls": f"/etc/xorb-lab/served/{port}"}
    changes = handshake if command == _MTLS else files
    return Command(command, changes=changes, telling=telling, evidence=evidence)


def _row(
    port: int,
    name: str,
    sentence: str,
    broken: str,
    *expected: Expected,
    command: str = _MTLS,
    telling: str = "",
    evidence: str = "",
    shown: tuple[str, str] = ("", ""),
    **options: Any,
) -> Row:
    return Row(
        fault=of_unit(name, sentence, "web", _unit(port), broken),
        chapter="Certificates",
        look={"endpoints": {"tls": {"kind": "tls", "port": port, "ca": f"{_TLS}/ca.pem", **options}}},
        expected=expected,
        command=_command(command, port, telling, evidence),
        task=Task(
            "community.crypto.get_certificate",
            {"host": "localhost", "port": port, "ca_cert": f"{_TLS}/ca.pem", "timeout": 8},
            telling=shown[0],
            evidence=shown[1],
        ),
        uses=frozenset({f"web/tls/{port}"}),
    )


def _set_row(
    port: int,
    name: str,
    sentence: str,
    broken: str,
    *expected: Expected,
    telling: str = "",
    names: tuple[str, ...] = ("localhost",),
) -> Row:
    """A row about the files of a server, which goes on serving the good pair: they are held against each other."""
    place = f"/etc/xorb-lab/served/{port}"
    files = {"certificate": "cert.pem", "key": "key.pem", "fullchain": None, "ca": "ca.pem"}
    managed = {"directory": place, "names": list(names), "files": files, "crl": f"{place}/crl.pem"}
    return Row(
        fault=of_unit(name, sentence, "web", _unit(port), broken),
        chapter="Certificates",
        look={"certificates": {"set": {**managed, "served_by": [{"port": port}]}}},
        expected=expected,
        command=_command(_DATES, port, telling, "No such file or directory" if telling else ""),
        task=Task("community.crypto.x509_certificate_info", {"path": f"{place}/cert.pem"}),
        uses=frozenset({f"web/tls/{port}"}),
    )


def _written(port: int, how: str) -> str:
    """A script that writes the good certificate and its CA into the server's file as some tool or person would."""
    return f"cd {_TLS}; {how} > /etc/xorb-lab/served/{port}/cert.pem"


def _issued(port: int, *options: str, authority: str = f"{_TLS}/ca") -> str:
    """A script that issues a certificate for the server's key, with whatever it says."""
    request = "openssl req -x509 -new -key key.pem -subj '/O=XORB Lab/CN=localhost' -out cert.pem"
    signed = f"-CA {authority}.pem -CAkey {authority}.key" if authority else ""
    written = f"cd /etc/xorb-lab/served/{port}; {request} {signed} {' '.join(options)}"
    # What lies there is what is served, or that would be a fault of its own.
    return f"{written}; systemctl reload {_unit(port)}; sleep 1"


def _listed(port: int, name: str, extensions: str = "", authority: str = f"{_TLS}/ca") -> str:
    """A script that makes a revocation list of an authority, with a register of its own."""
    folder = f"/etc/xorb-lab/served/{port}/{name}"
    config = (
        f"[ca]\\ndefault_ca = lab\\n[lab]\\ndatabase = {folder}/index.txt\\ncertificate = {authority}.pem\\n"
        f"private_key = {authority}.key\\ndefault_md = sha256\\ndefault_crl_days = 30\\n{extensions}"
    )
    return (
        f"mkdir -p {folder}; : > {folder}/index.txt; printf '{config}' > {folder}/ca.cnf;"
        f" openssl ca -config {folder}/ca.cnf -gencrl -out /etc/xorb-lab/served/{port}/crl.pem"
    )


def _ago(minutes: int) -> str:
    """A moment as openssl wants it, found out by the shell."""
    return f"$(date -u -d '-{minutes} minutes' +%Y%m%d%H%M%SZ)"


_NAMED = "-days 90 -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
_LEAF = f"{_NAMED} -addext basicConstraints=CA:FALSE"

#: An authority that may sign certificates and no lists, and one that the set does not know.
_MAY_NOT_LIST = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/O=XORB Lab/CN=No lists' -days 900"
    " -addext keyUsage=critical,keyCertSign -keyout own.key -out own.pem"
)

ODD = (
    _set_row(
        8463,
        "certificate_glued",
        "certificate and CA were put together without a line feed between: nginx refuses the file at its next start",
        _written(8463, "printf '%s' \"$(cat good.pem)\" | cat - ca.pem"),
        Expected("set.readable", "critical", "is not the end of CERTIFICATE, alone on its line"),
    ),
    _set_row(
        8464,
        "certificate_carriage_returns",
        "the certificate's lines end in carriage returns alone, which OpenSSL does not read",
        _written(8464, "tr '\\n' '\\r' < good.pem"),
        Expected("set.readable", "critical", "carriage return"),
    ),
    _set_row(
        8465,
        "certificate_indented",
        "the certificate was pasted with blanks before each line, which OpenSSL does not read",
        _written(8465, "sed 's/^/  /' good.pem"),
        Expected("set.readable", "critical", "is not alone on its line, and OpenSSL passes it over"),
    ),
    _set_row(
        8466,
        "certificate_stray_character",
        "an editor left a character in the certificate that does not belong there",
        _written(8466, "sed '3s/^./!/' good.pem"),
        Expected("set.readable", "critical", "does not belong there"),
    ),
    _set_row(
        8467,
        "certificate_issuer_first",
        "the CA stands before the certificate: OpenSSL says that the key does not match",
        _written(8467, "cat ca.pem good.pem"),
        Expected("set.chain", "critical", "wrong order: number 2 is to be the first"),
        Expected("set.key", "critical", "does not match the certificate in cert.pem"),
    ),
    _set_row(
        8468,
        "certificate_of_openssl_req",
        "what `openssl req -x509` prints was put into the place of the certificate: self-signed, and a CA",
        _issued(8468, _NAMED, authority=""),
        Expected("set.chain", "critical", "is self-signed, where an authority is expected"),
    ),
    _set_row(
        8469,
        "certificate_address_as_name",
        "the certificate has the server's address as a DNS name, where clients do not look for it",
        _issued(8469, "-days 90 -addext subjectAltName=DNS:localhost,DNS:127.0.0.1 -addext basicConstraints=CA:FALSE"),
        Expected("set.names", "critical", "does not cover 127.0.0.1"),
        names=("localhost", "127.0.0.1"),
    ),
    _set_row(
        8470,
        "certificate_of_an_hour_expired",
        "a certificate of one hour has expired thirty minutes ago",
        _issued(
            8470,
            _LEAF.replace("-days 90", ""),
            f"-not_before {_ago(90)} -not_after {_ago(30)}",
        ),
        Expected("set.expiry", "critical", "minutes ago"),
    ),
    _set_row(
        8471,
        "certificate_critical_extension",
        "the certificate has a critical extension that OpenSSL does not know, and refuses it for",
        _issued(8471, _LEAF, "-addext 1.2.3.4.5=critical,DER:0500"),
        Expected("set.chain", "critical", "has a critical extension that OpenSSL does not know"),
    ),
    _set_row(
        8472,
        "certificate_for_clients",
        "a certificate for clients was given to the server",
        _issued(8472, _LEAF, "-addext extendedKeyUsage=clientAuth"),
        Expected("set.chain", "critical", "may not be used for serverAuth, only for clientAuth"),
    ),
    _set_row(
        8473,
        "revocations_of_who_may_not",
        "the list of revocations is signed by a CA that may not sign any (no cRLSign), so that no server accepts it",
        f"cd /etc/xorb-lab/served/8473; {_MAY_NOT_LIST}; cp own.pem ca.pem; {_issued(8473, _LEAF, authority='own')};"
        f" {_listed(8473, 'lists', authority='/etc/xorb-lab/served/8473/own')}",
        Expected("set.revocation", "unknown", "may not sign revocation lists"),
    ),
    _set_row(
        8474,
        "revocations_of_a_stranger",
        "the list of revocations is of another CA: it says nothing about this certificate",
        _listed(8474, "lists", authority=f"{_TLS}/stranger"),
        Expected("set.revocation", "unknown", "is not here, whose list this is"),
    ),
    _set_row(
        8475,
        "revocations_in_part",
        "the list of revocations holds authorities only: whether the certificate is revoked, another one says",
        f"{_issued(8475, _LEAF)}; "
        + _listed(
            8475,
            "lists",
            "crl_extensions = part\\n[part]\\nissuingDistributionPoint = critical, @only\\n[only]\\nonlyCA = TRUE\\n",
        ),
        Expected("set.revocation", "unknown", "it holds authorities only"),
    ),
    Row(
        fault=of_unit(
            "certificate_beside_garbage",
            "beside the certificates lies a file that is none: the others are judged all the same",
            "web",
            _unit(8476),
            "head -c 300 /dev/zero > /etc/xorb-lab/served/8476/garbage.pem",
            mended="rm -f /etc/xorb-lab/served/8476/garbage.pem",
        ),
        chapter="Certificates",
        look={"checks": {"tree": {"kind": "certificate_files", "paths": ["/etc/xorb-lab/served/8476"]}}},
        expected=(
            Expected("tree.readable", "critical", "garbage.pem: is no certificate, key or revocation list"),
            Expected("tree.expiry", "ok"),
            Expected("tree.key", "ok"),
        ),
        command=_command(_DATES, 8476),
        task=Task("community.crypto.x509_certificate_info", {"path": "/etc/xorb-lab/served/8476/garbage.pem"}),
        uses=frozenset({"web/tls/8476"}),
    ),
)

ROWS = (
    Row(
        fault=FAULTS["certificate_expired"],
        chapter="Certificates",
        look={
            "endpoints": {
                "tls": {"kind": "tls", "port": 8443, "server_name": "api.xorb.enterprise", "ca": "/etc/xorb/tls/ca.pem"}
            }
        },
        expected=(
            Expected("tls.trust", "critical", "certificate has expired"),
            Expected("tls.expiry", "critical", "expired"),
        ),
        command=Command(
            _MTLS,
            changes={
                "api:8443": "localhost:8443",
                "secrets/tls/api-client/cert.pem": f"{_TLS}/client.pem",
                "secrets/tls/api-client/key.pem": f"{_TLS}/client.key",
                "secrets/tls/ca/ca.pem": "/etc/xorb/tls/ca.pem",
            },
            telling="certificate has expired",
            evidence="Verify return code: 10 (certificate has expired)",
        ),
        task=Task(
            "community.crypto.get_certificate",
            {"host": "localhost", "port": 8443, "server_name": "api.xorb.enterprise", "timeout": 8},
            telling='"expired": true',
            evidence="expired: true",
        ),
        uses=frozenset({"web/tls/main"}),
    ),
    _row(
        8451,
        "certificate_on_disk_expired",
        "the certificate has expired, and the runbook looks at its file",
        _served(8451, "expired"),
        Expected("tls.expiry", "critical", "expired"),
        command=_DATES,
        telling="notAfter=Jan  1 00:00:00 2020 GMT",
        evidence="a date, among those of all files, without the file's name",
        shown=('"expired": true', "expired: true"),
    ),
    _row(
        8452,
        "certificate_not_reloaded",
        "the certificate was renewed on the disk, and the server still serves the one that has expired",
        # The server must have read the one before the other is put in its place.
        f"{_served(8452, 'lapsed')}; {_until_served(8452, 'lapsed')}; {_files(8452, 'good')}",
        Expected("tls.expiry", "critical", "expired"),
        command=_DATES,
        shown=('"expired": true', "expired: true"),
    ),
    _row(
        8453,
        "certificate_wrong_name",
        "the server serves a certificate of another name",
        _served(8453, "wrong_name"),
        Expected("tls.trust", "critical", "Hostname mismatch"),
        Expected("tls.handshake", "ok"),
    ),
    _row(
        8454,
        "certificate_foreign",
        "the server serves a certificate of a CA that no client trusts",
        _served(8454, "foreign"),
        Expected("tls.trust", "critical", "certificate not trusted"),
        telling=r"Verify return code: 2[01]",
        evidence="Verify return code: 21 (unable to verify the first certificate)",
    ),
    _row(
        8455,
        "tls_port_closed",
        "nothing listens on the TLS port: a test that only wants strangers refused would pass",
        f"systemctl stop {_unit(8455)}",
        Expected("tls.handshake", "critical", "refused"),
        Expected("tls.trust", "unknown"),
    ),
    _set_row(
        8456,
        "certificate_not_served",
        "the certificate on the disk is sound, and is not the one that is served: the server was not reloaded",
        _files(8456, "renewed"),
        Expected("set.served", "critical", "serves another certificate"),
        Expected("set.key", "ok"),
    ),
    _set_row(
        8457,
        "certificate_of_another_key",
        "the certificate was renewed and its key was not: the server's next start will fail",
        f"cp {_TLS}/renewed.pem /etc/xorb-lab/served/8457/cert.pem",
        Expected("set.key", "critical", "does not match the certificate"),
    ),
    _set_row(
        8458,
        "certificate_key_open",
        "every user of the host may read the key",
        "chmod 0644 /etc/xorb-lab/served/8458/key.pem",
        Expected("set.permissions", "critical", "a key that every user may read (mode 0644)"),
    ),
    _set_row(
        8459,
        "certificate_revoked",
        "the CA has revoked the certificate, and the server goes on serving it",
        f"cp {_TLS}/revoked.crl /etc/xorb-lab/served/8459/crl.pem",
        Expected("set.revocation", "critical", "revoked"),
    ),
    _set_row(
        8460,
        "revocations_stale",
        "the list of revocations is years old, so that later revocations are not known",
        f"cp {_TLS}/stale.crl /etc/xorb-lab/served/8460/crl.pem",
        Expected("set.revocation", "critical", "the list is stale: the next one was due 2020"),
    ),
    _set_row(
        8461,
        "certificate_without_names",
        "the certificate has a common name and no alternative ones, which clients no longer accept",
        _served(8461, "nameless"),
        Expected("set.names", "critical", "alternative"),
    ),
    _set_row(
        8462,
        "certificate_truncated",
        "the disk was full when the certificate was written: half of its file is there",
        "truncate -s 300 /etc/xorb-lab/served/8462/cert.pem",
        Expected("set.readable", "critical", "cert.pem"),
    ),
    *ODD,
)
