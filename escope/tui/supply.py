"""Asks the reader for what the visible panels need, when it is not there or has become old."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from escope.tui import panels
from escope.tui.camera import Camera
from escope.tui.comparison import compare
from escope.tui.flows import flow_of
from escope.tui.view import Pane

if TYPE_CHECKING:
    from escope.tui.app import Cinema

RECOUNT = 0.5
"""Seconds between two counts over a recording that grows."""


class Supply:
    """Keeps the panels of one app supplied; each lane of the reader has a camera of its own."""

    def __init__(self, app: Cinema) -> None:
        self._app = app
        self.panel_camera = Camera(app.recording)
        self.count_camera = Camera(app.recording)
        self.columns = 0
        """Columns of the timeline."""
        self._dense, self._dense_at = -1, -RECOUNT
        self._counted, self._counted_at = -1, -RECOUNT

    def panels(self, force: bool = False) -> None:
        """Ask for what the visible panels need at the position."""
        app = self._app
        picture, view, recording = app.picture, app.view, app.recording
        if not view.events:
            return
        lane, counts = app.reader.panels, app.reader.counts
        if app.cinema.in_sight(Pane.OUTPUT, view):
            lane.ask("output", panels.output(recording, view.seq))
        if picture is None or picture.seq != view.seq:
            return
        if app.cinema.in_sight(Pane.DIFF, view):
            counts.ask("changes", compare(self.count_camera, view, picture))
        if app.cinema.in_sight(Pane.FLOW, view):
            counts.ask("flow", flow_of(self.count_camera, picture))
        file = app.projector.file
        if file is not None and (force or file != app.counts_file):
            self._count(file)
        else:
            self.recount()

    def recount(self) -> None:
        """Ask for the counts again, if the recording has grown since, but not too often."""
        app = self._app
        picture, view, file = app.picture, app.view, app.projector.file
        due = time.monotonic() - self._counted_at > RECOUNT
        current = app.counts_events == view.events == self._counted
        # Work of the same topic is given up for new work: what takes long must come to an end.
        if file is None or picture is None or current or not due or not app.reader.counts.idle:
            return
        self._count(file)
        if app.cinema.in_sight(Pane.FLOW, view):
            app.reader.counts.ask("flow", flow_of(self.count_camera, picture))

    def _count(self, file: str) -> None:
        self._counted, self._counted_at = self._app.view.events, time.monotonic()
        self._app.reader.counts.ask("counts", panels.counts(self._app.recording, file))

    def events(self, page: int) -> None:
        """Ask for a page of the event list."""
        work = panels.events(self.panel_camera, page)
        self._app.reader.panels.ask(f"events {page}", work)

    def density(self, at_once: bool = False) -> None:
        """Ask for the timeline, if the recording has grown since, but not too often."""
        app = self._app
        now = time.monotonic()
        due = now - self._dense_at > RECOUNT and self._dense != app.view.events
        if self.columns and app.view.events and (due or at_once):
            self._dense, self._dense_at = app.view.events, now
            app.reader.counts.ask("density", panels.density(app.recording, self.columns))
