"""Line probes fire exactly when `sys.settrace` reports a line."""

from __future__ import annotations

import sys

import pytest

from tests.capture.instrument.probing import FILE, Log, instrumented, namespace_of, traced
from tests.capture.instrument.snippets import ALL

FAR = sys.version_info >= (3, 13)
"""Far from the first line 3.13 reports some lines twice, depending on the offset of their code."""


@pytest.mark.parametrize("name", sorted(ALL))
def test_lines_are_those_of_settrace(name: str) -> None:
    code = compile(ALL[name], FILE, "exec")
    expected = traced(lambda: namespace_of(code))
    assert len(expected) > 10
    log = Log()
    namespace_of(instrumented(code, log))
    assert log.lines() == expected


@pytest.mark.parametrize("name", sorted(set(ALL) - ({"long"} if FAR else set())))
def test_another_tracer_sees_the_same_lines_in_instrumented_code(name: str) -> None:
    code = compile(ALL[name], FILE, "exec")
    expected = traced(lambda: namespace_of(code))
    log = Log()
    with_probes = instrumented(code, log)
    assert traced(lambda: namespace_of(with_probes)) == expected
    assert log.lines() == expected
