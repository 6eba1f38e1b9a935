"""What is noted of objects of the program without holding them: it goes when they go."""

from __future__ import annotations

import weakref
from typing import Any, Generic, TypeVar

from escope.engine.capture.unseen import unseen

Note = TypeVar("Note")


class _Mark(weakref.ref[Any]):
    __slots__ = ("address", "note")
    address: int
    note: Any


class Marks(Generic[Note]):
    """A note by object, by identity; objects that cannot be weakly referenced get none."""

    def __init__(self) -> None:
        self._marks: dict[int, _Mark] = {}
        self._when_gone = unseen(self._gone)

    def get(self, value: Any) -> Note | None:
        """What was noted of `value`; None if nothing was."""
        mark = self._marks.get(id(value))
        if mark is None or mark() is not value:
            return None
        note: Note = mark.note
        return note

    def put(self, value: Any, note: Note) -> None:
        """Note something of `value`, in place of what was noted before."""
        try:
            mark = _Mark(value, self._when_gone)
        except TypeError:
            return
        mark.address = id(value)
        mark.note = note
        self._marks[mark.address] = mark

    def _gone(self, mark: _Mark) -> None:
        # Called while the object is torn down; its address may have been taken by another one already.
        if self._marks.get(mark.address) is mark:
            del self._marks[mark.address]
