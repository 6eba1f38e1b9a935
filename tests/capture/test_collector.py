"""Programs that look at the garbage collector at work, which the recorder's own allocations may not drive."""

from __future__ import annotations

import sys
from pathlib import Path

from escope.engine.replay.recording import Recording
from tests.launch.recording import run

PROGRAM = """
import gc

def seen(phase, info):
    global runs
    runs += phase == "start"

runs = 0
before = gc.get_threshold()
gc.callbacks.append(seen)
gc.set_threshold(1, 0, 0)
made = [[number] for number in range(20)]
gc.set_threshold(*before)
gc.callbacks.pop()
print(len(made), gc.isenabled())
gc.disable()
print(gc.isenabled())
"""


def test_callbacks_of_a_collector_that_always_runs_do_not_drive_themselves(tmp_path: Path) -> None:
    script, recording = tmp_path / "collected.py", tmp_path / "run.esr"
    script.write_text(PROGRAM)
    plain = run([sys.executable, str(script)], tmp_path)
    escope = [sys.executable, "-m", "escope", "record", "-o", str(recording)]
    recorded = run([*escope, str(script)], tmp_path)
    assert (recorded.status, recorded.out) == (plain.status, plain.out)
    with Recording.open(recording) as opened:
        assert opened.info()["partial"] is None
