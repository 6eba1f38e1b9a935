"""The emulator behind the program's terminal: a screen that keeps its text whatever size it gets.

Invariant: history and screen together hold the text in order; a line that was full and went on in the next
one has `continues` set, so that another width breaks it anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pyte

HISTORY = 1_000
"""Lines kept that have left the screen at its top."""

Cells = list[Any]


class Emulator(pyte.Screen):
    """A screen that answers the program's questions and does not mind unknown sequences."""

    def __init__(self, columns: int, rows: int, answer: Callable[[str], None]) -> None:
        self._answer = answer
        self._history: deque[tuple[Any, int]] = deque(maxlen=HISTORY)
        """Lines as they were on the screen, and the width that it had then."""
        self._drawing = False
        super().__init__(columns, rows)

    def stream(self) -> Any:
        """What bytes for the screen are fed to; a new one has forgotten half a sequence."""
        return pyte.ByteStream(self)

    def write_process_input(self, data: str) -> None:
        self._answer(data)

    def select_graphic_rendition(self, *attributes: int, **other: Any) -> None:
        # With a private marker it is no rendition at all, but a request about the keyboard.
        if not other.get("private"):
            super().select_graphic_rendition(*attributes)

    def report_device_status(self, mode: int = 0, **other: Any) -> None:
        if not other.get("private"):
            super().report_device_status(mode)

    def reset(self) -> None:
        self._history.clear()
        super().reset()

    def draw(self, data: str) -> None:
        self._drawing = True
        try:
            super().draw(data)
        finally:
            self._drawing = False

    def linefeed(self) -> None:
        # Drawing feeds a line only where the one it is on is full.
        _mark(self.buffer[self.cursor.y], self._drawing)
        super().linefeed()

    def index(self) -> None:
        top, bottom = self.margins or (0, self.lines - 1)
        if top == 0 and self.cursor.y == bottom:
            self._history.append((self.buffer[0], self.columns))
        super().index()

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        super().erase_in_line(how, private)
        if how != 1:
            _mark(self.buffer[self.cursor.y], False)

    def erase_in_display(self, how: int = 0, *args: Any, **other: Any) -> None:
        super().erase_in_display(how, *args, **other)
        home = (self.cursor.x, self.cursor.y) == (0, 0)
        if how in (2, 3) or (how == 0 and home):
            # What the program has cleared does not come back with a larger screen.
            self._history.clear()
        first = self.cursor.y if how == 0 else 0
        for y in range(first, self.cursor.y if how == 1 else self.lines):
            _mark(self.buffer[y], False)

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Have another size: full lines are broken anew, the bottom stays in sight.

        What no longer fits leaves at the top and comes back when there is room again.
        """
        lines, columns = lines or self.lines, columns or self.columns
        if (lines, columns) == (self.lines, self.columns):
            return
        rows, cursor, column = self._broken(columns, lines)
        first = min(max(0, len(rows) - lines), cursor)
        blank = type(self.buffer[0])
        made = []
        for cells, continues in rows[: first + lines]:
            line = blank(self.default_char)
            line.update(enumerate(cells))
            _mark(line, continues)
            made.append(line)
        self._history.extend((line, columns) for line in made[:first])
        self.buffer.clear()
        self.buffer.update(enumerate(made[first:]))
        self.tabstops |= {stop for stop in range(8, columns, 8) if stop >= self.columns}
        self.lines, self.columns = lines, columns
        self.margins = None
        self.cursor.y, self.cursor.x = cursor - first, column
        self.dirty.update(range(lines))

    def _broken(self, columns: int, lines: int) -> tuple[list[tuple[Cells, bool]], int, int]:
        """Rows of `columns` cells with whether they continue, and row and column of the cursor.

        They are those of the screen and, taken out of the history, of what may fit above it.
        """
        last = max([self.cursor.y, *(y for y, line in self.buffer.items() if _text(line))])
        taken = deque((self.buffer[y], self.columns) for y in range(last + 1))
        here = self.cursor.y
        whole = sum(not _continues(line) for line, _ in taken)
        while self._history and (whole < lines or _continues(self._history[-1][0])):
            taken.appendleft(self._history.pop())
            whole += not _continues(taken[0][0])
            here += 1
        rows: list[tuple[Cells, bool]] = []
        cells: Cells = []
        offset = -1
        cursor = column = 0
        for index, (line, width) in enumerate(taken):
            if index == here:
                offset = len(cells) + self.cursor.x
            goes_on = _continues(line) and index < len(taken) - 1
            cells += _cells(line, width, goes_on)
            if goes_on:
                continue
            parts = _parts(cells, columns)
            if offset >= 0:
                part, column = _place(parts, offset, columns)
                cursor, offset = len(rows) + part, -1
            rows += [(part, number < len(parts)) for number, part in enumerate(parts, 1)]
            cells = []
        return rows, cursor, column


def _mark(line: Any, continues: bool) -> None:
    line.continues = continues


def _continues(line: Any) -> bool:
    return getattr(line, "continues", False)


def _text(line: Any) -> bool:
    """Whether anything can be seen on the line."""
    return any(not _blank(cell) for cell in line.values())


def _blank(cell: Any) -> bool:
    styled = cell.reverse or cell.underscore or cell.strikethrough
    return cell.data == " " and cell.bg == "default" and not styled


def _cells(line: Any, width: int, full: bool) -> Cells:
    """The cells of a line; without `full` up to the last that can be seen."""
    if full:
        # A wide character that did not fit left the last cell out.
        return [line[x] for x in range(width if width - 1 in line else width - 1)]
    end = max((x + 1 for x, cell in line.items() if x < width and not _blank(cell)), default=0)
    return [line[x] for x in range(end)]


def _parts(cells: Cells, columns: int) -> list[Cells]:
    """The cells in rows of `columns`, no wide character torn; at least one row."""
    parts = []
    start = 0
    while True:
        end = start + columns
        if end < len(cells) and not cells[end].data and columns > 1:
            end -= 1
        parts.append(cells[start:end])
        start = end
        if start >= len(cells):
            return parts


def _place(parts: list[Cells], offset: int, columns: int) -> tuple[int, int]:
    """Row and column, among `parts`, of the cursor that stood at `offset` of the whole line."""
    for number, part in enumerate(parts[:-1]):
        if offset < len(part):
            return number, offset
        offset -= len(part)
    end = len(parts[-1])
    return len(parts) - 1, offset if offset <= end else max(end, min(offset, columns - 1))
