"""What an expression is at a moment, in the shown frame."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from escope.errors import UsageError
from escope.tui.camera import Camera
from escope.tui.messages import Evaluated
from escope.tui.plain import plain
from escope.tui.reader import Token, Work
from escope.tui.view import View

if TYPE_CHECKING:
    from escope.engine.replay.state import FrameState

WIDTH = 200
PARTS = 20
DEEPEST = 3


def evaluate(camera: Camera, view: View, text: str) -> Work:
    """The value of `text` in the frame that the view shows.

    Raises PredicateError where it is no expression, UsageError where it has no value.
    """

    def work(token: Token) -> Evaluated:
        from escope.engine.predicate import Unanswerable, compile_predicate
        from escope.engine.replay.scope import FrameScope

        predicate = compile_predicate(text)
        state = camera.state(view.seq)
        number = view.thread if view.thread is not None else camera.recording.event(view.seq).thread
        thread = next((one for one in state.threads if one.id == number), None)
        if thread is None or not thread.frames:
            raise UsageError("no frame runs at this moment, so there are no names to look up")
        frame = thread.frames[max(0, len(thread.frames) - 1 - view.up)]
        try:
            value = predicate.value(FrameScope(frame))
        except Unanswerable as error:
            missing = [n for n in sorted(predicate.names) if not _known(frame, n)]
            reason = f"there is no {', '.join(missing)} here" if missing else str(error)
            raise UsageError(f"{plain(text)} has no value: {plain(reason)}") from None
        return Evaluated(plain(text), show(frame, value)[:WIDTH])

    return work


def _known(frame: FrameState, name: str) -> bool:
    return name in frame.variables or name in frame.globals()


def show(frame: FrameState, value: Any, depth: int = 0) -> str:
    """The value as text that is safe to show."""
    from escope.engine.predicate.values import Box, TypeRef
    from escope.engine.replay.scope import RecordedHandle
    from escope.storage.rows import Tag

    if isinstance(value, RecordedHandle):
        return plain(frame.state.value((int(Tag.OBJECT), int(str(value.identity)))).summary(WIDTH))
    if isinstance(value, Box):
        if depth >= DEEPEST:
            return f"<{value.kind}>"
        values = islice(value.values(), PARTS)
        parts = ", ".join(show(frame, one, depth + 1) for one in values)
        more = ", …" if len(value) > PARTS else ""
        return f"{value.kind}({parts}{more})"
    if isinstance(value, TypeRef):
        return f"<class {plain(value.name)}>"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 4096:
        return hex(value)[:WIDTH]
    return plain(repr(value))
