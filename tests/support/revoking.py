# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service that lets its clients in by certificates, and a client of it, both of one CA."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._access import attempt
from ansible_collections.xorb.runbook.plugins.module_utils._access import tls as access_tls
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.deploy import Issued
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.served import served_certificate
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import with_defaults
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority

from tests.support.authorities import made, opened
from tests.support.lab import Lab
from tests.support.rotating import Site


@dataclass
class Shop:
    """The service ``proxy`` on the host ``one``, which reads revocation lists, and its client ``app`` on ``two``."""

    folder: Path

    @property
    def site(self) -> Site:
        """Where the sets of both are."""
        return Site(self.folder / "site")

    @property
    def ca(self) -> Path:
        """The folder of the CA."""
        return self.folder / "ca"

    def authority(self) -> Authority:
        """The CA."""
        return opened(self.ca)

    def described(self, name: str, **options: Any) -> dict[str, Any]:
        """A set as the description has it."""
        given = self.site.given(name)
        return {**{key: given[key] for key in ("directory", "names", "user", "group")}, **options}

    def issue(self, name: str, profile: str) -> str:
        """Put a certificate of the CA into service; returns its serial number."""
        (self.site.folder / name).mkdir(parents=True, exist_ok=True)
        given = self.site.given(name, service=name, point="set", profile=profile)
        csr = self.site.request(given, force=True).csr
        got = self.authority().issue(csr, profile=profile, names=given["names"])
        (outcome,) = self.site.deploy(Issued(given, got.certificate, got.fullchain, got.ca))
        assert outcome.outcome == "done", outcome.message
        return outcome.serial

    def serial(self, name: str) -> str:
        """The serial number of the certificate in service; fails where it and its key do not belong together."""
        self.site.in_service(name)
        return load_bundle((self.site.folder / name / "cert.pem").read_bytes())[0].serial

    def copied(self, name: str) -> Path:
        """A copy of the pair in service, as somebody has it who took it away; returns its folder."""
        copy = self.folder / "thief" / name
        shutil.copytree(self.site.folder / name, copy, dirs_exist_ok=True)
        return copy

    def knock(self, port: int, pair: Path) -> str:
        """What the service says to who shows a pair: ``accepted`` or ``refused``."""
        options = {
            "port": port,
            "address": "127.0.0.1",
            "server_name": "localhost",
            "ca": str(self.site.folder / "one/ca.pem"),
            "client_cert": str(pair / "fullchain.pem"),
            "client_key": str(pair / "key.pem"),
        }
        met = access_tls.try_port({**with_defaults(access_tls.OPTIONS, options), "timeout": 20, "starttls": "none"}).met
        return {attempt.ACCEPTED: "accepted", attempt.REFUSED: "refused"}.get(met, met)

    def served(self, port: int) -> str:
        """The serial number of the certificate that the service serves."""
        return served_certificate({"address": "127.0.0.1", "port": port, "timeout": 20}).serial

    @contextlib.contextmanager
    def opened(self, lab: Lab) -> Iterator[int]:
        """Serve it and describe it to the lab; yields the port."""
        made(self.ca)
        self.issue("one", "server")
        self.issue("two", "client")
        lists = self.site.folder / "one/crl.pem"
        lists.write_text(self.authority().crls())
        with self.site.served("one", clients=["ca.pem", "crl.pem"]) as how:
            port = how["served_by"][0]["port"]
            door = {"port": port, "address": "127.0.0.1", "server_name": "localhost"}
            door["ca"] = str(self.site.folder / "one/ca.pem")
            proxy = self.described("one", crl=str(lists), **how)
            app = self.described("two", profile="client", accepted_by=[door])
            lab.variables.update(
                # There is no sudo where tests run, and no other user is needed.
                ansible_become=False,
                certificate_authority_dir=str(self.ca),
                certificate_authority_passphrase="correct horse battery",  # noqa: S106 - of a CA that lives as long as a test
                certificate_revoke_incident="INC-7",
                platform_services={
                    "proxy": {"hosts": "one", "certificates": {"server": proxy}},
                    "app": {"hosts": "two", "certificates": {"client": app}},
                },
            )
            for host in ("one", "two"):
                for role in ("revoke", "rotate"):
                    lab.hosts[host][f"certificate_{role}_host_state_dir"] = str(self.folder / f"state-{host}")
            yield port
