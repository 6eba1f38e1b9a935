"""The diff panel's content: what differs between this moment and another one, or two frames."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from escope.tui.camera import Camera
from escope.tui.event_text import short_name
from escope.tui.messages import ChangesReady
from escope.tui.picture import ChangeLine, Changes, Picture
from escope.tui.plain import plain
from escope.tui.reader import Token, Work
from escope.tui.view import Compare, View

if TYPE_CHECKING:
    from escope.engine.replay.diff import Change
    from escope.engine.replay.state import FrameState

SHOWN = 500
"""Differences listed."""
WIDTH = 60


def compare(camera: Camera, view: View, picture: Picture) -> Work:
    """What differs between the moment of `picture` and the one that the view compares with."""

    def work(token: Token) -> ChangesReady:
        if view.compare is Compare.HERE:
            return ChangesReady(_frames(camera, picture, token))
        if view.compare is Compare.MARK and view.marked is not None:
            other = view.marks[view.marked]
            title = f"mark {view.marked}, position {other:,}"
        elif view.previous is not None and view.previous != view.seq:
            other = view.previous
            title = f"position {other:,}, before the last move"
        elif view.seq > 0:
            other = view.seq - 1
            title = f"position {other:,}, one event before"
        else:
            return ChangesReady(Changes("nothing: this is the first event", ()))
        earlier, later = sorted((other, view.seq))
        changes = camera.state(earlier).diff(camera.state(later))
        token.check()
        backward = other > view.seq
        if backward:
            title += " (later)"
        return ChangesReady(_listed(title, changes, token))

    return work


def _frames(camera: Camera, picture: Picture, token: Token) -> Changes:
    """This frame against the frame in which the same line ran the time before."""
    shown = picture.shown_frame
    if shown is None:
        return Changes("nothing: no frame is shown", ())
    recording = camera.recording
    now = camera.state(picture.seq).frame(shown.id)
    before = recording.timeline.run_to(shown.file, shown.line, picture.seq, backward=True)
    token.check()
    name = plain(short_name(shown.function))
    if before is None or now is None:
        return Changes(f"nothing: line {shown.line} of {name} did not run before", ())
    earlier = _frame_at(camera, before)
    if earlier is None or earlier.code.id != now.code.id:
        return Changes(f"nothing: line {shown.line} did not run in {name} before", ())
    same = "the same call" if earlier.id == now.id else "another call"
    title = f"{name} at line {shown.line} the time before, position {before:,}, {same}"
    return _listed(title, earlier.diff(now), token)


def _frame_at(camera: Camera, seq: int) -> FrameState | None:
    return camera.state(seq).frame(camera.recording.event(seq).frame)


def _listed(title: str, changes: Iterable[Change], token: Token) -> Changes:
    changes = list(changes)
    lines = []
    for change in islice(changes, SHOWN):
        token.check()
        lines.append(
            ChangeLine(
                change.op,
                plain(_place(change.path)),
                "" if change.before is None else _brief(change.before),
                "" if change.after is None else _brief(change.after),
            )
        )
    return Changes(title, tuple(lines), max(0, len(changes) - SHOWN))


def _brief(value: Any) -> str:
    return plain(value.summary(WIDTH)) if hasattr(value, "summary") else plain(str(value))


def _place(path: Iterable[Any]) -> str:
    return " ".join(map(str, path))
