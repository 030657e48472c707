# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real Redis that something keeps running, as systemd or Compose would, and its backup."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from tests.support import local_docker, peers
from tests.support.backups import Tools
from tests.support.restoring import Host

#: What starts and stops the server here, in the words of systemd: tests have no first process of their own.
SYSTEMCTL = """#!/bin/bash
folder={folder}
alive() {{ [ -s $folder/pid ] && kill -0 "$(cat $folder/pid)" 2>/dev/null; }}
case $1 in
  start) alive || redis-server $folder/redis.conf >>$folder/log 2>&1 ;;
  stop) alive && kill "$(cat $folder/pid)"; while alive; do sleep 0.02; done ;;
  show) alive && echo ActiveState=active || echo ActiveState=inactive ;;
esac
exit 0
"""


class RedisHost(Host):
    """A server that something keeps running, and its backup."""

    def __init__(self, folder: Path, *settings: str, container: bool = False) -> None:
        self.port = peers.free_port()
        self.data = folder / "data"
        self.data.mkdir(mode=0o750)
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.data}", "daemonize yes", f"pidfile {folder}/pid"]
        (folder / "redis.conf").write_text("\n".join([*lines, *settings, ""]))
        login = {"address": "127.0.0.1", "port": self.port, "timeout": 60.0}
        keeper: dict[str, Any] = {"unit": "redis.service"}
        if container:
            local_docker.install(folder / "commands")
            keeper = {"container": local_docker.project(folder / "project")}
            self.mounts(folder, {"Type": "volume", "Source": str(self.data), "Destination": str(self.data), "RW": True})
        super().__init__(folder, "redis", "rdb", login=login, samples=100, save_timeout=300.0, **keeper)

    @staticmethod
    def mounts(folder: Path, *mounts: dict[str, Any]) -> None:
        """What the engine says of the volumes of the container."""
        (folder / "commands/mounts.json").write_text(json.dumps(mounts))

    def start(self) -> None:
        subprocess.run(["systemctl", "start", "--", "redis.service"], check=True)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(redis.RedisError):
                if not self.client.info()["loading"]:
                    return
            time.sleep(0.02)

    def end(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)

    @property
    def client(self) -> Any:
        return redis.Redis(port=self.port, decode_responses=True)

    def restart(self) -> None:
        subprocess.run(["systemctl", "stop", "--", "redis.service"], check=True)
        self.start()

    def files(self) -> set[str]:
        return {str(path.relative_to(self.data)) for path in self.data.rglob("*")}


@contextlib.contextmanager
def running(folder: Path, tools: Tools, *settings: str, container: bool = False) -> Iterator[RedisHost]:
    tools.install("redis-server", "redis-check-rdb", "redis-check-aof")
    world = RedisHost(folder, *settings, container=container)
    script = folder / "commands/systemctl"
    script.write_text(SYSTEMCTL.format(folder=folder))
    script.chmod(0o755)
    world.start()
    try:
        world.client.mset({f"key {number}": f"first {number}" for number in range(50)})
        yield world
    finally:
        world.end()
