"""The commands that read a recording: their JSON, their text, and what never reaches a terminal raw."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import escope
from escope.cli.main import COMMANDS, main
from escope.cli.running import Size
from escope.engine.capture.core import CORE
from escope.interpreter import refusal
from tests.launch.recording import environment, recorded
from tests.launch.recording import escope as escope_command

PROGRAM = """
class Point:
    def __init__(self, x):
        self.x = x

def walk(n):
    path = []
    for i in range(n):
        path.append(i)
    return path

points = {"a": Point(1), "\\x1b[31m": "\\x1b]0;title\\x07[bold]"}
print("out \\x1b[1m")
walk(3)
try:
    walk(None)
except TypeError as error:
    print(error)
[][0]
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    (folder / "prog.py").write_text(PROGRAM)
    found = recorded(["prog.py", "one", "two"], folder)
    assert found.status == 1
    assert "IndexError" in found.err
    return folder / "run.esr"


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str], recording: Path) -> Iterator[Any]:
    def call(command: str, *words: str) -> str:
        assert main([command, str(recording), *words]) == 0
        return capsys.readouterr().out

    return call


def documents(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_info_has_everything_the_contract_names(out: Any) -> None:
    (info,) = documents(out("info", "--json"))
    names = (
        "format escope python core argv status sealed events kinds duration_ns processes threads bytes "
        "bytes_per_event dropped labels skipped"
    )
    assert set(names.split()) <= set(info)
    assert info["argv"] == ["prog.py", "one", "two"]
    assert info["status"] == 1
    assert info["sealed"] is True
    assert info["core"] == CORE
    assert info["threads"] == info["processes"] == 1
    assert sum(info["kinds"].values()) == info["events"]
    text = out("info")
    assert "prog.py one two" in text
    assert f"{info['events']:,}" in text


def test_info_says_that_the_program_still_runs(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("print('ready', flush=True)\ninput()\nraise SystemExit(4)\n")
    program = subprocess.Popen(
        [sys.executable, "-m", "escope", "record", "-o", "run.esr", "prog.py"],
        env=environment(),
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    assert program.stdout.readline() == b"ready\n"
    text = escope_command("info", "run.esr", cwd=tmp_path).out
    assert "status     still running\n" in text
    info = json.loads(escope_command("info", "run.esr", "--json", cwd=tmp_path).out)
    assert (info["status"], info["sealed"]) == (None, False)
    program.communicate(b"\n")
    assert program.returncode == 4
    assert "status     4\n" in escope_command("info", "run.esr", cwd=tmp_path).out


def test_dump_writes_every_event_once_and_in_order(out: Any) -> None:
    (info,) = documents(out("info", "--json"))
    events = documents(out("dump", "--json"))
    assert [event["seq"] for event in events] == list(range(info["events"]))
    counts: dict[str, int] = {}
    for event in events:
        counts[event["kind"]] = counts.get(event["kind"], 0) + 1
        assert {
            "process",
            "time_ns",
            "thread",
            "task",
            "frame",
            "depth",
            "file",
            "line",
            "function",
        } <= set(event)
    assert counts == {kind: count for kind, count in info["kinds"].items() if count}
    assert len(out("dump").splitlines()) == info["events"]


def test_dump_takes_kinds_and_a_range(out: Any) -> None:
    events = documents(out("dump", "--json"))
    chosen = documents(out("dump", "--json", "--kind", "call,return", "--kind", "raise"))
    assert chosen == [event for event in events if event["kind"] in ("call", "return", "raise")]
    assert documents(out("dump", "--json", "--from", "5", "--to", "9")) == events[5:10]
    assert documents(out("dump", "--json", "--from", "end")) == events[-1:]


def test_state_shows_frames_and_values(out: Any) -> None:
    (hit,) = documents(out("find", "len(path) == 2 and i == 1", "--limit", "1", "--json"))
    (state,) = documents(out("state", "--at", str(hit["seq"]), "--json"))
    frames = state["threads"][0]["frames"]
    assert [frame["function"] for frame in frames] == ["<module>", "walk"]
    assert frames[-1]["line"] == hit["line"]
    path = frames[-1]["variables"]["path"]
    assert (path["type"], path["length"]) == ("list", 2)
    assert [item["repr"] for item in path["items"]] == ["0", "1"]
    assert "path = [0, 1]" in out("state", "--at", str(hit["seq"]))


def test_state_bounds_depth_and_items(out: Any) -> None:
    (state,) = documents(out("state", "--at", "end", "--items", "1", "--json"))
    events = documents(out("dump", "--json", "--kind", "return"))
    walked = next(event for event in events if event["function"] == "walk")
    (state,) = documents(out("state", "--at", str(walked["seq"] - 1), "--items", "1", "--json"))
    path = state["threads"][0]["frames"][-1]["variables"]["path"]
    assert (path["length"], len(path["items"])) == (3, 1)


def test_state_at_exception_is_where_the_program_failed(out: Any) -> None:
    (state,) = documents(out("state", "--at", "exception", "--json"))
    (event,) = documents(
        out("dump", "--json", "--from", str(state["seq"]), "--to", str(state["seq"]))
    )
    assert event["kind"] == "raise"
    assert event["value"]["type"] == "IndexError"


def test_find_gives_hits_both_ways_and_every_moment(out: Any) -> None:
    hits = documents(out("find", "i == 1", "--json"))
    assert len(hits) == 1
    every = documents(out("find", "i == 1", "--every", "--json"))
    assert len(every) > 1
    assert hits[0] == every[0]
    assert documents(out("find", "i == 1", "--every", "--backward", "--json")) == every[::-1]
    assert documents(out("find", "i == 1", "--every", "--limit", "1", "--json")) == every[:1]
    later = documents(out("find", "i == 1", "--every", "--from", str(every[1]["seq"]), "--json"))
    assert later == every[1:]


def test_find_says_when_there_is_nothing(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["find", str(recording), "no_such_name == 1"]) == 0
    assert capsys.readouterr() == ("", "escope: no moment found\n")


def test_diff_is_empty_for_a_moment_and_itself_and_says_what_changed(out: Any) -> None:
    every = documents(out("find", "i == 1", "--every", "--json"))
    first, second = (str(moment["seq"]) for moment in every[:2])
    assert documents(out("diff", first, first, "--json")) == [[]]
    assert out("diff", first, first) == ""
    (changes,) = documents(out("diff", first, second, "--json"))
    assert changes
    assert all(change["op"] in ("add", "remove", "change") for change in changes)
    assert len(out("diff", first, second).splitlines()) == len(changes)


CHANGES = """
def grow(y, only):
    y += [9]
    return only

class C:
    pass

xs = [1, 2]
grow(xs, ("x",))
c = C()
d = {"k": c, "l": c}
xs.append(c)
xs[0:1] = [c, c]
d.update({("n",): xs})
d.setdefault(1, 2)
s = {1}
s |= {2}
s.discard(1)
loop = [c]
loop.append(loop)
"""


def test_text_says_changes_aliases_and_tuples_as_python_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prog.py").write_text(CHANGES)
    recorded(["prog.py"], tmp_path)
    file = str(tmp_path / "run.esr")
    assert main(["dump", file]) == 0
    text = capsys.readouterr().out
    told = [line.split(" ", 1)[1].strip() for line in text.splitlines()]
    for expected in (
        "grow  y=[1, 2], only=('x',)",
        "grow  ('x',)",
        "grow  [1, 2, 9] changed: [2:2] = [9]",
        "d = {'k': C(), 'l': C()}",
        "changed by append: [3:3] = [C()]",
        "[C(), C(), 2, 9, C()] changed: [0:1] = [C(), C()]",
        "changed by update: [('n',)] = [C(), C(), 2, 9, C()]",
        "changed by setdefault: [1] = 2",
        "{1, 2} changed: + 2",
        "{2} changed by discard: - 1",
        "changed by append: [1:1] = [[C(), …]]",
    ):
        assert any(line.endswith(expected) for line in told), expected
    assert main(["diff", file, "start", "end"]) == 0
    text += capsys.readouterr().out
    assert "unseen" not in text
    assert "<object" not in text
    assert "<change>" not in text


@pytest.mark.parametrize(
    "words",
    [
        ["info"],
        ["info", "--json"],
        ["dump"],
        ["dump", "--json"],
        ["state", "--at", "end"],
        ["state", "--at", "exception"],
        ["state", "--at", "exception", "--json"],
        ["diff", "start", "end"],
        ["diff", "start", "end", "--json"],
    ],
)
def test_no_control_character_reaches_the_terminal(words: list[str], out: Any) -> None:
    text = out(*words)
    assert [c for c in text if not c.isprintable() and c != "\n"] == []


def test_a_reader_that_goes_away_is_no_error(recording: Path) -> None:
    command = f"{sys.executable} -m escope dump {recording} --json | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=environment(),
        cwd=recording.parent,
        capture_output=True,
        check=False,
    )
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


PRINTING = [
    ["info"],
    ["info", "--json"],
    ["dump"],
    ["dump", "--json"],
    ["state", "--at", "end"],
    ["state", "--at", "end", "--json"],
    ["find", "i == 1"],
    ["find", "i == 1", "--json"],
    ["diff", "3", "20"],
    ["diff", "3", "20", "--json"],
    ["info", "--help"],
]


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
@pytest.mark.parametrize(
    ("into", "status", "message"),
    [
        (">/dev/full", 2, "escope: cannot write to standard output: No space left on device\n"),
        ("| true", 0, ""),
    ],
)
def test_output_that_cannot_be_written_is_said_in_one_line(
    words: list[str], into: str, status: int, message: str, recording: Path
) -> None:
    command = shlex.join([sys.executable, "-m", "escope", words[0], str(recording), *words[1:]])
    # The reader is gone before anything is written.
    done = subprocess.run(
        ["bash", "-c", f"(sleep 0.3; {command}) {into}; exit ${{PIPESTATUS[0]}}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", message)


def test_a_closed_output_is_said_in_one_line(recording: Path) -> None:
    command = shlex.join([sys.executable, "-m", "escope", "info", str(recording)])
    done = subprocess.run(
        ["bash", "-c", f"{command} >&-"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    message = "escope: cannot write to standard output: it is closed\n"
    assert (done.returncode, done.stderr) == (2, message)


def test_output_that_cannot_be_encoded_is_escaped(recording: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "escope", "dump", str(recording)],
        env={**environment(), "PYTHONIOENCODING": "ascii"},
        cwd=recording.parent,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_names_every_command_and_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"  {command} " in text
        assert main([command, "--help"]) == 0
        assert "Usage: escope" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert escope.__version__ in capsys.readouterr().out


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    for name, line in COMMANDS.items():
        command = import_module(f"escope.cli.{name}").command
        assert command.get_short_help_str(limit=200) == line


@pytest.mark.parametrize("words", [["--help"], ["record", "--help"], ["find", "--help"]])
def test_help_loads_click_and_nothing_heavy(words: list[str]) -> None:
    text = (
        "import sys\nfrom escope.cli.main import main\n"
        f"main({words!r})\n"
        "print(sorted({n.partition('.')[0] for n in sys.modules} & {'numpy', 'lmdb', 'textual', 'rich',"
        " 'networkx', 'zstandard', 'pygments', 'bytecode', 'click'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "['click']"


def test_importing_escope_loads_nothing_else() -> None:
    text = "import sys, escope\nprint([n for n in sys.modules if n.startswith('escope')])\n"
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "['escope']\n"


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("500K", 500_000), ("2GB", 2_000_000_000), ("1.5m", 1_500_000), ("64MiB", 64 << 20)],
)
def test_sizes_have_units(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


def test_other_interpreters_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal() is None
    monkeypatch.setattr(sys, "abiflags", "t")
    assert "(free-threaded)" in (refusal() or "")
    monkeypatch.setattr(sys, "abiflags", "")
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    assert "CPython 3.14.0" in (refusal() or "")
    monkeypatch.setattr(sys.implementation, "name", "pypy")
    assert "PyPy 3.14.0" in (refusal() or "")
