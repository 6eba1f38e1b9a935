"""What the widgets ask for, handed to those who do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events

from escope.tui.view import Pane
from escope.tui.widgets.bar import Bar
from escope.tui.widgets.event_list import EventList
from escope.tui.widgets.flow import FlowView
from escope.tui.widgets.output import Output
from escope.tui.widgets.source import Source
from escope.tui.widgets.stack import Stack
from escope.tui.widgets.state_tree import StateTree
from escope.tui.widgets.terminal import Terminal
from escope.tui.widgets.timeline import Timeline

if TYPE_CHECKING:
    from escope.tui.actions import Actions
    from escope.tui.live import Live
    from escope.tui.projector import Projector
    from escope.tui.supply import Supply
    from escope.tui.view import View


class Requests:
    """The part of the app that receives the widgets' messages."""

    actions: Actions
    live: Live | None
    projector: Projector
    supply: Supply
    view: View

    if TYPE_CHECKING:

        def set_view(self, view: View) -> None: ...

        def go(self, pane: Pane) -> None: ...

    def on_source_cursor_moved(self, message: Source.CursorMoved) -> None:
        self.set_view(self.view.with_cursor(message.line))

    def on_flow_view_line_picked(self, message: FlowView.LinePicked) -> None:
        self.set_view(self.view.with_cursor(message.line))
        self.go(Pane.SOURCE)

    def on_state_tree_toggled(self, message: StateTree.Toggled) -> None:
        self.set_view(self.view.toggled(message.path))

    def on_state_tree_more_wanted(self, message: StateTree.MoreWanted) -> None:
        self.set_view(self.view.grow(message.path))

    def on_stack_frame_picked(self, message: Stack.FramePicked) -> None:
        self.set_view(self.view.on_frame(message.up))

    def on_stack_thread_picked(self, message: Stack.ThreadPicked) -> None:
        self.set_view(self.view.on_thread(message.thread))

    def on_event_list_wanted(self, message: EventList.Wanted) -> None:
        self.supply.events(message.page)

    def on_event_list_picked(self, message: EventList.Picked) -> None:
        self.actions.seek(message.seq, jump=False)

    def on_timeline_wanted(self, message: Timeline.Wanted) -> None:
        self.supply.columns = message.columns
        self.supply.density(at_once=True)

    def on_timeline_picked(self, message: Timeline.Picked) -> None:
        self.actions.seek(message.seq)

    def on_output_picked(self, message: Output.Picked) -> None:
        self.actions.seek(message.seq)

    def on_terminal_typed(self, message: Terminal.Typed) -> None:
        if self.live is not None:
            self.live.type(message.data)

    def on_terminal_sized(self, message: Terminal.Sized) -> None:
        if self.live is not None:
            self.live.resize(message.rows, message.columns)

    def on_bar_typed(self, message: Bar.Typed) -> None:
        self.actions.typed(message.purpose, message.text)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.projector.headline()
