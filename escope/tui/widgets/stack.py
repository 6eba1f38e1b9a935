"""The stack pane: every thread, and the frames of the shown one, innermost first."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual.message import Message

from escope.tui.picture import FrameLine, Picture, ThreadLine
from escope.tui.plain import plain
from escope.tui.styles.colours import FAINT, FOCUS, MUTED, NOW, TEXT, ink
from escope.tui.widgets.lines import Lines, Segments


class Stack(Lines):
    """Shows the threads and frames of a `Picture`."""

    EMPTY = "nothing runs here"

    @dataclass
    class FramePicked(Message):
        """Show the frame that is `up` frames above the innermost one."""

        up: int

    @dataclass
    class ThreadPicked(Message):
        """Show this thread's stack."""

        thread: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[tuple[ThreadLine, FrameLine | None, int]] = []
        self._here = -1
        self._event_thread = 0

    def show(self, picture: Picture) -> None:
        """Show the stacks of `picture`, with the cursor on its frame."""
        self.fill()
        entries: list[tuple[ThreadLine, FrameLine | None, int]] = []
        here, before = -1, (self._lines, self._here, self._event_thread)
        for thread in picture.threads:
            shown = thread.id == picture.thread
            if len(picture.threads) > 1 or not thread.frames:
                entries.append((thread, None, 0))
            if not shown:
                continue
            for index in range(len(thread.frames) - 1, -1, -1):
                if index == picture.frame:
                    here = len(entries)
                entries.append((thread, thread.frames[index], len(thread.frames) - 1 - index))
        self._lines, self._here, self._event_thread = entries, here, picture.event_thread
        if before == (entries, here, picture.event_thread):
            return
        self.set_rows(len(entries))
        if self._here >= 0:
            self.cursor = self._here
            self.reveal(self.cursor, margin=0)
        self.refresh()

    def lead(self, row: int, width: int) -> Segments:
        return [Segment("▌", ink(NOW)) if row == self._here else Segment(" ")]

    def paint(self, row: int, width: int) -> Segments:
        thread, frame, up = self._lines[row]
        if frame is None:
            running = thread.id == self._event_thread
            top = thread.frames[-1] if thread.frames else None
            place = f"  {plain(top.function)}:{top.line}" if top else "  no frames"
            return [
                Segment("● " if running else "○ ", ink(NOW if running else MUTED)),
                Segment(plain(thread.name) or f"thread {thread.id}", ink(FOCUS)),
                Segment(f"  #{thread.id}", ink(FAINT)),
                Segment(place, ink(FAINT)),
            ]
        shown = row == self._here
        name = plain(frame.function)
        place = f"{plain(frame.file.rsplit('/', 1)[-1])}:{frame.line}"
        indent = "  " if len(self._lines) > 1 and self._lines[0][1] is None else ""
        gap = max(1, width - len(indent) - len(name) - len(place) - 1)
        colour = NOW if shown else (TEXT if up == 0 else MUTED)
        return [
            Segment(indent),
            Segment(name, ink(colour, weight="bold" if shown else "")),
            Segment(" " * gap),
            Segment(place, ink(FAINT)),
        ]

    def cursor_moved(self) -> None:
        self.picked(self.cursor)

    def picked(self, row: int) -> None:
        thread, frame, up = self._lines[row]
        if frame is None:
            self.post_message(self.ThreadPicked(thread.id))
        else:
            self.post_message(self.FramePicked(up))
