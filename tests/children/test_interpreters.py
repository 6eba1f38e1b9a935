"""New interpreters that a recorded program starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from escope.engine.capture.command import parse
from tests.children.families import WORK, check, same, told

MODULE = (
    WORK
    + """
print(sys.argv, sys.orig_argv[1:], sys.path[0], __name__, sorted(vars())[:3])
work("module", 12)
if sys.argv[-1] == "fail":
    raise ValueError("on purpose")
sys.exit(4)
"""
)

WAYS = {
    "a script": '[sys.executable, "other.py", "a b", "-x"]',
    "options": '[sys.executable, "-B", "-W", "error", "other.py", "fail"]',
    "a module": '[sys.executable, "-m", "other", "fail"]',
    "a text": '[sys.executable, "-c", "from program import work; work(\'text\', 7); print(1 / 0)", "x"]',
    "options and a text": '[sys.executable, "-Bc", "print(__import__(\'sys\').orig_argv[1:])"]',
    "isolated": '[sys.executable, "-I", "-c", "import sys; print(sys.path[:1], sys.flags.isolated)"]',
    "no site": '[sys.executable, "-S", "other.py"]',
    "an empty environment": '[sys.executable, "other.py"], env={}',
    "inherited descriptors": '[sys.executable, "other.py"], close_fds=False',
    "found on the path": '["python-of-the-test", "other.py"], env={"PATH": os.path.abspath("bin")}',
    "does not compile": '[sys.executable, "broken.py"]',
    "a text that does not compile": '[sys.executable, "-c", "x = = 1"]',
    "is not there": '[sys.executable, "nowhere.py"]',
    "from standard input": '[sys.executable, "-"], input="print(5)"',
    "another program": '["sh", "-c", "echo $0 $1", "a"]',
    "a warning": '[sys.executable, "-c", "x = 1 is 1"]',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "other.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python-of-the-test").symlink_to(sys.executable)
    return tmp_path


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_a_subprocess_does_not_notice(way: str, folder: Path) -> None:
    program = f"""
import subprocess
if __name__ == "__main__":
    done = subprocess.run({way}, capture_output=True, text=True)
    print(done)
    work("parent", 3)
"""
    with same(program, folder) as recording:
        check(recording, folder)


def test_a_subprocess_is_a_process_of_the_recording(folder: Path) -> None:
    program = """
import subprocess
subprocess.run([sys.executable, "other.py", "a"])
work("parent", 3)
"""
    with same(program, folder) as recording:
        check(recording, folder)
        (info,) = recording.processes[1:]
        assert (info.parent, info.how, info.argv) == (0, "spawn", ["other.py", "a"])
        assert info.at is not None
        event = recording.event(info.at)
        assert (event.kind, event.name, event.function) == ("fork", "spawn", "<module>")
        lines = recording.source_lines(str(folder / "program.py"))
        assert lines[(event.line or 0) - 1].startswith("subprocess.run")
        child = recording.process(info.number)
        assert [label for label, _, _ in told(child)] == ["module"]


def test_exec_goes_on_in_a_stream_of_its_own(folder: Path) -> None:
    program = """
work("before", 3)
print("to be replaced", flush=True)
os.execl(sys.executable, sys.executable, "other.py", "a")
"""
    with same(program, folder) as recording:
        first, second = recording.processes
        assert first.pid == second.pid
        assert (second.parent, second.how, first.status) == (0, "exec", 4)
        assert [label for label, _, _ in told(recording)] == ["before"]
        assert [label for label, _, _ in told(recording.process(1))] == ["module"]


def test_exec_of_another_program_ends_the_stream(folder: Path) -> None:
    program = """
work("before", 3)
print("to be replaced", end="", flush=True)
os.execlp("sh", "sh", "-c", "echo other; exit 6")
"""
    with same(program, folder) as recording:
        check(recording, folder)
        assert [one.status for one in recording.processes] == [6]
        assert recording.output()[-1][2] == b"to be replaced"


def test_exec_that_fails_leaves_the_program_as_it_was(folder: Path) -> None:
    program = """
try:
    os.execv("/nowhere/python", ["python", "other.py"])
except OSError as error:
    print(error, error.__traceback__.tb_next)
work("after", 3)
"""
    with same(program, folder) as recording:
        check(recording, folder)
        assert len(recording.processes) == 1


POOLS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def task(number):
    return work(f"task {number}", number + 5)

if __name__ == "__main__":
    context = multiprocessing.get_context(METHOD)
    with context.Pool(3) as pool:
        print(pool.map(task, range(9)))
        pool.close()
        pool.join()
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        print(list(executor.map(task, range(6))))
    process = context.Process(target=work, args=("process", 8))
    process.start()
    process.join()
    print(process.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str, folder: Path) -> None:
    with same(f"METHOD = {method!r}\n{POOLS}", folder) as recording:
        check(recording, folder)
        numbers = [info.number for info in recording.processes]
        assert numbers == list(range(len(numbers)))
        if method == "forkserver":
            # It runs nothing but the library; its children are whose work it is.
            server = next(info for info in recording.processes if "forkserver" in str(info.argv))
            assert sum(info.parent == server.number for info in recording.processes) == 6


def test_a_program_started_by_preexec_fn(folder: Path) -> None:
    program = """
import subprocess
def prepare():
    os.umask(0o77)
done = subprocess.run([sys.executable, "other.py"], preexec_fn=prepare)
print(done)
work("parent", 3)
"""
    with same(program, folder) as recording:
        assert [label for label, _, _ in told(recording)] == ["parent"]
        found = [told(recording.process(info.number)) for info in recording.processes[1:]]
        assert sum(len(calls) for calls in found) == 1


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["x.py", "-c"], ([], "script", "x.py", ["-c"])),
        (["-O", "x.py"], (["-O"], "script", "x.py", [])),
        (["-m", "mod", "a"], ([], "m", "mod", ["a"])),
        (["-Om", "mod"], (["-O"], "m", "mod", [])),
        (["-mmod", "a"], ([], "m", "mod", ["a"])),
        (["-c", "text", "-c"], ([], "c", "text", ["-c"])),
        (["-Bctext"], (["-B"], "c", "text", [])),
        (["-W", "error", "-Xdev", "x"], (["-W", "error", "-Xdev"], "script", "x", [])),
        (["--check-hash-based-pycs", "never", "x"], (["--check-hash-based-pycs", "never"], "script", "x", [])),
        (["--", "-x.py"], ([], "script", "-x.py", [])),
        (["-c"], None),
        (["-"], None),
        (["-V"], None),
        (["-i"], None),
        ([], None),
    ],
)  # fmt: skip
def test_command_lines_of_interpreters(
    words: list[str], found: tuple[list[str], str, str, list[str]] | None
) -> None:
    command = parse(words)
    if found is None:
        assert command is None
        return
    flags, mode, target, arguments = found
    assert command == (tuple(flags), mode, target, tuple(arguments), tuple(words))
