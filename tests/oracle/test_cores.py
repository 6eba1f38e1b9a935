"""Both capture cores write the same rows, byte for byte: the C core against its specification."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from escope.engine.capture.core import NATIVE
from tests.oracle.harness import REPOSITORY, programs, run
from tests.oracle.rows import first_difference, rows_of

pytestmark = pytest.mark.skipif(find_spec(NATIVE) is None, reason="the C core was not built")

APART = {
    "recursion_limit": "the reference needs frames of its own, so that it ends a little earlier",
    "threads": "the numbers of threads and of the process are among its values",
    "thread_exceptions": "its threads need not be switched at the same places",
    "kept_references": "its threads need not be switched at the same places",
}
MET_AGAIN = (
    "the reference's weak references are gone before a finalizer runs: it meets the object anew"
)
LET_GO_LATER = (
    "the reference holds what cannot be weakly referenced, so that some finalizers run later"
)
HELD = {
    "finalizers": MET_AGAIN,
    "async_generators": LET_GO_LATER,
    "generated_classes": "the reference holds what has ended, and looks at it once more",
    "lazy_iterators": LET_GO_LATER,
}


@pytest.mark.parametrize("program", programs(), ids=lambda path: path.stem)
def test_both_cores_write_the_same_rows(program: Path, tmp_path: Path) -> None:
    apart = APART | HELD
    if program.stem in apart:
        pytest.skip(apart[program.stem])
    folder = tmp_path / "program"
    shutil.copytree(program.parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    found = []
    for core in ("py", "c"):
        recording = tmp_path / f"{core}.esr"
        command = [sys.executable, "-m", "escope", "record", "-o", str(recording)]
        ended = run([*command, str(folder / program.name)], tmp_path, core=core)
        assert recording.exists(), ended
        found.append(rows_of(recording))
    assert found[0]
    assert first_difference(*found) == ""


def test_a_core_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    script = REPOSITORY / "examples" / "moving_average.py"
    ended = run([sys.executable, "-m", "escope", "record", str(script)], tmp_path, core="fast")
    assert ended.status == 2
    assert b"ESCOPE_CORE=fast" in ended.stderr
    assert list(tmp_path.iterdir()) == []
