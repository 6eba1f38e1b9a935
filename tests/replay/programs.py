"""Random programs on a tape, with an independent model of what they do.

The model keeps whole copies of all stacks after every event; the questions below are answered by looking
through them one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from escope.events import Kind
from escope.storage.rows import Detail
from tests.replay.tape import Code, Ref, Tape


@dataclass
class Step:
    """One event, as the model saw it."""

    seq: int
    kind: Kind
    thread: int
    frame: int
    stack: tuple[int, ...]
    """Frames of the thread, the event's own on top."""


@dataclass
class Frame:
    number: int
    code: Code
    generator: bool
    line: int = 0
    ended: bool = False


@dataclass
class Program:
    tape: Tape
    steps: list[Step] = field(default_factory=list)

    def lines(self, thread: int) -> list[Step]:
        return [step for step in self.steps if step.kind is Kind.LINE and step.thread == thread]

    # The steps, by their definitions

    def step_into(self, seq: int) -> int | None:
        return self._first(seq, lambda step: True)

    def step_over(self, seq: int) -> int | None:
        at = self.steps[seq]
        depth = len(at.stack)
        return self._first(seq, lambda s: s.frame == at.frame or len(s.stack) < depth)

    def step_out(self, seq: int) -> int | None:
        at = self.steps[seq]
        depth = len(at.stack)
        leaves = (Kind.RETURN, Kind.YIELD, Kind.UNWIND)
        for step in self.steps[seq:]:
            if step.frame == at.frame and step.kind in leaves:
                return self._first(step.seq, lambda s: len(s.stack) < depth, at.thread)
        return None

    def back_into(self, seq: int) -> int | None:
        return self._last(seq, lambda step: True)

    def back_over(self, seq: int) -> int | None:
        at = self.steps[seq]
        own = self._last_of_frame(seq, at.frame)
        return own if own is not None else self.back_out(seq)

    def back_out(self, seq: int) -> int | None:
        at = self.steps[seq]
        enters = (Kind.CALL, Kind.RESUME)
        entry = next(
            step
            for step in reversed(self.steps[: seq + 1])
            if step.frame == at.frame and step.kind in enters
        )
        for caller in entry.stack[-2::-1] if len(entry.stack) > 1 else ():
            line = self._last_of_frame(entry.seq, caller)
            if line is not None:
                return line
        return None

    def next_line_same_depth(self, seq: int) -> int | None:
        depth = len(self.steps[seq].stack)
        return self._first(seq, lambda step: len(step.stack) == depth)

    def previous_line_same_depth(self, seq: int) -> int | None:
        depth = len(self.steps[seq].stack)
        return self._last(seq, lambda step: len(step.stack) == depth)

    def _last_of_frame(self, seq: int, frame: int) -> int | None:
        # A generator may have run in another thread before.
        lines = [s.seq for s in self.steps[:seq] if s.kind is Kind.LINE and s.frame == frame]
        return lines[-1] if lines else None

    def _first(self, seq: int, wanted: Any, thread: int = 0) -> int | None:
        lines = self.lines(thread or self.steps[seq].thread)
        return next((step.seq for step in lines if step.seq > seq and wanted(step)), None)

    def _last(self, seq: int, wanted: Any) -> int | None:
        lines = reversed(self.lines(self.steps[seq].thread))
        return next((step.seq for step in lines if step.seq < seq and wanted(step)), None)


def random_program(seed: int, events: int, threads: int = 2) -> Program:
    """A program of about `events` events: calls, recursion, generators, exceptions, threads, stores."""
    random = Random(seed)
    tape = Tape()
    program = Program(tape)
    space = tape.namespace("__main__", g=0, shared=[])
    listed = tape.new_id()
    tape.object([], listed)
    for number in range(3):
        names = ["x", "xs", "c", "other"]
        tape.code(f"f{number}", names, parameters=2, cells=[2], first_line=100 * number)
    for number in (3, 4):
        tape.code(f"plain{number}", ["y"], first_line=100 * number)
    every = list(tape.codes.values())
    generator = tape.code("gen", ["x", "y"], parameters=1, first_line=900)
    generator.flags = {"generator": True}
    frames: dict[int, Frame] = {}
    suspended: list[int] = []
    stacks: dict[int, list[int]] = {n: [] for n in range(1, threads + 1)}
    started = {1}

    def note(kind: Kind, thread: int, frame: int, stack: list[int]) -> None:
        program.steps.append(Step(tape.seq - 1, kind, thread, frame, tuple(stack)))

    while tape.seq < events:
        thread = random.randint(1, threads) if random.random() < 0.1 else max(tape.current, 1)
        if thread not in started:
            started.add(thread)
            tape.start_thread(thread, f"t{thread}")
            note(Kind.THREAD_START, thread, 0, [])
        tape.thread(thread)
        stack = stacks[thread]
        choice = random.random()
        if not stack or (choice < 0.12 and len(stack) < 12):
            kind = random.random()
            if suspended and kind < 0.4:
                number = suspended.pop(random.randrange(len(suspended)))
                stack.append(number)
                tape.resume(frames[number].code, 901, number)
                note(Kind.RESUME, thread, number, stack)
                continue
            code = generator if kind < 0.6 else random.choice(every)
            bound: dict[str, Any] = {}
            if "x" in code.variables:
                bound["x"] = random.randint(0, 3)
            if "c" in code.variables:
                bound["c"] = Ref(tape.cell(random.randint(0, 2)))
            number = tape.call(code, code.first_line, **bound)
            frames[number] = Frame(number, code, code is generator)
            stack.append(number)
            note(Kind.CALL, thread, number, stack)
            continue
        frame = frames[stack[-1]]
        line = frame.code.first_line + random.randint(1, 6)
        if choice < 0.24:
            leave = Kind.RETURN
            if frame.generator and random.random() < 0.7:
                leave = Kind.YIELD
                suspended.append(frame.number)
            elif random.random() < 0.3:
                leave = Kind.UNWIND
            tape.leave(leave, frame.code, line)
            note(leave, thread, frame.number, stack)
            stack.pop()
        elif choice < 0.65:
            tape.line(frame.code, line)
            note(Kind.LINE, thread, frame.number, stack)
        else:
            _change(random, tape, frame, line, space, listed)
            note(Kind.STORE, thread, frame.number, stack)
    return program


def _change(random: Random, tape: Tape, frame: Frame, line: int, space: int, listed: int) -> None:
    """One event that changes something that predicates may look at."""
    code = frame.code
    kind = random.randrange(7)
    number = random.randint(0, 4)
    if kind == 0:
        tape.store(code, line, "g", number, owner=space)
    elif kind == 1:
        tape.store(code, line, "shared", Ref(listed), owner=space)
    elif kind == 2:
        tape.change(Detail.ITEM, listed, number)
        tape.mutate(listed, "append")
    elif kind == 3:
        tape.row(Detail.CLEAR, 0, listed)
        tape.mutate(listed, "clear")
    elif "x" in code.variables and kind == 4:
        if random.random() < 0.2:
            tape.delete(code, line, "x")
        else:
            tape.store(code, line, "x", number)
    elif "xs" in code.variables and kind == 5:
        tape.store(code, line, "xs", random.choice([[number], Ref(listed), {"k": number}]))
    elif "other" in code.variables:
        tape.store(code, line, "other", number)
    else:
        tape.store(code, line, "y", number)
