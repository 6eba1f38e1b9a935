"""The event list: every event of the recording, fetched by the page; as fast at any length."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.message import Message

from escope.tui.picture import EventLine
from escope.tui.plain import cut
from escope.tui.styles.colours import (
    FAINT,
    FOCUS,
    HIT,
    MUTED,
    NOW,
    NOW_GROUND,
    SPOKEN,
    TEXT,
    WRONG,
    ink,
)
from escope.tui.widgets.lines import Lines, Segments

PAGE = 200
"""Events fetched at once."""
PAGES_KEPT = 60

GLYPHS = {
    "line": ("·", FAINT),
    "call": ("→", FOCUS),
    "return": ("←", FOCUS),
    "yield": ("⇠", FOCUS),
    "resume": ("⇢", FOCUS),
    "raise": ("✖", WRONG),
    "handle": ("✓", WRONG),
    "unwind": ("↑", WRONG),
    "output": ("›", SPOKEN),
    "hit": ("◆", HIT),
    "thread-start": ("+", HIT),
    "thread-end": ("-", HIT),
    "task-create": ("+", HIT),
    "task-switch": ("⇢", HIT),
    "task-await": ("⇠", HIT),
    "task-cancel": ("✖", HIT),
    "task-done": ("-", HIT),
    "send": ("»", SPOKEN),
    "receive": ("«", SPOKEN),
    "acquire": ("[", SPOKEN),
    "release": ("]", SPOKEN),
}
"""Sign and colour of the kinds that are not writes."""


class EventList(Lines):
    """Shows `EventLine`s by seq; asks for the pages it does not have."""

    EMPTY = "no events yet"

    @dataclass
    class Wanted(Message):
        """The events of this page are needed."""

        page: int

    @dataclass
    class Picked(Message):
        """Go to this event."""

        seq: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pages: dict[int, tuple[EventLine, ...]] = {}
        self._asked: set[int] = set()

    def show(self, seq: int, events: int) -> None:
        """Have `events` rows, and the position on `seq`."""
        self.fill()
        if (seq, events) == (self.cursor, self.row_count):
            return
        if events != self.row_count:
            for page in [page for page in self._pages if len(self._pages[page]) < PAGE]:
                del self._pages[page]
            self._asked.clear()
            self.set_rows(events)
        self.cursor = max(0, min(seq, self.row_count - 1))
        self.reveal(self.cursor, margin=2, center=True)
        self._want()
        self.refresh()

    def receive(self, page: int, lines: tuple[EventLine, ...]) -> None:
        """Take a page that was wanted."""
        self._asked.discard(page)
        self._pages[page] = lines
        while len(self._pages) > PAGES_KEPT:
            del self._pages[next(iter(self._pages))]
        self.refresh()

    def line(self, seq: int) -> EventLine | None:
        """The event at `seq`, where its page is here."""
        page, index = divmod(seq, PAGE)
        lines = self._pages.get(page)
        return lines[index] if lines is not None and index < len(lines) else None

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._want()

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self._want()

    def _want(self) -> None:
        """Ask for the pages that are to be seen and are not here."""
        if not self.row_count or not self.size.height:
            return
        top = self.scroll_offset.y
        last = min(top + self.size.height, self.row_count) - 1
        for page in range(top // PAGE, last // PAGE + 1):
            if page not in self._asked and page not in self._pages:
                self._asked.add(page)
                self.post_message(self.Wanted(page))

    def lead(self, row: int, width: int) -> Segments:
        here = row == self.cursor
        digits = len(f"{max(0, self.row_count - 1):,}")
        return [
            Segment("▶" if here else " ", ink(NOW)),
            Segment(f"{row:>{digits},} ", ink(NOW if here else FAINT)),
        ]

    def paint(self, row: int, width: int) -> Segments:
        event = self.line(row)
        if event is None:
            return [Segment("…", ink(FAINT))]
        sign, colour = GLYPHS.get(event.kind, ("=", TEXT))
        depth = min(event.depth, max(0, width // 4))
        place_width = min(len(event.place), width // 3)
        room = width - depth - place_width - 4
        text = cut(event.text, max(8, room))
        gap = max(1, width - depth - 2 - len(text) - place_width - 1)
        quiet = event.kind == "line"
        return [
            Segment(" " * depth),
            Segment(sign + " ", ink(colour)),
            Segment(text, ink(MUTED if quiet else (colour if colour != FOCUS else TEXT))),
            Segment(" " * gap),
            Segment(cut(event.place, place_width), ink(FAINT)),
        ]

    def ground(self, row: int) -> str | None:
        return NOW_GROUND if row == self.cursor else None

    def cursor_moved(self) -> None:
        self.post_message(self.Picked(self.cursor))
