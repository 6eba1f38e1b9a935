"""`kill -9` of the program at a random moment: nothing that it had published is lost.

The program writes a rising number to a witness file, and syncs it, after the event that tells the number.
So every number up to the last one in the file has to be in the recording.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from escope.engine.replay.recording import Recording
from escope.events import Kind

REPOSITORY = Path(__file__).resolve().parents[2]
RUNS = int(os.environ.get("ESCOPE_KILLS", "24"))
PROGRAM = """
import os, sys


def advance(table, number):
    table["latest"] = number
    table["history"].append(number)
    if len(table["history"]) > 20:
        del table["history"][:10]
    return number


def main(path):
    witness = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    table = {"history": []}
    number = 0
    while True:
        number += 1
        reached = advance(table, number)
        if number % 7 == 0:
            os.write(witness, b"%d\\n" % reached)
            os.fsync(witness)


main(sys.argv[1])
"""


@dataclass
class Running:
    """A program that is being recorded."""

    launcher: subprocess.Popen[bytes]
    program: int
    collector: int
    recording: Path
    witness: Path

    def numbers(self) -> int:
        """The last number that the witness file holds."""
        try:
            text = self.witness.read_bytes()
        except FileNotFoundError:
            return 0
        complete = text[: text.rfind(b"\n") + 1].split()
        return int(complete[-1]) if complete else 0


def start(folder: Path) -> Running:
    """Start recording the program, and find its processes."""
    script = folder / "rising.py"
    script.write_text(PROGRAM)
    witness, recording = folder / "witness", folder / "run.esr"
    launcher = subprocess.Popen(
        [sys.executable, "-m", "escope", "record", "-o", recording, script, witness],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    running = Running(launcher, 0, 0, recording, witness)
    deadline = time.monotonic() + 60
    while not running.numbers():
        assert launcher.poll() is None, launcher.communicate()[1]
        assert time.monotonic() < deadline, "the program did not start"
        time.sleep(0.01)
    for process in children(launcher.pid):
        command = Path(f"/proc/{process}/cmdline").read_bytes()
        if b"escope.storage.collector" in command:
            running.collector = process
        elif str(witness).encode() in command:
            running.program = process
    assert running.program
    assert running.collector
    return running


def children(parent: int) -> Iterator[int]:
    """The direct children of a process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except OSError:
                continue
            if int(status.rpartition(")")[2].split()[1]) == parent:
                yield int(entry.name)


def wait_gone(process: int) -> None:
    """Wait until a process that is not ours is gone."""
    deadline = time.monotonic() + 60
    while Path(f"/proc/{process}/cmdline").exists():
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        assert time.monotonic() < deadline, "a process did not end"
        time.sleep(0.01)


def check(running: Running, witnessed: int) -> None:
    """The recording opens, and tells every number up to `witnessed`."""
    with Recording.open(running.recording) as recording:
        numbers = [
            int(event.value.to_json()["repr"])
            for event in recording.events(kinds={Kind.RETURN})
            if event.function == "advance"
        ]
        assert numbers == list(range(1, len(numbers) + 1))
        assert numbers[-1] >= witnessed
        # The state at the last witnessed moment is complete as well.
        at = next(
            event.seq
            for event in recording.events(kinds={Kind.RETURN}, backward=True)
            if event.function == "advance" and event.value.to_json()["repr"] == str(witnessed)
        )
        frame = recording.at(at - 1).threads[0].frames[-1]
        assert frame.variables["number"].to_json()["repr"] == str(witnessed)
        history = frame.variables["table"].to_json()["items"][0][1]["items"]
        assert history[-1]["repr"] == str(witnessed)


@pytest.mark.slow
@pytest.mark.parametrize("run", range(RUNS))
def test_killed_program_leaves_everything_it_published(run: int, tmp_path: Path) -> None:
    chance = random.Random(run)
    running = start(tmp_path)
    try:
        time.sleep(chance.uniform(0.0, 1.2))
        if run % 4 == 3:
            # All of them: the ring and what is stored have to do without anybody's help.
            order = [running.program, running.collector, running.launcher.pid]
            chance.shuffle(order)
        else:
            order = [running.program]
        for process in order:
            os.kill(process, signal.SIGKILL)
        stderr = running.launcher.communicate(timeout=60)[1]
        wait_gone(running.program)
        wait_gone(running.collector)
        witnessed = running.numbers()
        assert witnessed > 0
        if run % 4 != 3:
            assert running.launcher.returncode == -signal.SIGKILL, stderr
            assert running.recording.exists(), stderr
            assert b"Traceback" not in stderr
        check(running, witnessed)
    finally:
        for process in (running.program, running.collector, running.launcher.pid):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        running.launcher.communicate()
