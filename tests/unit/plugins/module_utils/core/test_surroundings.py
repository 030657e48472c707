# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the user or the machine has set for itself decides nothing: modules run in odd surroundings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible_collections.xorb.runbook.plugins.module_utils._clients import commands
from ansible_collections.xorb.runbook.plugins.module_utils._core import surroundings

from tests.support import peers
from tests.support.loopback import Authority, Client, served
from tests.support.procedures import BIN, ROOT
from tests.support.procedures import environment as of_ansible

_RUN = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.xorb.runbook.plugins.modules import probe
with patch_module_args(json.load(sys.stdin)):
    probe.main()
"""

_POINT = {"service": "s", "point": "p", "owner": "o", "timeout": 5.0}


def probed(kind: str, environment: dict[str, str], **given: Any) -> dict[str, dict[str, Any]]:
    """The checks of one probe by aspect, made by the module in a process with these variables."""
    given_options = {"deadline": 60, kind: [{**_POINT, **given}]}
    ended = subprocess.run(
        [sys.executable, "-c", _RUN],
        input=json.dumps(given_options),
        env={**os.environ, "PYTHONPATH": str(ROOT / ".ansible/collections"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout, ended.stderr
    return {check["id"].rsplit(".", 1)[1]: check for check in json.loads(ended.stdout)["checks"]}


def _answer(client: Client) -> None:
    client.request()
    client.send(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_no_variable_leads_to_another_server(tmp_path: Path) -> None:
    """Nothing listens at the described address; every way that libpq knows leads to a server that is well."""
    with peers.postgres_server() as server:
        (tmp_path / "service.conf").write_text(f"[other]\nhost=127.0.0.1\nhostaddr=127.0.0.1\nport={server.port}\n")
        ways = (
            {"PGHOSTADDR": "127.0.0.1"},
            {"PGSERVICE": "other", "PGSERVICEFILE": str(tmp_path / "service.conf")},
            {"PGHOST": "127.0.0.1", "PGPORT": str(server.port)},
        )
        where = {"address": "127.0.0.99", "port": server.port, "user": "postgres", "database": "postgres"}
        for way in ways:
            found = probed("postgres", way, **where)
            assert found["query"]["status"] == "critical", (way, found)
        # No way to be let in, either, or to be turned away.
        odd = {"PGSSLMODE": "require", "PGOPTIONS": "-c nonsense=1", "PGCLIENTENCODING": "EUC_JP", "PGSERVICE": "none"}
        assert probed("postgres", odd, **{**where, "address": "127.0.0.1"})["query"]["status"] == "ok"


def test_files_of_the_home_folder_are_not_read(tmp_path: Path) -> None:
    """A password that only the home folder has opens nothing."""
    with peers.postgres_server() as server:
        home = tmp_path / "home"
        home.mkdir()
        hba = server.folder / "pg_hba.conf"
        hba.write_text("host all all all scram-sha-256\n")
        os.kill(server.process.pid, 1)  # reads it again
        (home / ".pgpass").write_text("*:*:*:*:secret\n")
        (home / ".pgpass").chmod(0o600)
        environment = {"HOME": str(home), "PGPASSFILE": str(home / ".pgpass"), "PGPASSWORD": "secret"}
        where = {"address": "127.0.0.1", "port": server.port, "user": "postgres", "database": "postgres"}
        found = probed("postgres", environment, **where)["query"]
        assert found["status"] == "critical" and "no password supplied" in found["message"]


def test_no_variable_decides_whom_to_trust(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "The user's own CA")
    pair = authority.issue("localhost")
    with served(_answer, pair.server_context()) as port:
        for environment in (
            {"SSL_CERT_FILE": str(authority.file)},
            {"SSL_CERT_FILE": str(authority.file), "SSL_CERT_DIR": str(tmp_path)},
        ):
            found = probed("tls", environment, address="localhost", port=port)
            assert found["trust"]["status"] == "critical", found


def test_no_configuration_of_openssl_changes_what_is_spoken(tmp_path: Path) -> None:
    """A configuration that accepts no signature that the server can make: the probe works as if there were none."""
    (tmp_path / "openssl.cnf").write_text(
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\nSignatureAlgorithms = ed448\n"
    )
    pair = Authority(tmp_path, "CA").issue("localhost")
    with served(_answer, pair.server_context()) as port:
        given = {"address": "localhost", "port": port, "scheme": "https", "verify": False}
        page = {"paths": {"root": {"path": "/", "status": [204]}}}
        given_options = {"deadline": 60, "http": [{**_POINT, **given, **page}]}
        words = [
            "-i",
            "localhost,",
            "-c",
            "local",
            "localhost",
            "-m",
            "xorb.runbook.probe",
            "-a",
            json.dumps(given_options),
        ]
        interpreter = f"ansible_python_interpreter={sys.executable}"
        ended = subprocess.run(
            [str(BIN / "ansible"), *words, "-e", interpreter],
            env=of_ansible(OPENSSL_CONF=str(tmp_path / "openssl.cnf")),
            capture_output=True,
            text=True,
            check=False,
        )
    assert '"status": "ok"' in ended.stdout, ended.stdout + ended.stderr


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_no_proxy_comes_between(variable: str) -> None:
    with served(_answer) as port:
        page = {"paths": {"root": {"path": "/", "status": [204]}}}
        found = probed("http", {variable: "http://127.0.0.1:1"}, address="127.0.0.1", port=port, **page)
        assert found["root"]["status"] == "ok", found


def test_commands_get_what_is_kept_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "LANG", "LC_MESSAGES", "COMPOSE_FILE", "SYSTEMD_COLORS", "HOME"):
        monkeypatch.setenv(name, "/somewhere/else")
    printed = commands.run(["env"], timeout=30).stdout
    given = dict(line.split("=", 1) for line in printed.splitlines())
    assert set(given) <= {"PATH", "TMPDIR", "HOME", "LC_ALL", "TZ", "DOCKER_CONFIG"}
    assert given["HOME"] != "/somewhere/else" and given["DOCKER_CONFIG"] == surroundings.NOWHERE


def test_left_puts_everything_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    before = dict(os.environ)
    with surroundings.left():
        assert "PGHOST" not in os.environ
    assert dict(os.environ) == before


def test_arguments_too_large_to_begin_anew_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ansible hands them on by a pipe, and would wait for ever."""
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", b"x" * 70_000)
    with mock.patch.dict(os.environ, {"OPENSSL_CONF": "/etc/odd.cnf"}), pytest.raises(SystemExit):
        surroundings.leave()
    result = json.loads(capsys.readouterr().out)
    assert result["failed"] and result["msg"].startswith("OPENSSL_CONF is set where modules run on this host")
