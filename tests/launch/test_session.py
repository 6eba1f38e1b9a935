"""The live session: a program on a terminal of its own, driven and left by the player."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from escope.engine import launch
from escope.engine.launch.session import Session
from escope.engine.launch.wiring import Seal
from escope.engine.replay.recording import Recording
from escope.errors import UsageError
from escope.storage.control import PauseReason, ProgramState
from escope.storage.process import process_alive
from tests.launch.recording import environment, escope

TERMINAL = """
import os, signal, sys, time
print(os.get_terminal_size(), sys.stdin.isatty(), open("/dev/tty").isatty(), flush=True)
signal.signal(signal.SIGWINCH, lambda *a: print("size", os.get_terminal_size(), flush=True))
try:
    print("hello", input("name? "), flush=True)
    while True:
        time.sleep(0.02)
except KeyboardInterrupt:
    print("interrupted", flush=True)
time.sleep(0.5)
open("witness", "w").write("done")
sys.exit(5)
"""

LOOP = """
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
work(5)
work(7)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "terminal.py").write_text(TERMINAL)
    (tmp_path / "loop.py").write_text(LOOP)
    return tmp_path


@pytest.fixture
def sessions() -> Iterator[list[Session]]:
    started: list[Session] = []
    yield started
    for session in started:
        session.kill()
        session.wait(5)
        session.close()
        session.wait_sealed(20)


def start(sessions: list[Session], target: str, **options: object) -> Session:
    chosen = launch.RecordOptions(target, output="run.esr", **options)  # type: ignore[arg-type]
    session = launch.debug_session(chosen, rows=10, columns=40)
    sessions.append(session)
    return session


def read_until(session: Session, text: str, seconds: float = 20) -> str:
    found = b""
    end = time.monotonic() + seconds
    while text.encode() not in found:
        assert time.monotonic() < end, found
        if select.select([session.pty_fd], [], [], 0.1)[0]:
            try:
                found += os.read(session.pty_fd, 65_536)
            except OSError:
                break
    return found.decode()


def until(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_the_program_has_a_terminal_that_can_be_typed_on_and_resized(
    sessions: list[Session], here: Path
) -> None:
    session = start(sessions, "terminal.py")
    assert "columns=40, lines=10) True True" in read_until(session, "name? ")
    session.write(b"Ann\n")
    assert "hello Ann" in read_until(session, "hello Ann")
    session.resize(20, 60)
    assert "columns=60, lines=20" in read_until(
        session, "size os.terminal_size(columns=60, lines=20)"
    )
    session.interrupt()
    read_until(session, "interrupted")
    assert session.wait(20) == 5
    assert session.state is ProgramState.ENDED
    assert session.wait_sealed(20) is Seal.DONE
    assert (here / "run.esr").exists()


@pytest.mark.parametrize(("how", "status"), [("kill", -9), ("terminate", -15)])
def test_the_program_can_be_ended(sessions: list[Session], how: str, status: int) -> None:
    session = start(sessions, "terminal.py")
    read_until(session, "name? ")
    getattr(session, how)()
    assert session.wait(20) == status
    assert not session.running


def test_a_program_that_is_left_runs_to_its_end(sessions: list[Session], here: Path) -> None:
    session = start(sessions, "terminal.py")
    read_until(session, "name? ")
    session.write(b"Ann\n")
    read_until(session, "hello Ann")
    session.interrupt()
    session.leave()
    assert session.left
    until(lambda: (here / "witness").exists())
    until(lambda: (here / "run.esr").exists())
    assert "status     5" in escope("info", "run.esr", cwd=here).out


def test_a_program_survives_the_death_of_the_player(here: Path) -> None:
    player = (
        "import os, time\n"
        "from escope.engine import launch\n"
        "session = launch.debug_session(launch.RecordOptions('terminal.py', output='run.esr'))\n"
        "open('pid', 'w').write(str(session.pid))\n"
        "session.write(b'Ann\\n')\n"
        "time.sleep(1)\n"
        "session.interrupt()\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", player], cwd=here, env=environment(), check=True)
    until(lambda: (here / "witness").exists())
    pid = int((here / "pid").read_text())
    until(lambda: not process_alive(pid))
    until(lambda: (here / "run.esr").exists())


@pytest.mark.parametrize(("start_of", "stream"), [("", "stderr"), ("import readline\n", "stdout")])
def test_prompts_on_a_terminal_are_output_of_the_program(
    sessions: list[Session], here: Path, start_of: str, stream: str
) -> None:
    (here / "asks.py").write_text(
        f"{start_of}print(input('one? '), input(), input(2))\n"
        "class Odd:\n    def __str__(self): print('once'); return 'odd? '\n"
        "print(input(Odd()))\n"
        "import io, sys\nsys.stdout = io.StringIO()\ninput('kept')\n"
    )
    session = start(sessions, "asks.py")
    for text in ("one? ", "", "2", "odd? ", ""):
        read_until(session, text)
        session.write(b"x\n")
    assert session.wait(20) == 0
    assert session.wait_sealed(20) is Seal.DONE
    with Recording.open(here / "run.esr") as recording:
        written = [(event.name, event.value.scalar) for event in recording.events(kind="output")]
    joined = {
        name: b"".join(text for stream, text in written if stream == name).decode()
        for name in ("stdout", "stderr")
    }
    expected = {"stdout": "x x x\nonce\nx\n", "stderr": ""}
    if stream == "stderr":
        expected["stderr"] = "one? 2"
    else:
        expected["stdout"] = "one? 2" + expected["stdout"]
    assert joined == expected


