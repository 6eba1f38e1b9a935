"""What the widgets show of one moment: plain, frozen data that knows nothing of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from escope.tui.highlight import Piece

Path = tuple[str, ...]
"""A place in the state tree: a section, then names, keys and indexes."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event of the event list."""

    seq: int
    kind: str
    depth: int
    text: str
    place: str


@dataclass(frozen=True, slots=True)
class FrameLine:
    """One frame of a stack, outermost first."""

    id: int
    function: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """One thread and its stack."""

    id: int
    name: str
    current: bool
    frames: tuple[FrameLine, ...]


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One visible row of the state tree."""

    path: Path
    depth: int
    name: str
    value: str
    kind: str
    """scalar, string, container, object, label, heading, more or gone."""
    expandable: bool = False
    expanded: bool = False
    changed: bool = False
    before: str = ""
    """What stood here before the last step, where that is known and different."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A source file, coloured; shared by all pictures of the file."""

    file: str
    lines: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True, slots=True)
class SourcePart:
    """What the source pane shows: a file, where we are, and the values beside its lines."""

    text: SourceText
    line: int
    """The line of the shown frame, from 1; 0 for none."""
    innermost: bool
    """Whether the shown frame is the one that runs."""
    near: int = 0
    """Where no frame runs: the line that the event belongs to."""
    first: int = 0
    last: int = 0
    """Lines of the function of the shown frame."""
    values: Mapping[int, str] = field(default_factory=dict)
    """Line number to the text of the values beside it."""
    raising: str = ""
    """The exception, where the event is its raising or leaving."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that depends on the position alone."""

    seq: int
    time_ns: int
    event: EventLine
    event_thread: int
    threads: tuple[ThreadLine, ...]
    thread: int
    """The thread whose stack is shown."""
    frame: int
    """Index of the shown frame in that thread's frames; -1 without frames."""
    source: SourcePart | None
    rows: tuple[TreeRow, ...]
    changes: int
    """How many places the last step changed; -1 where that was not worked out."""

    @property
    def shown_thread(self) -> ThreadLine | None:
        return next((thread for thread in self.threads if thread.id == self.thread), None)

    @property
    def shown_frame(self) -> FrameLine | None:
        thread = self.shown_thread
        if thread is None or not 0 <= self.frame < len(thread.frames):
            return None
        return thread.frames[self.frame]


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One line of what the program wrote."""

    seq: int
    stream: str
    text: str
    newest: bool = False
    """Written by the event at the position itself."""


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One line of the diff panel."""

    op: str
    """``add``, ``remove``, ``change`` or ``note``."""
    place: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changes:
    """The diff panel: what is compared, and the differences."""

    title: str
    lines: tuple[ChangeLine, ...]
    more: int = 0
    """Differences beyond the ones listed."""


@dataclass(frozen=True, slots=True)
class FlowEdge:
    """An edge that leaves a block."""

    target: int
    """Index of the block it goes to, or -1: leaves the function."""
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class FlowBlock:
    """A basic block with its source lines, and how often it was entered."""

    lines: tuple[tuple[int, tuple[Piece, ...]], ...]
    count: int
    edges: tuple[FlowEdge, ...]
    title: str = ""
    """For blocks without lines: ``entry``, ``exit``."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The control-flow view of one function."""

    function: str
    file: str
    first: int
    blocks: tuple[FlowBlock, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Density:
    """The timeline: how much happened where, and the marks on it, by column."""

    events: int
    columns: tuple[int, ...]
    """Calls in the stretch that the column lies in; all stretches have equally many events."""
    starts: tuple[int, ...]
    """The first seq of each column, and one more: the number of events."""
    raises: frozenset[int] = frozenset()
    outputs: frozenset[int] = frozenset()
    hits: frozenset[int] = frozenset()
