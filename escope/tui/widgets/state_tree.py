"""The state pane: variables as a tree, what the last step changed in colour."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual.message import Message

from escope.tui.picture import Path, TreeRow
from escope.tui.plain import cut
from escope.tui.styles.colours import (
    CHANGED,
    CHANGED_GROUND,
    FAINT,
    FOCUS,
    HIT,
    MUTED,
    NOW,
    SELECTED,
    SYNTAX,
    TEXT,
    ink,
)
from escope.tui.widgets.lines import Lines, Segments

_INK = {
    "scalar": SYNTAX["number"],
    "string": SYNTAX["string"],
    "container": MUTED,
    "object": SYNTAX["class"],
    "label": HIT,
    "heading": FOCUS,
    "more": FAINT,
    "gone": FAINT,
}


class StateTree(Lines):
    """Shows `TreeRow`s; the rows are made elsewhere, as they are needed."""

    EMPTY = "no variables yet"

    @dataclass
    class Toggled(Message):
        """Open or close this row."""

        path: Path

    @dataclass
    class MoreWanted(Message):
        """Show more items of this container."""

        path: Path

    @dataclass
    class Selected(Message):
        """The cursor is on this row."""

        path: Path

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: tuple[TreeRow, ...] = ()
        self.selected: Path | None = None

    def show(self, rows: tuple[TreeRow, ...]) -> None:
        """Show these rows; the cursor stays on the row it was on, or on what is nearest to it."""
        self.fill()
        if rows == self.rows:
            return
        self.rows = rows
        self.set_rows(len(rows))
        if self.selected is not None:
            known = {row.path: index for index, row in enumerate(rows)}
            path = self.selected
            while path and path not in known:
                path = path[:-1]
            if path:
                self.cursor = known[path]
                self.reveal(self.cursor)
        self.refresh()

    @property
    def row(self) -> TreeRow | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def paint(self, row: int, width: int) -> Segments:
        entry = self.rows[row]
        indent = Segment("  " * entry.depth)
        if entry.kind == "heading":
            return [Segment(f"{'▾' if entry.expanded else '▸'} {entry.name}", ink(FOCUS))] + (
                [Segment(f"  {entry.value}", ink(FAINT))] if entry.value else []
            )
        if entry.kind == "more":
            return [indent, Segment(f"  … {entry.value}", ink(FAINT, weight="italic"))]
        mark = ("▾ " if entry.expanded else "▸ ") if entry.expandable else "  "
        name = ink(CHANGED, weight="bold") if entry.changed else ink(TEXT)
        head = [indent, Segment(mark, ink(MUTED)), Segment(entry.name, name), Segment("  ")]
        value, room = entry.value, width - Segment.get_line_length(head)
        if self._pan == 0 and room > 1:
            value = cut(value, room)
        style = ink(_INK[entry.kind], weight="strike" if entry.kind == "gone" else "")
        segments = [*head, Segment(value, style)]
        if entry.before:
            segments += [Segment("  ← ", ink(FAINT)), Segment(entry.before, ink(FAINT))]
        return segments

    def ground(self, row: int) -> str | None:
        if row == self.cursor and self.has_focus:
            return SELECTED
        return CHANGED_GROUND if self.rows[row].changed else None

    def lead(self, row: int, width: int) -> Segments:
        if row == self.cursor and self.has_focus:
            return [Segment("▌", ink(NOW))]
        return [Segment(" ")]

    def cursor_moved(self) -> None:
        if (row := self.row) is not None:
            self.selected = row.path
            self.post_message(self.Selected(row.path))

    def picked(self, row: int) -> None:
        entry = self.rows[row]
        self.selected = entry.path
        if entry.kind == "more":
            self.post_message(self.MoreWanted(entry.path[:-1]))
        elif entry.expandable:
            self.post_message(self.Toggled(entry.path))

    def open_row(self) -> None:
        """Open the row under the cursor, or step into it where it is open."""
        row = self.row
        if row is None:
            return
        if (row.expandable and not row.expanded) or row.kind == "more":
            self.picked(self.cursor)
        elif row.expanded:
            self.move(1)

    def close_row(self) -> None:
        """Close the row under the cursor, or go to the one that holds it."""
        row = self.row
        if row is None:
            return
        if row.expanded:
            self.picked(self.cursor)
            return
        parent = row.path[:-1]
        for index in range(self.cursor - 1, -1, -1):
            if self.rows[index].path == parent:
                self.go(index)
                return
