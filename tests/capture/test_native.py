"""What the C core takes for granted: the numbers of rows, and CPython's insides (a canary for each)."""

from __future__ import annotations

import enum
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from escope.engine.capture.core import NATIVE
from escope.events import Label
from escope.storage import rows

HEADER = Path(__file__).parents[2] / "escope/engine/capture/_probes_src/rows.h"

needs_core = pytest.mark.skipif(find_spec(NATIVE) is None, reason="the C core was not built")


def _numbers(name: str) -> dict[str, int]:
    """The enumeration `name` of rows.h: names without their prefix."""
    text = HEADER.read_text()
    found = re.search(rf"enum {name} {{(.*?)}};", text, re.DOTALL)
    assert found, name
    numbers: dict[str, int] = {}
    following = 0
    for entry in found[1].split(","):
        key, _, value = entry.strip().partition(" = ")
        if key:
            following = int(value) if value else following
            numbers[key.partition("_")[2]] = following
            following += 1
    return numbers


@pytest.mark.parametrize(
    ("name", "members"),
    [("Tag", rows.Tag), ("Shape", rows.Shape), ("Detail", rows.Detail), ("Label", Label)],
)
def test_numbers_are_those_of_the_format(name: str, members: type[enum.IntEnum]) -> None:
    numbers = _numbers(name)
    assert len(numbers) >= 4
    for key, value in numbers.items():
        assert members[key].value == value, key


def test_lone_numbers_are_those_of_the_format() -> None:
    text = HEADER.read_text()
    assert f"FIRST_SITELESS = {rows.FIRST_SITELESS}" in text
    assert f"APPLIED = {rows.APPLIED:#x}" in text
    assert f"NO_SLOT {rows.NO_SLOT:#X}u".replace("0X", "0x") in text


@needs_core
def test_a_frame_keeps_its_address_while_it_is_suspended() -> None:
    from escope.engine.capture import _probes

    def generator():  # type: ignore[no-untyped-def]
        while True:
            yield _probes.address(sys._getframe())

    one, other = generator(), generator()
    first, second = next(one), next(other)
    assert first != second
    assert (next(one), next(other)) == (first, second)
    assert _probes.address(one.gi_frame) == first
    assert _probes.address(sys._getframe()) not in (0, first, second)
