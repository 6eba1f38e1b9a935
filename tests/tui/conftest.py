"""Real recordings of small programs, made once by the real command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from escope.engine.replay.recording import Recording

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
ROOT = HERE.parents[1]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the recording of the program with this name; each is recorded once."""
    directory = tmp_path_factory.mktemp("recordings")

    def record(name: str) -> Path:
        path = directory / f"{name}.esr"
        if not path.exists():
            command = [sys.executable, "-m", "escope", "record", "-o", str(path)]
            done = subprocess.run(
                [*command, str(PROGRAMS / f"{name}.py")],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert path.exists(), done.stderr
        return path

    return record


@pytest.fixture
def opened(recorded: Callable[[str], Path]) -> Iterator[Callable[[str], Recording]]:
    """Opens the recording of the program with this name."""
    recordings: list[Recording] = []

    def open_recording(name: str) -> Recording:
        recording = Recording.open(recorded(name))
        recordings.append(recording)
        return recording

    yield open_recording
    for recording in recordings:
        recording.close()
