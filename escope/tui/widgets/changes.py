"""The diff pane: what differs between two moments or two frames."""

from __future__ import annotations

from rich.segment import Segment

from escope.tui.picture import Changes
from escope.tui.styles.colours import CHANGED, FAINT, MUTED, NOW, TEXT, WRONG, ink
from escope.tui.widgets.lines import Lines, Segments

_SIGNS = {"add": ("+", CHANGED), "remove": ("−", WRONG), "change": ("~", NOW)}


class ChangeList(Lines):
    """Shows `Changes`."""

    EMPTY = "nothing to compare"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.changes = Changes("", ())

    def show(self, changes: Changes) -> None:
        """Show these differences."""
        self.fill()
        self.changes = changes
        extra = 1 if changes.more else 0
        self.set_rows(1 + max(1, len(changes.lines)) + extra)
        self.scroll_to(y=0, animate=False, force=True)

    def paint(self, row: int, width: int) -> Segments:
        if row == 0:
            return [
                Segment(" against ", ink(FAINT)),
                Segment(self.changes.title, ink(MUTED)),
                Segment("   = compares with something else", ink(FAINT)),
            ]
        if not self.changes.lines:
            return [Segment("   nothing differs", ink(FAINT, weight="italic"))]
        if row > len(self.changes.lines):
            return [Segment(f"   … {self.changes.more:,} more", ink(FAINT, weight="italic"))]
        line = self.changes.lines[row - 1]
        if line.op == "note":
            return [Segment(f"   {line.place}", ink(FAINT, weight="italic"))]
        sign, colour = _SIGNS[line.op]
        segments = [
            Segment(f" {sign} ", ink(colour)),
            Segment(line.place, ink(TEXT)),
            Segment("  "),
        ]
        if line.op != "add":
            segments.append(Segment(line.before, ink(WRONG if line.op == "remove" else FAINT)))
        if line.op == "change":
            segments.append(Segment(" → ", ink(FAINT)))
        if line.op != "remove":
            segments.append(Segment(line.after, ink(CHANGED)))
        return segments
