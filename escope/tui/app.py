"""The Cinema: composes the screen, routes keys to actions and facts to panes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App
from textual.screen import Screen

from escope.errors import RecordingError, UsageError
from escope.tui import messages, moves
from escope.tui.actions import Actions
from escope.tui.camera import Camera
from escope.tui.driving import PAUSING, RUNNING
from escope.tui.keys import Keymap, shown, token
from escope.tui.live import Live
from escope.tui.picture import Picture
from escope.tui.projector import Projector
from escope.tui.pulse import Pulse
from escope.tui.reader import Reader
from escope.tui.requests import Requests
from escope.tui.screens.cinema import CinemaScreen
from escope.tui.screens.leave import LeaveScreen
from escope.tui.screens.palette import Palette
from escope.tui.styles.colours import THEME
from escope.tui.supply import Supply
from escope.tui.view import Pane, View

if TYPE_CHECKING:
    from escope.engine.launch.session import Session
    from escope.engine.replay.recording import Recording

OPENING = 10.0
"""Seconds that a program has to begin its recording."""


class Cinema(Requests, App[None]):
    """The player on one recording, perhaps of a program that is running."""

    CSS_PATH = "styles/cinema.tcss"
    TITLE = "escope"
    COMMANDS: ClassVar[Any] = {lambda: Palette}
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(self, recording: Recording, session: Session | None = None) -> None:
        super().__init__()
        self.register_theme(THEME)
        self.theme = THEME.name
        self.recording = recording
        self.camera = Camera(recording)
        self.reader = Reader(self.post_message)
        self.live = Live(session, self.post_message) if session is not None else None
        self.keymap = Keymap(live=session is not None)
        self.view = View(
            events=recording.event_count,
            follow=session is not None,
            drawer=Pane.TERMINAL if session is not None else Pane.EVENTS,
            predicates=tuple(one["text"] for one in session.predicates) if session else (),
        )
        self.picture: Picture | None = None
        self.counts: Mapping[int, int] = {}
        self.counts_file = ""
        self.counts_events = -1
        self.actions = Actions(self)
        self.projector = Projector(self)
        self.supply = Supply(self)
        self.pulse = Pulse(self)
        self._typed: tuple[str, ...] = ()
        self._cinema: CinemaScreen | None = None
        self._opened = False

    @property
    def cinema(self) -> CinemaScreen:
        """The main screen."""
        assert self._cinema is not None
        return self._cinema

    def get_default_screen(self) -> Screen[None]:
        self._cinema = CinemaScreen(self.live is not None, self.view)
        return self._cinema

    def on_cinema_screen_ready(self, message: CinemaScreen.Ready) -> None:
        self._opened = True
        self.go(self.view.stage)
        if self.live is not None:
            if self.live.running and not self.live.paused:
                self.go(Pane.TERMINAL)
            # A short program was quicker than the screen.
            self.program_changed()
        self.pulse.start()
        if not self.is_headless:
            # Ends as a key would end it: with the terminal as it was.
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self.exit)
        self.projector.headline()
        if self.view.events:
            self.request_picture()
        else:
            self.cinema.nothing()

    def on_unmount(self) -> None:
        self.reader.close()
        if self.live is not None:
            self.live.close()

    # -- keys -------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded and self._key(event):
            return
        if isinstance(event, events.Paste) and self._hidden:
            return
        await super().on_event(event)

    @property
    def _hidden(self) -> bool:
        """Whether the panes are what keys are for, and cannot be seen."""
        return self._cinema is not None and self.screen is self._cinema and self._cinema.small

    def _key(self, event: events.Key) -> bool:
        """Whether the key was one of the table's, or was typed for the program."""
        if self._hidden:
            # Nothing must happen unseen; what the screen offers is to quit.
            if token(event.key, event.character) == "q":
                self.act("quit")
            return True
        if self._cinema is None or self.screen is not self._cinema or self.cinema.bar.purpose:
            return False
        pane = self.cinema.focused_pane
        name = token(event.key, event.character)
        terminal = self.cinema.terminal
        if self.cinema.typing and terminal is not None and name != "ctrl+]":
            terminal.type_key(event)
            return True
        typed = (*self._typed, name)
        match = self.keymap.match(typed, pane)
        self._typed = ()
        self.cinema.bar.pending("", ())
        if match.key is not None:
            self.act(match.key.action, match.letter)
            return True
        if match.continues:
            self._typed = typed
            words = tuple((shown(name), key.title) for name, key in match.continues)
            self.cinema.bar.pending("".join(map(shown, typed)), words)
            return True
        # The rest of a sequence that does not exist is not a key of its own.
        return len(typed) > 1 or name in ("tab", "shift+tab")

    def act(self, action: str, letter: str = "") -> None:
        """Do what the table of keys calls `action`."""
        self.cinema.bar.quiet()
        self.actions.do(action, letter)

    async def action_quit(self) -> None:
        self.act("quit")

    def action_act(self, action: str) -> None:
        """For clicks on the line of hints."""
        self.act(action)

    def action_help_quit(self) -> None:
        self.say("q quits")

    def say(self, text: str, level: str = "info") -> None:
        """Show a message until the next key."""
        self.cinema.bar.say(text, level)

    # -- the view ---------------------------------------------------------------------------------

    def set_view(self, view: View) -> None:
        """Have `view` from now on, and show it."""
        old, self.view = self.view, view
        if view == old:
            return
        cinema = self.cinema
        if (view.stage, view.drawer, view.zoomed) != (old.stage, old.drawer, old.zoomed):
            cinema.lay_out(view)
            self.supply.panels(force=True)
        moved = _subject(view) != _subject(old)
        if moved:
            self.request_picture()
        elif _beside(view) != _beside(old):
            self.projector.source()
        if _compared(view) != _compared(old):
            self.supply.panels(force=True)
        if not moved:
            # Otherwise the picture that was asked for shows all of it at once.
            cinema.timeline.show(view.seq, view.marks)
            if view.events != old.events:
                cinema.events.show(view.seq, view.events)
        if view.playing != old.playing:
            self.pulse.playing(view.playing)
        if not moved:
            self.projector.headline()

    def go(self, pane: Pane) -> None:
        """Bring a pane to the front and give it the focus."""
        self.set_view(self.view.fronted(pane))
        widget = self.cinema.widget_of(pane)
        self.cinema.set_focus(widget, scroll_visible=False)

    def request_picture(self) -> None:
        """Have the picture of the position made."""
        if self.view.events:
            view = self.view
            self.reader.mover.show(
                lambda token: messages.PictureReady(self.camera.take(view, token))
            )

    # -- facts from the reader --------------------------------------------------------------------

    def on_move_done(self, message: messages.MoveDone) -> None:
        if message.seq is None:
            self.set_view(self.view.play(False))
            self.say(f"no {message.title}" if message.title else "nothing there")
        elif message.seq == self.view.seq:
            self.set_view(self.view.moved(message.seq))
        else:
            self.set_view(self.view.moved(message.seq, message.jump))

    def on_picture_ready(self, message: messages.PictureReady) -> None:
        picture = message.picture
        if picture.seq != self.view.seq:
            return
        self.picture = picture
        self.projector.picture()
        self.supply.panels()
        self.supply.density()

    def on_counts_ready(self, message: messages.CountsReady) -> None:
        self.counts, self.counts_file = message.counts, message.file
        self.counts_events = message.events
        self.projector.source()

    def on_events_ready(self, message: messages.EventsReady) -> None:
        self.cinema.events.receive(message.page, message.lines)

    def on_density_ready(self, message: messages.DensityReady) -> None:
        self.cinema.timeline.receive(message.density)
        self.projector.headline()

    def on_output_ready(self, message: messages.OutputReady) -> None:
        self.cinema.output.show(message.lines)

    def on_changes_ready(self, message: messages.ChangesReady) -> None:
        self.cinema.diff.show(message.changes)

    def on_flow_ready(self, message: messages.FlowReady) -> None:
        source = self.picture.source if self.picture is not None else None
        self.cinema.flow.show(message.flow, source.line if source is not None else 0)
        self.cinema.note(Pane.FLOW, message.flow.function if message.flow is not None else "")

    def on_evaluated(self, message: messages.Evaluated) -> None:
        self.say(f"{message.expression}  =  {message.result}")

    def on_work_failed(self, message: messages.WorkFailed) -> None:
        self.set_view(self.view.play(False))
        self.say(message.text, "wrong")

    def on_work_cancelled(self, message: messages.WorkCancelled) -> None:
        self.set_view(self.view.play(False))
        self.say("given up")

    def on_grown(self, message: messages.Grown) -> None:
        if message.events != self.view.events:
            self.set_view(self.view.grew(message.events))
            self.supply.density()
        mover = self.reader.mover
        if self.view.follow and not self.view.newest and not mover.waiting:
            mover.move("", moves.to(lambda: self.recording.event_count - 1))
        self.projector.headline()

    def on_terminal_changed(self, message: messages.TerminalChanged) -> None:
        if self.live is not None and self.cinema.terminal is not None:
            self.cinema.terminal.show(self.live.console.look())

    def on_program_changed(self, message: messages.ProgramChanged) -> None:
        if self._opened:
            self.program_changed()

    def program_changed(self) -> None:
        """Show what the program is doing; where it does not read, the keys are the player's."""
        assert self.live is not None
        terminal = self.cinema.terminal
        assert terminal is not None
        if not self.live.running and terminal.alive:
            terminal.ended()
            self._take_keys()
            if isinstance(self.screen, LeaveScreen):
                self.screen.dismiss("stay")
            self.say(f"the program has ended: {self.live.badge()[0].removeprefix('■ ')}")
        elif self.live.paused:
            self._take_keys()
            if self.cinema.bar.message in (PAUSING, RUNNING):
                self.cinema.bar.quiet()
        if problem := self.live.problem():
            self.say(problem, "wrong")
        self.pulse.watch()
        self.projector.headline()

    def _take_keys(self) -> None:
        if self.cinema.focused is self.cinema.terminal:
            self.actions.do("leave_terminal")

    def on_program_stopped(self, message: messages.ProgramStopped) -> None:
        self.exit()


