"""`escope record` as a process: signals, terminals, what is said at the end, what survives what."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.launch.recording import environment, escope, recorded

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
