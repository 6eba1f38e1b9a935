"""What processes share: mapped files, and whether another process is still there."""

from __future__ import annotations

import mmap
import sys


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


def map_file(fd: int, size: int, *, readonly: bool) -> mmap.mmap:
    """Map `size` bytes of `fd`; no descriptor is kept where the interpreter allows that."""
    access = mmap.ACCESS_READ if readonly else mmap.ACCESS_WRITE
    if sys.version_info >= (3, 13):
        # The recorded program could close a descriptor it does not know, and open its own there.
        return mmap.mmap(fd, size, access=access, trackfd=False)
    return mmap.mmap(fd, size, access=access)
