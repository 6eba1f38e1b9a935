"""The view state: where the person is and what they chose to see; frozen, with pure transitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from escope.tui.picture import Path


class Pane(Enum):
    """The panes, in the order of their number keys."""

    SOURCE = "source"
    STATE = "state"
    STACK = "stack"
    TIMELINE = "timeline"
    EVENTS = "events"
    OUTPUT = "output"
    DIFF = "diff"
    FLOW = "flow"
    TERMINAL = "terminal"

    @property
    def number(self) -> int:
        """The key that brings the pane to the front, from 1."""
        return list(Pane).index(self) + 1

    @property
    def title(self) -> str:
        return self.value.capitalize()


STAGE = (Pane.SOURCE, Pane.FLOW)
"""Panes that share the place of the source, one in front."""
DRAWER = (Pane.EVENTS, Pane.OUTPUT, Pane.DIFF, Pane.TERMINAL)
"""Panes that share the place below it."""

SPEEDS = (1, 2, 5, 10, 20, 50, 100)
"""Line moments a second while playing."""
JUMPS_KEPT = 200


class Compare(Enum):
    """What the diff panel compares the moment with."""

    STEP = "the position before the last step"
    MARK = "the moment marked last"
    POINT = "a position that was typed"
    HERE = "the previous time this line ran"


@dataclass(frozen=True, slots=True)
class Search:
    """What `/` looked for last."""

    text: str
    backward: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """All that the player remembers between two keys."""

    seq: int = 0
    previous: int | None = None
    """Where the person was before the last move: what the highlights compare with."""
    events: int = 0
    thread: int | None = None
    """The thread picked by the person; None: the one of the event at the position."""
    up: int = 0
    """Frames above the innermost one; 0 is where the program is."""
    cursor: int | None = None
    """The line the source cursor is on; None: it stays on the line of the frame."""
    file: str | None = None
    """A source file that the person wants to see instead of the one of the frame."""
    stage: Pane = Pane.SOURCE
    drawer: Pane = Pane.EVENTS
    zoomed: Pane | None = None
    expanded: frozenset[Path] = frozenset()
    grown: Mapping[Path, int] = field(default_factory=dict)
    """How many further pages of items a container shows."""
    jumps: tuple[int, ...] = ()
    """Positions to go back to, oldest first."""
    returns: tuple[int, ...] = ()
    """Positions to go forward to again, nearest last."""
    marks: Mapping[str, int] = field(default_factory=dict)
    marked: str | None = None
    breakpoints: frozenset[tuple[str, int]] = frozenset()
    predicates: tuple[str, ...] = ()
    compare: Compare = Compare.STEP
    point: int | None = None
    """The position that was typed to compare with."""
    search: Search | None = None
    playing: bool = False
    speed: int = 2
    """Index into SPEEDS."""
    follow: bool = False
    """Whether the view stays at the newest event of a running program."""

    def moved(self, seq: int, jump: bool = False) -> View:
        """At `seq`; `jump` puts the position left on the jump list."""
        if seq == self.seq and self.previous is not None:
            return replace(self, up=0, cursor=None, file=None)
        view = replace(self, seq=seq, previous=self.seq, up=0, cursor=None, file=None, thread=None)
        if jump and seq != self.seq:
            jumps = (*self.jumps, self.seq)[-JUMPS_KEPT:]
            view = replace(view, jumps=jumps, returns=())
        return view

    def jumped_back(self) -> tuple[View, int] | None:
        """The view with its jump lists turned back by one, and where to go; None at the first."""
        if not self.jumps:
            return None
        returns = (*self.returns, self.seq)
        return replace(self, jumps=self.jumps[:-1], returns=returns), self.jumps[-1]

    def jumped_forward(self) -> tuple[View, int] | None:
        """The opposite of `jumped_back`."""
        if not self.returns:
            return None
        jumps = (*self.jumps, self.seq)
        return replace(self, jumps=jumps, returns=self.returns[:-1]), self.returns[-1]

    def grew(self, events: int) -> View:
        return replace(self, events=events)

    def on_thread(self, thread: int) -> View:
        return replace(self, thread=thread, up=0, cursor=None, file=None)

    def on_frame(self, up: int) -> View:
        return replace(self, up=max(0, up), cursor=None, file=None)

    def with_cursor(self, line: int | None) -> View:
        return replace(self, cursor=line)

    def fronted(self, pane: Pane) -> View:
        """With `pane` in front of those that share its place, and in the zoom if there is one."""
        view = self
        if pane in STAGE:
            view = replace(view, stage=pane)
        if pane in DRAWER:
            view = replace(view, drawer=pane)
        return replace(view, zoomed=pane) if view.zoomed is not None else view

    def zoom(self, pane: Pane | None) -> View:
        return replace(self, zoomed=pane)

    def toggled(self, path: Path) -> View:
        """With the row at `path` opened or closed; closing forgets how far it was grown."""
        if path in self.expanded:
            grown = {key: pages for key, pages in self.grown.items() if key != path}
            return replace(self, expanded=self.expanded - {path}, grown=grown)
        return replace(self, expanded=self.expanded | {path})

    def grow(self, path: Path) -> View:
        """With one more page of the items of the container at `path`."""
        return replace(self, grown={**self.grown, path: self.grown.get(path, 0) + 1})

    def mark(self, letter: str) -> View:
        return replace(self, marks={**self.marks, letter: self.seq}, marked=letter)

    def toggled_breakpoint(self, file: str, line: int) -> View:
        return replace(self, breakpoints=self.breakpoints ^ {(file, line)})

    def toggled_predicate(self, text: str) -> View:
        if text in self.predicates:
            kept = tuple(other for other in self.predicates if other != text)
            return replace(self, predicates=kept)
        return replace(self, predicates=(*self.predicates, text))

    def comparing(self, compare: Compare) -> View:
        return replace(self, compare=compare)

    def comparing_with(self, seq: int) -> View:
        """Comparing with the position `seq`."""
        return replace(self, compare=Compare.POINT, point=seq)

    def next_compare(self) -> View:
        """Comparing with the next possibility; a mark or a position only where there is one."""
        absent = {
            Compare.MARK: self.marked is None,
            Compare.POINT: self.point is None,
        }
        order = [way for way in Compare if not absent.get(way)]
        return replace(self, compare=order[(order.index(self.compare) + 1) % len(order)])

    def searching(self, search: Search) -> View:
        return replace(self, search=search)

    def play(self, playing: bool) -> View:
        return replace(self, playing=playing)

    def faster(self, by: int) -> View:
        return replace(self, speed=min(max(self.speed + by, 0), len(SPEEDS) - 1))

    def following(self, follow: bool) -> View:
        return replace(self, follow=follow)

    @property
    def newest(self) -> bool:
        """Whether the position is the last one there is."""
        return self.seq >= self.events - 1
