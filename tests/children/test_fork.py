"""Forked children: each goes on in a stream of its own, and no stream has an event of two processes."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from escope.engine.replay.recording import Recording
from tests.children.families import both, check, same, told

TELLS_EXITS = tuple(map(int, platform.release().split(".")[:2])) >= (6, 15)

LEAVES = {
    "by _exit": ("os._exit(3)", 3),
    "by sys.exit": ("sys.exit(3)", 3),
    "by SIGKILL": ("os.kill(os.getpid(), 9)", "signal:9"),
    "by SIGTERM": ("os.kill(os.getpid(), 15)", "signal:15"),
    "by a crash": ("__import__('resource').setrlimit(4, (0, 0)); os.abort()", "signal:6"),
}


def children_of(recording: Recording) -> list[Recording]:
    return [recording.process(one.number) for one in recording.processes[1:]]


@pytest.mark.parametrize("way", LEAVES.values(), ids=list(LEAVES))
def test_a_child_is_recorded_to_its_end(way: tuple[str, int | str], tmp_path: Path) -> None:
    leave, status = way
    program = f"""
import time

def main():
    before = [1, 2]
    pid = os.fork()
    if pid == 0:
        before.append(work("child", 50))
        # Long enough that the collector, if there is one, has met the child.
        while os.path.isdir("run.esr.part") and not os.path.exists("run.esr.part/processes/1/hot"):
            time.sleep(0.01)
        {leave}
    work("parent", 30)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), before)

main()
"""
    with same(program, tmp_path) as recording:
        check(recording, tmp_path)
        (info,) = recording.processes[1:]
        assert (info.parent, info.how, info.argv) == (0, "fork", ["program.py"])
        assert info.status in (status, "unknown")
        if TELLS_EXITS:
            assert info.status == status
        assert info.at is not None
        event = recording.event(info.at)
        assert (event.kind, event.name) == ("fork", "fork")
        assert event.value is not None
        assert event.value.scalar == info.number
        assert event.function == "main"
        child = recording.process(info.number)
        # Times are the recording's, so they can be compared.
        assert (
            event.time_ns
            <= child.event(0).time_ns
            < recording.event(recording.event_count - 1).time_ns
        )


def test_a_child_begins_with_the_frames_and_variables_it_was_forked_with(tmp_path: Path) -> None:
    program = """
top = {"k": [1]}

def outer(a):
    b = [a, "text"]
    c = 0
    def inner(d):
        nonlocal c
        c = 7
        pid = os.fork()
        if pid == 0:
            c += 1
            os._exit(0)
        os.waitpid(pid, 0)
        return c
    return inner(b)

print(outer(5))
work("parent", 2)
"""
    with same(program, tmp_path) as recording:
        (child,) = children_of(recording)
        begun = list(child.events(kind="call"))
        assert [event.function for event in begun] == ["<module>", "outer", "outer.<locals>.inner"]
        at = recording.processes[1].at
        assert at is not None
        there = recording.at(at).threads[0].frames
        here = child.at(begun[-1].seq).threads[0].frames
        for mine, parents in zip(here, there, strict=True):
            for name in parents.variables:
                if name not in ("os", "json", "sys"):
                    assert mine.variables[name].summary(200) == parents.variables[name].summary(200)
        stores = [event.value.scalar for event in child.events(kind="store") if event.name == "c"]  # type: ignore[union-attr]
        assert stores == [8]


def test_a_storm_of_forks(tmp_path: Path) -> None:
    program = """
def child(number, depth):
    work(f"{depth}-{number}", 20 + number)
    if depth:
        spread(2, depth - 1)

def spread(count, depth):
    pids = []
    for number in range(count):
        pid = os.fork()
        if pid == 0:
            child(number, depth)
            os._exit(number)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)

spread(12, 1)
work("root", 10)
print("done")
"""
    with same(program, tmp_path) as recording:
        streams = check(recording, tmp_path)
        assert len(streams) == 1 + 12 + 24
        parents = [info.parent for info in recording.processes[1:]]
        assert parents.count(0) == 12
        assert len(set(parents)) == 13


def test_a_child_of_a_thread_has_only_that_thread(tmp_path: Path) -> None:
    program = """
import threading, warnings
warnings.simplefilter("ignore")
stop = threading.Event()

def busy(number):
    for round in range(300):
        if stop.is_set():
            break
        work(f"busy {number}", 3)

