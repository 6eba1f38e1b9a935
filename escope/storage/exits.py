"""Whether a process that is not ours has ended, and how, whoever waited for it: Linux tells by a descriptor."""

from __future__ import annotations

import fcntl
import os
import select
import struct

_GET_INFO = 0xC040_FF0B
"""PIDFD_GET_INFO for a `struct pidfd_info` of 64 bytes, in its first version."""
_EXIT = 1 << 3
"""PIDFD_INFO_EXIT: how the process ended is asked for, and was told; Linux 6.15 and later."""
_STAT_CODE = 49
"""Place of the exit code in /proc/PID/stat, behind the name."""
_MASK = struct.Struct("<Q")
_CODE = struct.Struct("<60xi")


class ExitWatch:
    """A hold on process `pid`, which must be there; OSError where the system gives none."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._fd = os.pidfd_open(pid)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return bool(self._poll.poll(0))

    @property
    def status(self) -> int | None:
        """How it ended, as `subprocess` puts it: negative for a signal; None where that cannot be known."""
        # Either somebody has waited for it already, or it stands in /proc for somebody to do that.
        for ask in (self._afterwards, self._meanwhile, self._afterwards):
            found = ask()
            if found is not None:
                return os.waitstatus_to_exitcode(found)
        return None

    def _afterwards(self) -> int | None:
        info = bytearray(64)
        _MASK.pack_into(info, 0, _EXIT)
        try:
            fcntl.ioctl(self._fd, _GET_INFO, info, True)
        except OSError:
            return None
        told = _MASK.unpack_from(info)[0] & _EXIT
        return int(_CODE.unpack(info)[0]) if told else None

    def _meanwhile(self) -> int | None:
        try:
            with open(f"/proc/{self._pid}/stat", "rb") as file:
                fields = file.read(4096).rpartition(b")")[2].split()
        except OSError:
            return None
        return (
            int(fields[_STAT_CODE]) if fields[:1] == [b"Z"] and len(fields) > _STAT_CODE else None
        )

    def close(self) -> None:
        """Let go of the process."""
        os.close(self._fd)
