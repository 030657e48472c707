# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stand-in of the platform's web applications, in this process and with databases that answer."""

from __future__ import annotations

import contextlib
import importlib.util
import secrets
import sys
import typing as t
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "testplatform/standin/xorb_standin.py"
#: The secret of this process, from which the tokens of all users are made.
TOKEN = secrets.token_hex(8)
#: Tokens of somebody with another role, and of an administrator of the past.
VIEWER_TOKEN, EXPIRED_TOKEN = f"{TOKEN}-viewer", f"{TOKEN}-expired"
#: A name that the API answers to.
HOST = "api.xorb.enterprise"


def _load() -> t.Any:
    spec = importlib.util.spec_from_file_location("xorb_standin", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


standin = _load()
UP = standin.Backends(
    postgres=lambda: standin.judge_postgres("3\n"),
    redis=lambda: standin.judge_redis("PONG\n"),
)


class Wire(t.NamedTuple):
    """A stand-in that listens on loopback ports, one for each application."""

    ports: dict[str, int]
    state_file: Path

    @property
    def port(self) -> int:
        """The port of the API."""
        return self.ports["api"]

    def state(self, text: str) -> None:
        """Switch the state."""
        self.state_file.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def listening(folder: Path, *applications: str) -> t.Iterator[Wire]:
    """Start some applications on free ports with their filters on, and stop them."""
    settings = standin.Settings(
        ports=dict.fromkeys(applications, 0),
        state_file=str(folder / "state"),
        allowed_hosts=(HOST,),
        api_token=TOKEN,
        api_viewer_token=VIEWER_TOKEN,
        api_expired_token=EXPIRED_TOKEN,
    )
    servers = standin.start(settings, UP)
    try:
        ports = [server.server_port for server in servers]
        yield Wire(dict(zip(applications, ports, strict=True)), folder / "state")
    finally:
        standin.stop(servers)
