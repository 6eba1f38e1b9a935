"""The processes of a recording: where the stream of each one lies, and how a new one gets its number.

Process 0 has the recording's own directory.  Beside its files lie, for every other process N:

    processes/N.claim   N is given away.  For a forked child it is not empty, and locked (flock) until the child
                        has registered; for a new interpreter it is empty
    processes/N/        the directory of N while it is recorded: ring, control page, manifest, site table, hot
                        store, segments, as in the recording's own; sources and the lock it shares
    processes/N.esr     what became of that directory once N had ended: its sealed stream

Invariant: a number is never given twice, and a directory with a manifest has a ring and a control page.
Standard library only: the recorded program uses it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from escope.config import StorageLimits
from escope.errors import RecordingError
from escope.storage.control import Control, ProgramState, Stage
from escope.storage.ring import Ring

FOLDER = "processes"
MANIFEST = "manifest.json"
_CLAIM, _SEALED = ".claim", ".esr"
_MAX_MANIFEST = 16 << 20
_HIGH = 64
"""Descriptors that the program must not get to see are from here on, where the limits allow it."""
_START_SECONDS = 10.0
"""How long a new interpreter may take to register."""


class Claim:
    """A number for a process that is about to start."""

    __slots__ = ("_fd", "number", "part")

    def __init__(self, part: Path, number: int, fd: int | None) -> None:
        self.part = part
        self.number = number
        self._fd = fd

    @classmethod
    def make(cls, part: Path, after: int = 0, *, fork: bool = False) -> Claim:
        """Take the next number that is free above `after`; OSError if that is impossible.

        With `fork` it is held until this process and the child have let go of it.
        """
        folder = part / FOLDER
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass
        number = after + 1
        while True:
            path = folder / f"{number}{_CLAIM}"
            try:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                break
            except FileExistsError:
                number = max(number, *claimed(part)) + 1
        if not fork:
            os.close(fd)
            return cls(part, number, None)
        try:
            high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        except OSError:
            high = fd
        else:
            os.close(fd)
        fcntl.flock(high, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(high, b"fork")
        return cls(part, number, high)

    def cancel(self) -> None:
        """Say that the number will not be used."""
        try:
            (self.part / FOLDER / f"{self.number}{_CLAIM}").write_bytes(b"cancelled")
        except OSError:
            pass  # the collector waits a while for the process, and then does not

    def release(self) -> None:
        """Let go of the claim in this process; another one that was forked meanwhile may still hold it."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)


def register(claim: Claim, manifest: dict[str, Any]) -> tuple[Path, Ring, Control]:
    """Lay out the directory of this process, which has `claim`; return it with its ring and control page.

    The collector finds it from here on.  OSError or RecordingError where that is impossible, or too late.
    """
    path = claim.part / FOLDER / str(claim.number)
    os.mkdir(path, 0o700)
    ring = Ring.create(path / "ring", StorageLimits().child_ring)
    control = Control.create(path / "control")
    control.program_pid = os.getpid()
    ring.pid = os.getpid()
    temporary = path / f"{MANIFEST}.new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(json.dumps(manifest).encode())
    os.rename(temporary, path / MANIFEST)
    # The collector says that it seals, and then looks a last time who has registered.
    root = Control.attach(claim.part / "control", readonly=True)
    late = root.stage not in (Stage.STARTING, Stage.DRAINING)
    root.close()
    if late:
        control.program_state = ProgramState.ENDED
        raise RecordingError(f"{claim.part}: the recording is complete")
    return path, ring, control


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest in a process's directory; RecordingError if there is none or it is damaged."""
    try:
        with open(path / MANIFEST, "rb") as file:
            found = json.loads(file.read(_MAX_MANIFEST))
        if not isinstance(found, dict):
            raise ValueError("it is no object")
    except OSError as error:
        raise RecordingError(f"{path}: not a recording: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{path}: its manifest is damaged: {error}") from None
    return found


def claimed(part: Path) -> list[int]:
    """The numbers that were given away, ascending, after 0."""
    return [0, *_numbers(part, _CLAIM)]


def registered(part: Path) -> list[int]:
    """The numbers of the processes that have, or had, a directory with a manifest; ascending."""
    folder = part / FOLDER
    open_ones = [n for n in _numbers(part, "") if (folder / str(n) / MANIFEST).is_file()]
    return sorted({*open_ones, *_numbers(part, _SEALED)})


def directory_of(part: Path, number: int) -> Path:
    """The directory of a process while it is recorded."""
    return part / FOLDER / str(number) if number else part


def sealed_of(part: Path, number: int) -> Path:
    """Where the sealed stream of a process other than 0 lies."""
    return part / FOLDER / f"{number}{_SEALED}"


def starting(part: Path, number: int) -> bool:
    """Whether a process that has claimed `number`, and not registered, may still do it.

    A forked child may as long as somebody holds the claim, a new interpreter for a while.
    """
    path = part / FOLDER / f"{number}{_CLAIM}"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        status = os.fstat(fd)
        return status.st_size == 0 and 0 <= time.time() - status.st_mtime < _START_SECONDS
    except OSError:
        return True
    finally:
        os.close(fd)


def _numbers(part: Path, suffix: str) -> list[int]:
    try:
        names = os.listdir(part / FOLDER)
    except OSError:
        return []
    stems = [name.removesuffix(suffix) for name in names if name.endswith(suffix)]
    # Few digits and no leading zero, so that a number and its name stand for each other.
    return sorted(
        int(stem)
        for stem in stems
        if stem.isascii() and stem.isdigit() and stem[0] != "0" and len(stem) < 10
    )