def _subject(view: View) -> tuple[object, ...]:
    """What a picture is of."""
    return (
        view.seq, view.previous, view.thread, view.up, view.file, view.expanded, view.grown
    )  # fmt: skip


def _compared(view: View) -> tuple[object, ...]:
    """What the moment is compared with."""
    return view.compare, view.point, view.marked, view.marks


def _beside(view: View) -> tuple[object, ...]:
    """What the source pane shows that is in no picture."""
    return view.cursor, view.breakpoints, view.events


def run(path: str | os.PathLike[str], session: Session | None = None, *, process: int = 0) -> int:
    """Play what `process` did in the recording at `path`; with `session` the one that its program is making.

    Returns the exit status: 0, or 70 where the player itself failed.
    Raises UsageError without a terminal, RecordingError for a bad recording.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the player needs a terminal for its input and its output")
    recording = open_recording(path, OPENING if session is not None else 0)
    with recording:
        app = Cinema(recording.process(process), session)
        app.run()
    return 70 if app.return_code else 0


def open_recording(path: str | os.PathLike[str], seconds: float = 0) -> Recording:
    """The recording; one that is only beginning may take up to `seconds` to become readable."""
    from escope.engine.replay.recording import Recording

    until = time.monotonic() + seconds
    while True:
        try:
            return Recording.open(path)
        except RecordingError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.05)
