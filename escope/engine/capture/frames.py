"""The recorder's own picture of the running threads: which frames each is in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from escope.engine.capture.core import CORE
from escope.engine.capture.objects import Followed
from escope.engine.capture.sites import CodeRecord

Suspect = tuple[Any, bool, str, tuple[Any, ...]]
"""(object, deep, operation, arguments): something unseen code may change; deep: what it refers to as well."""

Counted = tuple[Any, int]
"""(object, references to it before the call): something that unseen code may keep."""


class FrameRecord:
    """One activation of an instrumented code object."""

    __slots__ = (
        "_receivers",
        "address",
        "cells",
        "code",
        "counted",
        "exception",
        "frame_id",
        "passive",
        "pending",
        "raising",
        "saved",
        "site",
        "suspended_line",
        "truths",
    )

    def __init__(self, frame_id: int, code: CodeRecord, site: int) -> None:
        self.frame_id = frame_id
        self.code = code
        self.site = site
        self.address = 0
        """Address of the frame object; it stays the same over suspensions."""
        self.passive = False
        """On the stack only because an exception was thrown through it into what it delegates to."""
        self.suspended_line = 0
        """Where it was suspended last."""
        self.cells: dict[int, Followed] = {}
        """By slot: the cell that the variable lives in now."""
        self.saved: dict[int, list[Followed | None]] = {}
        """By slot: the cells that inlined comprehensions put aside."""
        self.pending: list[Suspect] = []
        """To be checked at this frame's next probe."""
        self.counted: list[Counted] = []
        """What the pending call may have kept: more references to it afterwards tell."""
        self._receivers: dict[int, tuple[Any, str, bool]] = {}
        self.exception = 0
        """Id of the exception that reached a handler of this frame and was not caught yet."""
        self.truths: dict[int, bool] | None = None
        """What predicates were at the last line moment, by number."""
        self.raising = False
        """A raise statement was reached."""

    def suspect(self, suspects: list[Suspect]) -> None:
        """Add to what is to be checked at this frame's next probe."""
        self.pending = [*self.pending, *suspects] if self.pending else suspects

    def receive(self, depth: int, value: Any, name: str, by_super: bool) -> None:
        """Note that method `name` of `value` was looked up, and is to be called later.

        `depth` is the place on the stack; `by_super`: through `super()`, in one instruction.
        """
        self._receivers[depth] = (value, name, by_super)

    def take_receiver(self, depth: int) -> tuple[Any, str, bool] | None:
        """What was noted for `depth`; it is forgotten."""
        return self._receivers.pop(depth, None)

    def forget_receivers(self) -> None:
        """An exception took away what was on the stack."""
        self._receivers.clear()


class ThreadRecord:
    """One thread that ran instrumented code."""

    __slots__ = ("busy", "deferred", "number", "stack", "unwound")

    def __init__(self, number: int) -> None:
        self.number = number
        self.stack: list[FrameRecord] = []
        self.busy = False
        """A probe is at work; what fires meanwhile (signal handlers, finalizers) is deferred."""
        self.deferred: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self.unwound: int = 0
        """Id of the exception that just left a frame of this thread."""

    def top(self) -> FrameRecord | None:
        """The current frame, if any."""
        return self.stack[-1] if self.stack else None

    def caller_id(self) -> int:
        """Id of the frame below the current one, 0 if none."""
        return self.stack[-2].frame_id if len(self.stack) > 1 else 0


if not TYPE_CHECKING and CORE == "c":
    from escope.engine.capture import _probes

    FrameRecord, ThreadRecord = _probes.FrameRecord, _probes.ThreadRecord
