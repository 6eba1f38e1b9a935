"""Child processes of the long checks: one at a time in a session of its own, so that all of it can be ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ENDED_BY_TIME = "ran out of time"


@dataclass(slots=True)
class Ended:
    """How a process ended; `status` is None where it ran out of time."""

    status: int | None
    stdout: str
    stderr: str
    seconds: float

    def how(self) -> str:
        """The end in words: "status 1", "SIGSEGV", "ran out of time"."""
        if self.status is None:
            return ENDED_BY_TIME
        return f"status {self.status}" if self.status >= 0 else signal.Signals(-self.status).name


def run(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], seconds: float
) -> Ended:
    """Run `command` with empty input; whatever of its session is still there at its end is killed.

    Output goes through files: a grandchild that keeps a pipe open would keep its reader waiting.
    """
    started = time.monotonic()
    out, err = directory / f"{os.urandom(6).hex()}.out", directory / f"{os.urandom(6).hex()}.err"
    with open(out, "wb") as stdout, open(err, "wb") as stderr:
        child = subprocess.Popen(
            command,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        status: int | None = None
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            end_session(child.pid)
            child.wait()
    texts = [path.read_bytes().decode(errors="replace") for path in (out, err)]
    out.unlink()
    err.unlink()
    return Ended(status, *texts, time.monotonic() - started)


def end_session(leader: int) -> None:
    """Kill every process of the session that `leader` began; those with a session of their own are not in it."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.getsid(int(entry)) == leader:
                    os.kill(int(entry), signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass


def environment(core: str, *path: Path, seed: int = 0) -> dict[str, str]:
    """The environment of a check's processes: this checkout's escope, one core, a fixed hash seed."""
    kept = {"PATH", "HOME", "TMPDIR"}
    result = {name: os.environ[name] for name in kept if name in os.environ}
    result.update(
        LANG="C.UTF-8",
        PYTHONHASHSEED=str(seed),
        PYTHONPATH=os.pathsep.join(map(str, (*path, REPOSITORY))),
        ESCOPE_CORE=core,
    )
    return result
