"""What processes share: mapped files, and whether another process is still there."""

from __future__ import annotations

import mmap
import os
import sys

from escope.errors import RecordingError


def process_start(pid: int) -> int:
    """Start of process `pid` in clock ticks since boot; 0 if it is gone, dead or a zombie."""
    if pid <= 0:
        return 0
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read(4096).rpartition(b")")[2].split()
    except OSError:
        return 0
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return 0
    return max(int(fields[19]), 1)


def process_alive(pid: int, start: int = 0) -> bool:
    """Whether `pid` runs and, with `start` of `process_start`, is still the same process."""
    now = process_start(pid)
    return now != 0 and start in (0, now)


def create_file(path: str | os.PathLike[str], size: int, header: bytes) -> None:
    """Make a file (0600) of `size` bytes to be mapped; OSError if it exists or has no room."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # A hole in a mapped file would be a SIGBUS in the program once the disk is full.
        os.posix_fallocate(fd, 0, size)
        os.pwrite(fd, header, 0)
    finally:
        os.close(fd)


def map_file(
    path: str | os.PathLike[str],
    what: str,
    least: int,
    most: int = sys.maxsize,
    *,
    readonly: bool = False,
) -> mmap.mmap:
    """Map a whole file; no descriptor is kept where the interpreter allows that.

    RecordingError where it cannot be had, or its size says that it is not `what`.
    """
    name = os.fspath(path)
    try:
        fd = os.open(name, (os.O_RDONLY if readonly else os.O_RDWR) | os.O_CLOEXEC)
    except OSError as error:
        raise RecordingError(f"{name}: cannot be opened: {error.strerror}") from None
    try:
        size = os.fstat(fd).st_size
        if not least <= size <= most:
            raise RecordingError(f"{name}: not {what}: it has {size} bytes")
        access = mmap.ACCESS_READ if readonly else mmap.ACCESS_WRITE
        if sys.version_info >= (3, 13):
            # The recorded program could close a descriptor it does not know, and open its own there.
            return mmap.mmap(fd, size, access=access, trackfd=False)
        return mmap.mmap(fd, size, access=access)
    except (OSError, ValueError) as error:
        raise RecordingError(f"{name}: cannot be mapped: {error}") from None
    finally:
        os.close(fd)
