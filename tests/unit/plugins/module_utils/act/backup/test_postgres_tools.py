# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where PostgreSQL's programs run: on the host as another user, in a container, and for as long as they are needed."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup import inside
from ansible_collections.xorb.runbook.plugins.module_utils._act.backup.postgres import tools as postgres_tools
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import docker_of_one
from tests.support.peers import postgres_programs, postgres_server
from tests.support.postgres_backups import Source, forecast, prove, take

MADE = ("CREATE TABLE t AS SELECT generate_series(1, 100) AS a",)


def only_in_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without any program of PostgreSQL, and containers that have them."""
    system = "/usr/sbin:/usr/bin:/sbin:/bin"
    log = docker_of_one.install(tmp_path, f"{postgres_programs()}:{system}")
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("setpriv", "unshare", "true", "env", "sh"):
        (bare / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setattr(postgres_tools, "_FOLDERS", ())
    monkeypatch.setenv("PATH", f"{tmp_path}:{bare}")
    return log


def test_a_service_of_compose_is_dumped_and_proved_by_its_own_image(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = only_in_containers(tmp_path, monkeypatch)
    project = {"project_src": str(tmp_path), "service": "database", "files": []}
    (tmp_path / "inside").mkdir()
    monkeypatch.setattr(inside, "_PREFIX", f"{tmp_path}/inside/")
    user = "nobody" if os.geteuid() == 0 else ""
    monkeypatch.setattr(postgres_tools, "user_in", lambda _container, _name: "65534:65534" if user else "")
    with source.database("app", *MADE):
        assert "install the package postgresql-client" in forecast(source.given("app")).refused[0]
        given = source.given("app", container=project, login={"password": "hemlig-7d1f"})
        assert forecast(given).refused == ()
        manifest = take(given, tmp_path / "plain")
    assert manifest.content["databases"]["app"]["tables"] == {"public.t": 100}
    proof = prove(given, tmp_path / "plain", manifest)
    assert (proof.faults, proof.facts["network"]) == ((), "none")
    words = [json.loads(line) for line in log.read_text().splitlines()]
    (run,) = [one for one in words if one[0] == "run"]
    assert {"--network=none", "sha256:of-the-service"} <= set(run)
    assert any(one[:2] == ["container", "rm"] and one[-1] in " ".join(run) for one in words)
    assert not [one for one in words if "hemlig-7d1f" in " ".join(one) or {"-t", "--tty"} & set(one)]
    assert not list((tmp_path / "inside").iterdir())


def test_a_login_by_peer_is_made_as_the_user_of_the_system(
    sockets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket tells the server who connects. Files belong to root all the same, in folders that no other enters."""
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{postgres_programs()}")
    with postgres_server(f"unix_socket_directories = '{sockets}'") as server:
        source = Source(server)
        source.sql("postgres", f"CREATE ROLE {user} SUPERUSER LOGIN")
        (server.folder / "pg_hba.conf").write_text("local all all peer\nhost all postgres all trust\n")
        source.sql("postgres", "SELECT pg_reload_conf()")
        with source.database("app", *MADE):
            login = {"address": str(sockets), "user": user, "os_user": user}
            given = source.given("app", login=login)
            closed = tmp_path / "closed"
            closed.mkdir(mode=0o700)
            manifest = take(given, closed / "plain")
            if os.geteuid() == 0:
                with pytest.raises(RunbookError, match="Peer authentication failed"):
                    _until_peer(source.given("app", login={**login, "os_user": None}))
    assert manifest.content["databases"]["app"]["tables"] == {"public.t": 100}
    assert {one.stat().st_uid for one in closed.rglob("*")} == {os.geteuid()}
    assert prove(given, closed / "plain", manifest).faults == ()


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder of a short name for sockets, that their server may write into."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def _until_peer(given: dict[str, Any]) -> None:
    """It takes a moment until a server has read its configuration."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        forecast(given)
        time.sleep(0.1)


def test_a_user_that_the_host_does_not_have_is_named(source: Source) -> None:
    with pytest.raises(RunbookError, match=r"os_user no_such_user: this host has no such user|only root acts as"):
        forecast(source.given("postgres", login={"os_user": "no_such_user"}))


_JOB = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from tests.support.postgres_backups import take
take({given!r}, Path({plain!r}))
"""


def test_a_dump_ends_with_the_process_that_wanted_it(source: Source, tmp_path: Path) -> None:
    rows = "CREATE TABLE much AS SELECT i, md5(i::text) || md5((i + 1)::text) AS v FROM generate_series(1, 400000) i"
    plain = tmp_path / "plain"
    with source.database("app", rows):
        script = _JOB.format(paths=sys.path, given=source.given("app"), plain=str(plain))
        with subprocess.Popen([sys.executable, "-c", script]) as job:
            end = time.monotonic() + 120
            while not _dumps(plain) and time.monotonic() < end:
                time.sleep(0.01)
            assert _dumps(plain)
            job.send_signal(signal.SIGKILL)
            job.wait()
        while _dumps(plain) and time.monotonic() < end:
            time.sleep(0.05)
        assert not _dumps(plain)


def _dumps(folder: Path) -> list[int]:
    """Processes of pg_dump that have files of a folder open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"/pg_dump"):
                targets = [str(one.readlink()) for one in (process / "fd").iterdir()]
                found += [int(process.name)] if any(one.startswith(str(folder)) for one in targets) else []
    return found
