"""Makes the directory that a killed collector leaves."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.storage.model import Program
from tests.storage.recording import Recorder


def killed_directory(path: Path, program: Program) -> Path:
    """The directory of a recording of `program` whose collector was killed in the middle."""
    recorder = Recorder(path, ring=2000 * 16)
    collector = recorder.start("--block-rows", "64", "--segment-blocks", "8", "--hot", "20000")
    recorder.put(program, step=20)
    deadline = time.monotonic() + 10
    while recorder.control.stored_events == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    collector.send_signal(signal.SIGKILL)
    collector.wait()
    return recorder.part
