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

    @property
    def label(self) -> str:
        """The name used on the command line and in JSON, e.g. ``thread-start``."""
        return self.name.lower().replace("_", "-")


KIND_BY_LABEL = {kind.label: kind for kind in Kind}

CONTEXT_KINDS = frozenset({Kind.CALL, Kind.RETURN, Kind.YIELD, Kind.RESUME, Kind.UNWIND})
"""Kinds after which another frame of the thread is the current one."""


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
