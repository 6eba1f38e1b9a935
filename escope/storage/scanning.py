"""The C pass over the rows of a block, where it was built; its results in the terms of the arrays that specify it.

`ESCOPE_CORE=py` leaves it out as well, so that what is specified can be seen at work.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.events import Kind
from escope.storage.checkpoint import STACK, Checkpoint
from escope.storage.index import ENTRY, MARKED
from escope.storage.rows import FIRST_SITE, FIRST_SITELESS, Detail, Tag
from escope.storage.sites import Sites

_scan: Any = None
if os.environ.get("ESCOPE_CORE") != "py":
    try:
        from escope.storage import _scan
    except ImportError:
        pass

Array = npt.NDArray[Any]

CHANGES = (*range(Detail.ITEM, Detail.DEATH + 1), Detail.LENGTH)
"""Details that change the content of the object in `aux`; but KEY, which belongs to the row after it."""
VALUED = (
    Detail.ITEM,
    Detail.KEY,
    Detail.ENTRY,
    Detail.REMOVE,
    Detail.ATTR,
    Detail.INSERT,
    Detail.SCALAR,
    Detail.BIND,
)
"""Details that hold a value."""
TABLES = (Detail.TYPE, Detail.FIELD, Detail.MODULE)
TARGETED = (Kind.SETATTR, Kind.DELATTR, Kind.SETITEM, Kind.DELITEM)

_SPECIAL = {
    Detail.TIME: 8,
    Detail.THREAD: 16,
    Detail.STRING: 24,
    Detail.STRING_FULL: 32,
    Detail.OBJECT: 40,
    Detail.RELABEL: 48,
    Detail.BIND: 56,
}
_ACTION = {
    Kind.LINE: 2,
    Kind.STORE: 4,
    Kind.DELETE: 4,
    **dict.fromkeys(TARGETED, 6),
    Kind.CALL: 8,
    Kind.RESUME: 10,
    Kind.RETURN: 12,
    Kind.YIELD: 14,
    Kind.THREAD_END: 16,
    Kind.UNWIND: 18,
}


def _detail_flags() -> bytes:
    found = bytearray(FIRST_SITELESS)
    for detail in range(FIRST_SITELESS):
        found[detail] = (
            (detail in CHANGES and detail != Detail.KEY)
            | (detail in VALUED) << 1
            | (detail in TABLES) << 2
        )
    for special, number in _SPECIAL.items():
        found[special] |= number
    return bytes(found)


def _kind_flags() -> bytes:
    found = bytearray(256)
    for kind in MARKED:
        found[kind] = 1
    for kind, number in _ACTION.items():
        found[kind] |= number
    return bytes(found)


_DETAILS = _detail_flags()
_KINDS = _kind_flags()


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one pass over the rows of a block found."""

    events: int
    counts: Array
    """Events by kind."""
    labels: Array
    """Rows by label; EXACT not told."""
    last_string: int
    """The highest id of a string given here, 0: none."""
    time: int | None
    entries: Array
    """ENTRY array, by key: what the index is told, but for messages and tasks."""
    tables: bytes
    ended: list[int]
    """Frames from before that ended."""
    thread_ends: list[int]
    stacks: dict[int, Array]
    """The stacks, after the last row, of the threads that took part."""
    suspended: list[tuple[int, int, int, bool]]
    """Frame, newest line moment, whether it is known, of frames that YIELDed last, ascending."""
    heads: dict[int, tuple[int, int, int]]
    """Code object and newest line moment of the frames on a stack that `changes` tells of."""
    called: dict[int, int]
    """Code objects of the frames that were CALLed here and live."""
    unknown: list[int]
    """Frames on those stacks whose newest line moment is from before, and not known here."""
    changes: list[tuple[int, int, int, int, int]]
    """Frame, slot, tag, value, seq of the last change of each variable of a live frame, ascending."""
    thread: int
    frame: int


def scan(rows: Array, checkpoint: Checkpoint, sites: Sites, number: int) -> Scanned | None:
    """One pass over `rows` of block `number`, which follow `checkpoint`; None where the arrays have to do it."""
    if _scan is None:
        return None
    stacks = [(thread, stack.tobytes()) for thread, stack in checkpoint.stacks.items()]
    found = _scan.scan(
        rows,
        _DETAILS,
        _KINDS,
        sites.kind,
        sites.slot,
        sites.code,
        FIRST_SITE,
        Tag.LABEL,
        checkpoint.first_seq,
        checkpoint.thread,
        checkpoint.frame,
        number,
        stacks,
    )
    if found is None:
        return None
    (events, counts, labels, last_string, time, entries, tables, ended) = found[:8]
    (thread_ends, after, frames, thread, frame) = found[8:]
    suspended, heads, called, unknown, changes = frames
    return Scanned(
        events,
        np.frombuffer(counts, "<u4"),
        np.frombuffer(labels, "<u4"),
        last_string,
        time,
        np.frombuffer(entries, ENTRY),
        tables,
        np.frombuffer(ended, "<u8").tolist(),
        np.frombuffer(thread_ends, "<u4").tolist(),
        {one: np.frombuffer(data, STACK) for one, data in after},
        suspended,
        heads,
        called,
        unknown,
        changes,
        thread,
        frame,
    )


cut: Callable[[Any, int], list[int]] | None = _scan.cut if _scan is not None else None
"""Where the full blocks in rows end; None where the arrays have to tell."""
arrange: Callable[[Any, Any, Any], bytes] | None = _scan.arrange if _scan is not None else None
"""A block's checkpoint, frames and rows in columns (see `segments`); None: the arrays have to do it."""
