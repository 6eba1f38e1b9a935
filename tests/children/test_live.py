"""A live session follows the program; its other processes run beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from escope.engine import launch
from escope.engine.launch.session import Session
from escope.engine.launch.wiring import Seal
from escope.engine.replay.recording import Recording
from escope.storage.control import ProgramState
from tests.children.families import WORK, check

PROGRAM = (
    WORK
    + """
import subprocess, time
if __name__ == "__main__":
    pid = os.fork()
    if pid == 0:
        work("child", 40)
        open("child-done", "w").close()
        os._exit(0)
    subprocess.run([sys.executable, "-c", "from program import work; work('spawned', 30)"])
    while not os.path.exists("end"):
        time.sleep(0.005)
    work("program", 20)
    os.waitpid(pid, 0)
    sys.exit(3)
"""
)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    options = launch.RecordOptions("program.py", output="run.esr", break_when=("label == 'child'",))
    started = launch.debug_session(options, rows=10, columns=40)
    yield started
    started.kill()
    started.wait(5)
    started.close()
    started.wait_sealed(20)


def until(condition: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_the_program_is_driven_and_its_children_run_on(session: Session, tmp_path: Path) -> None:
    # The predicate holds in the child only, where nobody stops for it.
    until(lambda: os.path.exists("child-done"))
    until(lambda: os.path.exists("witness") and "spawned" in Path("witness").read_text())
    session.pause()
    until(lambda: session.state is ProgramState.PAUSED)
    with Recording.open(session.recording_path) as recording:
        assert [one.how for one in recording.processes] == [None, "fork", "spawn"]
        assert [event.name for event in recording.events(kind="fork")] == ["fork", "spawn"]
        assert recording.process(1).event_count > 100
    at = session.control.paused_seq
    session.step("over")
    until(lambda: session.state is ProgramState.PAUSED and session.control.paused_seq > at)
    (tmp_path / "end").touch()
    session.run()
    assert session.wait(30) == 3
    assert session.wait_sealed(30) is Seal.DONE
    with Recording.open(tmp_path / "run.esr") as recording:
        check(recording, tmp_path)
