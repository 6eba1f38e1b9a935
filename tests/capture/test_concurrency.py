"""Threads and signal handlers that come in between at any moment."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from escope.engine.capture.core import CORE
from escope.engine.replay.recording import Recording
from escope.events import Kind
from tests.launch.recording import environment

THREADS = """
import sys
import threading

def leaf(number):
    held = {1: number}
    del held[1]
    return number

def work():
    for number in range(400):
        leaf(number)

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""

RESTLESS = """
import queue
import reprlib
import sys
import threading
import weakref
from collections import OrderedDict, UserDict, deque

class Crowd:
    pass

# What changes these is code of the standard library, which is not recorded and waits for nobody.
line, members = queue.Queue(), [Crowd() for _ in range(40)]
crowd, plain, ordered = weakref.WeakSet(), UserDict(), UserDict()
ordered.data = OrderedDict()
for number in range(90):
    line.put(number)

def change():
    for number in range(800):
        line.put(number)
        line.get()
        crowd.add(members[number % 40])
        crowd.discard(members[number % 7])
        for each in (plain, ordered):
            each[number % 90] = number
            each.pop(number % 7, None)

def look():
    while changing.is_alive():
        for each in (line.queue, crowd.data, plain.data, ordered.data):
            reprlib.Repr().repr_int(each, 1)

sys.setswitchinterval(1e-6)
changing = threading.Thread(target=change)
looking = [threading.Thread(target=look) for _ in range(3)]
changing.start()
for thread in looking:
    thread.start()
for thread in looking:
    thread.join()
print("done")
"""

SIGNALS = """
import signal

class Stop(Exception):
    pass

def stop(number, frame):
    raise Stop

def busy():
    made = []
    while True:
        made.append(type("Made", (), {"value": len(made)})())
        if len(made) > 20:
            made.clear()

signal.signal(signal.SIGALRM, stop)
caught = 0
for _ in range(15):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        busy()
    except Stop:
        caught += 1
print("caught", caught)
"""

TRACED = """
import os
import queue
import sys
import threading
import warnings

# A thread that was joined may still be about to end when the process forks, which is warned of.
warnings.simplefilter("ignore")
seen = set()

def trace(frame, event, argument):
    seen.add((os.path.basename(frame.f_code.co_filename), frame.f_code.co_name))
    return trace

def work():
    channel = queue.Queue()
    channel.put(1)
    channel.get()

threading.settrace(trace)
sys.settrace(trace)
for _ in range(3):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
sys.settrace(None)
threading.settrace(None)
print(sorted(seen))
"""


def _record(folder: Path, text: str) -> tuple[subprocess.CompletedProcess[bytes], Path]:
    script, recording = folder / "program.py", folder / "run.esr"
    script.write_text(text)
    command = [sys.executable, "-m", "escope", "record", "-o", str(recording), str(script)]
    done = subprocess.run(
        command, capture_output=True, check=False, timeout=200, env=environment(), cwd=folder
    )
    assert done.returncode == 0, done
    assert b"recording stopped" not in done.stderr, done
    return done, recording


def test_every_thread_has_its_own_events_however_often_they_switch(tmp_path: Path) -> None:
    _, recording = _record(tmp_path, THREADS)
    with Recording.open(recording) as opened:
        kinds = {Kind.CALL, Kind.RETURN, Kind.UNWIND, Kind.DELITEM}
        counts: dict[int, Counter[str]] = {}
        for event in opened.events(kinds=kinds):
            if event.function in ("leaf", "work"):
                counts.setdefault(event.thread, Counter())[event.kind] += 1
    assert len(counts) == 6
    for counted in counts.values():
        assert counted == Counter({"call": 401, "return": 401, "delitem": 400})


def test_what_a_signal_handler_raises_reaches_the_program(tmp_path: Path) -> None:
    done, _ = _record(tmp_path, SIGNALS)
    assert done.stdout == b"caught 15\n"


def test_what_other_threads_change_is_read_at_one_moment(tmp_path: Path) -> None:
    done, _ = _record(tmp_path, RESTLESS)
    assert done.stdout == b"done\n"


@pytest.mark.skipif(CORE == "py", reason="what traces sees the Python core")
def test_a_trace_function_that_is_recorded_sees_no_ends_of_threads_and_no_forks(
    tmp_path: Path,
) -> None:
    done, _ = _record(tmp_path, TRACED)
    plain = subprocess.run(
        [sys.executable, "program.py"], capture_output=True, check=True, cwd=tmp_path
    )
    assert done.stdout == plain.stdout
