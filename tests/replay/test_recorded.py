"""Steps, searches, diffs and counts on recordings of real programs, against models built from their rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from escope.engine.replay.recording import Recording
from escope.events import Kind
from escope.storage.rows import FIRST_SITE, Detail
from tests.property.test_diff_laws import graph
from tests.property.test_predicate_search import brute_force
from tests.replay.conftest import Recorded
from tests.replay.programs import Program, Step
from tests.replay.tape import Tape
from tests.replay.test_timeline import STEPS

NAMES = ("generators", "recursion", "threads", "uncaught", "async_tasks", "comprehensions")
EXPRESSIONS = ("x", "len(items) > 1", "i == 2 or self", "value is None", "not x")


@pytest.fixture(scope="module", params=NAMES)
def recording(request: pytest.FixtureRequest, recorded: Recorded) -> Iterator[Recording]:
    with Recording.open(recorded(request.param)) as opened:
        yield opened


def program_of(recording: Recording) -> Program:
    """The model of the recording's steps, from its rows alone."""
    program = Program(Tape())
    stacks: dict[int, list[int]] = {}
    thread = 0
    kinds = recording.store.site_kind
    for number in range(recording.store.blocks):
        for head, aux, _ in recording.store.block(number).rows.tolist():
            site = head >> 8
            if site == Detail.THREAD:
                thread = aux
            if site < 128:
                continue
            kind = Kind(int(kinds[site]) if site >= FIRST_SITE else site - 128)
            stack = stacks.setdefault(thread, [])
            if kind in (Kind.CALL, Kind.RESUME):
                stack.append(aux)
            frame = stack[-1] if stack else 0
            program.steps.append(Step(len(program.steps), kind, thread, frame, tuple(stack)))
            if kind in (Kind.RETURN, Kind.YIELD, Kind.UNWIND):
                stack.pop()
                assert (stack[-1] if stack else 0) == aux
    return program


def test_steps_agree_with_a_model_from_the_rows(recording: Recording) -> None:
    program = program_of(recording)
    assert len(program.steps) == recording.event_count
    framed = [step for step in program.steps if step.frame]
    for step in Random(1).sample(framed, min(60, len(framed))):
        for name in STEPS:
            found = getattr(recording.timeline, name)(step.seq)
            assert found == getattr(program, name)(step.seq), (name, step)


def test_stacks_agree_with_a_model_from_the_rows(recording: Recording) -> None:
    steps = program_of(recording).steps
    for step in Random(2).sample(steps, min(40, len(steps))):
        state = recording.at(step.seq)
        if step.kind in (Kind.RETURN, Kind.YIELD, Kind.UNWIND):
            step.stack = step.stack[:-1]
        if step.kind is Kind.THREAD_END:
            continue
        assert tuple(frame.id for frame in state.thread(step.thread).frames) == step.stack


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_searches_agree_with_evaluating_everywhere(recording: Recording, text: str) -> None:
    if sum(1 for _ in recording.events(kinds={Kind.LINE})) > 3000:
        pytest.skip("too long to evaluate everywhere")
    for every in (False, True):
        expected = brute_force(recording, text, every)
        assert [one.seq for one in recording.find(text, every)] == expected
        assert [one.seq for one in recording.find(text, every, backward=True)] == expected[::-1]


def test_diffs_turn_one_state_into_the_other(recording: Recording) -> None:
    random = Random(3)
    for _ in range(25):
        first, second = (random.randrange(recording.event_count) for _ in range(2))
        a, b = recording.at(first), recording.at(second)
        changes = json.loads(json.dumps([change.to_json() for change in a.diff(b)]))
        turned, expected = graph(a.to_json()), graph(b.to_json())
        assert (changes == []) == (turned.shown() == expected.shown())
        turned.apply(changes)
        assert turned.shown() == expected.shown()
        assert b.diff(b) == []


def test_every_event_shows_a_line_of_its_function(recording: Recording) -> None:
    newest: dict[int, int | None] = {}
    kinds = Counter[str]()
    for event in recording.events():
        code = event.code
        if code is None:
            continue
        assert event.line is not None
        assert code.first_line <= event.line <= code.last_line, event
        kinds[event.kind] += 1
        if event.kind_id is Kind.CALL:
            assert event.line == code.first_line
            frame = recording.at(event.seq).frame(event.frame)
            assert frame is not None
            assert frame.line == event.line
        if event.kind_id in (Kind.CALL, Kind.LINE):
            newest[event.frame] = event.line
        elif event.kind_id is Kind.UNWIND:
            assert event.line == newest[event.frame], event
    assert kinds["call"]


def test_every_event_and_state_has_its_json(recording: Recording) -> None:
    for event in recording.events():
        json.dumps(event.to_json(depth=3))
    for seq in range(0, recording.event_count, max(1, recording.event_count // 50)):
        state = recording.at(seq)
        json.dumps(state.to_json())
        for thread in state.threads:
            for frame in thread.frames:
                for value in frame.variables.values():
                    assert len(value.summary(40)) <= 40
                    assert not value.summary(40).endswith("……")
