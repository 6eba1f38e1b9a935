"""What the reader tells the app; facts about work that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.message import Message

from escope.tui.picture import Changes, Density, EventLine, Flow, OutputLine, Picture


@dataclass
class MoveDone(Message):
    """A move found its place, or None: there is no such moment."""

    seq: int | None
    title: str
    jump: bool


@dataclass
class WorkFailed(Message):
    """Work could not be done; `text` says why in one line."""

    text: str


@dataclass
class WorkCancelled(Message):
    """Work was given up on request."""

    title: str


@dataclass
class PictureReady(Message):
    """The picture of a moment."""

    picture: Picture


@dataclass
class CountsReady(Message):
    """How often each line of a file ran among the first `events` events."""

    file: str
    counts: Mapping[int, int]
    events: int
    """-1: the recording grew meanwhile."""


@dataclass
class EventsReady(Message):
    """A page of the event list."""

    page: int
    lines: tuple[EventLine, ...]


@dataclass
class DensityReady(Message):
    """The timeline."""

    density: Density


@dataclass
class OutputReady(Message):
    """What was written up to a moment."""

    seq: int
    lines: tuple[OutputLine, ...]


@dataclass
class ChangesReady(Message):
    """The diff panel."""

    changes: Changes


@dataclass
class FlowReady(Message):
    """The control-flow view."""

    flow: Flow | None


@dataclass
class Evaluated(Message):
    """What an expression is at the moment."""

    expression: str
    result: str


@dataclass
class Grown(Message):
    """The recording has this many events now; `live` says whether it may still grow."""

    events: int
    live: bool


@dataclass
class TerminalChanged(Message):
    """The program's screen looks different."""

    def can_replace(self, message: Message) -> bool:
        """Bursts fold into one."""
        return isinstance(message, TerminalChanged)


@dataclass
class ProgramChanged(Message):
    """The program began, paused, went on or ended."""


@dataclass
class ProgramStopped(Message):
    """The program was stopped on request; the player ends."""
