"""Code from the cache does what code does that was just instrumented: the recordings of a program are equal."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.harness import programs, run
from tests.oracle.rows import first_difference, rows_of
from tests.oracle.test_cores import APART


def _recorded(script: Path, recording: Path, cache: str) -> tuple[Any, list[dict[str, Any]]]:
    """The rows of a recording of `script`, and what its sites file says of code."""
    command = [sys.executable, "-m", "escope", "record", "-o", str(recording), str(script)]
    ended = run(command, script.parent, cache=cache)
    assert recording.exists(), ended
    with zipfile.ZipFile(recording) as archive:
        lines = [json.loads(line) for line in archive.read("sites.jsonl").splitlines()]
    return rows_of(recording), [line for line in lines if line["type"] == "code"]


@pytest.mark.parametrize("program", programs(), ids=lambda path: path.stem)
def test_recordings_with_and_without_the_cache_are_equal(program: Path, tmp_path: Path) -> None:
    if program.stem in APART:
        pytest.skip(APART[program.stem])
    folder, cache = tmp_path / "program", str(tmp_path / "cache")
    shutil.copytree(program.parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = folder / program.name
    fresh, fresh_codes = _recorded(script, tmp_path / "fresh.esr", cache)
    cached, cached_codes = _recorded(script, tmp_path / "cached.esr", cache)
    assert fresh
    assert first_difference(fresh, cached) == ""
    # The one really was instrumented in its run (but for what it loads twice), and the other really was not.
    assert not fresh_codes[0].pop("cached", False)
    assert all(line.pop("cached") for line in cached_codes)
    for line in fresh_codes:
        line.pop("cached", None)
    assert fresh_codes == cached_codes
