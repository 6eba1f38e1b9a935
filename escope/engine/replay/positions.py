"""Positions as a person writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from escope.errors import PositionError, UsageError
from escope.events import Kind, Seq

if TYPE_CHECKING:
    from escope.engine.replay.recording import Recording

_FORMS = (
    "a number, start, end, exception, or a percentage such as 50%; 2:NUMBER and so on in process 2"
)


def resolve(recording: Recording, text: str) -> Seq:
    """The seq that `text` names; see `Recording.position`."""
    count = recording.event_count
    if count == 0:
        raise PositionError("the recording has no events")
    word = text.strip().lower()
    if word == "start":
        return Seq(0)
    if word == "end":
        return Seq(count - 1)
    if word == "exception":
        return exception(recording)
    if word.endswith("%"):
        try:
            share = float(word[:-1])
        except ValueError:
            raise UsageError(f"{text!r} is not a position: use {_FORMS}") from None
        if not 0 <= share <= 100:
            raise PositionError(f"{text!r} is not between 0% and 100%")
        return Seq(round((count - 1) * share / 100))
    process, number = split(word)
    if process is not None and process != recording.number:
        raise PositionError(f"{text} is a position of another process than {recording.number}")
    if not (number.isascii() and number.isdigit()):
        raise UsageError(f"{text!r} is not a position: use {_FORMS}")
    if len(number) > 18 or int(number) >= count:
        raise PositionError(
            f"position {text} is outside the recording, which has events 0 to {count - 1}"
        )
    return Seq(int(number))


def split(text: str) -> tuple[int | None, str]:
    """The process that a position names, None without one, and the position in it.

    Raises UsageError where what stands before the colon is no number.
    """
    process, colon, rest = text.strip().rpartition(":")
    if not colon:
        return None, text
    if not (process.isascii() and process.isdigit() and len(process) < 10):
        raise UsageError(f"{text!r} is not a position: use {_FORMS}")
    return int(process), rest


def exception(recording: Recording) -> Seq:
    """The last raise whose exception left a thread's outermost frame, else the last raise.

    Raises PositionError where nothing was raised.
    """
    raises = recording.marks(Kind.RAISE)
    if not len(raises):
        raise PositionError("no exception was raised in this recording")
    ends = recording.store.outermost_ends()
    for end in reversed(ends.tolist()):
        event = recording.event(end)
        if event.kind_id is not Kind.UNWIND:
            continue
        value = event.value
        if value is None:
            continue
        before = raises[: np.searchsorted(raises, end)]
        for seq in before[::-1].tolist():
            raised = recording.event(seq)
            if raised.value is not None and raised.value.raw == value.raw:
                return Seq(seq)
    return Seq(int(raises[-1]))
