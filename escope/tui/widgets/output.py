"""The output pane: what the program had written up to this moment."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual.message import Message

from escope.tui.picture import OutputLine
from escope.tui.styles.colours import FAINT, NOW, TEXT, WRONG, ink
from escope.tui.widgets.lines import Lines, Segments


class Output(Lines):
    """Shows `OutputLine`s, the newest at the end."""

    EMPTY = "nothing written yet"

    @dataclass
    class Picked(Message):
        """Go to where this was written."""

        seq: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: tuple[OutputLine, ...] = ()

    def show(self, lines: tuple[OutputLine, ...]) -> None:
        """Show these lines, scrolled to the last."""
        self.fill()
        if lines == self.lines:
            return
        self.lines = lines
        self.set_rows(len(lines))
        self.cursor = max(0, len(lines) - 1)
        self.scroll_to(y=len(lines), animate=False, force=True)

    def lead(self, row: int, width: int) -> Segments:
        line = self.lines[row]
        if line.newest:
            return [Segment("▶ ", ink(NOW))]
        return [Segment("┃ ", ink(WRONG if line.stream == "stderr" else FAINT))]

    def paint(self, row: int, width: int) -> Segments:
        line = self.lines[row]
        return [Segment(line.text, ink(WRONG if line.stream == "stderr" else TEXT))]

    def picked(self, row: int) -> None:
        self.post_message(self.Picked(self.lines[row].seq))
