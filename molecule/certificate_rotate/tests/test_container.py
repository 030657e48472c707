# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A container into which the folder of a set is mounted sees the new one, and is reloaded by a signal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.rotated_bed import act, in_service, shell, until

FOLDER = "/etc/proxy-tls"

#: Keeps what it had loaded at its last reload, as a server does.
SERVICE = """
import pathlib, signal
pathlib.Path("/loaded").mkdir()
def load(*_):
    pair = pathlib.Path("/tls/cert.pem").read_text() + pathlib.Path("/tls/key.pem").read_text()
    pathlib.Path("/loaded/pair.pem").write_text(pair)
load()
signal.signal(signal.SIGHUP, load)
while True:
    signal.pause()
"""

SERVICES = {
    "proxy": {
        "hosts": "xorb-compose",
        "certificates": {
            "server": {
                "directory": FOLDER,
                "names": ["proxy.test"],
                "files": {"fullchain": None},
                "reload": {"kind": "compose", "project_src": "/srv/data/shop", "service": "proxy"},
            }
        },
    }
}


@pytest.fixture
def container() -> Iterator[str]:
    """A service of a Compose project with the folder mounted into it."""
    shell(
        "compose",
        f"mkdir -p {FOLDER} /srv/data/shop; cat > /srv/data/shop/compose.yml",
        data="name: shop\nservices: {}\n",
    )
    labels = "--label com.docker.compose.project=shop --label com.docker.compose.service=proxy"
    new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=proxy.test"
    files = f"-keyout {FOLDER}/key.pem -out {FOLDER}/cert.pem"
    made = f"openssl req -x509 {new} -addext subjectAltName=DNS:proxy.test {files} 2>/dev/null"
    shell("compose", f"{made}; cp {FOLDER}/cert.pem {FOLDER}/ca.pem")
    run = (
        f'docker run -d --name shop-proxy-1 {labels} -v {FOLDER}:/tls:ro --entrypoint python3 xorb/local:2 -c "$(cat)"'
    )
    shell("compose", run, data=SERVICE)
    yield "shop-proxy-1"
    shell("compose", f"docker rm -f shop-proxy-1; rm -rf {FOLDER} /srv/data/shop /var/lib/xorb-runbook")


def test_container_sees_the_new_set_and_loads_it(container: str) -> None:
    def read(path: str) -> str:
        return f"docker exec {container} python3 -c \"print(open('{path}').read())\""

    def loaded(path: str) -> str:
        script = f"{read(path)} | openssl x509 -noout -serial"
        return shell("compose", script, check=False).strip()

    before = in_service("compose", FOLDER)
    until(lambda: loaded("/loaded/pair.pem") == f"serial={before}")
    ran = act("compose", "-i", "tests/testplatform/inventory", variables={"platform_services": SERVICES})
    assert ran.status == 0, ran.output
    new = in_service("compose", FOLDER)
    assert new != before
    assert loaded("/tls/cert.pem") == f"serial={new}"
    until(lambda: loaded("/loaded/pair.pem") == f"serial={new}")
    assert shell("compose", read("/loaded/pair.pem")).count("-----BEGIN") == 2
