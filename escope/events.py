"""The vocabulary: kinds of events, ids that cross modules, labels.

Everything here is plain data from the standard library, so that the recorded process can import it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NewType

Seq = NewType("Seq", int)
"""Place of an event in the one total order of its process, from 0."""
FrameId = NewType("FrameId", int)
"""One activation of a code object, from 1; 0 means no frame. Kept across suspensions."""
ThreadId = NewType("ThreadId", int)
"""escope's own number of a thread, from 1."""
SiteId = NewType("SiteId", int)
"""A static place that can emit events; see `storage/rows.py` for the numbers below `FIRST_SITE`."""
CodeId = NewType("CodeId", int)
"""An instrumented code object, from 1."""
ObjectId = NewType("ObjectId", int)
"""escope's own number of an object, from 1, never reused in a recording."""
TaskId = NewType("TaskId", int)
"""escope's own number of an asyncio task, from 1; 0 means that no task is running."""
MessageId = NewType("MessageId", int)
"""What a SEND and its RECEIVE, or an ACQUIRE and its RELEASE, have in common, from 1; 0 means unknown."""


class Kind(IntEnum):
    """What an event says; the numbers are stored in recordings."""

    LINE = 1
    CALL = 2
    RETURN = 3
    YIELD = 4
    RESUME = 5
    RAISE = 6
    HANDLE = 7
    UNWIND = 8
    STORE = 9
    DELETE = 10
    SETATTR = 11
    DELATTR = 12
    SETITEM = 13
    DELITEM = 14
    MUTATE = 15
    OUTPUT = 16
    THREAD_START = 17
    THREAD_END = 18
    HIT = 19
    FORK = 20
    TASK_CREATE = 24
    TASK_SWITCH = 25
    TASK_AWAIT = 26
    TASK_CANCEL = 27
    TASK_DONE = 28
    SEND = 29
    RECEIVE = 30
    ACQUIRE = 31
    RELEASE = 32

    @property
    def label(self) -> str:
        """The name used on the command line and in JSON, e.g. ``thread-start``."""
        return self.name.lower().replace("_", "-")


KIND_BY_LABEL = {kind.label: kind for kind in Kind}

CONTEXT_KINDS = frozenset({Kind.CALL, Kind.RETURN, Kind.YIELD, Kind.RESUME, Kind.UNWIND})
"""Kinds after which another frame of the thread is the current one."""


TASK_KINDS = frozenset(
    {Kind.TASK_CREATE, Kind.TASK_SWITCH, Kind.TASK_AWAIT, Kind.TASK_CANCEL, Kind.TASK_DONE}
)
"""Kinds that speak of one asyncio task."""
MESSAGE_KINDS = frozenset({Kind.SEND, Kind.RECEIVE, Kind.ACQUIRE, Kind.RELEASE})
"""Kinds that carry a `MessageId`."""


class Operation(IntEnum):
    """What was done, in the words of the method that did it; the numbers are stored in recordings."""

    PUT = 1
    GET = 2
    SUBMIT = 3
    RUN = 4
    SET_RESULT = 5
    SET_EXCEPTION = 6
    RESULT = 7
    EXCEPTION = 8
    SET = 9
    WAIT = 10
    NOTIFY = 11
    ACQUIRE = 12
    RELEASE = 13
    RETURNED = 14
    """How a task ended; the two behind it as well."""
    RAISED = 15
    CANCELLED = 16

    @property
    def text(self) -> str:
        """The word used in JSON and in the player, e.g. ``set_result``."""
        return self.name.lower()


class Label(IntEnum):
    """Why a value is not exact; the numbers are stored in recordings."""

    EXACT = 0
    TRUNCATED = 1
    OPAQUE = 2
    UNOBSERVED = 3
    REDACTED = 4
    DROPPED = 5

    @property
    def text(self) -> str:
        """The word used in JSON and in the player, e.g. ``truncated``."""
        return self.name.lower()
