"""Plays the recorded program: publishes the synthetic program's events and witnesses how many.

`python -m tests.crash.producer DIR SEED EVENTS`
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from escope.storage.control import Control, ProgramState
from escope.storage.ring import Ring
from tests.storage.model import Program


def main(directory: Path, seed: int, events: int) -> None:
    program = Program(seed, snapshots=False).run(events)
    control = Control.attach(directory / "control")
    ring = Ring.attach(directory / "ring")
    witness = os.open(directory.parent / "witness", os.O_WRONLY | os.O_CREAT, 0o600)
    control.program_pid = ring.pid = os.getpid()
    control.program_state = ProgramState.RUNNING
    put = 0
    while put < events:
        stop = min(put + 3, events)
        if not ring.put(program.data(put, stop)):
            control.program_state = ProgramState.DETACHED
            return
        put = stop
        os.pwrite(witness, b"%12d" % put, 0)
    control.program_state = ProgramState.ENDED


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
