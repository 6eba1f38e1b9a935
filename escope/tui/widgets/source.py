"""The source pane: the text, where the program is, what ran, and the values beside the lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.segment import Segment
from textual.message import Message

from escope.tui.picture import SourcePart
from escope.tui.plain import cut, plain
from escope.tui.styles.colours import (
    FAINT,
    FOCUS,
    MUTED,
    NOW,
    NOW_GROUND,
    RAN,
    SELECTED,
    SYNTAX,
    WRONG,
    WRONG_GROUND,
    ink,
)
from escope.tui.widgets.lines import Lines, Segments

PLACE_FOR_VALUES = 24
"""Cells that the values of the current line get in a wide pane even where the code is longer."""
WIDE = 64


class Source(Lines):
    """Shows a `SourcePart`."""

    EMPTY = "no source here"

    @dataclass
    class CursorMoved(Message):
        """The person put the cursor on a line."""

        line: int

    @dataclass
    class BreakpointClicked(Message):
        """The person clicked the margin of a line."""

        line: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.part: SourcePart | None = None
        self._showing: tuple[object, ...] = ()
        self.counts: Mapping[int, int] = {}
        self.breakpoints: frozenset[int] = frozenset()

    def show(
        self,
        part: SourcePart | None,
        counts: Mapping[int, int],
        breakpoints: frozenset[int],
        cursor: int | None,
    ) -> None:
        """Show `part`; `cursor` is a line, None keeps the cursor where the program is."""
        self.fill()
        shown = (part, counts, breakpoints, cursor)
        if shown == self._showing:
            return
        self._showing = shown
        new_file = part is None or self.part is None or part.text.file != self.part.text.file
        moved = part != self.part
        self.part = part
        self.counts = counts
        self.breakpoints = breakpoints
        self.set_rows(len(part.text.lines) if part is not None else 0)
        if part is not None:
            line = cursor if cursor is not None else part.line or part.near
            row = max(0, min(line - 1, self.row_count - 1))
            moved, self.cursor = moved or row != self.cursor, row
            if new_file:
                self.scroll_to(
                    y=max(0, self.cursor - self.size.height // 2), animate=False, force=True
                )
            elif moved:
                self.reveal(self.cursor, margin=3, center=True)
        self.refresh()

    def lead(self, row: int, width: int) -> Segments:
        assert self.part is not None
        number = row + 1
        current = number == self.part.line
        ran = self.counts.get(number, 0) > 0
        digits = len(str(self.row_count))
        if current:
            arrow = Segment("▶", ink(NOW)) if self.part.innermost else Segment("▷", ink(FOCUS))
        else:
            arrow = Segment(" ")
        colour = NOW if current else (MUTED if ran else FAINT)
        return [
            Segment("●", ink(WRONG)) if number in self.breakpoints else Segment(" "),
            arrow,
            Segment(f"{number:>{digits}}", ink(colour, weight="bold" if current else "")),
            Segment("▎", ink(RAN)) if ran else Segment(" "),
        ]

    def paint(self, row: int, width: int) -> Segments:
        assert self.part is not None
        pieces = self.part.text.lines[row]
        number = row + 1
        current = number == self.part.line
        inside = self.part.first <= number <= self.part.last
        code = [Segment(text, ink(SYNTAX[kind])) for text, kind in pieces]
        beside = self._beside(number, current)
        if beside is None:
            return code
        text, colour = beside
        length = Segment.get_line_length(code)
        room = width - length - 2
        wide = width >= WIDE and self._pan == 0
        if current and wide and room < min(len(text), PLACE_FOR_VALUES):
            length = max(0, width - PLACE_FOR_VALUES - 3)
            code = [*Segment.adjust_line_length(code, length), Segment("…", ink(FAINT))]
            room = width - length - 3
        if room < 4:
            return code
        style = ink(colour, weight="" if current else "italic")
        return [
            *code,
            Segment("  "),
            Segment(cut(text, room), style if inside or current else ink(FAINT)),
        ]

    def ground(self, row: int) -> str | None:
        assert self.part is not None
        if row + 1 == self.part.line:
            if self.part.raising:
                return WRONG_GROUND
            return NOW_GROUND if self.part.innermost else SELECTED
        return super().ground(row)

    def cursor_moved(self) -> None:
        self.post_message(self.CursorMoved(self.cursor + 1))

    def _beside(self, number: int, current: bool) -> tuple[str, str] | None:
        assert self.part is not None
        if current and self.part.raising:
            return f"✖ {plain(self.part.raising)}", WRONG
        text = self.part.values.get(number)
        if not text:
            return None
        return text, NOW if current else FAINT
