"""Rows that no program wrote give answers or one error; they never crash, hang or take all memory."""

from __future__ import annotations

import time
from random import Random

import pytest

from escope.engine.predicate import Predicate, compile_predicate
from escope.engine.replay.recording import Recording
from escope.engine.replay.scope import FrameScope
from escope.errors import EscopeError
from escope.events import Kind
from escope.storage.rows import Detail, Shape
from tests.replay.programs import random_program
from tests.replay.tape import Ref, Tape
from tests.replay.test_timeline import STEPS

FLIPS = 8


def damaged(seed: int) -> Tape:
    """A random program's rows with some fields replaced."""
    random = Random(seed)
    tape = random_program(seed, 150).tape
    for _ in range(FLIPS):
        place = random.randrange(len(tape.rows))
        head, aux, value = tape.rows[place]
        kind = random.randrange(5)
        small = random.choice([0, 1, 2, 40, 255, 2**31, 2**32 - 1])
        if kind == 0:
            head = head & ~0xFF | random.randrange(256)
        elif kind == 1 and head >> 8 < 128:
            head = random.randrange(0, 31) << 8 | head & 0xFF
        elif kind == 2:
            aux = small
        elif kind == 3:
            value = random.choice([small, 2**63, 2**64 - 1])
        else:
            tape.rows[place] = tape.rows[random.randrange(len(tape.rows))]
            continue
        tape.rows[place] = (head, aux, value)
    return tape


def holds(recording: Recording, predicate: Predicate, seq: int) -> bool:
    frame = recording.at(seq).current_frame
    return frame is not None and predicate.holds(FrameScope(frame))


def use(recording: Recording) -> None:
    """Ask everything; each answer may be an error of its own."""
    predicate = compile_predicate("len(xs) > 1 or x in shared or g > 2")
    for seq in range(0, recording.event_count, 7):
        asked = [
            lambda seq=seq: recording.event(seq).to_json(),
            lambda seq=seq: recording.at(seq).to_json(),
            lambda seq=seq: recording.at(seq).diff(recording.at(recording.event_count - 1)),
            lambda seq=seq: holds(recording, predicate, seq),
            *(lambda seq=seq, name=name: getattr(recording.timeline, name)(seq) for name in STEPS),
        ]
        for ask in asked:
            try:
                ask()
            except EscopeError:
                pass
    for backward in (False, True):
        try:
            list(recording.find(predicate.text, every=True, backward=backward))
        except EscopeError:
            pass


@pytest.mark.parametrize("seed", range(15))
def test_damaged_rows_give_answers_or_errors(seed: int) -> None:
    try:
        recording = damaged(seed).recording(16)
    except Exception:
        pytest.skip("storage does not take these rows")
    began = time.perf_counter()
    use(recording)
    assert time.perf_counter() - began < 60


def test_keys_that_are_exponential_or_contain_themselves_are_safe() -> None:
    tape = Tape()
    code = tape.code("f", ["x", "y"])
    tape.call(code, 1)
    number = tape.object((1,))
    for _ in range(48):
        number = tape.object((Ref(number), Ref(number)))
    exponential = tape.store(code, 2, "x", {1: 2})
    tape.set_item(code, 2, tape.objects, Ref(number), 5)
    own = tape.new_id()
    tape.row(Detail.OBJECT, 0, tape.type("frozenset", Shape.FROZENSET), own)
    tape.change(Detail.ITEM, own, Ref(own))
    last = tape.store(code, 3, "y", Ref(own))
    recording = tape.recording(10_000)
    frame = recording.at(exponential + 1).thread(1).frames[0]
    assert frame.variables["x"].length == 2
    assert recording.at(last).to_json()
    assert recording.timeline.next_mark(Kind.RAISE, 0) is None
