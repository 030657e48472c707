# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From plain files to those of a set and back: encrypted by age where there are recipients, each with its digests.

age is a program of the distribution's; it encrypts with authentication, so a flipped bit is an error and never other
data. Identities, which decrypt, reach it by its standard input: not by an argument, a file, or the environment.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, cast

from ..._backup.manifest import StoredFile
from ..._backup.private import PRIVATE_FILE, make_folders
from ..._core import surroundings
from ..._core.errors import RunbookError
from ..._core.text import excerpt
from ..progress import Progress

#: What the files of an encrypted set end in.
SUFFIX = ".age"

#: What age says of a file that is none of its own, or not as it was written; anything else is about this host.
_BROKEN = re.compile(r"failed to read header|bad header MAC|payload|unexpected EOF|trailing data", re.IGNORECASE)

_PIECE = 1 << 20
_AT_A_TIME = 2


class Damaged(RunbookError):
    """A file of a set is not as its manifest says; the message names it."""


def seal(plain: Path, target: Path, recipients: Sequence[str], progress: Progress) -> tuple[StoredFile, ...]:
    """Move every file below ``plain`` into ``target``, encrypted where there are recipients; in order.

    Raises `RunbookError` where age is missing or fails.
    """
    names = sorted(str(path.relative_to(plain)) for path in _files(plain))
    total = sum((plain / name).stat().st_size for name in names)
    progress.phase("encrypting" if recipients else "hashing", total=total, unit="bytes")
    done = 0

    def one(name: str) -> StoredFile:
        nonlocal done
        stored = target / f"{name}{SUFFIX if recipients else ''}"
        make_folders(stored.parent)
        sealed = _encrypted(plain / name, stored, recipients) if recipients else _moved(plain / name, stored)
        done += sealed[2]
        progress.at(done, name)
        size, digest, plain_size, plain_digest = sealed
        return StoredFile(str(stored.relative_to(target)), size, digest, plain_size, plain_digest)

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return tuple(pool.map(one, names))


def unseal(
    folder: Path, files: Sequence[StoredFile], plain: Path, identities: Sequence[str], progress: Progress
) -> None:
    """Write the plain files of a set into ``plain``, having compared all four of each file's sizes and digests.

    Raises `Damaged` for the first file that is not as the manifest says, and `RunbookError` where it was encrypted for
    others than these identities.
    """
    progress.phase("decrypting" if any(_is_encrypted(one) for one in files) else "reading", unit="bytes",
                   total=sum(one.size for one in files))  # fmt: skip
    done = 0

    def one(stored: StoredFile) -> None:
        nonlocal done
        name = stored.path[: -len(SUFFIX)] if _is_encrypted(stored) else stored.path
        target = plain / name
        make_folders(target.parent)
        found = _decrypted(folder / stored.path, target, identities, stored)
        if found != (stored.plain_size, stored.plain_sha256):
            raise Damaged(f"{stored.path}: what it holds is not as the manifest says")
        done += stored.size
        progress.at(done, name)

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(one, files))


def damage(folder: Path, files: Sequence[StoredFile], progress: Progress) -> Iterator[str]:
    """Every file of a set that is missing, or not as the manifest says, as a sentence."""
    progress.phase("reading", total=sum(one.size for one in files), unit="bytes")
    done = 0
    for one in files:
        try:
            size, digest = _digest_of(folder / one.path)
        except OSError as exc:
            yield f"{one.path}: {exc.strerror}"
            continue
        if size != one.size:
            yield f"{one.path}: has {size} bytes, and {one.size} were written"
        elif digest != one.sha256:
            yield f"{one.path}: is not as it was written: its digest is another one"
        done += one.size
        progress.at(done, one.path)


def _is_encrypted(one: StoredFile) -> bool:
    return one.path.endswith(SUFFIX) and one.sha256 != one.plain_sha256


def _files(folder: Path) -> Iterator[Path]:
    for parent, _folders, names in os.walk(folder):
        yield from (Path(parent) / name for name in names)


def _moved(plain: Path, stored: Path) -> tuple[int, str, int, str]:
    size, digest = _digest_of(plain)
    plain.chmod(PRIVATE_FILE)
    plain.rename(stored)
    return size, digest, size, digest


def _digest_of(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()


def _encrypted(plain: Path, stored: Path, recipients: Sequence[str]) -> tuple[int, str, int, str]:
    words = ["age", "--encrypt", *(word for recipient in recipients for word in ("--recipient", recipient))]
    before = hashlib.sha256()
    with plain.open("rb") as source:
        size, digest, plain_size = _through(words, source, stored, before)
    plain.unlink()
    return size, digest, plain_size, before.hexdigest()


def _decrypted(stored: Path, target: Path, identities: Sequence[str], one: StoredFile) -> tuple[int, str]:
    """Size and digest of what a file holds; what is read is compared on the way."""
    with stored.open("rb") as source:
        if not _is_encrypted(one):
            digest, size = hashlib.sha256(), 0
            with _private(target) as file:
                while piece := source.read(_PIECE):
                    digest.update(piece)
                    size += len(piece)
                    file.write(piece)
            return size, digest.hexdigest()
    if not identities:
        raise RunbookError(f"{one.path}: is encrypted, and no identity was given to decrypt it")
    size, digest_of_stored = _digest_of(stored)
    if (size, digest_of_stored) != (one.size, one.sha256):
        raise Damaged(f"{one.path}: is not as it was written: its digest is another one")
    return _age_decrypt(stored, target, identities)


def _age_decrypt(stored: Path, target: Path, identities: Sequence[str]) -> tuple[int, str]:
    words = ["age", "--decrypt", "--identity", "-", str(stored)]
    process = _start(words)
    output = _output(process)
    _feed(_input(process), "\n".join([*identities, ""]).encode())
    digest, size = hashlib.sha256(), 0
    with _private(target) as file:
        while piece := output.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
    _end(process, stored.name)
    return size, digest.hexdigest()


def _through(words: list[str], source: IO[bytes], stored: Path, before: hashlib._Hash) -> tuple[int, str, int]:
    """Have a program turn a file into another; returns size and digest of that, and the size of the first."""
    process = _start(words)
    pipe, output = _input(process), _output(process)
    plain_size = 0

    def feed() -> None:
        nonlocal plain_size
        try:
            while piece := source.read(_PIECE):
                before.update(piece)
                plain_size += len(piece)
                pipe.write(piece)
        except BrokenPipeError:
            pass
        finally:
            pipe.close()

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    digest, size = hashlib.sha256(), 0
    with _private(stored) as file:
        while piece := output.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
    feeder.join()
    _end(process, stored.name)
    return size, digest.hexdigest(), plain_size


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=surroundings.clean(),
        )
    except OSError as exc:
        raise RunbookError(
            f"{words[0]} cannot be run: {exc.strerror}: sets are encrypted by it; install the package age"
        ) from exc


def _input(process: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", process.stdin)


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", process.stdout)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    try:
        pipe.write(data)
    except BrokenPipeError:
        pass
    finally:
        pipe.close()


def _end(process: subprocess.Popen[bytes], name: str) -> None:
    complaint = cast("IO[bytes]", process.stderr).read().decode("utf-8", "replace")
    if process.wait():
        why = excerpt(complaint.strip().partition(chr(10))[0].removeprefix("age: "), 200)
        raise (Damaged if _BROKEN.search(why) else RunbookError)(f"{name}: age: {why}")


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE), "wb")
