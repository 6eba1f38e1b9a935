"""Each program of the benchmark does the same recorded and plain, and what it did is counted right."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import trial
from benchmarks.contenders import DRIVERS, ESCOPE, PLAIN, environment
from benchmarks.measure import Measuring, Plan
from benchmarks.suite import PROGRAMS, SCALARS, Program, Stage
from escope.engine.capture.core import NATIVE

SHRINK = 400

needs_core = pytest.mark.skipif(find_spec(NATIVE) is None, reason="the C core was not built")


@needs_core
@pytest.mark.parametrize("program", [*PROGRAMS, *SCALARS], ids=lambda program: program.name)
def test_program_is_the_same_recorded_and_its_counts_agree(
    program: Program, tmp_path: Path
) -> None:
    plan = Plan([program], [ESCOPE], rounds=1, shrink=SHRINK, details=False)
    results = Measuring(plan, Stage(tmp_path / "stage"), lambda text: None).run()
    assert results.problems == []
    counts = {count.what: count for count in results.counts[program.name]}
    # A count that finds nothing agrees with anything.
    assert counts["line"].counted > 0
    assert counts["store"].counted > 0
    assert results.recordings[program.name].events > counts["line"].counted
    assert results.slowdown("escope", program.name, "main") is not None
    assert results.slowdown("escope", program.name, "whole") is not None


@needs_core
def test_count_that_differs_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = next(one for one in PROGRAMS if one.name == "grid")
    plan = Plan([program], [ESCOPE], rounds=1, shrink=SHRINK, details=False)
    measuring = Measuring(plan, Stage(tmp_path / "stage"), lambda text: None)
    census = measuring._census

    def one_short(what: str, program: Program, size: int) -> dict[str, int]:
        found = census(what, program, size)
        return {**found, "setitem": found.get("setitem", 0) - 1}

    monkeypatch.setattr(measuring, "_census", one_short)
    problems = measuring.run().problems
    assert len(problems) == 1
    assert problems[0].startswith("grid: ")
    assert "setitem events counted" in problems[0]


CENSUS = """\
import stopwatch

class Point:
    def __init__(self, x):
        self.x = x          # 3 setattr

def numbers(n):
    for number in range(n): # 3 stores
        yield number

def main(size):
    table = {}              # 1 store
    points = [Point(value) for value in numbers(size)]      # 3 stores and 1
    for point in points:    # 3 stores
        table[point.x] = 1  # 3 setitem
    del table[0]            # 1 delitem
    a = b = size            # 2 stores
    a, b = b, a             # 2 stores
    del a                   # 1 delete
    return len(table)

if __name__ == "__main__":
    stopwatch.run(main)
"""


def test_census_counts_what_can_be_counted_by_hand(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage")
    script = stage.programs / "counted.py"
    script.write_text(CENSUS, "utf-8")
    command = [sys.executable, str(DRIVERS / "census.py"), "all", "counts.json", str(script), "3"]
    variables = environment(PLAIN, stage.shared, stage.cache("plain"))
    done = trial.run(command, stage.trial_folder(), variables, 60)
    assert done.failure is None
    assert done.stdout == "2\n"
    counts = json.loads((done.folder / "counts.json").read_text("ascii"))
    # The module: stopwatch, Point, numbers, main; the class body: __module__, __qualname__, __init__, and
    # from 3.13 on __firstlineno__ and __static_attributes__.
    module = 4 + (3 if sys.version_info < (3, 13) else 5)
    assert counts["store"] == module + 3 + 1 + 4 + 3 + 2 + 2
    assert counts["setattr"] == 3
    assert counts["setitem"] == 3
    assert counts["delitem"] == 1
    assert counts["delete"] == 1
    # Module, class body, main, three times Point, numbers entered four times; before 3.12 the comprehension.
    assert counts["call"] == 3 + 3 + 4 + (sys.version_info < (3, 12))
