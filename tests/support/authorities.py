# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Small CAs for tests: ours, and one that the real openssl made the way that a platform's script would."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.create import Blueprint, Ensured, ensure

from tests.support.signing_requests import openssl

PASSPHRASE = "correct horse battery"  # noqa: S105 - of CAs that live as long as a test
#: Another one, for roots that have their own and for those who guess.
OTHER = "something else"
BLUEPRINT = Blueprint(
    "Shop",
    {"country": "US", "organization": "Shop", "organizational_unit": "Security"},
    key_type="ecdsa-p256",
)
NAMES = ["nginx.shop.local", "localhost", "127.0.0.1"]


def made(directory: Path, blueprint: Blueprint = BLUEPRINT, **options: Any) -> Ensured:
    """Make a CA, adopt it or put it right."""
    return ensure(directory, blueprint, **{"passphrase": PASSPHRASE, **options})


def opened(directory: Path, **options: Any) -> Authority:
    """A CA that is there."""
    return Authority.open(directory, **{"passphrase": PASSPHRASE, **options})


def snapshot(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Everything in a folder: modes, contents, targets of links."""
    return {
        str(path.relative_to(folder)): (
            stat.S_IMODE(path.lstat().st_mode),
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else "",
        )
        for path in folder.rglob("*")
        if path.name != ".lock"
    }


_CONFIG = """
[ca]
default_ca = CA_default
[CA_default]
dir = {folder}
new_certs_dir = $dir/newcerts
database = $dir/index.txt
serial = $dir/serial
{crlnumber}
certificate = $dir/certs/{stem}.cert.pem
private_key = $dir/private/{stem}.key.pem
default_md = sha256
default_days = 30
default_crl_days = 30
policy = policy_loose
[policy_loose]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
C = US
O = Old Shop
CN = Old Shop {title} CA
[v3_ca]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer
basicConstraints = critical, CA:true
keyUsage = critical, digitalSignature, cRLSign, keyCertSign
[v3_intermediate_ca]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, digitalSignature, cRLSign, keyCertSign
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
"""


def openssl_ca(directory: Path, *, root_passphrase: str, passphrase: str) -> list[str]:
    """Make a root, an intermediate and two certificates with openssl alone; returns the serials of the two.

    As in the platform's script: counted serials, absolute links, no crlnumber for the root, folders open to all.
    """
    for level, stem, serial in (("root", "ca", "1000"), ("intermediate", "intermediate", "2000")):
        folder = directory / level
        for name in ("certs", "private", "crl", "newcerts", "csr"):
            (folder / name).mkdir(parents=True)
        (folder / "index.txt").touch()
        (folder / "serial").write_text(f"{serial}\n")
        number = "" if level == "root" else "crlnumber = $dir/crlnumber"
        if number:
            (folder / "crlnumber").write_text("1000\n")
        text = _CONFIG.format(folder=folder, stem=stem, title=level.capitalize(), crlnumber=number)
        (folder / "openssl.cnf").write_text(text)
        own_secret = root_passphrase if level == "root" else passphrase
        key = folder / f"private/{stem}.key.pem"
        _run("genrsa", "-aes256", "-passout", "env:PASSPHRASE", "-out", key, "2048", passphrase=own_secret)
        key.chmod(0o644)
    root, intermediate = directory / "root", directory / "intermediate"
    options: tuple[object, ...]
    config, key = ("-config", root / "openssl.cnf"), root / "private/ca.key.pem"
    secret = ("-passin", "env:PASSPHRASE")
    certificate = root / "certs/ca.cert.pem"
    options = ("-x509", "-new", "-days", "3650", "-extensions", "v3_ca", "-set_serial", "1")
    _run("req", *config, *options, "-key", key, *secret, "-out", certificate, passphrase=root_passphrase)
    csr, own = intermediate / "csr/intermediate.csr.pem", ("-config", intermediate / "openssl.cnf")
    key = intermediate / "private/intermediate.key.pem"
    _run("req", *own, "-new", "-key", key, *secret, "-out", csr, passphrase=passphrase)
    out = intermediate / "certs/intermediate.cert.pem"
    options = ("-batch", "-extensions", "v3_intermediate_ca", "-days", "1825", "-notext", "-in", csr, "-out", out)
    _run("ca", *config, *options, *secret, passphrase=root_passphrase)
    chain = directory / "ca-chain.cert.pem"
    chain.write_text(out.read_text() + certificate.read_text())
    for name, target in (("ca.pem", chain), ("root-ca.pem", certificate), ("intermediate-ca.pem", out)):
        (directory / name).symlink_to(target)
    for name in ("api", "web"):
        key, csr, out = (directory / f"{name}.{suffix}" for suffix in ("key", "csr", "pem"))
        subject = f"/C=US/O=Old Shop/OU=Services/CN={name}.shop.local"
        _run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", csr, "-subj", subject)
        options = ("-batch", "-extensions", "server", "-in", csr, "-out", out)
        _run("ca", *own, *options, *secret, passphrase=passphrase)
        for path in (key, csr):
            path.unlink()
    _run("ca", *own, "-revoke", directory / "web.pem", *secret, passphrase=passphrase)
    (directory / "api.pem").unlink()
    (directory / "web.pem").unlink()
    return ["2000", "2001"]


def _run(*words: object, passphrase: str = "") -> None:
    done = openssl(*words, passphrase=passphrase)
    assert done.returncode == 0, done.stderr
