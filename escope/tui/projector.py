"""Shows view and picture: fills the panes, the top line and the borders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escope.tui import moves
from escope.tui.plain import plain
from escope.tui.view import SPEEDS, Pane
from escope.tui.widgets.status import Headline

if TYPE_CHECKING:
    from escope.tui.app import Cinema
    from escope.tui.picture import EventLine, Picture


class Projector:
    """Fills the panes of one app from its view and its picture."""

    def __init__(self, app: Cinema) -> None:
        self._app = app

    @property
    def file(self) -> str | None:
        """The file in the source pane."""
        source = self._app.picture.source if self._app.picture is not None else None
        return source.text.file if source is not None else None

    @property
    def line(self) -> int | None:
        """The line that the source cursor is on."""
        if self._app.view.cursor is not None:
            return self._app.view.cursor
        source = self._app.picture.source if self._app.picture is not None else None
        return (source.line or source.near or None) if source is not None else None

    def picture(self) -> None:
        """Show the picture in every pane that depends on the position alone."""
        app = self._app
        picture, cinema, view = app.picture, app.cinema, app.view
        if picture is None:
            return
        self.source()
        cinema.state.show(picture.rows)
        cinema.stack.show(picture)
        cinema.events.show(view.seq, view.events)
        cinema.timeline.show(view.seq, view.marks)
        frame, thread = picture.shown_frame, picture.shown_thread
        cinema.note(Pane.STATE, plain(frame.function) if frame is not None else "")
        count = len(picture.threads)
        deep = f"{len(thread.frames)} deep" if thread is not None else ""
        cinema.note(Pane.STACK, f"{count} threads" if count > 1 else deep)
        self.headline()

    def source(self) -> None:
        """Show the source of the picture, with counts, breakpoints and cursor."""
        app = self._app
        part = app.picture.source if app.picture is not None else None
        file = part.text.file if part is not None else ""
        counts = app.counts if app.counts_file == file else {}
        stops = frozenset(line for name, line in app.view.breakpoints if name == file)
        app.cinema.source.show(part, counts, stops, app.view.cursor)
        if part is None:
            app.cinema.note(Pane.SOURCE, "")
            return
        line = self.line
        place = plain(file.rsplit("/", 1)[-1]) + (f":{line}" if line else "")
        # A number from when the recording was shorter is none; which lines ran stays true.
        known = app.counts_events == app.view.events
        times = counts.get(line or 0) if known else None
        app.cinema.note(Pane.SOURCE, f"{place}  ran ×{times:,} in all" if times else place)

    def headline(self) -> None:
        """Write the top line, the line of hints, and the note on the timeline."""
        app = self._app
        view, picture = app.view, app.picture
        badge, kind = self._badge()
        app.cinema.status.show(
            Headline(
                title=plain(self._title()),
                badge=plain(badge),
                badge_kind=kind,
                seq=view.seq,
                events=view.events,
                time_ns=picture.time_ns if picture is not None else 0,
                event=_told(picture.event) if picture is not None else "",
                thread=_thread_name(picture),
            )
        )
        hints = app.keymap.hints(app.cinema.focused_pane, app.cinema.typing)
        words = app.actions.driving.words()
        said = ((keys, words.get(key.action, key.hint), key.action) for keys, key in hints)
        app.cinema.bar.hints(tuple(hint for hint in said if hint[1]))
        app.cinema.note(Pane.TIMELINE, self._timeline_note())

    def _title(self) -> str:
        number = self._app.recording.number
        return f"{self._program()}, process {number}" if number else self._program()

    def _program(self) -> str:
        recording = self._app.recording
        argv = recording.manifest.get("argv")
        if isinstance(argv, list) and argv:
            words = [str(word) for word in argv]
            if words[0] in ("-m", "-c") and len(words) > 1:
                return f"{words[0]} {words[1]}"
            return words[0].rsplit("/", 1)[-1]
        return recording.path.name

    def _badge(self) -> tuple[str, str]:
        app = self._app
        if app.view.playing:
            return f"▶ {SPEEDS[app.view.speed]}/s", "playing"
        if app.live is not None:
            text, kind = app.live.badge()
            at_newest = app.view.follow or app.view.newest or not app.view.events
            if not at_newest and app.live.running:
                return f"◀ past · {text}", "past"
            return text, kind
        if app.recording.manifest.get("partial"):
            return "partial", "partial"
        return "", "recording"

    def _timeline_note(self) -> str:
        app = self._app
        if app.cinema.timeline.density is None:
            return ""
        parts = ["calls"]
        for name, word in (("exception", "raised"), ("output", "writes")):
            count = len(app.recording.marks(moves.MARKS[name]))
            if count:
                parts.append(f"{count:,} {word}")
        return " · ".join(parts)


def _told(event: EventLine) -> str:
    """The event's kind and text, the kind once."""
    return event.text if event.text.startswith(event.kind) else f"{event.kind}  {event.text}"


def _thread_name(picture: Picture | None) -> str:
    """The thread of the event, where there is more than one."""
    if picture is None or len(picture.threads) < 2:
        return ""
    for thread in picture.threads:
        if thread.id == picture.event_thread:
            return f"{thread.name} ·"
    return ""
