"""Steps against an independent model of the stack, on random programs."""

from __future__ import annotations

import pytest

from escope.engine.predicate import parse_breakpoint
from escope.events import Kind
from tests.replay.programs import random_program
from tests.replay.tape import Tape

STEPS = (
    "step_into", "step_over", "step_out", "back_into", "back_over", "back_out",
    "next_line_same_depth", "previous_line_same_depth",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("block_rows", [3, 16, 1000])
def test_steps_agree_with_the_model(seed: int, block_rows: int) -> None:
    program = random_program(seed, 160, threads=1 + seed % 3)
    timeline = program.tape.recording(block_rows).timeline
    for step in program.steps:
        if not step.frame:
            continue
        for name in STEPS:
            expected = getattr(program, name)(step.seq)
            assert getattr(timeline, name)(step.seq) == expected, (name, step)


def test_steps_skip_what_callees_did() -> None:
    tape = Tape()
    main = tape.code("main")
    busy = tape.code("busy")
    tape.call(main, 1)
    first = tape.line(main, 2)
    tape.call(busy, 10)
    for _ in range(5000):
        tape.line(busy, 11)
    inside = tape.line(busy, 12)
    tape.leave(Kind.RETURN, busy, 12)
    last = tape.line(main, 3)
    recording = tape.recording(16)
    read: list[int] = []
    original = recording.store.block
    recording.store.block = lambda number: (read.append(number), original(number))[1]  # type: ignore[method-assign]
    assert recording.timeline.step_over(first) == last
    assert recording.timeline.step_out(inside) == last
    assert recording.timeline.back_over(last) == first
    assert recording.timeline.back_out(inside) == first
    assert recording.timeline.previous_line_same_depth(last) == first
    assert len(set(read)) < 8


def test_over_backward_from_the_end_leaves_out_what_was_called_last() -> None:
    tape = Tape()
    main = tape.code("main")
    busy = tape.code("busy")
    begin = tape.siteless(Kind.OUTPUT, 1, b"x")
    tape.call(main, 1)
    tape.line(main, 2)
    last = tape.line(main, 3)
    tape.call(busy, 10)
    for _ in range(100):
        tape.line(busy, 11)
    tape.leave(Kind.RETURN, busy, 12)
    tape.leave(Kind.RETURN, main, 3)
    end = tape.siteless(Kind.OUTPUT, 1, b"x")
    for rows in (6, 1000):
        timeline = tape.recording(rows).timeline
        assert timeline.back_over(end) == last
        assert timeline.back_out(end) is None
        assert timeline.back_over(begin) is None


def test_marks_and_places_are_found_in_both_directions() -> None:
    tape = Tape()
    code = tape.code("f", ["x"], file="/dir/p.py")
    tape.call(code, 1)
    here = []
    written = []
    for number in range(20):
        tape.line(code, 2)
        tape.store(code, 2, "x", number)
        here.append(tape.line(code, 3))
        written.append(tape.siteless(Kind.OUTPUT, 1, b"x"))
    recording = tape.recording(6)
    timeline = recording.timeline
    assert timeline.run_to("/dir/p.py", 3, here[4]) == here[5]
    assert timeline.run_to("p.py", 3, here[4], backward=True) == here[3]
    assert timeline.run_to("/dir/p.py", 3, here[-1]) is None
    assert timeline.run_to("/p.py", 3, 0) is None
    assert timeline.next_mark(Kind.OUTPUT, written[2]) == written[3]
    assert timeline.previous_mark(Kind.OUTPUT, written[2]) == written[1]
    assert timeline.previous_mark(Kind.OUTPUT, written[0]) is None
    place = parse_breakpoint("/dir/p.py:3 if x == 7")
    assert timeline.continue_(0, [place]) == here[7]
    assert timeline.back_continue(here[-1], [place]) == here[7]
    becomes = parse_breakpoint("x > 4")
    assert timeline.continue_(0, [place, becomes]) == here[5]
    assert timeline.continue_(here[5], [place, becomes]) == here[7]
    assert timeline.back_continue(here[-1], [place, becomes]) == here[7]
    assert timeline.back_continue(here[7], [place, becomes]) == here[5]
    assert timeline.back_continue(here[5], [place, becomes]) is None
    assert timeline.continue_(0, []) is None
