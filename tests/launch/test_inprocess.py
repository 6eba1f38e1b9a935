"""`escope.record` and `escope.start`: a process records itself, and is as before afterwards."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.launch.recording import Run, run

LIBRARY = """
def double(x):
    y = x * 2
    return y

def counter():
    n = 0
    def count():
        nonlocal n
        n += 1
        return n
    return count

class Thing:
    def method(self, z):
        self.z = z
        return [double(i) for i in range(z)]
"""

PREAMBLE = """
import escope, lib
from pathlib import Path
def lines(path, function):
    with escope.open(path) as rec:
        return [e.line for e in rec.events(kind="line") if e.function == function]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lib.py").write_text(LIBRARY)
    (tmp_path / "late.py").write_text("def go():\n    return 5\n")
    return tmp_path


def python(text: str, folder: Path) -> Run:
    (folder / "main.py").write_text(PREAMBLE + text)
    found = run([sys.executable, "main.py"], folder)
    assert found.status == 0, found.err
    return found


def test_loaded_functions_are_recorded_and_restored(folder: Path) -> None:
    found = python(
        """
code = lib.double.__code__
method = lib.Thing.method.__code__
with escope.record("run.esr") as recording:
    assert lib.double.__code__ is not code
    print(lib.Thing().method(3))
assert lib.double.__code__ is code
assert lib.Thing.method.__code__ is method
print(recording.path == Path("run.esr").absolute())
print(lines("run.esr", "double"))
""",
        folder,
    )
    assert found.out == "[0, 2, 4]\nTrue\n[3, 4, 3, 4, 3, 4]\n"
    assert found.err == ""


def test_modules_imported_meanwhile_are_recorded(folder: Path) -> None:
    found = python(
        """
recording = escope.start("run.esr")
import late
late.go()
recording.stop()
late.go()
print(lines("run.esr", "go"))
""",
        folder,
    )
    assert found.out == "[2]\n"


def test_closures_made_before_and_meanwhile_are_restored(folder: Path) -> None:
    found = python(
        """
before = lib.counter()
with escope.record("run.esr"):
    meanwhile = lib.counter()
    print(before(), meanwhile(), meanwhile())
after = lib.counter()
print(before(), meanwhile(), after())
print(before.__code__ is after.__code__ , meanwhile.__code__ == after.__code__)
print(len(lines("run.esr", "counter.<locals>.count")))
""",
        folder,
    )
    assert found.out == "1 1 2\n2 3 1\nTrue True\n6\n"


def test_a_second_recording_at_the_same_time_is_refused(folder: Path) -> None:
    found = python(
        """
with escope.record("a.esr"):
    try:
        escope.start("b.esr")
    except escope.errors.UsageError as error:
        print(error)
with escope.record("b.esr"):
    lib.double(2)
print(lines("b.esr", "double"), Path("b.esr.part").exists())
""",
        folder,
    )
    assert found.out == "this process is being recorded already\n[3, 4] False\n"


def test_an_existing_recording_is_refused(folder: Path) -> None:
    (folder / "run.esr").write_text("precious")
    found = python(
        """
try:
    escope.start("run.esr")
except escope.errors.UsageError as error:
    print(error)
""",
        folder,
    )
    assert found.out.startswith("'run.esr' exists")
    assert (folder / "run.esr").read_text() == "precious"


def test_a_recording_that_nobody_stops_is_sealed_at_exit(folder: Path) -> None:
    python("escope.start('run.esr')\nlib.double(1)\n", folder)
    assert (folder / "run.esr").exists()
    assert not (folder / "run.esr.part").exists()


def test_an_exception_passes_through_and_the_file_is_sealed(folder: Path) -> None:
    found = python(
        """
try:
    with escope.record("run.esr"):
        lib.double(1)
        lib.double(None)
except TypeError:
    print("passed")
print(lines("run.esr", "double"))
""",
        folder,
    )
    assert found.out == "passed\n[3, 4, 3]\n"


def test_the_recorder_does_not_record_itself(folder: Path) -> None:
    found = python(
        """
with escope.record("run.esr") as recording:
    lib.double(1)
    import late
    lib.double(2)
with escope.open("run.esr") as rec:
    kinds = {event.kind for event in rec.events()}
    print(rec.event_count < 40, "mutate" in kinds)
""",
        folder,
    )
    assert found.out == "True False\n"


def test_a_forked_child_goes_on_unrecorded(folder: Path) -> None:
    found = python(
        """
import os
with escope.record("run.esr"):
    lib.double(1)
    pid = os.fork()
    if pid == 0:
        lib.double(2)
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(lines("run.esr", "double"))
""",
        folder,
    )
    assert found.out == "7\n[3, 4]\n"
