# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection to a Redis server that is backed up or restored: replies as bytes, as the server sends them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from ...._clients.network import Unreachable
from ...._clients.redis import connected, reason
from ...._core import drivers
from ...._core.errors import RunbookError

#: Seconds that one command may take, unless the login says otherwise.
_TIMEOUT = 60.0


class Refused(RunbookError):
    """The server answered with an error; ``code`` is its first word."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Info:
    """What INFO says at one moment."""

    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, reply: bytes) -> Info:
        """Read the reply of INFO."""
        pairs = (line.partition(":") for line in reply.decode("utf-8", "replace").splitlines())
        return cls({name: value for name, colon, value in pairs if colon})

    def number(self, name: str) -> int:
        """A value as a number; 0 where the server has none of it."""
        value = self.values.get(name, "0")
        return int(value) if value.lstrip("-").isdigit() else 0

    @property
    def keys(self) -> dict[int, int]:
        """The number of keys in each database that has any."""
        found = {}
        for name, value in self.values.items():
            if name.startswith("db") and name[2:].isdigit() and value.startswith("keys="):
                found[int(name[2:])] = int(value[len("keys=") :].partition(",")[0])
        return found

    @property
    def version(self) -> str:
        """The version of the server."""
        return self.values.get("redis_version", "unknown")


class RedisClient:
    """One connection to a server. What it refuses is raised as `Refused`, what fails as `RunbookError`."""

    def __init__(self, make: Callable[[Any], Any], where: str, timeout: float) -> None:
        """``make`` is given the driver and returns its client; see `to_login` and `to_socket`."""
        self._driver = drivers.load("redis")
        self._client = make(self._driver)
        # The driver would make something of its own of many replies.
        self._client.response_callbacks.clear()
        self._where, self._timeout = where, timeout
        self._database = 0

    def close(self) -> None:
        """End the connection."""
        self._client.connection_pool.disconnect()

    def command(self, *words: Any) -> Any:
        """The reply to a command: bytes, numbers, nothing, and lists of them."""
        return self._called(words[0], lambda: self._client.execute_command(*words, NEVER_DECODE=True))

    def together(self, *commands: Sequence[Any]) -> list[Any]:
        """The replies to some commands that reach the server at once; an error is one of them, as `Refused`."""

        def send() -> list[Any]:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.response_callbacks.clear()
            for words in commands:
                pipeline.execute_command(*words, NEVER_DECODE=True)
            replies: list[Any] = pipeline.execute(raise_on_error=False)
            return replies

        replies = self._called(commands[0][0], send)
        return [self._refusal("", one) if isinstance(one, self._driver.RedisError) else one for one in replies]

    def in_database(self, number: int, *words: Any) -> Any:
        """The reply to a command in a database."""
        if number != self._database:
            self.command("SELECT", number)
            self._database = number
        return self.command(*words)

    def info(self) -> Info:
        """What INFO says now."""
        return Info.parse(self.command("INFO"))

    def config(self, name: str) -> str:
        """A setting; empty where this version has none of that name."""
        reply = self.command("CONFIG", "GET", name)
        return reply[1].decode("utf-8", "surrogateescape") if reply else ""

    def time_ms(self) -> int:
        """The time of the server, in milliseconds since 1970."""
        seconds, micros = self.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def _called(self, name: Any, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except self._driver.exceptions.ResponseError as exc:
            raise self._refusal(f"{name}: ", exc) from exc
        except (self._driver.RedisError, Unreachable) as exc:
            raise RunbookError(f"{self._where}: {name}: {reason(self._driver, exc, self._timeout)}") from exc

    def _refusal(self, what: str, exc: Exception) -> Refused:
        return Refused(f"{self._where}: {what}{reason(self._driver, exc, self._timeout)}", str(exc).partition(" ")[0])


def to_login(login: Mapping[str, Any]) -> RedisClient:
    """The connection of a backup's ``login``."""
    timeout = float(login.get("timeout") or _TIMEOUT)
    given = {"database": 0, "tls": False, "port": 6379, "address": "localhost", **_without_nothing(login)}
    given["timeout"] = timeout
    where = f"redis at {given['address']}:{given['port']}"
    return RedisClient(lambda driver: connected(driver, given), where, timeout)


def to_socket(path: str) -> RedisClient:
    """The connection to a server of our own, by the path of its socket."""
    given = {"address": path, "port": 0, "database": 0, "tls": False, "timeout": _TIMEOUT}
    return RedisClient(lambda driver: connected(driver, given), "the throwaway redis", _TIMEOUT)


def _without_nothing(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def optional(call: Callable[[], Any]) -> Any:
    """The reply to a command that older servers do not have; nothing where this one does not know it."""
    try:
        return call()
    except Refused as exc:
        if exc.code == "ERR":
            return None
        raise


def patient(until: Callable[[], bool], *, seconds: float, why: str, step: float = 0.1) -> None:
    """Wait until something holds; raises `RunbookError` where it does not in time."""
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() >= end:
            raise RunbookError(why)
        time.sleep(step)
