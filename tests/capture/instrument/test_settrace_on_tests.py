"""Line moments against `sys.settrace` while tests of the standard library run: large and hostile code."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import random
import sys
import types
import unittest
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.capture.instrument.probing import LineLog, instrumented

MODULES = [
    "test_asyncgen",
    "test_class",
    "test_contextlib",
    "test_coroutines",
    "test_dataclasses",
    "test_except_star",
    "test_exception_variations",
    "test_exceptions",
    "test_generators",
    "test_grammar",
    "test_inspect",
    "test_iter",
    "test_listcomps",
    "test_patma",
    "test_raise",
    "test_scope",
    "test_super",
    "test_textwrap",
    "test_traceback",
    "test_unpack",
    "test_with",
]
if not os.environ.get("ESCOPE_LONG_TESTS"):
    # Half of them, 3.12 the other half: all come into play on every run over the interpreters.
    MODULES = MODULES[sys.version_info.minor % 2 :: 2]
EXEMPT = {
    # They set a trace function of their own.
    "testInteractionWithTraceFunc",
    "testLocalsClass_WithTrace",
    # It recurses to the limit.
    "test_badisinstance",
    # How often the collector runs depends on what is allocated.
    "test_handle_frame_object_in_creation",
    # It takes the line table out of its code object.
    "test_missing_lineno_shows_as_none",
}

ODD = ("thread", "recursion", "tracing")
"""In names of tests whose lines settrace does not see all, or that depend on how deep the stack is: the
probes of the reference core are frames too."""
LONGEST = 100_000 if os.environ.get("ESCOPE_LONG_TESTS") else 20_000
"""Lines of a test; longer ones are left out."""


class Loaded:
    """One copy of a test module, and its tests by id."""

    def __init__(self, name: str, log: LineLog | None) -> None:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        self.name, self.file = name, spec.origin
        with open(self.file, "rb") as file:
            code = compile(file.read(), self.file, "exec")
        if log is not None:
            code = instrumented(code, log)
        self.module = types.ModuleType(name)
        self.module.__file__, self.module.__spec__ = self.file, spec
        self.module.__package__ = name.rpartition(".")[0]
        with self.current():
            exec(code, self.module.__dict__)
            suite = unittest.defaultTestLoader.loadTestsFromModule(self.module)
        self.tests = {test.id(): test for test in _flat(suite)}

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """While this copy is the one that imports give."""
        before = sys.modules.get(self.name)
        sys.modules[self.name] = self.module
        try:
            yield
        finally:
            if before is None:
                del sys.modules[self.name]
            else:
                sys.modules[self.name] = before


def _flat(suite: Any) -> Iterator[unittest.TestCase]:
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from _flat(one)
        else:
            yield one


class OwnTracer(Exception):
    """The test set a trace function itself."""


def run(loaded: Loaded, test: unittest.TestCase, traced: bool) -> tuple[Any, list[Any]]:
    """How one test ended, and its line events if it is traced."""
    lines: list[Any] = []

    def tracer(frame: types.FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != loaded.file:
            return None
        if event == "line":
            lines.append((frame.f_code.co_qualname, frame.f_lineno))
        return tracer

    random.seed(1)
    result = unittest.TestResult()
    output = io.StringIO()
    with (
        loaded.current(),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        warnings.simplefilter("ignore")
        type(test).setUpClass()
        try:
            if traced:
                sys.settrace(tracer)
            test.run(result)
            if traced and sys.gettrace() is not tracer:
                raise OwnTracer
        finally:
            sys.settrace(None)
            type(test).tearDownClass()
            type(test).doClassCleanups()
    return [len(one) for one in (result.errors, result.failures, result.skipped)], lines


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", MODULES)
def test_lines_of_the_standard_library_s_tests(name: str) -> None:
    if importlib.util.find_spec(f"test.{name}") is None:
        pytest.skip(f"this interpreter has no {name}")
    full = f"test.{name}"
    log = LineLog()
    plain, probed = Loaded(full, None), Loaded(full, log)
    compared, differing = 0, []
    for key, test in plain.tests.items():
        if key.rpartition(".")[2] in EXEMPT or any(word in key.lower() for word in ODD):
            continue
        try:
            ended, lines = run(plain, test, True)
            if len(lines) > LONGEST or (ended, lines) != run(plain, test, True):
                continue  # too long, or not the same twice
        except (OwnTracer, unittest.SkipTest):
            continue
        log.moments.clear()
        with_probes, _ = run(probed, probed.tests[key], False)
        moments = list(log.moments)
        compared += 1
        _, other = run(probed, probed.tests[key], True)
        log.moments.clear()
        if with_probes != ended or moments != lines or other != lines:
            differing.append((key, with_probes != ended, moments != lines, other != lines))
    assert differing == []
    assert compared > 0
