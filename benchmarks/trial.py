"""One run of one command: how long it took, how it ended, what it printed and reported.

Nothing that a run has started is left behind, whichever way it ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.stopwatch import REPORT

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Trial:
    """What one run came to; `report` is the program's own, None if it did not come to its end."""

    seconds: float
    """The whole command, from start to exit."""
    status: int | None
    """None if it was ended because it took too long."""
    stdout: str
    stderr: str
    report: dict[str, Any] | None
    folder: Path

    @property
    def main(self) -> float | None:
        """Seconds within the program's own main."""
        return None if self.report is None else float(self.report["seconds"])

    @property
    def checksum(self) -> str:
        """What the program printed, as it says itself."""
        return "" if self.report is None else str(self.report["checksum"])

    @property
    def failure(self) -> str | None:
        """In a few words why this run counts for nothing, or None."""
        if self.status is None:
            return f"exceeded {self.seconds:.0f} s"
        if self.status != 0:
            last = self.stderr.strip().splitlines()[-1:] or ["no message"]
            return f"status {self.status}: {last[0][:80]}"
        return None


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], limit: float
) -> Trial:
    """Run `command` in `folder`, for `limit` seconds at most."""
    report = folder / "report.json"
    others = _children(os.getpid())
    with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as err:
        begun = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, REPORT: str(report)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        try:
            ended = _wait(process.pid, limit)
            seconds = perf_counter() - begun
            if not ended:
                process.kill()
            process.wait()
        finally:
            end_descendants(others)
    return Trial(
        seconds,
        process.returncode if ended else None,
        (folder / "stdout").read_text("utf-8", "replace"),
        (folder / "stderr").read_text("utf-8", "replace"),
        json.loads(report.read_text("ascii")) if ended and report.exists() else None,
        folder,
    )


def adopt_orphans() -> None:
    """Make this process the parent of whatever its children leave behind, so that it can be ended."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become the reaper of orphaned processes")


def end_descendants(but: Collection[int] = ()) -> None:
    """Kill the children of this process, `but` some, and wait until they are gone.

    With `adopt_orphans` that is whatever they have started too.
    """
    while children := [pid for pid in _children(os.getpid()) if pid not in but]:
        # A child's own children become this process's when it is gone: the next turn finds them.
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def _wait(pid: int, limit: float) -> bool:
    """Return whether the process ended in time; exact to a millisecond, unlike a wait that polls."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(limit * 1000))
    finally:
        os.close(descriptor)


def _children(parent: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                # The name is in parentheses and may hold anything; state and parent follow it.
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(entry))
    return found


def python(*arguments: str) -> list[str]:
    """Return a command line of this interpreter."""
    return [sys.executable, *arguments]
