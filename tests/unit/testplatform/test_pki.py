# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The small CA of the demo: what it issues, when it renews, and that a second run changes nothing."""

from __future__ import annotations

import datetime
import importlib.util
import stat
import sys
import typing as t
from pathlib import Path

import pytest
from cryptography import x509

SOURCE = Path(__file__).resolve().parents[2] / "testplatform" / "pki.py"
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
ADDRESS = "192.0.2.12"


def _load() -> t.Any:
    spec = importlib.util.spec_from_file_location("platform_pki", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


pki = _load()
EVERYTHING = ["ca", *(leaf.name for leaf in pki.LEAVES), "crl"]
SERVERS = [leaf.name for leaf in pki.LEAVES if not leaf.is_client]


def certificate(directory: Path, name: str) -> x509.Certificate:
    """Read a certificate that was made."""
    return x509.load_pem_x509_certificate((directory / f"{name}.pem").read_bytes())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a folder with everything made at NOW."""
    assert pki.ensure(tmp_path / "ca", [ADDRESS], now=NOW) == EVERYTHING
    return tmp_path / "ca"


def test_ensure_second_run_changes_nothing(directory: Path) -> None:
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert pki.ensure(directory, [ADDRESS], now=NOW + 44 * DAY) == []
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_ensure_server_is_signed_for_every_name_and_lasts_90_days(directory: Path) -> None:
    authority, server = certificate(directory, "ca"), certificate(directory, "server")
    server.verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"api", "api.xorb.enterprise", "web", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
    assert {"127.0.0.1", ADDRESS} == {str(one) for one in names.get_values_for_type(x509.IPAddress)}
    assert server.not_valid_after_utc == NOW + 90 * DAY


def test_ensure_expired_is_over_but_of_the_same_authority(directory: Path) -> None:
    expired = certificate(directory, "expired")
    expired.verify_directly_issued_by(certificate(directory, "ca"))
    assert expired.not_valid_after_utc < NOW


def test_ensure_keys_are_private(directory: Path) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.glob("*-key.pem")} == {0o600}


def test_ensure_past_half_way_renews_what_is_to_last(directory: Path) -> None:
    lasting = [leaf.name for leaf in pki.LEAVES if leaf.renewed]
    assert pki.ensure(directory, [ADDRESS], now=NOW + 46 * DAY) == [*lasting, "crl"]


def test_ensure_other_address_issues_the_servers_anew(directory: Path) -> None:
    assert pki.ensure(directory, ["192.0.2.13"], now=NOW) == SERVERS


def test_ensure_clients_are_for_clients_only_and_differ_in_their_unit(directory: Path) -> None:
    units = {}
    for name in ("client", "client-revoked", "client-service"):
        found = certificate(directory, name)
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert [one._name for one in usage] == ["clientAuth"]
        units[name] = found.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value
    assert units == {"client": "Clients", "client-revoked": "Clients", "client-service": "Services"}


def test_ensure_list_of_revoked_has_the_revoked_one_only(directory: Path) -> None:
    listed = x509.load_pem_x509_crl((directory / "crl.pem").read_bytes())
    key = certificate(directory, "ca").public_key()
    assert isinstance(key, pki.ec.EllipticCurvePublicKey)
    assert listed.is_signature_valid(key)
    assert [one.serial_number for one in listed] == [certificate(directory, "client-revoked").serial_number]


def test_ensure_new_revoked_certificate_is_listed_at_once(directory: Path) -> None:
    (directory / "client-revoked.pem").unlink()
    assert pki.ensure(directory, [ADDRESS], now=NOW) == ["client-revoked", "crl"]


def test_ensure_lost_authority_issues_everything_anew(directory: Path) -> None:
    (directory / "ca-key.pem").unlink()
    assert pki.ensure(directory, [ADDRESS], now=NOW) == EVERYTHING


def test_ensure_key_of_another_pair_issues_anew(directory: Path) -> None:
    (directory / "server-key.pem").write_bytes((directory / "expired-key.pem").read_bytes())
    assert pki.ensure(directory, [ADDRESS], now=NOW) == ["server"]
