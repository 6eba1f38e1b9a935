"""Moves in a recording: each finds a position from another, or says that there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from escope.events import KIND_BY_LABEL, Kind
from escope.tui.event_text import event_line
from escope.tui.picture import Path
from escope.tui.reader import Find, Token
from escope.tui.tree import GLOBALS, Comparison, reached, value_at
from escope.tui.view import View

if TYPE_CHECKING:
    from escope.engine.replay.event import Event
    from escope.engine.replay.recording import Recording

STEPS = {
    "step_into": "step_into",
    "step_over": "step_over",
    "step_out": "step_out",
    "back_into": "back_into",
    "back_over": "back_over",
    "back_out": "back_out",
    "depth_next": "next_line_same_depth",
    "depth_back": "previous_line_same_depth",
}
"""Action to the method of the timeline."""

MARKS = {"exception": Kind.RAISE, "output": Kind.OUTPUT}
_CHANGES = frozenset({
    Kind.STORE, Kind.DELETE, Kind.CALL, Kind.SETATTR, Kind.DELATTR, Kind.SETITEM, Kind.DELITEM,
    Kind.MUTATE,
})  # fmt: skip
"""Kinds of events that change a variable or what it holds."""
LOOK = 4096
"""Events between two looks whether the work is still wanted."""


def step(recording: Recording, action: str) -> Find:
    """A step of the table above."""
    method: Callable[[int], int | None] = getattr(recording.timeline, STEPS[action])
    return lambda at, token: method(at)


def shift(recording: Recording, by: int) -> Find:
    """Some events further or back, as far as there are any."""

    def find(at: int, token: Token) -> int | None:
        target = max(0, min(at + by, recording.event_count - 1))
        return target if target != at else None

    return find


def to(target: Callable[[], int]) -> Find:
    """To a position that is worked out when its turn comes."""
    return lambda at, token: target()


def mark(recording: Recording, name: str, forward: bool) -> Find:
    """The next or previous exception or output."""
    kind = MARKS[name]
    return lambda at, token: _beside(recording.marks(kind), at, forward)


def to_line(recording: Recording, file: str, line: int, forward: bool) -> Find:
    """The next or previous moment at which the line is about to run."""
    return lambda at, token: recording.timeline.run_to(file, line, at, backward=not forward)


def to_condition(recording: Recording, text: str, forward: bool) -> Find:
    """The next or previous moment at which the condition becomes true, or the place is reached."""
    from escope.engine.predicate import parse_breakpoint

    stops = [parse_breakpoint(text)]
    timeline = recording.timeline
    carry_on = timeline.continue_ if forward else timeline.back_continue
    return lambda at, token: carry_on(at, stops, token.cancelled)


def to_stop(recording: Recording, view: View, forward: bool, edge: bool) -> Find:
    """The nearest breakpoint, hit or condition; with `edge` else the end, or the start."""
    from escope.engine.predicate import parse_breakpoint

    texts = [f"{file}:{line}" for file, line in sorted(view.breakpoints)] + list(view.predicates)
    stops = [parse_breakpoint(text) for text in texts]

    def find(at: int, token: Token) -> int | None:
        timeline = recording.timeline
        carry_on = timeline.continue_ if forward else timeline.back_continue
        best: int | None = _beside(recording.marks(Kind.HIT), at, forward)
        found = carry_on(at, stops, token.cancelled) if stops else None
        token.check()
        if found is not None and (best is None or (found < best) == forward):
            best = found
        if best is None and edge:
            last = recording.event_count - 1 if forward else 0
            return last if last != at else None
        return best

    return find


def change(recording: Recording, frame: int, path: Path, forward: bool) -> Find:
    """The next or previous moment at which the value at `path` of a frame's variables became another."""
    name = path[1]

    def find(at: int, token: Token) -> int | None:
        here = recording.at(at).frame(frame)
        objects = reached(here, path)
        # A module's variables are stored by functions, too.
        anywhere = path[0] == GLOBALS or (
            here is not None and here.code.flags.get("body") == "module"
        )

        def wanted(event: Event) -> bool:
            if event.kind in ("store", "delete", "call"):
                if event.frame != frame and not anywhere:
                    return False
                named = name in event.arguments if event.kind == "call" else event.name == name
                return named and differs(event.seq)
            target = event.target
            return target is not None and target.id in objects and differs(event.seq)

        return _scan(recording, at, forward, _CHANGES, wanted, token)

    def differs(seq: int) -> bool:
        now = value_at(recording.at(seq).frame(frame), path)
        before = value_at(recording.at(seq - 1).frame(frame), path) if seq else None
        if now is None or before is None:
            return now is not before
        return Comparison().changed(before, now)

    return find


def to_event(recording: Recording, text: str, forward: bool) -> Find:
    """The next or previous event of the kind that `text` begins with, with the rest in its line."""
    label, _, rest = text.strip().partition(" ")
    rest = rest.strip().lower()
    lines: dict[str | None, list[str]] = {}

    def wanted(event: Event) -> bool:
        if not rest:
            return True
        if event.kind == "line" and event.file is not None and event.file not in lines:
            lines[event.file] = recording.source_lines(event.file)
        shown = event_line(event, lines.get(event.file, []))
        return rest in f"{event.function} {shown.text}".lower()

    kinds = {KIND_BY_LABEL[label]}
    return lambda at, token: _scan(recording, at, forward, kinds, wanted, token)


def is_event_search(text: str) -> bool:
    """Whether a search is for events: it begins with the name of a kind."""
    return text.strip().partition(" ")[0] in KIND_BY_LABEL


def _scan(
    recording: Recording,
    at: int,
    forward: bool,
    kinds: Iterable[Kind],
    wanted: Callable[[Event], bool],
    token: Token,
) -> int | None:
    if forward:
        found = recording.events(at + 1, None, frozenset(kinds))
    else:
        found = recording.events(0, at, frozenset(kinds), backward=True)
    for count, event in enumerate(found):
        if count % LOOK == 0:
            token.check()
        if wanted(event):
            return event.seq
    return None


def _beside(seqs: np.ndarray, at: int, forward: bool) -> int | None:
    if forward:
        index = int(np.searchsorted(seqs, at, "right"))
        return int(seqs[index]) if index < len(seqs) else None
    index = int(np.searchsorted(seqs, at, "left")) - 1
    return int(seqs[index]) if index >= 0 else None
