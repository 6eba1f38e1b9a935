"""`escope record` as a process: signals, terminals, what is said at the end, what survives what."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.launch.recording import environment, escope, plain, recorded

RECORD = [sys.executable, "-m", "escope", "record", "-o", "run.esr"]

WAITING = """
import os, signal, sys, time
seen = []
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, lambda n, f: seen.append(signal.Signals(n).name))
open("pid", "w").write(str(os.getpid()))
open("ready", "w").close()
while "SIGUSR2" not in seen:
    time.sleep(0.01)
print(seen)
sys.exit(5)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "waiting.py").write_text(WAITING)
    (tmp_path / "sleeping.py").write_text(
        "import os, time\nopen('pid', 'w').write(str(os.getpid()))\nopen('ready', 'w').close()\n"
        "for _ in range(2000):\n    time.sleep(0.01)\n"
    )
    return tmp_path


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def begin(script: str, here: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*RECORD, script],
        cwd=here,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: (here / "ready").exists())
    return process


def pid_of(here: Path) -> int:
    return int((here / "pid").read_text())


NEVER = {
    "does not compile": ["broken.py"],
    "null bytes": ["null.py"],
    "no module": ["-m", "no_such_module"],
    "no module in a library": ["-m", "json.no_such_module"],
    "a module that does not compile": ["-m", "broken"],
    "no __main__": ["empty"],
    "no __main__ in a zip file": ["empty.zip"],
    "a __main__ that does not compile": ["wrong"],
}


@pytest.mark.parametrize("program", NEVER.values(), ids=list(NEVER))
def test_a_program_that_never_started_leaves_no_recording(program: list[str], here: Path) -> None:
    (here / "broken.py").write_text("def f(:\n")
    (here / "null.py").write_bytes(b"x = 1\0\n")
    (here / "empty").mkdir()
    (here / "wrong").mkdir()
    (here / "wrong" / "__main__.py").write_text("def f(:\n")
    with zipfile.ZipFile(here / "empty.zip", "w") as archive:
        archive.writestr("other.py", "")
    before = sorted(here.iterdir())
    alone, found = plain(program, here), recorded(program, here)
    assert (found.status, found.out, found.plain_err) == (alone.status, alone.out, alone.err)
    assert found.narration == ["escope: nothing was recorded: there was no program to run"]
    assert sorted(here.iterdir()) == before


STARTED = {
    "out of scope": (["-m", "site", "--no-such-option"], []),
    "its package": (["-m", "pkg"], ["store"]),
    "a directory": (["fails"], ["raise"]),
    "empty": (["nothing.py"], ["call"]),
}


@pytest.mark.parametrize("program", STARTED.values(), ids=list(STARTED))
def test_a_program_that_ran_leaves_its_recording(
    program: tuple[list[str], list[str]], here: Path
) -> None:
    (here / "pkg").mkdir()
    (here / "pkg" / "__init__.py").write_text("x = 1\n")
    (here / "fails").mkdir()
    (here / "fails" / "__main__.py").write_text("raise SystemExit(3)\n")
    (here / "nothing.py").write_text("")
    words, kinds = program
    alone, found = plain(words, here), recorded(words, here)
    assert (found.status, found.out, found.plain_err) == (alone.status, alone.out, alone.err)
    info = json.loads(escope("info", "run.esr", "--json", cwd=here).out)
    assert all(info["kinds"][kind] for kind in kinds)


def test_signals_sent_to_escope_reach_the_program(here: Path) -> None:
    process = begin("waiting.py", here)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        process.send_signal(number)
        time.sleep(0.1)
    out, err = process.communicate(timeout=30)
    assert out == "['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']\n"
    assert process.returncode == 5, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_escope_ends_by_the_signal_that_ended_the_program(here: Path, number: int) -> None:
    process = begin("sleeping.py", here)
    os.kill(pid_of(here), number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == -number
    assert (here / "run.esr").exists(), err
    found = escope("info", "run.esr", cwd=here)
    assert f"signal:{number}" in found.out


def test_ctrl_c_reaches_the_program_once(here: Path) -> None:
    (here / "counting.py").write_text(
        "import signal, time\nseen = []\nsignal.signal(2, lambda *a: seen.append(1))\n"
        "open('ready', 'w').close()\nend = time.time() + 1\nwhile time.time() < end:\n"
        "    time.sleep(0.01)\nprint(len(seen))\n"
    )
    process = begin("counting.py", here)
    os.killpg(process.pid, signal.SIGCONT)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert (out, process.returncode) == ("1\n", 0)


def test_the_program_and_its_recording_survive_the_launcher(here: Path) -> None:
    process = begin("waiting.py", here)
    process.kill()
    process.wait()
    os.kill(pid_of(here), signal.SIGUSR2)
    until(lambda: (here / "run.esr").exists())
    until(lambda: not (here / "run.esr.part").exists())
    found = escope("info", "run.esr", cwd=here)
    assert found.status == 0
    assert process.stdout is not None
    assert process.stdout.read() == "['SIGUSR2']\n"


def test_the_line_at_the_end_says_events_file_and_how_to_open_it(here: Path) -> None:
    (here / "prog.py").write_text("x = 1\n")
    found = recorded(["prog.py"], here, options=())
    (line,) = found.narration
    assert " events in " in line
    assert "prog.esr (" in line
    assert line.endswith("open it with: escope open prog.esr")
    again = recorded(["prog.py"], here, options=())
    assert again.narration[0].endswith("escope open prog-2.esr")


def test_nothing_in_scope_is_said(here: Path) -> None:
    found = recorded(["-m", "this"], here)
    assert "--include" in found.narration[0]
    skipped = escope("info", "run.esr", cwd=here).out
    assert "standard library" in skipped


def test_a_recording_is_for_its_owner_only(here: Path) -> None:
    (here / "prog.py").write_text("x = 1\n")
    assert recorded(["prog.py"], here).status == 0
    assert (here / "run.esr").stat().st_mode & 0o777 == 0o600


def test_inherited_descriptors_reach_the_program(here: Path) -> None:
    (here / "prog.py").write_text("import os, sys\nos.write(int(sys.argv[1]), b'through')\n")
    reading, writing = os.pipe()
    subprocess.run(
        [*RECORD, "prog.py", str(writing)],
        cwd=here,
        env=environment(),
        pass_fds=[writing],
        check=True,
    )
    os.close(writing)
    with open(reading, "rb") as file:
        assert file.read() == b"through"
