"""Recordings of the oracle's programs, made once for all tests that look at them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.oracle import harness

Recorded = Callable[[str], Path]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Of the name of one of the oracle's programs: its recording."""
    files: dict[str, Path] = {}

    def record(name: str) -> Path:
        if name not in files:
            folder = tmp_path_factory.mktemp(name)
            file = folder / "run.esr"
            program = harness.PROGRAMS / f"{name}.py"
            command = [sys.executable, "-m", "escope", "record", "-o", str(file)]
            done = harness.run([*command, str(program)], folder)
            assert file.exists(), done.stderr.decode(errors="replace")
            files[name] = file
        return files[name]

    return record
