"""Every code object of the standard library can be rewritten, and the original comes out again."""

from __future__ import annotations

import os
import sys
import sysconfig
import warnings
from pathlib import Path

import pytest

from escope.engine.capture.instrument import instrument_code
from tests.capture.instrument.probing import Log, MemoryTable

LIBRARY = Path(sysconfig.get_path("stdlib"))
SAMPLE = [
    "ast.py",
    "asyncio/base_events.py",
    "asyncio/runners.py",
    "asyncio/tasks.py",
    "collections/__init__.py",
    "contextlib.py",
    "dataclasses.py",
    "functools.py",
    "inspect.py",
    "logging/__init__.py",
    "subprocess.py",
    "test/test_generators.py",
    "test/test_patma.py",
    "traceback.py",
    "unittest/mock.py",
]
NOT_FOR_THIS = {
    # Does not compile where names are checked at all: a file of its own encoding or an old syntax.
    "bad",
    "badsyntax",
    "lib2to3",
    "site-packages",
    "__pycache__",
}


def files_below(part: str) -> list[Path]:
    found = [LIBRARY / part] if part.endswith(".py") else (LIBRARY / part).rglob("*.py")
    return sorted(
        path
        for path in found
        if not any(name.startswith(tuple(NOT_FOR_THIS)) for name in path.relative_to(LIBRARY).parts)
    )


def skipped_in(path: Path) -> list[object]:
    """What of the file is not instrumented; a file that does not compile has nothing to skip."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(path.read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError):
        return []
    table = MemoryTable()
    instrument_code(code, module=path.stem, source_sha="", table=table, probes=Log().factory)
    assert len(table.lines) > 0
    return table.skipped


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_of_the_standard_library_is_instrumented_whole(name: str) -> None:
    assert skipped_in(LIBRARY / name) == []


def _parts() -> list[str]:
    parts = [path.name for path in LIBRARY.glob("*.py")]
    parts += [
        path.name for path in LIBRARY.iterdir() if path.is_dir() and (path / "__init__.py").exists()
    ]
    if not os.environ.get("ESCOPE_LONG_TESTS"):
        # CPython's own tests are three times the rest: for a long run, not for every one.
        parts.remove("test")
    return sorted(set(parts) - NOT_FOR_THIS)


def _letters() -> list[str]:
    """First letters of what is instrumented here: a third, another on each interpreter; all in a long run."""
    letters = sorted({part[0].lower() for part in _parts()})
    return (
        letters if os.environ.get("ESCOPE_LONG_TESTS") else letters[sys.version_info.minor % 3 :: 3]
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("letter", _letters())
def test_the_whole_standard_library_is_instrumented(letter: str) -> None:
    skipped = []
    for part in _parts():
        if part[0].lower() == letter:
            for path in files_below(part):
                skipped += [(str(path), one) for one in skipped_in(path)]
    assert skipped == [], sys.version
