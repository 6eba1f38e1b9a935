"""Hostile surroundings, through the command line: one clear line, the right status, nothing lost."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.recording import Run, environment, escope, plain, recorded

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
NOISE = """import os, sys
for i in range(6000):
    blob = os.urandom(2000).hex()[:4000]
print("end")
sys.exit(5)
"""
LONG = """import time
for i in range(400):
    time.sleep(0.01)
    if i % 10 == 0:
        print(i, flush=True)
print("end")
raise SystemExit(6)
"""
EVIL = """class Evil:
    pass
Evil.__name__ = Evil.__qualname__ = "E\\x1b[31m[bold]x[/bold]"
text = "\\x1b]0;title\\x07 [red]markup[/red] \\x9b31m \\u202e \\r\\n\\t"
evil = Evil()
evil.__dict__["at\\x1b[2Jtr"] = 1
globals()["na\\x1b[31mme"] = {"k\\x1b[0m": text}
raise ValueError(text)
"""
ODD_PROGRAMS = {
    "deep recursion": """import sys
sys.setrecursionlimit(5000)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
print(down(2000))
""",
    "closes stdout": "import sys, os\nprint(1, flush=True)\nsys.stdout.close()\nos.close(1)\nsys.exit(3)\n",
    "closes everything": "import os\nos.closerange(0, 256)\nx = 2\nos._exit(9)\n",
    "becomes another": "import os, sys\nx = 1\nos.execv(sys.executable, [sys.executable, '-c', 'exit(6)'])\n",
    "has children": """import os, subprocess, sys
print(subprocess.run([sys.executable, "-c", "print(len(__import__('sys').argv))"], check=True,
                     capture_output=True).stdout)
child = os.fork()
if child == 0:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
}


def one_line(found: Run, status: int) -> None:
    """Nothing but one line of escope's own on standard error, and this status."""
    assert (found.status, found.out) == (status, "")
    assert found.err.count("\n") == 1
    assert found.err.startswith("escope: ")
    assert "Traceback" not in found.err
    assert not CONTROL.search(found.err)


@pytest.mark.parametrize("name", list(ODD_PROGRAMS))
def test_odd_programs_run_as_without_escope_and_leave_a_recording(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "prog.py").write_text(ODD_PROGRAMS[name])
    expected = plain(["prog.py"], tmp_path)
    found = recorded(["prog.py"], tmp_path, options=("-o", "run.esr"))
    assert (found.status, found.out) == (expected.status, expected.out)
    assert found.plain_err == expected.err
    info = json.loads(escope("info", "run.esr", "--json", cwd=tmp_path).out)
    assert (info["sealed"], info["dropped"]) == (True, 0)
    assert info["events"] > 3


@pytest.mark.parametrize("content", [b"def f(:\n", b"x = 1\0\n", b"\xff\xfe\n"])
def test_a_script_that_does_not_compile_ends_as_python_ends_it(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "prog.py").write_bytes(content)
    found = recorded(["prog.py"], tmp_path, options=("-o", "run.esr"))
    assert found.status == 1
    assert "SyntaxError" in found.plain_err
    assert "escope" not in found.plain_err
    assert len(found.narration) == 1


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("print('ran')\n")
    for length in (251, 300):
        one_line(escope("record", "-o", "x" * length, "prog.py", cwd=tmp_path), 2)
    one_line(escope("record", "-o", "prog.py/run.esr", "prog.py", cwd=tmp_path), 2)
    assert [entry.name for entry in tmp_path.iterdir()] == ["prog.py"]
    longest = "x" * 250
    assert escope("record", "-o", longest, "prog.py", cwd=tmp_path).status == 0
    assert {entry.name for entry in tmp_path.iterdir()} == {"prog.py", longest}


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run, str]:
    folder = tmp_path_factory.mktemp("evil")
    name = "fi\x1b[31mle [red]"
    (folder / f"{name}.py").write_text(EVIL)
    found = recorded([f"{name}.py"], folder, options=("-o", f"{name}.esr"))
    return folder, found, f"{name}.esr"


