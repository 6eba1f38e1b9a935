"""Makes recordings of the synthetic program through the real ring and the real collector process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from escope.storage.control import Control, ProgramState
from escope.storage.ring import Ring
from tests.storage.model import Program, make_directory

ROOT = Path(__file__).resolve().parents[2]


class Recorder:
    """A directory with ring and control, and this process in the place of program and launcher."""

    def __init__(self, path: Path, *, ring: int = 1 << 20) -> None:
        self.final = path
        self.part = make_directory(path.with_name(path.name + ".part"), os.getpid())
        self.ring = Ring.create(self.part / "ring", ring)
        self.control = Control.create(self.part / "control")
        self.control.launcher_pid = os.getpid()
        self.control.program_pid = os.getpid()
        self.control.program_state = ProgramState.RUNNING
        self.collector: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the collector."""
        command = [sys.executable, "-m", "escope.storage.collector", str(self.part), *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.collector = subprocess.Popen(command, env=environment, cwd="/")
        deadline = time.monotonic() + 20
        while not self.control.collector_pid:
            assert self.collector.poll() is None, "the collector ended at once"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return self.collector

    def put(
        self, program: Program, first: int = 0, stop: int | None = None, step: int = 500
    ) -> None:
        """Publish the program's events in pieces."""
        end = len(program.events) if stop is None else stop
        for start in range(first, end, step):
            assert self.ring.put(program.data(start, min(start + step, end)))

    def end(self, status: int = 0) -> Path:
        """Let the program end, wait for the sealed file and return it."""
        self.control.set_exit(status)
        self.control.program_state = ProgramState.ENDED
        assert self.collector is not None
        assert self.collector.wait(60) == 0, self.control.failure
        assert not self.part.exists()
        return self.final


def record(path: Path, program: Program, *options: str, ring: int = 1 << 20) -> Path:
    """The sealed recording of everything the program did."""
    recorder = Recorder(path, ring=ring)
    recorder.start(*options)
    recorder.put(program)
    return recorder.end()
