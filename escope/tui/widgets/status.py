"""The top line: which recording, where in it, and what the program is doing."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from escope.tui.plain import cut
from escope.tui.styles.colours import (
    CHANGED,
    FAINT,
    FOCUS,
    HIT,
    MUTED,
    NOW,
    RAISED,
    TEXT,
    WRONG,
    ink,
)
from escope.tui.widgets.lines import on_ground

BADGES = {
    "recording": MUTED,
    "playing": NOW,
    "running": CHANGED,
    "paused": NOW,
    "past": FOCUS,
    "ended": MUTED,
    "failed": WRONG,
    "partial": HIT,
}
"""Kind of badge to its colour."""


@dataclass(frozen=True, slots=True)
class Headline:
    """What the top line says."""

    title: str = ""
    badge: str = ""
    badge_kind: str = "recording"
    seq: int = 0
    events: int = 0
    time_ns: int = 0
    event: str = ""
    thread: str = ""


def clock(nanoseconds: int) -> str:
    """A time since the beginning, as people read it: ``12.345 ms``, ``3.21 s``, ``2:05:09``."""
    if nanoseconds < 1_000_000:
        return f"{nanoseconds / 1e3:.1f} µs"
    if nanoseconds < 1_000_000_000:
        return f"{nanoseconds / 1e6:.2f} ms"
    seconds = nanoseconds / 1e9
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Status(Widget):
    """Shows a `Headline`."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.headline = Headline()

    def show(self, headline: Headline) -> None:
        """Show this headline."""
        if headline != self.headline:
            self.headline = headline
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        line = self.headline
        share = f" {100 * line.seq / max(1, line.events - 1):.0f}%" if line.events else ""
        position = [
            Segment(f"{line.seq:,}", ink(NOW, weight="bold")),
            Segment(f" / {max(0, line.events - 1):,}", ink(MUTED)),
            Segment(share, ink(FAINT)),
            Segment(f"  {clock(line.time_ns)} ", ink(MUTED)),
        ]
        left = [
            Segment(" escope ", ink(RAISED, FOCUS, "bold")),
            Segment(f" {line.title} ", ink(TEXT)),
        ]
        if line.badge:
            left.append(Segment(f" {line.badge} ", ink(BADGES[line.badge_kind], weight="bold")))
        used = Segment.get_line_length(left) + Segment.get_line_length(position)
        middle = ""
        if line.thread:
            middle = f"{line.thread}  "
        middle = cut(f" {middle}{line.event}", max(0, width - used - 1))
        gap = " " * max(0, width - used - Strip([Segment(middle)]).cell_length)
        strip = Strip([*left, Segment(middle, ink(MUTED)), Segment(gap), *position])
        return on_ground(strip, RAISED, width)
