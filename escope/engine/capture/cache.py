"""The code cache: what instrumenting gave in earlier runs, in a directory that nobody else can write.

What lies here becomes code that a program runs.  Two things keep it sound; both are checked at every access.

- The directory belongs to this user, nobody else may enter it, and it is no symbolic link; the files in it are
  plain files of this user.  So another user can neither put an entry here nor read the secret.
- An entry is used only if its digest is right.  The digest is keyed with a random secret of the directory, and
  covers the entry's name.  A plain digest would find torn and rotten files, but not entries that came ready
  made: with a restored backup, a copied home, an unpacked archive, or while the directory was open to others.
  They were not written with this secret.  The name keeps one entry from standing in for another.

Whoever can run code as this user can write here, and needs no cache for that.

Entries are written beside their place and renamed: a reader finds a whole one or none, and of several writers
the last one wins.  Whatever is wrong with an entry, the code is instrumented anew and the entry written again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ELOOP
from hashlib import blake2b
from time import time

from escope.config import CacheLimits

SECRET = "secret"
ENTRY = ".code"
"""How the name of an entry's file ends."""
_NEW = ".new"
_DIGEST = 32
_DAY = 24 * 60 * 60
_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW
_HEXADECIMAL = frozenset("0123456789abcdef")


class _Unfit(OSError):
    """What lies there is not what this user put there."""


class CodeCache:
    """The entries in one directory, by name; every failure of the file system means that there is no entry."""

    def __init__(self, folder: str, limits: CacheLimits | None = None) -> None:
        self.folder = folder
        self._limit = (limits or CacheLimits()).size
        self._unseen = self._limit
        """Bytes written since the directory was looked through; the first entry makes that happen."""

    def problem(self) -> str | None:
        """Make the directory where it is missing; return why it must not be used, in one phrase, or None.

        OSError if it cannot be made.
        """
        os.makedirs(os.path.dirname(self.folder), 0o700, exist_ok=True)
        try:
            os.mkdir(self.folder, 0o700)
        except FileExistsError:
            pass
        if os.path.islink(self.folder):
            return "it is a symbolic link"
        if not os.path.isdir(self.folder):
            return "it is not a directory"
        return _objection(os.stat(self.folder))

    def load(self, name: str) -> bytes | None:
        """Return what was stored under `name`, None if there is nothing sound."""
        try:
            with self._opened() as folder:
                secret = _read(folder, SECRET)
                data = _read(folder, name + ENTRY, used=True)
        except OSError:
            return None
        if len(secret) != _DIGEST:
            return None
        digest, content = data[:_DIGEST], data[_DIGEST:]
        return content if digest == _digest(secret, name, content) else None

    def store(self, name: str, content: bytes) -> None:
        """Keep `content` for later runs, if that is possible."""
        try:
            with self._opened() as folder:
                secret = _secret(folder)
                data = _digest(secret, name, content) + content
                temporary = _write(folder, data)
                os.replace(temporary, name + ENTRY, src_dir_fd=folder, dst_dir_fd=folder)
                self._unseen += len(data)
                # Looking through it costs more than an entry: it may exceed its size by a sixteenth.
                if self._unseen > self._limit // 16:
                    self._unseen = 0
                    _bound(folder, self._limit)
        except OSError:
            pass

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """A descriptor of the directory, of which all that matters was checked; OSError if it is not fit."""
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | _OPEN)
        try:
            if _objection(os.fstat(folder)) is not None:
                raise _Unfit(self.folder)
            yield folder
        finally:
            os.close(folder)


def _objection(found: os.stat_result) -> str | None:
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    if found.st_mode & 0o077:
        return f"others have access to it (mode {stat.S_IMODE(found.st_mode):04o}, not 0700)"
    return None


def _digest(secret: bytes, name: str, content: bytes) -> bytes:
    digest = blake2b(name.encode(), key=secret, digest_size=_DIGEST)
    digest.update(content)
    return digest.digest()


def _read(folder: int, name: str, *, used: bool = False) -> bytes:
    """The content of a plain file of this user; with `used` it counts as used today."""
    try:
        # Whatever lies there, a pipe too, does not make the program wait.
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _OPEN, dir_fd=folder)
    except OSError as error:
        if error.errno == ELOOP:
            raise _Unfit(name) from None
        raise
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or _objection(found) is not None:
            raise _Unfit(name)
        if used and time() - found.st_mtime > _DAY:
            os.utime(fd)
        data = os.read(fd, found.st_size + 1)
        while len(data) < found.st_size and (more := os.read(fd, found.st_size)):
            data += more
        return data
    finally:
        os.close(fd)


def _write(folder: int, data: bytes) -> str:
    """Write a new file; return its name, which is nobody else's."""
    name = os.urandom(16).hex() + _NEW
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600, dir_fd=folder)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left) :]
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(fd)
    return name


def _secret(folder: int) -> bytes:
    """The secret of the directory; made where there is none, or none that can be used."""
    try:
        secret = _read(folder, SECRET)
        if len(secret) == _DIGEST:
            return secret
        os.unlink(SECRET, dir_fd=folder)
    except FileNotFoundError:
        pass
    except _Unfit:
        os.unlink(SECRET, dir_fd=folder)
    temporary = _write(folder, os.urandom(_DIGEST))
    try:
        # Of several that make one at the same time, the first wins, and all of them take that.
        os.link(temporary, SECRET, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary, dir_fd=folder)
    return _read(folder, SECRET)


def _bound(folder: int, limit: int) -> None:
    """Remove the entries that were not used for the longest time, down to three quarters of `limit`."""
    found = []
    total = 0
    now = time()
    with os.scandir(folder) as entries:
        for entry in entries:
            # What else lies here is none of ours: `ESCOPE_CACHE` may name any directory.
            stem, ending = os.path.splitext(entry.name)
            if ending not in (ENTRY, _NEW) or not _HEXADECIMAL.issuperset(stem):
                continue
            about = entry.stat(follow_symlinks=False)
            if ending == _NEW and now - about.st_mtime < _DAY:
                continue  # another process is writing it
            found.append((about.st_mtime, about.st_size, entry.name))
            total += about.st_size
    if total <= limit:
        return
    for _, size, name in sorted(found):
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        total -= size
        if total <= limit * 3 // 4:
            break
