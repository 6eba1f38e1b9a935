"""The virtual list that every list, tree and text is made of: it paints what is visible."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from escope.tui.styles.colours import FAINT, GROUND, SELECTED, ink

Segments = list[Segment]


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows painted on demand; a subclass says how many there are and what each looks like."""

    DEFAULT_CSS = """
    Lines { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    EMPTY = ""
    """Shown where there are no rows."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cursor = 0
        self._rows = 0
        self._pan = 0
        self._filled = False

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return self._rows

    def fill(self) -> None:
        """From now on what is shown is known: where there are no rows, there is nothing to show."""
        if not self._filled:
            self._filled = True
            self.refresh()

    def set_rows(self, rows: int, keep_end: bool = False) -> None:
        """Have `rows` rows from now on; with `keep_end` a list scrolled to its end stays there."""
        at_end = keep_end and self.scroll_offset.y >= self.max_scroll_y
        self._rows = rows
        self.cursor = max(0, min(self.cursor, rows - 1))
        size = Size(self.scrollable_content_region.width, rows)
        if size != self.virtual_size:
            self.virtual_size = size
        if at_end:
            self.scroll_to(y=rows, animate=False, force=True)
        self.refresh()

    def lead(self, row: int, width: int) -> Segments:
        """What stands before the row and does not pan."""
        return []

    def paint(self, row: int, width: int) -> Segments:
        """The row; `width` cells are left for it beside the lead."""
        raise NotImplementedError

    def ground(self, row: int) -> str | None:
        """The background of the row, where it has one of its own."""
        return SELECTED if row == self.cursor and self.has_focus else None

    def picked(self, row: int) -> None:
        """Called when Enter or the mouse picks a row."""

    def cursor_moved(self) -> None:
        """Called when the person moved the cursor."""

    def render_line(self, y: int) -> Strip:
        # What lies below the scrollbar is not seen.
        width = self.scrollable_content_region.width
        row = self.scroll_offset.y + y
        if row >= self.row_count:
            if not self.row_count and y == 0 and self.EMPTY:
                text = self.EMPTY if self._filled else "…"
                return on_ground(Strip([Segment(f" {text}", ink(FAINT))]), GROUND, width)
            return Strip.blank(width, Style(bgcolor=GROUND))
        lead = Strip(self.lead(row, width))
        room = max(0, width - lead.cell_length)
        body = Strip(self.paint(row, room))
        strip = Strip.join([lead, _fitted(body, self._pan, room)])
        return on_ground(strip, self.ground(row) or GROUND, width)

    def move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.go(self.cursor + by)

    def page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.move(by * max(1, self.size.height - 1))

    def go(self, row: int) -> None:
        """Move the cursor to a row, as near as there is one."""
        row = max(0, min(row, self.row_count - 1))
        if row != self.cursor:
            self.cursor = row
            self.cursor_moved()
        self.reveal(self.cursor)
        self.refresh()

    def pan(self, by: int) -> None:
        """Scroll sideways, as far as something visible reaches."""
        width = self.scrollable_content_region.width
        top = self.scroll_offset.y
        # Panned rows are painted in full, and so can be measured.
        self._pan, before = max(1, self._pan), self._pan
        longest = 0
        for row in range(top, min(top + self.size.height, self.row_count)):
            room = width - Segment.get_line_length(self.lead(row, width))
            longest = max(longest, Segment.get_line_length(self.paint(row, room)) - room)
        self._pan = max(0, min(before + by, longest))
        self.refresh()

    def pick(self) -> None:
        """Pick the row under the cursor."""
        if self.row_count:
            self.picked(self.cursor)

    def reveal(self, row: int, margin: int = 1, center: bool = False) -> None:
        """Scroll so that `row` is visible; where it was far away and `center`, to the middle."""
        height = self.size.height
        if height <= 0:
            return
        top = self.scroll_offset.y
        margin = min(margin, max(0, (height - 1) // 2))
        if top + margin <= row < top + height - margin:
            return
        near = top - 2 <= row <= top + height + 1
        if center and not near:
            target = row - height // 2
        elif row < top + margin:
            target = row - margin
        else:
            target = row - height + 1 + margin
        self.scroll_to(y=max(0, target), animate=False, force=True)

    def on_resize(self, event: events.Resize) -> None:
        self.set_rows(self.row_count)
        self._reveal_soon()

    def on_show(self) -> None:
        # While it was hidden the cursor may have gone anywhere.
        self._reveal_soon()

    def _reveal_soon(self) -> None:
        """Reveal the cursor when the new size holds: how far can be scrolled depends on it."""
        self.call_after_refresh(self._reveal_cursor)

    def _reveal_cursor(self) -> None:
        if self.row_count:
            self.reveal(self.cursor, margin=3, center=True)

    def on_click(self, event: events.Click) -> None:
        row = self.scroll_offset.y + event.get_content_offset_capture(self).y
        if 0 <= row < self.row_count:
            self.go(row)
            self.picked(row)


def _fitted(body: Strip, start: int, room: int) -> Strip:
    """`room` cells of `body` from `start`, with an ellipsis at the end where it goes on."""
    if body.cell_length <= start + room or room < 1:
        return body.crop_extend(start, start + room, None)
    kept = body.crop_extend(start, start + room - 1, None)
    end = " " if kept.text.endswith("…") else "…"
    return Strip.join([kept, Strip([Segment(end, ink(FAINT))])])


def on_ground(strip: Strip, colour: str, width: int) -> Strip:
    """`strip`, `width` cells wide, on `colour`; segments with a background of their own keep it."""
    ground = Style(bgcolor=colour)
    segments = [
        Segment(text, ground + style if style is not None else ground) for text, style, _ in strip
    ]
    return Strip(segments, strip.cell_length).adjust_cell_length(width, ground)
