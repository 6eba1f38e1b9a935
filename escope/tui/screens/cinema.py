"""The main screen: where the panes are, which are in front, and which has the focus."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from escope.tui.view import DRAWER, STAGE, Pane, View
from escope.tui.widgets.bar import Bar
from escope.tui.widgets.changes import ChangeList
from escope.tui.widgets.event_list import EventList
from escope.tui.widgets.flow import FlowView
from escope.tui.widgets.lines import Lines
from escope.tui.widgets.output import Output
from escope.tui.widgets.source import Source
from escope.tui.widgets.stack import Stack
from escope.tui.widgets.state_tree import StateTree
from escope.tui.widgets.status import Status
from escope.tui.widgets.terminal import Terminal
from escope.tui.widgets.timeline import Timeline

SMALLEST = (60, 16)
"""Columns and rows that the panes need."""
TALL, SHORT = 40, 22


class CinemaScreen(Screen[None]):
    """Holds every pane; shows what the view says."""

    @dataclass
    class Ready(Message):
        """The panes exist and can be filled."""

    def __init__(self, live: bool, view: View) -> None:
        super().__init__()
        self._view = view
        self.source = Source(id="source")
        self.flow = FlowView(id="flow")
        self.events = EventList(id="events")
        self.output = Output(id="output")
        self.diff = ChangeList(id="diff")
        self.state = StateTree(id="state")
        self.stack = Stack(id="stack")
        self.timeline = Timeline(id="timeline")
        self.terminal = Terminal(id="terminal") if live else None
        self.status = Status(id="status")
        self.bar = Bar(id="bar")
        self._panes: dict[Pane, Widget] = {
            Pane.SOURCE: self.source,
            Pane.STATE: self.state,
            Pane.STACK: self.stack,
            Pane.TIMELINE: self.timeline,
            Pane.EVENTS: self.events,
            Pane.OUTPUT: self.output,
            Pane.DIFF: self.diff,
            Pane.FLOW: self.flow,
        }
        if self.terminal is not None:
            self._panes[Pane.TERMINAL] = self.terminal
        for pane, widget in self._panes.items():
            widget.add_class("pane")
            # From the first layout on: the program learns how large its terminal is.
            widget.display = self.in_sight(pane, view)

    def compose(self) -> ComposeResult:
        yield self.status
        with Horizontal(id="body"):
            with Vertical(id="left"):
                with Vertical(id="stage"):
                    yield from (self._panes[pane] for pane in STAGE)
                with Vertical(id="drawer"):
                    yield from (self._panes[pane] for pane in DRAWER if pane in self._panes)
            with Vertical(id="right"):
                yield self.state
                yield self.stack
        yield self.timeline
        yield self.bar
        yield Static(id="small", markup=False)

    def on_mount(self) -> None:
        self.lay_out(self._view)
        self.post_message(self.Ready())

    @property
    def panes(self) -> list[Pane]:
        """The panes that exist here, by number."""
        return list(self._panes)

    def widget_of(self, pane: Pane) -> Widget:
        """The widget of a pane."""
        return self._panes[pane]

    @property
    def focused_pane(self) -> Pane | None:
        """The pane that has the focus."""
        return next((p for p, widget in self._panes.items() if widget is self.focused), None)

    @property
    def typing(self) -> bool:
        """Whether keys are for the program: its terminal has the focus, and it is there to read them."""
        terminal = self.terminal
        ready = terminal is not None and terminal.alive and not self.small
        return ready and self.focused is terminal

    @property
    def small(self) -> bool:
        """Whether the terminal is too small for the panes, so that nothing of them is to be seen."""
        return self.has_class("small")

    def in_sight(self, pane: Pane, view: View) -> bool:
        """Whether the pane can be seen."""
        if pane not in self._panes:
            return False
        if view.zoomed is not None:
            return pane is view.zoomed or pane is Pane.TIMELINE
        return pane not in STAGE + DRAWER or pane in (view.stage, view.drawer)

    def nothing(self) -> None:
        """Say in every pane that there is nothing to show yet."""
        for widget in self._panes.values():
            if isinstance(widget, Lines):
                widget.fill()

    def lay_out(self, view: View) -> None:
        """Put the panes in front that the view says, and zoom."""
        zoomed = view.zoomed
        self.set_class(zoomed is not None, "zoomed")
        # `display` is set here and not by the stylesheet: it must hold before the next key, which may
        # be for the pane that is only now coming to the front.
        for pane, widget in self._panes.items():
            hidden = pane in STAGE + DRAWER and pane not in (view.stage, view.drawer)
            big = pane is zoomed
            widget.set_class(big, "big")
            widget.display = big or (zoomed is None and not hidden) or pane is Pane.TIMELINE
        for box in ("#body", "#left", "#right", "#stage", "#drawer"):
            node = self.query_one(box)
            node.display = zoomed is None or self._panes[zoomed] in node.query("*")
        for pane in self._panes:
            if pane not in STAGE + DRAWER:
                self._panes[pane].border_title = Content(f"{pane.number} {pane.title}")
        for group in (STAGE, DRAWER):
            present = [pane for pane in group if pane in self._panes]
            for front in present:
                self._panes[front].border_title = _tabs(present, front)

    def note(self, pane: Pane, text: str) -> None:
        """Write `text` into the lower border of a pane; the timeline has only an upper one."""
        widget = self._panes[pane]
        content = Content(text)
        if pane is Pane.TIMELINE:
            title = Content(f"{pane.number} {pane.title}")
            title = title + Content.styled(f"  {text}", "$faint") if text else title
            if widget.border_title != title:
                widget.border_title = title
            return
        if widget.border_subtitle != content:
            widget.border_subtitle = content

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.set_class(small, "small")
        self.set_class(height >= TALL, "tall")
        self.set_class(height < SHORT, "short")
        if small:
            self.query_one("#small", Static).update(Content(_too_small(width, height)))


def _too_small(width: int, height: int) -> str:
    """What to say on so few cells: as much of it as they hold."""
    wanted = f"{SMALLEST[0]} × {SMALLEST[1]}"
    texts = (
        f"{width} × {height} is too small.\n"
        f"The player needs {wanted};\nenlarge the terminal, or q quits.",
        f"{width} × {height} is too small\n{wanted} is needed\nq quits",
        "too small\nq quits",
        "q quits",
    )
    for text in texts:
        lines = text.split("\n")
        if len(lines) <= height and max(map(len, lines)) <= width:
            return text
    return "q"


def _tabs(panes: list[Pane], front: Pane) -> Content:
    parts: list[Content] = []
    for pane in panes:
        if parts:
            parts.append(Content.styled(" · ", "$faint"))
        text = f"{pane.number} {pane.title}"
        parts.append(Content(text) if pane is front else Content.styled(text, "$faint"))
    return Content("").join(parts)
