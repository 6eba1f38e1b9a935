"""`kill -9` of producer, collector or both at a random moment: what was published can be read."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from escope.storage.control import ProgramState
from escope.storage.directory import collector_works
from escope.storage.store import open_store
from tests.storage.model import Program
from tests.storage.recording import ROOT, Recorder
from tests.storage.truth import check_all

RUNS = int(os.environ.get("ESCOPE_KILLS", "12"))
EVENTS = 40_000

pytestmark = pytest.mark.slow


def witnessed(folder: Path) -> int:
    """Events that the producer knows to be published."""
    try:
        return int((folder / "witness").read_bytes() or b"0")
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("run", range(RUNS))
def test_everything_published_is_readable_after_a_kill(tmp_path: Path, run: int) -> None:
    chance = random.Random(f"kill {run}")
    victim = ("producer", "collector", "both")[run % 3]
    recorder = Recorder(tmp_path / "run.esr", ring=chance.choice([300, 4000, 60_000]) * 16)
    recorder.control.program_pid = 0
    recorder.control.program_state = ProgramState.STARTING
    options = ["--block-rows", "64", "--segment-blocks", "8", "--hot", "40000"]
    collector = recorder.start(*options)
    producer = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.producer", str(recorder.part), str(run), str(EVENTS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    target = chance.randrange(1, 6000)
    while witnessed(tmp_path) < target and producer.poll() is None:
        time.sleep(0.0005)
    if victim != "collector":
        os.kill(producer.pid, signal.SIGKILL)
    if victim != "producer":
        os.kill(collector.pid, signal.SIGKILL)
        collector.wait()
    # A producer whose collector died goes on until the ring is full, then detaches by itself.
    producer.wait(30)
    published = witnessed(tmp_path)
    assert published >= target
    if victim == "producer":
        recorder.control.set_exit(-signal.SIGKILL)
        assert collector.wait(30) == 0
        assert not recorder.part.exists()
    else:
        assert not collector_works(recorder.part)
    before = sorted((p, p.stat().st_mtime_ns) for p in recorder.part.rglob("*"))
    program = Program(run).run(min(published + 500, EVENTS))
    with open_store(recorder.final) as store:
        assert published <= store.events <= published + 3
        assert not store.live
        if victim == "producer":
            assert store.manifest["status"] == "signal:9"
            assert store.manifest["sealed"] is True
        else:
            assert store.manifest["sealed"] is False
        check_all(store, program, store.events)
    # Recovery writes nothing to the recording.
    assert sorted((p, p.stat().st_mtime_ns) for p in recorder.part.rglob("*")) == before
