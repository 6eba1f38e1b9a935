"""The timeline: the whole recording on one line, with what happened where, and the position."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from math import log1p

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from escope.tui.picture import Density
from escope.tui.styles.colours import GROUND, HIT, NOW, SPOKEN, WRONG, ink
from escope.tui.widgets.lines import on_ground

BARS = " ▁▂▃▄▅▆▇█"
PAST, AHEAD = "#4f7f99", "#333e4b"
"""Colours of the bars and of the line below them, before and after the position."""


class Timeline(Widget, can_focus=True):
    """Shows a `Density`; the last row carries marks and cursor, the rows above it the bars."""

    @dataclass
    class Picked(Message):
        """Go to this event."""

        seq: int

    @dataclass
    class Wanted(Message):
        """The density is needed for this many columns."""

        columns: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.density: Density | None = None
        self.seq = 0
        self.marks: Mapping[str, int] = {}

    def show(self, seq: int, marks: Mapping[str, int]) -> None:
        """Put the cursor on `seq`; `marks` are the person's own."""
        if (seq, marks) != (self.seq, self.marks):
            self.seq = seq
            self.marks = marks
            self.refresh()

    def receive(self, density: Density) -> None:
        """Take the density that was wanted."""
        self.density = density
        self.refresh()

    def column(self, seq: int) -> int:
        """The column that `seq` falls into."""
        if self.density is None or not self.density.columns:
            return 0
        column = bisect_right(self.density.starts, seq) - 1
        return max(0, min(column, len(self.density.columns) - 1))

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width > 0:
            self.post_message(self.Wanted(self.content_size.width))

    def on_click(self, event: events.Click) -> None:
        if self.density is None or not self.density.columns:
            return
        column = min(event.get_content_offset_capture(self).x, len(self.density.columns) - 1)
        self.post_message(self.Picked(self._seq_in(max(0, column))))

    def render_line(self, y: int) -> Strip:
        width, height = self.size.width, self.size.height
        density = self.density
        if density is None or not density.columns:
            return Strip.blank(width, Style(bgcolor=GROUND))
        if y == height - 1:
            return on_ground(Strip(self._marks(density)), GROUND, width)
        return on_ground(Strip(self._bars(density, height - 1, y)), GROUND, width)

    def _seq_in(self, column: int) -> int:
        assert self.density is not None
        first, after = self.density.starts[column], self.density.starts[column + 1]
        return max(
            0, min((first + after - 1) // 2 if after > first else first, self.density.events - 1)
        )

    def _bars(self, density: Density, rows: int, y: int) -> list[Segment]:
        highest = max(density.columns) or 1
        here = self.column(self.seq)
        segments = []
        for column, count in enumerate(density.columns):
            # Logarithmic: a quiet stretch must not vanish beside a busy one.
            eighths = round(log1p(count) / log1p(highest) * rows * 8) if count else 0
            eighths = max(eighths, 1 if count else 0)
            left = min(max(eighths - (rows - 1 - y) * 8, 0), 8)
            if column == here:
                segments.append(Segment(BARS[left] if left else "│", ink(NOW)))
            else:
                past = column < here
                segments.append(Segment(BARS[left], ink(PAST if past else AHEAD)))
        return segments

    def _marks(self, density: Density) -> list[Segment]:
        letters = {self.column(seq): letter for letter, seq in self.marks.items()}
        here = self.column(self.seq)
        segments = []
        for column in range(len(density.columns)):
            if column == here:
                segments.append(Segment("▲", ink(NOW, weight="bold")))
            elif column in letters:
                segments.append(Segment(letters[column], ink(NOW)))
            elif column in density.hits:
                segments.append(Segment("◆", ink(HIT)))
            elif column in density.raises:
                segments.append(Segment("✖", ink(WRONG)))
            elif column in density.outputs:
                segments.append(Segment("•", ink(SPOKEN)))
            else:
                segments.append(Segment("─", ink(AHEAD if column > here else PAST)))
        return segments
