"""Who ends when, and by what: every process's stream opens up to the last event that it had published."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from escope.engine.replay.recording import Recording
from escope.errors import EscopeError
from tests.children.families import WORK, check
from tests.launch.recording import environment, escope

RECORD = [sys.executable, "-m", "escope", "record", "-o", "run.esr", "program.py"]
RUNS = int(os.environ.get("ESCOPE_KILLS", "9"))

RISING = """
import os, signal, subprocess, sys

def advance(number, history):
    history.append(number)
    if len(history) > 20:
        del history[:10]
    return number

def rise(name):
    # The number is written, and synced, after the event that tells it.
    witness = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    history = []
    number = 0
    while True:
        number += 1
        reached = advance(number, history)
        if number % 7 == 0:
            os.write(witness, b"%d %d\\n" % (os.getpid(), reached))
            os.fsync(witness)

if __name__ == "__main__":
    for name in ("first", "second"):
        if os.fork() == 0:
            rise(name)
    subprocess.Popen([sys.executable, "-c", "from program import rise; rise('third')"])
    rise("zero")
"""
NAMES = ("zero", "first", "second", "third")


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def last(path: Path) -> tuple[int, int]:
    """The process that writes to a witness file, and the last number in it; zeros while there is none."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return 0, 0
    lines = text[: text.rfind(b"\n") + 1].split(b"\n")
    if len(lines) < 2:
        return 0, 0
    pid, number = map(int, lines[-2].split())
    return pid, number


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, int]]]:
    """A recording of RISING, and the four processes by the names of their witness files; all killed at the end."""
    (folder / "program.py").write_text(RISING)
    launcher = subprocess.Popen(
        RECORD,
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    pids: dict[str, int] = {}
    try:
        until(lambda: all(last(folder / name)[1] for name in NAMES))
        pids = {name: last(folder / name)[0] for name in NAMES}
        yield launcher, pids
    finally:
        for pid in (*pids.values(), launcher.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        launcher.communicate()


def collector_of(launcher: int) -> int:
    for entry in Path("/proc").iterdir():
        try:
            status = (entry / "stat").read_text() if entry.name.isdigit() else ""
            mine = bool(status) and int(status.rpartition(")")[2].split()[1]) == launcher
            if mine and b"escope.storage.collector" in (entry / "cmdline").read_bytes():
                return int(entry.name)
        except OSError:
            continue
    raise AssertionError("there is no collector")


def numbers(stream: Recording) -> list[int]:
    """What `advance` returned, in order."""
    return [
        event.value.scalar
        for event in stream.events(kind="return")
        if event.function == "advance" and event.value is not None
    ]


def see(folder: Path, pids: dict[str, int], seen: dict[str, int]) -> None:
    """The recording opens, and each process's stream tells every number that it had witnessed."""
    with Recording.open(folder / "run.esr") as recording:
        by_pid = {info.pid: info.number for info in recording.processes}
        for name, pid in pids.items():
            stream = recording.process(by_pid[pid])
            told = numbers(stream)
            assert told == list(range(1, len(told) + 1)), name
            assert len(told) >= seen[name], name
            frame = stream.at(stream.event_count - 1).threads[0].frames[-1]
            assert frame.function in ("advance", "rise", "<module>")


VICTIMS = [
    ("first",),
    ("zero",),
    ("third",),
    ("collector",),
    (*NAMES, "collector"),
    (*NAMES, "launcher"),
]


@pytest.mark.slow
@pytest.mark.parametrize("run", range(RUNS))
def test_whoever_is_killed_the_streams_open_to_the_last_event(run: int, tmp_path: Path) -> None:
    chance = random.Random(run)
    with started(tmp_path) as (launcher, pids):
        everybody = {**pids, "launcher": launcher.pid, "collector": collector_of(launcher.pid)}
        time.sleep(chance.uniform(0, 0.6))
        victims = [*VICTIMS[run % len(VICTIMS)]]
        chance.shuffle(victims)
        for name in victims:
            os.kill(everybody[name], signal.SIGKILL)
        until(lambda: not any(alive(everybody[name]) for name in victims if name != "launcher"))
        if "collector" in victims:
            # The others find out that nobody takes their rows, and go on.
            seen = {name: last(tmp_path / name)[1] for name in NAMES}
            if len(victims) == 1:
                until(
                    lambda: all(last(tmp_path / name)[1] > seen[name] + 50_000 for name in NAMES),
                    180,
                )
                assert all(alive(pid) for pid in pids.values())
            for pid in pids.values():
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
            launcher.wait(60)
            assert (tmp_path / "run.esr.part").is_dir()
            see(tmp_path, pids, seen)
            return
        # The survivors are recorded on.
        others = [name for name in NAMES if name not in victims]
        before = {name: last(tmp_path / name)[1] for name in NAMES}
        until(lambda: all(last(tmp_path / name)[1] > before[name] + 100 for name in others))
        for name in others:
            os.kill(pids[name], signal.SIGTERM)
        until(lambda: not any(alive(pid) for pid in pids.values()))
        seen = {name: last(tmp_path / name)[1] for name in NAMES}
        until(lambda: (tmp_path / "run.esr").is_file() and not (tmp_path / "run.esr.part").exists())
        see(tmp_path, pids, seen)


def begun(program: str, folder: Path) -> subprocess.Popen[str]:
    (folder / "program.py").write_text(WORK + program)
    return subprocess.Popen(
        RECORD,
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


OUTLIVES = """
import time
if os.fork() == 0:
    # As a daemon does: away from whoever waits for the streams.
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    open("pid", "w").write(str(os.getpid()))
    while not os.path.exists("end"):
        time.sleep(0.01)
    work("child", 20)
    os._exit(0)
work("parent", 5)
while not os.path.exists("pid"):
    time.sleep(0.01)
"""


def test_the_command_does_not_wait_for_a_child_that_outlives_the_program(tmp_path: Path) -> None:
    process = begun(OUTLIVES, tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "1 process runs on; run.esr is sealed when the last has ended" in err
    assert not (tmp_path / "run.esr").exists()
    # It can be read all the same, by whoever asks for it.
    info = json.loads(escope("info", "run.esr", "--json", cwd=tmp_path).out)
    assert (info["status"], info["sealed"], info["processes"]) == (0, False, 2)
    assert [one["status"] for one in info["process_list"]] == [0, None]
    with Recording.open(tmp_path / "run.esr") as recording:
        child = recording.process(1)
        assert child.live
        before = child.event_count
        (tmp_path / "end").touch()
        until(lambda: (tmp_path / "run.esr").is_file() and not (tmp_path / "run.esr.part").exists())
        # What is open goes on with the sealed file.
        child.refresh()
        recording.refresh()
        assert child.event_count > before
        assert not child.live
        assert child.at(child.event_count - 1).threads
    with Recording.open(tmp_path / "run.esr") as recording:
        check(recording, tmp_path)


def test_stragglers_are_waited_for_a_moment(tmp_path: Path) -> None:
    program = """
import time
if os.fork() == 0:
    time.sleep(0.3)
    work("child", 20)
    os._exit(0)
work("parent", 5)
"""
    process = begun(program, tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "of 2 processes" in err
    with Recording.open(tmp_path / "run.esr") as recording:
        check(recording, tmp_path)


def test_a_parent_that_is_gone_at_once_leaves_a_child_that_is_recorded(tmp_path: Path) -> None:
    program = """
import time
for number in range(3):
    if os.fork():
        os._exit(0)
# Now its parents are gone, as a daemon's are.
work("daemon", 30)
"""
    process = begun(program, tmp_path)
    process.communicate(timeout=60)
    until(lambda: (tmp_path / "run.esr").is_file() and not (tmp_path / "run.esr.part").exists())
    with Recording.open(tmp_path / "run.esr") as recording:
        check(recording, tmp_path)
        assert [info.parent for info in recording.processes] == [None, 0, 1, 2]


def test_maximum_size_counts_all_processes(tmp_path: Path) -> None:
    program = """
for number in range(4):
    if os.fork() == 0:
        values = [str(step) * 20 for step in range(30000)]
        for value in values:
            kept = value
        os._exit(0)
for number in range(4):
    os.wait()
"""
    (tmp_path / "program.py").write_text(program.replace("for", "import os\nfor", 1))
    found = subprocess.run(
        [*RECORD[:-1], "--max-size", "200k", "program.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0
    assert "maximum size" in found.stderr
    with Recording.open(tmp_path / "run.esr") as recording:
        for info in recording.processes:
            stream = recording.process(info.number)
            if stream.event_count:
                stream.at(stream.event_count - 1).to_json()


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    process = begun(OUTLIVES, tmp_path)
    process.communicate(timeout=60)
    part = tmp_path / "run.esr.part"
    for folder, names, files in os.walk(part):
        assert os.stat(folder).st_mode & 0o077 == 0
        for name in (*names, *files):
            assert os.lstat(os.path.join(folder, name)).st_mode & 0o077 == 0, name
    (tmp_path / "end").touch()
    until(lambda: (tmp_path / "run.esr").is_file() and not part.exists())
    assert (tmp_path / "run.esr").stat().st_mode & 0o777 == 0o600


def test_damaged_streams_are_refused_and_leave_the_others_as_they_are(tmp_path: Path) -> None:
    process = begun("if os.fork() == 0:\n    work('c', 9)\n    os._exit(0)\nos.wait()\n", tmp_path)
    process.communicate(timeout=60)
    whole = (tmp_path / "run.esr").read_bytes()
    chance = random.Random(5)
    at = whole.index(b"processes/1.esr")
    messages = []
    for _ in range(60):
        data = bytearray(whole)
        data[chance.randrange(at, len(data))] ^= 1 << chance.randrange(8)
        (tmp_path / "bad.esr").write_bytes(data)
        try:
            with Recording.open(tmp_path / "bad.esr") as recording:
                assert len(list(recording.events())) == recording.event_count
                child = recording.process(1)
                for event in child.events():
                    event.to_json()
        except EscopeError as error:
            messages.append(str(error))
    assert all("\n" not in message for message in messages)
