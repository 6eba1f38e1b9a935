"""The diff panel's content: what differs between this moment and another one, or two frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from escope.tui.camera import Camera
from escope.tui.event_text import short_name
from escope.tui.messages import ChangesReady
from escope.tui.picture import ChangeLine, Changes, Picture
from escope.tui.plain import cut, plain
from escope.tui.reader import Token, Work
from escope.tui.view import Compare, View

if TYPE_CHECKING:
    from escope.engine.replay.content import Content
    from escope.engine.replay.contents import Contents, Place
    from escope.engine.replay.diff import Change
    from escope.engine.replay.state import FrameState, State

_WITH_OPERAND = frozenset({"thread", "frame", "variable", "item", "key", "element", "attribute"})

OBJECTS = 10_000
"""Objects that one comparison looks into on either side."""
_TOO_MUCH = ChangeLine(
    "note", f"more than {OBJECTS:,} objects to compare; choose a nearer moment", "", ""
)
SHOWN = 500
"""Differences listed."""
WIDTH = 60


class TooMuch(Exception):
    """The comparison has looked into as many objects as it may."""


class Counted:
    """The contents of a state, for one comparison that can be given up and has a bound."""

    def __init__(self, contents: Contents, token: Token) -> None:
        self._contents = contents
        self._token = token
        self._left = OBJECTS

    def __getattr__(self, name: str) -> Any:
        return getattr(self._contents, name)

    def at(self, object_id: int, place: Place) -> Content | None:
        """As `Contents.at`.  Raises Cancelled, and TooMuch beyond the bound."""
        self._token.check()
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        return self._contents.at(object_id, place)


def bound_work(first: State, second: State, token: Token) -> None:
    """Have comparisons of the two states give up when the token says so, and beyond the bound."""
    for state in (first, second):
        state.view.contents = Counted(state.view.contents, token)  # type: ignore[assignment]


def compare(camera: Camera, view: View, picture: Picture) -> Work:
    """What differs between the moment of `picture` and the one that the view compares with."""

    def work(token: Token) -> ChangesReady:
        if view.compare is Compare.HERE:
            return ChangesReady(_frames(camera, picture, token))
        if view.compare is Compare.MARK and view.marked is not None:
            other = view.marks[view.marked]
            title = f"mark {view.marked}, position {other:,}"
        elif view.compare is Compare.POINT and view.point is not None:
            other = view.point
            title = f"position {other:,}"
        elif view.previous is not None and view.previous != view.seq:
            other = view.previous
            title = f"position {other:,}, before the last move"
        elif view.seq > 0:
            other = view.seq - 1
            title = f"position {other:,}, one event before"
        else:
            return ChangesReady(Changes("nothing: this is the first event", ()))
        earlier, later = sorted((other, view.seq))
        first, second = camera.recording.at(earlier), camera.recording.at(later)
        bound_work(first, second, token)
        if other > view.seq:
            title += " (later)"
        try:
            functions = _functions(first, second)
            return ChangesReady(_listed(title, first.diff(second), functions, token))
        except TooMuch:
            return ChangesReady(Changes(title, (_TOO_MUCH,)))

    return work


def _frames(camera: Camera, picture: Picture, token: Token) -> Changes:
    """This frame against the frame in which the same line ran the time before."""
    shown = picture.shown_frame
    if shown is None:
        return Changes("nothing: no frame is shown", ())
    recording = camera.recording
    now = recording.at(picture.seq).frame(shown.id)
    here = picture.seq
    if (picture.event.kind, recording.event(here).frame) != ("line", shown.id):
        # Within the line: its own beginning is not the time before.
        begun = recording.timeline.run_to(shown.file, shown.line, here, backward=True)
        here = here if begun is None else begun
    before = recording.timeline.run_to(shown.file, shown.line, here, backward=True)
    token.check()
    name = plain(short_name(shown.function))
    if before is None or now is None:
        return Changes(f"nothing: line {shown.line} of {name} did not run before", ())
    earlier = _frame_at(camera, before)
    if earlier is None or earlier.code.id != now.code.id:
        return Changes(f"nothing: line {shown.line} did not run in {name} before", ())
    same = "the same call" if earlier.id == now.id else "another call"
    title = f"{name} at line {shown.line} the time before, position {before:,}, {same}"
    bound_work(earlier.state, now.state, token)
    try:
        return _listed(title, earlier.diff(now), {}, token)
    except TooMuch:
        return Changes(title, (_TOO_MUCH,))


def _frame_at(camera: Camera, seq: int) -> FrameState | None:
    return camera.recording.at(seq).frame(camera.recording.event(seq).frame)


def _listed(
    title: str, changes: Iterable[Change], functions: dict[int, str], token: Token
) -> Changes:
    changes = list(changes)
    lines = []
    for change in changes[:SHOWN]:
        token.check()
        lines.append(
            ChangeLine(
                change.op,
                place_of(change.path, functions),
                _brief(change.before),
                _brief(change.after),
            )
        )
    return Changes(title, tuple(lines), max(0, len(changes) - SHOWN))


def _functions(*states: State) -> dict[int, str]:
    """The names of the functions of all frames in the states, by frame."""
    return {
        frame.id: plain(short_name(frame.function))
        for state in states
        for thread in state.threads
        for frame in thread.frames
    }


def place_of(path: Iterable[Any], functions: dict[int, str]) -> str:
    """The path of a change as people write it: ``main: rows[3].name``."""
    steps = list(path)
    parts: list[str] = []
    while steps:
        word = str(steps.pop(0))
        if word not in _WITH_OPERAND:
            parts.append(word if parts and parts[-1].endswith(": ") else f" ({word})")
            continue
        operand = steps.pop(0) if steps else ""
        if word == "thread":
            parts = [f"thread {operand}: "] if not steps or steps[0] != "frame" else []
        elif word == "frame":
            parts = [f"{functions.get(int(operand), f'frame {operand}')}: "]
        elif word == "variable":
            parts.append(plain(str(operand)))
        elif word == "attribute":
            parts.append(f".{plain(str(operand))}")
        elif word == "element":
            parts.append(f" {{{_brief(operand)}}}")
        else:
            parts.append(f"[{_brief(operand) if word == 'key' else operand}]")
    return "".join(parts).strip().removesuffix(":")


def _brief(value: Any) -> str:
    """One line about a value, or about the document of one, of a frame, of a thread."""
    if value is None:
        return ""
    if not isinstance(value, dict):
        return plain(value.summary(WIDTH)) if hasattr(value, "summary") else plain(str(value))
    if "repr" in value:
        return cut(plain(str(value["repr"])), WIDTH)
    if "function" in value:
        return plain(f"frame at line {value.get('line')}")
    if "ref" in value:
        return f"object {value['ref']}"
    kind = str(value.get("type", value.get("name", "")))
    return plain(f"{kind.rpartition('.')[2]} ({value['length']})" if "length" in value else kind)
