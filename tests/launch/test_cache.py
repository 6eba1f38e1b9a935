"""Where the code cache lies, and what is said where it is not used."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from escope.engine.launch.cache import VARIABLE, cache_folder
from tests.launch.recording import environment

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a cache, and nothing said of another place."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_lies_in_the_cache_of_the_user_and_is_made_private(home: Path, capsys: Capture) -> None:
    assert cache_folder() == str(home / ".cache" / "escope")
    assert mode(home / ".cache" / "escope") == mode(home / ".cache") == 0o700
    assert cache_folder() == str(home / ".cache" / "escope")
    assert capsys.readouterr().err == ""


def test_xdg_cache_home_counts_if_it_is_absolute(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    assert cache_folder() == str(home / "elsewhere" / "escope")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == str(home / ".cache" / "escope")


def test_the_variable_names_a_directory_or_turns_it_off(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv(VARIABLE, "here/")
    assert cache_folder() == str(home / "here")
    monkeypatch.setenv(VARIABLE, "off")
    assert cache_folder() is None
    assert [path.name for path in home.iterdir()] == ["here"]


@pytest.mark.parametrize("named", [False, True])
def test_a_directory_that_is_not_fit_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, named: bool
) -> None:
    folder = home / ".cache" / "escope"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    if named:
        monkeypatch.setenv(VARIABLE, str(folder))
    assert cache_folder() is None
    assert capsys.readouterr().err == (
        f"escope: the code cache '{folder}' is not used: others have access to it (mode 0755, not 0700); "
        "ESCOPE_CACHE=DIR names another, off none\n"
    )


def test_one_that_cannot_be_made_is_said_where_it_was_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (home / ".cache").write_text("no directory")
    assert cache_folder() is None
    assert capsys.readouterr().err == ""
    monkeypatch.setenv(VARIABLE, str(home / ".cache" / "mine"))
    assert cache_folder() is None
    assert "is not used: " in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_nothing_is_made_in_the_home_of_another_user(home: Path, capsys: Capture) -> None:
    os.chown(home, 12345, -1)
    assert cache_folder() is None
    assert list(home.iterdir()) == []
    assert capsys.readouterr().err == ""


def record(folder: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "escope", "record", "-o", "run.esr", "--force", "prog.py"]
    return subprocess.run(
        command,
        cwd=folder,
        env={**environment(), VARIABLE: str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )


def modules(folder: Path) -> object:
    command = [sys.executable, "-m", "escope", "info", "run.esr", "--json"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, check=True)
    return json.loads(done.stdout)["modules"]


def test_info_tells_what_came_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("import part\nprint(part.double(4))\n")
    (tmp_path / "part.py").write_text("def double(x):\n    return 2 * x\n")
    cache = tmp_path / "cache"
    said = []
    for _ in range(2):
        done = record(tmp_path, cache)
        assert (done.returncode, done.stdout) == (0, "8\n")
        said.append(modules(tmp_path))
    (tmp_path / "part.py").write_text("def double(x):\n    return x + x\n")
    assert record(tmp_path, cache).stdout == "8\n"
    said.append(modules(tmp_path))
    assert said == [{"instrumented": 2, "cached": count} for count in (0, 2, 1)]


def test_a_program_runs_and_is_recorded_without_a_cache_that_is_not_fit(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("print(4)\n")
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o755)
    done = record(tmp_path, cache)
    assert (done.returncode, done.stdout) == (0, "4\n")
    assert done.stderr.count("is not used") == 1
    assert "partial" not in done.stderr
    assert list(cache.iterdir()) == []
    assert modules(tmp_path) == {"instrumented": 1, "cached": 0}
