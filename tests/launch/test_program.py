"""Command lines of the processes of a recording."""

from __future__ import annotations

import sys

import pytest

from escope.engine.launch import program
from escope.engine.launch.options import RecordOptions


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["-m", "escope", "record", "-O"], []),
        (["/usr/bin/escope", "record", "-u"], []),
        (["-O", "-m", "escope"], ["-O"]),
        (["-IBm", "escope"], ["-IB"]),
        (["-W", "error", "-X", "dev", "-u", "-m", "escope"], ["-W", "error", "-X", "dev", "-u"]),
        (["-Wd", "-Xdev", "-bb", "escope"], ["-Wd", "-Xdev", "-bb"]),
        (["-BWerror", "x"], ["-BWerror"]),
        (
            ["--check-hash-based-pycs", "never", "-m", "escope"],
            ["--check-hash-based-pycs", "never"],
        ),
        (["-c", "-O"], []),
        ([], []),
    ],
)
def test_options_of_the_interpreter_are_passed_on(
    monkeypatch: pytest.MonkeyPatch, words: list[str], flags: list[str]
) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", *words])
    assert program.interpreter_flags() == flags


def test_own_processes_get_nothing_that_is_meant_for_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("PYTHONINSPECT", "1")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    environment = program.own_environment()
    assert "PYTHONWARNINGS" not in environment
    assert "PYTHONINSPECT" not in environment
    assert environment["PYTHONPATH"] == "/somewhere"


@pytest.mark.parametrize(
    ("target", "module", "name"),
    [
        ("dir/prog.py", False, "prog"),
        ("dir/", False, "dir"),
        ("script", False, "script"),
        ("pkg.mod", True, "pkg.mod"),
        ("app.zip", False, "app"),
    ],
)
def test_a_recording_is_named_after_its_program(target: str, module: bool, name: str) -> None:
    assert RecordOptions(target, module=module).name == name
