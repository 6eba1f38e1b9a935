"""Search finds what evaluating the predicate at every single line moment finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escope.engine.predicate import compile_predicate
from escope.engine.replay.recording import Recording
from escope.engine.replay.scope import FrameScope
from escope.errors import PredicateError
from escope.events import Kind
from tests.replay.programs import random_program

EXPRESSIONS = [
    "x > 1", "x == 2 and g > 1", "g > 2", "len(shared) > 1", "len(xs) > 1 or x == 0", "c == 1",
    "other == 3", "xs is shared", "xs['k'] > 2", "sum(shared) > g", "missing", "not missing", "True",
    "y == 2", "x in shared", "any(i == x for i in shared)", "c + g > 3",
]  # fmt: skip


def brute_force(recording: Recording, text: str, every: bool) -> list[int]:
    predicate = compile_predicate(text)
    before: dict[int, bool] = {}
    found = []
    for event in recording.events(kinds={Kind.LINE}):
        frame = recording.at(event.seq).current_frame
        assert frame is not None
        holds = predicate.holds(FrameScope(frame))
        if holds and (every or not before.get(frame.id)):
            found.append(event.seq)
        before[frame.id] = holds
    return found


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from(EXPRESSIONS),
    st.booleans(),
    st.sampled_from([4, 32, 1000]),
    st.integers(0, 149),
)
def test_search_agrees_with_evaluating_everywhere(
    seed: int, text: str, every: bool, block_rows: int, start: int
) -> None:
    recording = random_program(seed, 150).tape.recording(block_rows)
    expected = brute_force(recording, text, every)
    assert [one.seq for one in recording.find(text, every)] == expected
    assert [one.seq for one in recording.find(text, every, backward=True)] == expected[::-1]
    after = [seq for seq in expected if seq >= start]
    assert [one.seq for one in recording.find(text, every, start=start)] == after
    until = [seq for seq in expected if seq <= start][::-1]
    found = recording.find(text, every, backward=True, start=start)
    assert [one.seq for one in found] == until
    assert [one.seq for one in recording.find(text, every, limit=2)] == expected[:2]


def test_a_search_can_be_cancelled_and_refuses_at_once() -> None:
    recording = random_program(1, 150).tape.recording(8)
    assert list(recording.find("True", every=True, cancelled=lambda: True)) == []
    with pytest.raises(PredicateError):
        recording.find("print(1)")
