"""What happens by the clock: playing, looking whether the recording has grown, saying what takes long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.timer import Timer

from escope.tui import moves
from escope.tui.messages import Grown
from escope.tui.view import SPEEDS

if TYPE_CHECKING:
    from escope.tui.app import Cinema

TICK = 0.1
PATIENCE = 0.25
"""Seconds after which work is said to be going on."""


class Pulse:
    """The clocks of one app."""

    def __init__(self, app: Cinema) -> None:
        self._app = app
        self._player: Timer | None = None
        self._next_step = 0.0
        self._said = False

    def start(self) -> None:
        """Start the clocks."""
        self._app.set_interval(TICK, self._tick)
        self._player = self._app.set_interval(1 / SPEEDS[-1], self._play, pause=True)

    def playing(self, playing: bool) -> None:
        """Play from now on, or do not."""
        if self._player is not None:
            (self._player.resume if playing else self._player.pause)()

    def watch(self) -> None:
        """Have a growing recording looked at."""
        app = self._app
        if app.reader.watch.idle and (app.recording.live or app.live is not None):
            app.reader.watch.ask("grow", self._look)

    def _tick(self) -> None:
        app = self._app
        busy = app.reader.mover.busy_with
        if busy is not None and busy[0] and busy[1] > PATIENCE:
            self._said = True
            app.say(f"looking for: {busy[0]}  ({busy[1]:.0f} s, Esc gives up)", "busy")
        elif self._said:
            self._said = False
            if app.cinema.bar.message.startswith("looking for"):
                app.cinema.bar.quiet()
        if app.live is not None or app.recording.live:
            self.watch()
        app.supply.density()
        app.supply.recount()

    def _look(self, token: object) -> Grown | None:
        app = self._app
        before = app.view.events
        app.recording.refresh()
        count = app.recording.event_count
        if count == before and not (app.view.follow and not app.view.newest):
            return None
        return Grown(count, app.recording.live)

    def _play(self) -> None:
        app = self._app
        now = time.monotonic()
        if not app.view.playing or now < self._next_step or not app.reader.mover.idle:
            return
        self._next_step = max(now, self._next_step + 1 / SPEEDS[app.view.speed])
        step = moves.step(app.recording, "step_into")
        app.reader.mover.move("later line: this is the end", step)