def test_a_predicate_pauses_the_program_and_steps_drive_it(sessions: list[Session]) -> None:
    session = start(sessions, "loop.py", break_when=("i == 3",))
    control = session.control
    until(lambda: session.state is ProgramState.PAUSED)
    assert control.pause_reason == PauseReason.HIT
    assert control.hit_number == 1
    first = control.paused_seq
    session.step("into")
    until(lambda: session.state is ProgramState.PAUSED and control.paused_seq > first)
    assert control.pause_reason == PauseReason.STEP
    session.set_predicates([])
    session.run()
    assert session.wait(20) == 0


def test_a_hit_names_the_predicate_that_was_set_when_another_one_was_taken_away(
    sessions: list[Session], here: Path
) -> None:
    session = start(sessions, "loop.py", break_when=("i == 1",))
    control = session.control
    hits = []
    for wanted in (["total > 2", "loop.py:6"], ["loop.py:6"], ["n == 7", "i == 1"], []):
        until(lambda: session.state is ProgramState.PAUSED)
        hits.append((control.paused_seq, session.predicate_text(control.hit_number)))
        session.set_predicates(wanted)
        until(lambda: control.predicates_ack == control.predicates_version)
        session.run()
        until(lambda: session.state is not ProgramState.PAUSED or control.paused_seq != hits[-1][0])
    assert session.wait(20) == 0
    assert session.wait_sealed(20) is Seal.DONE
    assert [text for _, text in hits] == ["i == 1", "total > 2", "loop.py:6", "n == 7"]
    with Recording.open(here / "run.esr") as recording:
        recorded = [(event.seq, event.name) for event in recording.events(kind="hit")]
        numbers = [one["number"] for one in recording.store.predicates]
    assert [name for _, name in recorded] == [text for _, text in hits]
    assert len(numbers) == len(set(numbers))


def test_a_predicate_that_stays_keeps_its_number_and_one_that_comes_back_gets_a_new_one(
    sessions: list[Session],
) -> None:
    session = start(sessions, "loop.py", break_when=("i == 1", "i == 1"))
    until(lambda: session.state is ProgramState.PAUSED)

    def numbers(*texts: str) -> list[int]:
        session.set_predicates(texts)
        return [one["number"] for one in session.predicates]

    assert numbers("a", "i == 1") == [2, 1]
    assert numbers("i == 1") == [1]
    assert numbers("b", "a", "i == 1") == [3, 4, 1]
    with pytest.raises(UsageError):
        session.set_predicates(["x" * 70_000])
    assert numbers("b", "c") == [3, 5]


def test_the_program_refuses_a_number_that_stands_for_another_predicate(
    sessions: list[Session],
) -> None:
    session = start(sessions, "loop.py", break_when=("i == 1",))
    control = session.control
    until(lambda: session.state is ProgramState.PAUSED)
    control.set_predicates([{"number": 1, "text": "i == 2"}, {"number": 2, "text": "i == 3"}])
    until(lambda: control.predicates_ack == control.predicates_version)
    assert control.predicate_error == "number 1 stands for 'i == 1', not 'i == 2'"
    first = control.paused_seq
    session.run()
    until(lambda: session.state is ProgramState.PAUSED and control.paused_seq != first)
    assert control.hit_number == 2


def test_the_program_can_be_paused_and_runs_on_when_it_is_left(
    sessions: list[Session], here: Path
) -> None:
    (here / "long.py").write_text(
        "import time\nend = time.time() + 2\nwhile time.time() < end:\n    n = 1\n"
    )
    session = start(sessions, "long.py")
    until(lambda: session.control.events > 10)
    session.pause()
    until(lambda: session.state is ProgramState.PAUSED)
    assert session.running
    session.leave()
    until(lambda: (here / "run.esr").exists())


def test_an_unknown_step_is_refused(sessions: list[Session]) -> None:
    session = start(sessions, "loop.py")
    with pytest.raises(UsageError, match="sideways"):
        session.step("sideways")
    session.wait(20)


def test_a_missing_script_leaves_nothing_behind(here: Path) -> None:
    before = sorted(here.iterdir())
    with pytest.raises(UsageError, match="no script"):
        launch.debug_session(launch.RecordOptions("missing.py"))
    assert sorted(here.iterdir()) == before
