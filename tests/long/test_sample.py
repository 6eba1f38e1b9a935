"""A small part of the long checks, for every run of the tests."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

from tests.long import cpython, generated
from tests.long.__main__ import SAMPLE

CORE = os.environ.get("ESCOPE_CORE") or (
    "c" if find_spec("escope.engine.capture._probes") else "py"
)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [*SAMPLE["cpython"], "test_textwrap"])
def test_tests_of_cpython_end_as_they_do_unrecorded(unit: str) -> None:
    if find_spec(f"test.{unit}") is None:
        pytest.skip("this interpreter comes without its tests")
    outcome = cpython.check(unit, CORE, 0)
    assert outcome.problems == []
    assert outcome.counts["tests"] > 0


@pytest.mark.slow
def test_a_batch_of_generated_programs_agrees_with_the_oracle() -> None:
    texts = generated.made(1, 10)
    result = generated.compared(texts)
    assert len(texts) == 10
    assert result.agrees, result.report()
    assert result.tally.moments > 0
