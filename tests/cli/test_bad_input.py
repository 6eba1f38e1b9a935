"""Every wrong input gets one clear line on standard error and its status, and changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from escope.cli.main import main
from tests.launch.recording import escope, recorded


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prog.py").write_text("print('ran')\n")
    return tmp_path


WRONG = [
    (["record", "missing.py"], "there is no script 'missing.py'"),
    (["record"], "name a script or -m MODULE to run"),
    (["record", "--bogus", "prog.py"], "no such option '--bogus'"),
    (["record", "-m"], "option '-m' requires an argument (see `escope record --help`)"),
    (["dump", "x", "--from"], "option '--from' requires an argument (see `escope dump --help`)"),
    (["--bogus"], "no such option '--bogus' (see `escope --help`)"),
    (["record", "--max-size", "lots", "prog.py"], "'lots' is not a size"),
    (["record", "--max-size", "0", "prog.py"], "leaves no room"),
    (["record", "-o", "no/such/run.esr", "prog.py"], "the directory 'no/such' does not exist"),
    (["record", "-o", ".", "prog.py"], "it is a directory"),
    (["record", "--break-when", "x ===", "prog.py"], ""),
    (["record", "--break-when", "__import__('os')", "prog.py"], ""),
    (["record", "prog.pyc"], "there is no script"),
    (["debug", "prog.py"], "needs a terminal"),
    (["open", "prog.py"], "needs a terminal"),
    (["dump"], "missing argument 'FILE'"),
    (["dump", "x", "y"], "unexpected extra argument"),
    (["dump", "--kind", "lines", "x"], "there is no kind of event called 'lines'"),
    (["state", "x"], "missing option '--at'"),
    (["find", "x", "a b"], ""),
    (["find", "x", "a", "--limit", "0"], "--limit"),
    (["frobnicate"], "no such command 'frobnicate'"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_usage_is_status_2_and_one_line(
    arguments: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("escope: ")
    assert message in err
    assert [entry.name for entry in here.iterdir()] == ["prog.py"]


RECORDINGS = {
    "missing": None,
    "empty": b"",
    "text": b"print('ran')\n",
    "zip head": b"PK\x03\x04" + bytes(100),
    "zip end": bytes(100) + b"PK\x05\x06" + bytes(18),
    "random": bytes(range(256)) * 40,
}


@pytest.mark.parametrize("name", list(RECORDINGS))
@pytest.mark.parametrize(
    "command",
    [["info"], ["dump"], ["state", "--at", "end"], ["find", "--limit", "1"], ["diff"]],
    ids=lambda words: words[0],
)
def test_what_is_not_a_recording_is_status_3_and_one_line(
    name: str, command: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = RECORDINGS[name]
    if content is not None:
        (here / "bad.esr").write_bytes(content)
    more = {"find": ["1"], "diff": ["0", "1"]}.get(command[0], [])
    assert main([*command, "bad.esr", *more]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("escope: ")
    assert "bad.esr" in err


def test_directories_and_devices_are_no_recordings(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "d").mkdir()
    os.mkfifo(here / "pipe")
    for name in ("d", "pipe", "/dev/null", "."):
        assert main(["info", name]) == 3
        assert capsys.readouterr().err.count("\n") == 1


def test_names_with_control_characters_are_shown_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["info", "a\x1b[31m\nb.esr"]) == 3
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert err.count("\n") == 1


def test_an_existing_output_is_refused_before_the_program_runs(here: Path) -> None:
    (here / "run.esr").write_text("precious")
    found = recorded(["prog.py"], here, options=("-o", "run.esr"))
    assert (found.status, found.out) == (2, "")
    assert (here / "run.esr").read_text() == "precious"
    assert found.err == "escope: 'run.esr' exists; --force replaces it, or choose another -o\n"


def test_positions_outside_the_recording_are_status_2(here: Path) -> None:
    assert recorded(["prog.py"], here).status == 0
    for words in (
        ["state", "run.esr", "--at", "999999"],
        ["state", "run.esr", "--at", "-1"],
        ["state", "run.esr", "--at", "exception"],
        ["state", "run.esr", "--at", "soon"],
        ["dump", "run.esr", "--from", "999999"],
        ["diff", "run.esr", "0", "999999"],
    ):
        found = escope(*words, cwd=here)
        assert (found.status, found.out) == (2, ""), words
        assert found.err.count("\n") == 1
        assert found.err.startswith("escope: ")


def test_a_damaged_file_is_refused(here: Path) -> None:
    assert recorded(["prog.py"], here).status == 0
    whole = (here / "run.esr").read_bytes()
    for number, broken in enumerate(
        (whole[: len(whole) // 2], whole[:-10], bytes([whole[0] ^ 1]) + whole[1:], whole[10:])
    ):
        (here / "broken.esr").write_bytes(broken)
        found = escope("dump", "broken.esr", cwd=here)
        assert found.status == 3, number
        assert found.err.count("\n") == 1


def test_an_internal_error_is_status_70_with_its_traceback_in_a_file(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(here))
    monkeypatch.setattr("escope.cli.dump._kinds", lambda texts: 1 / 0)
    assert main(["dump", "prog.py"]) == 70
    err = capsys.readouterr().err
    assert err.startswith("escope: internal error: ZeroDivisionError")
    assert err.count("\n") == 1
    (file,) = here.glob("escope-traceback-*.txt")
    assert str(file) in err
    assert "ZeroDivisionError" in file.read_text()
