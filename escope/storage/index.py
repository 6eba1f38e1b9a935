"""The index: runs of entries (key, value), sorted by key; entries of one key in the order they came.

    family     id                          value
    SITES      site                        block << 32 | events of the site in the block
    OBJECTS    object                      block << 32 | 1 if the block has an OBJECT row of it
    FRAMES     frame                       block << 32; the block's frames section has the frame
    ENDS       seq where an activation     seq where it ended, in a later block
               began
    MARKS      kind                        seq of an event of a kind in `MARKED`, or OUTERMOST_UNWIND
    MESSAGES   message                     seq of an event with that message id
    TASKS      task                        seq of its TASK_CREATE, TASK_CANCEL or TASK_DONE, or of an
                                           event with a TASK_NAME row of it

`key` is the family above 56 bits of id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from escope.events import Kind

Array = npt.NDArray[Any]

ENTRY = np.dtype([("key", "<u8"), ("value", "<u8")])
ID_BITS = 56
MAX_ID = (1 << ID_BITS) - 1
FAN_IN = 8
MAX_MERGED = 1 << 20
"""Runs are merged up to this many entries, so that merging never takes much memory."""


class Family(IntEnum):
    """What an entry is about."""

    SITES = 1
    OBJECTS = 2
    FRAMES = 3
    ENDS = 4
    MARKS = 5
    MESSAGES = 6
    TASKS = 7


OUTERMOST_UNWIND = 64
"""A kind of marks of its own: UNWINDs that leave a thread's outermost frame."""
MARKED = (Kind.RAISE, Kind.OUTPUT, Kind.THREAD_START, Kind.THREAD_END, Kind.HIT, Kind.FORK)


def key_of(family: Family, number: int) -> int:
    """The key of `number`; ids that no recording has share the last one."""
    return int(family) << ID_BITS | min(number, MAX_ID)


def entries(family: Family, ids: Array, values: Array) -> Array:
    """The ENTRY array of `ids` (ascending) and `values`."""
    made = np.empty(len(ids), ENTRY)
    made["key"] = np.minimum(ids, np.uint64(MAX_ID)).astype(np.uint64)
    made["key"] |= np.uint64(int(family) << ID_BITS)
    made["value"] = values
    return made


def merge(runs: list[Array]) -> Array:
    """One run of several that are given in the order they came."""
    if len(runs) == 1:
        return runs[0]
    # As bytes: arrays of records are brought to one type in Python, pair by pair.
    joined = np.frombuffer(b"".join(runs), ENTRY)
    return joined[np.argsort(joined["key"], kind="stable")]


class Run(Protocol):
    """Something sorted that can be asked for the entries of a key range."""

    def between(self, low: int, high: int) -> Array:
        """Entries with low <= key < high, ascending."""


class ArrayRun:
    """A run in memory."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def between(self, low: int, high: int) -> Array:
        """Entries with low <= key < high, ascending."""
        keys = self.array["key"]
        first, end = np.searchsorted(keys, np.array([low, high], np.uint64)).tolist()
        return self.array[first:end]


def lookup(runs: Iterable[Run], family: Family, number: int) -> npt.NDArray[np.uint64]:
    """The values of one id over all runs, in the order they came."""
    key = key_of(family, number)
    found = [part["value"] for run in runs if len(part := run.between(key, key + 1))]
    if not found:
        return np.empty(0, np.uint64)
    return found[0] if len(found) == 1 else np.concatenate(found)


def merged_parts(runs: list[Array], size: int) -> Iterator[Array]:
    """The merge of `runs` in parts of about `size` entries; entries of one key may span parts."""
    starts = [0] * len(runs)
    while True:
        left = [n for n, run in enumerate(runs) if starts[n] < len(run)]
        if not left:
            return
        step = max(size // len(left), 1)
        # No key up to the lowest of the last keys of all steps can be missing from them.
        bound = min(int(runs[n]["key"][min(starts[n] + step, len(runs[n])) - 1]) for n in left)
        parts = []
        for n in left:
            keys = runs[n]["key"][starts[n] :]
            count = int(np.searchsorted(keys, np.uint64(bound), "right"))
            parts.append(runs[n][starts[n] : starts[n] + count])
            starts[n] += count
        yield merge(parts)