def forking():
    for number in range(8):
        pid = os.fork()
        if pid == 0:
            work(f"child {number}", 40)
            os._exit(0)
        os.waitpid(pid, 0)

threads = [threading.Thread(target=busy, args=(n,)) for n in range(3)]
for thread in threads:
    thread.start()
forker = threading.Thread(target=forking, name="forker")
forker.start()
forker.join()
stop.set()
for thread in threads:
    thread.join()
print("done")
"""
    with same(program, tmp_path) as recording:
        check(recording, tmp_path)
        for child in children_of(recording):
            assert {event.thread for event in child.events()} == {1}
            assert next(label for label, _, _ in told(child)).startswith("child")
            assert child.thread_name(1) in ("forker", "MainThread")


def test_locks_that_are_held_are_held_in_the_child(tmp_path: Path) -> None:
    program = """
import threading
lock = threading.Lock()
condition = threading.Condition()

def locked():
    with lock, condition:
        pid = os.fork()
        if pid == 0:
            work("child", 5)
            taken = lock.acquire(blocking=False)
            os._exit(int(taken))
        status = os.waitpid(pid, 0)[1]
    with lock:
        return os.waitstatus_to_exitcode(status)

print(locked())
work("parent", 5)
"""
    with same(program, tmp_path) as recording:
        check(recording, tmp_path)


def test_what_a_child_lets_go_of_dies_in_it(tmp_path: Path) -> None:
    program = """
gone = []

class Resource:
    def __del__(self):
        gone.append("gone")

def fill():
    # The recorder looks after what nobody else holds once it has seen enough that is new.
    for round in range(5):
        rows = [[number] for number in range(200)]
        work("filling", 70)
        rows = None

def main():
    # A list cannot be weakly referenced: the recorder itself has to let go of it.
    held = [Resource()]
    work("begin", 70)
    pid = os.fork()
    if pid == 0:
        held = None
        fill()
        print("child", gone, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    fill()
    print("parent", gone, flush=True)

main()
"""
    with same(program, tmp_path) as recording:
        check(recording, tmp_path)


def test_output_of_both_is_told_apart(tmp_path: Path) -> None:
    program = """
print("before", end="")
sys.stdout.flush()
pid = os.fork()
print("child" if pid == 0 else "parent", flush=True)
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
work("x", 1)
"""
    (tmp_path / "program.py").write_text("")
    _alone, found = both(program, tmp_path)
    assert found.status == 0
    with Recording.open(tmp_path / "run.esr") as recording:
        (child,) = children_of(recording)
        assert b"".join(data for _, _, data in recording.output()) == b"beforeparent\n"
        assert b"".join(data for _, _, data in child.output()) == b"child\n"


def test_no_children_means_none(tmp_path: Path) -> None:
    program = """
import subprocess
pid = os.fork()
if pid == 0:
    work("child", 5)
    os._exit(0)
os.waitpid(pid, 0)
print(subprocess.run([sys.executable, "-c", "print('escope' in __import__('sys').modules)"]).returncode)
work("parent", 2)
"""
    with same(program, tmp_path, "--no-children") as recording:
        assert [info.number for info in recording.processes] == [0]
        assert not list(recording.events(kind="fork"))
        assert [label for label, _, _ in told(recording)] == ["parent"]


def test_code_that_is_loaded_after_the_fork_has_sites_of_its_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            f"def {name}(x):\n    y = x + 1\n    z = y * 2\n    return z\n"
        )
    program = """
def load(name):
    return getattr(__import__(name), name)

pid = os.fork()
if pid == 0:
    again = os.fork()
    if again == 0:
        print(load("one")(1), flush=True)
        os._exit(0)
    os.waitpid(again, 0)
    print(load("two")(2), load("one")(3), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(load("one")(4))
work("parent", 1)
"""
    with same(program, tmp_path) as recording:
        found = {
            stream.number: [
                (event.function, event.value.scalar)
                for event in stream.events(kind="return")
                if event.function in ("one", "two") and event.value is not None
            ]
            for stream in (recording, *children_of(recording))
        }
        assert sorted(found.values()) == [[("one", 4)], [("one", 10)], [("two", 6), ("one", 8)]]
        for stream in (recording, *children_of(recording)):
            assert stream.source_lines(str(tmp_path / "one.py"))[0] == "def one(x):"