def test_a_file_name_cannot_control_the_terminal(evil: tuple[Path, Run, str]) -> None:
    _, found, _ = evil
    assert found.status == 1
    assert len(found.narration) == 1
    assert not CONTROL.search(found.narration[0])
    assert "\\x1b[31m" in found.narration[0]


@pytest.mark.parametrize(
    "words", [["info"], ["dump"], ["dump", "--json"], ["state", "--at", "exception"], ["find"]]
)
def test_recorded_text_cannot_control_the_terminal(
    words: list[str], evil: tuple[Path, Run, str]
) -> None:
    folder, _, name = evil
    more = ["1"] if words[0] == "find" else []
    found = escope(words[0], name, *words[1:], *more, cwd=folder)
    assert found.status == 0
    assert found.out
    assert not CONTROL.search(found.out)


@pytest.mark.parametrize("expression", ["a ==", "", "(" * 3000, "lambda: 1", "a b", "9" * 20000])
def test_an_expression_that_is_none_is_one_line(expression: str, tmp_path: Path) -> None:
    one_line(escope("find", "run.esr", expression, cwd=tmp_path), 2)


def test_a_growing_list_is_dumped_in_time_that_grows_with_the_events(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("rows = []\nfor i in range(3000):\n    rows.append(i)\n")
    assert recorded(["prog.py"], tmp_path, options=("-o", "run.esr")).status == 0
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    lines = escope("dump", "run.esr", cwd=tmp_path).out.splitlines()
    assert len(lines) > 9000
    assert max(map(len, lines)) < 400
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began < 6


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MB; skipped where mounting is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_stops_the_recording_and_not_the_program(
    small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "prog.py").write_text(NOISE)
    file = small_disk / "run.esr"
    found = recorded(["prog.py"], tmp_path, options=("-o", str(file)))
    assert (found.status, found.out) == (5, "end\n")
    assert found.plain_err == ""
    assert 1 <= len(found.narration) <= 2
    assert "disk full" in found.narration[0]
    info = json.loads(escope("info", str(file), "--json", cwd=tmp_path).out)
    assert "disk full" in info["partial"]
    assert info["events"] > 1000
    last = escope("dump", str(file), "--from", str(info["events"] - 1), cwd=tmp_path)
    assert len(last.out.splitlines()) == 1


def started(folder: Path) -> subprocess.Popen[bytes]:
    """A recording of a program that takes four seconds, after its first output."""
    (folder / "prog.py").write_text(LONG)
    process = subprocess.Popen(
        [sys.executable, "-m", "escope", "record", "-o", "run.esr", "prog.py"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"0\n"
    return process


def pids(folder: Path) -> tuple[int, int]:
    """The program and the collector, once it is at work: the program does not wait for it."""
    from escope.storage.control import Control

    control = Control.attach(folder / "run.esr.part" / "control", readonly=True)
    try:
        end = time.monotonic() + 60
        while not (control.program_pid and control.collector_pid):
            assert time.monotonic() < end, "the collector did not begin"
            time.sleep(0.01)
        return control.program_pid, control.collector_pid
    finally:
        control.close()


def test_a_program_goes_on_without_its_collector_and_is_told_once(tmp_path: Path) -> None:
    process = started(tmp_path)
    os.kill(pids(tmp_path)[1], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 6
    assert out.endswith(b"end\n")
    lines = err.decode().splitlines()
    assert all(line.startswith("escope: ") for line in lines)
    assert sum("recording stopped" in line for line in lines) <= 1
    assert 1 <= len(lines) <= 2
    for name in ("run.esr", "run.esr.part"):
        found = escope("info", name, "--json", cwd=tmp_path)
        assert found.status == 0, found.err
        assert json.loads(found.out)["events"] > 3


def test_a_killed_program_leaves_a_recording_that_opens(tmp_path: Path) -> None:
    process = started(tmp_path)
    growing = escope("info", "run.esr.part", "--json", cwd=tmp_path)
    assert json.loads(growing.out)["sealed"] is False
    os.kill(pids(tmp_path)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert b"Traceback" not in err
    info = json.loads(escope("info", "run.esr", "--json", cwd=tmp_path).out)
    assert info["status"] == "signal:9"
    assert info["events"] >= json.loads(growing.out)["events"]
