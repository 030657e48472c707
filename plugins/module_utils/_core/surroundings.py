# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment that clients work in: what the user or the machine has set for itself decides nothing.

libpq reads ``PGHOSTADDR`` and service files, OpenSSL ``SSL_CERT_FILE`` and ``OPENSSL_CONF``, docker ``DOCKER_HOST`` and
``~/.docker``, and everything that prints reads ``LANG``: with them, a probe of one server would be one of another. So
little is kept instead of much being removed; what the next library reads cannot be known.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import sys
from collections.abc import Iterator

from ansible.module_utils import basic
from ansible.module_utils.common.respawn import has_respawned, respawn_module

#: A path that never exists, for what would otherwise be read from a home folder.
NOWHERE = "/nonexistent"

#: Where programs are and where temporary files go is a property of the host.
_KEPT = ("PATH", "TMPDIR")

_FIXED = {"LC_ALL": "C", "TZ": "UTC", "DOCKER_CONFIG": NOWHERE}


#: Bytes of arguments that surely fit into a pipe of Linux, beside what Ansible adds.
_PIPE = 60_000

#: What OpenSSL reads when it is loaded, which Ansible's own code for modules does.
_READ_EARLY = ("OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES", "OPENSSL_ENGINES")


def clean() -> dict[str, str]:
    """The whole environment of a client, in this process or in one of its own.

    The home folder is the one that the system knows, since tools keep their own data there. No client of ours takes
    settings from it.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "HOME": _home(), **_FIXED}


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:  # a user without an entry, as containers have them
        return NOWHERE


def leave() -> None:
    """Give this process the clean environment, for good: the first thing that every module does on a host.

    Libraries read the environment when they are loaded or used, so this comes before either. Where that is too late,
    the module begins anew without what was read.
    """
    read = [name for name in _READ_EARLY if os.environ.pop(name, None) is not None]
    if read and not has_respawned():
        _refuse_too_much(read)
        respawn_module(sys.executable)
    _replace(clean())


def _refuse_too_much(read: list[str]) -> None:
    """Fail where the arguments do not fit into the pipe by which Ansible hands them on: it would wait for ever."""
    size = len(getattr(basic, "_ANSIBLE_ARGS", None) or b"")
    if size > _PIPE:
        message = (
            f"{', '.join(read)} is set where modules run on this host and decides how OpenSSL works; beginning anew"
            f" without it takes arguments of {_PIPE} bytes at most, and these are {size}: unset it for the user that"
            " Ansible works as"
        )
        # There is no module yet that could fail: to make one reads the arguments, and needs to know its options.
        sys.stdout.write(json.dumps({"failed": True, "msg": message}) + "\n")
        raise SystemExit(1)


def _replace(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


@contextlib.contextmanager
def left() -> Iterator[None]:
    """The same for a while, for a process that needs its own again."""
    before = dict(os.environ)
    _replace(clean())
    try:
        yield
    finally:
        _replace(before)
