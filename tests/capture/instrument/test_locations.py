"""The location table, decoded by CPython itself; and what it is for: tracebacks and trace functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escope.engine.capture.core import CORE
from escope.engine.capture.instrument.locations import location_table
from escope.engine.capture.sites import Location
from tests.oracle.harness import environment


@st.composite
def locations(draw: st.DrawFn) -> Location:
    if draw(st.integers(0, 9)) == 0:
        return Location(None, None, None, None)
    line = draw(st.integers(1, 400))
    if draw(st.integers(0, 4)) == 0:
        return Location(line, line, None, None)
    end = line + draw(st.sampled_from([0, 0, 0, 1, 70]))
    column = draw(st.integers(0, 300))
    least = column if end == line else 0
    return Location(line, end, column, draw(st.integers(least, least + 200)))


@given(st.lists(st.tuples(st.integers(1, 40), locations()), min_size=1), st.integers(1, 300))
def test_cpython_reads_back_what_was_written(
    spans: list[tuple[int, Location]], first_line: int
) -> None:
    units = sum(count for count, _ in spans)
    table = location_table(spans, first_line)
    code = compile("", "empty", "exec").replace(
        co_code=bytes([9, 0]) * units, co_linetable=table, co_firstlineno=first_line
    )

    expected = [tuple(location) for count, location in spans for _ in range(count)]
    assert list(code.co_positions()) == expected
    lines = [line for start, end, line in code.co_lines() for _ in range(start // 2, end // 2)]
    assert lines == [location[0] for location in expected]


PROGRAM = """
import sys
seen = []
def trace(frame, event, arg):
    seen.append((frame.f_code.co_name, event, frame.f_lineno))
    return trace
def right(a):
    return (a + 1,
{spaces}a + 2,
{spaces}1 / a)
def run(a):
    sys.settrace(trace)
    try:
        right(a)
    except ZeroDivisionError as error:
        sys.settrace(None)
        import traceback
        traceback.print_exc(file=sys.stdout)
    sys.settrace(None)
run(3)
run(0)
print(seen)
"""


COUNTED = """
import sys, trace
def right(a):
    return (a + 1,
{spaces}a + 2,
{spaces}1 / a)
counter = trace.Trace(count=1, trace=0)
counter.runfunc(right, 3)
own = [(line, times) for (file, line), times in counter.results().counts.items() if file == __file__]
print(sorted(own))
"""


def same_output(program: str, folder: Path) -> None:
    """What `program` prints, plain and recorded, is the same."""
    script = folder / "wide.py"
    # A line that begins between the columns 128 and 255: the one-line form does not hold it.
    script.write_text(program.format(spaces=" " * 130))
    plain = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment(), check=True
    )
    recorded = subprocess.run(
        [sys.executable, "-m", "escope", "record", "-o", str(folder / "w.esr"), str(script)],
        capture_output=True,
        text=True,
        env={**environment(), "PYTHONMALLOC": "debug"},
        check=True,
    )
    assert plain.stdout != ""
    assert recorded.stdout == plain.stdout


def test_a_library_that_traces_a_recorded_program_counts_wide_lines_as_they_are(
    tmp_path: Path,
) -> None:
    same_output(COUNTED, tmp_path)


@pytest.mark.skipif(CORE == "py", reason="a trace function sees the Python core at work")
@pytest.mark.timeout(60)
def test_a_trace_function_in_a_recorded_program_sees_wide_lines_as_they_are(tmp_path: Path) -> None:
    same_output(PROGRAM, tmp_path)
