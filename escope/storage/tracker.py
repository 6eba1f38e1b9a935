"""The tracker: follows the rows of a recording block by block, and makes what is stored of each block.

Per block it does a fixed number of array operations; Python loops only over frames that outlive a block
and over threads.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.events import Kind, Label
from escope.storage.blocks import HOT, KINDS, LABELS, SUMMARY, BlockRecord
from escope.storage.checkpoint import Checkpoint, FrameTable, encode_frames
from escope.storage.columns import Columns, flags
from escope.storage.frames import LiveFrames, LoadFrame
from escope.storage.index import MARKED, OUTERMOST_UNWIND, Family, entries
from escope.storage.rows import FIRST_SITE, FIRST_SITELESS, TAG_MASK, Detail, Tag
from escope.storage.sites import Sites

Array = npt.NDArray[Any]

_MANY_SITES = 1 << 17


_CHANGES = flags(*range(Detail.ITEM, Detail.DEATH + 1), Detail.LENGTH)
_CHANGES[Detail.KEY] = False
_VALUED = flags(
    Detail.ITEM,
    Detail.KEY,
    Detail.ENTRY,
    Detail.REMOVE,
    Detail.ATTR,
    Detail.INSERT,
    Detail.SCALAR,
    Detail.BIND,
    *range(FIRST_SITELESS, 256),
)
_TABLES = flags(Detail.TYPE, Detail.FIELD, Detail.MODULE)
_TARGETED = flags(Kind.SETATTR, Kind.DELATTR, Kind.SETITEM, Kind.DELITEM)


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """Everything that is stored of one block."""

    number: int
    record: BlockRecord
    summary: Array
    """One SUMMARY record."""
    entries: Array
    """ENTRY array, by key."""
    tables: bytes
    """Its TYPE, FIELD and MODULE rows."""


class Tracker:
    """The state after the last block; `advance` takes the next one in."""

    def __init__(
        self,
        sites: Sites,
        load_frame: LoadFrame,
        *,
        checkpoint: Checkpoint | None = None,
        number: int = 0,
        last_string: int = 0,
    ) -> None:
        self._sites = sites
        self.checkpoint = checkpoint or Checkpoint()
        self.number = number
        self.last_string = last_string
        self._frames = LiveFrames(sites, load_frame)

    def copy(self) -> Tracker:
        """A tracker that goes its own way from here."""
        other = copy(self)
        other._frames = self._frames.copy()
        return other

    def forget(self) -> None:
        """Bound the memory: variables of frames can be had from the store again."""
        self._frames.forget()

    def advance(self, rows: Array) -> StoredBlock:
        """Take in the rows of the next block, which ends with an event row."""
        checkpoint = self.checkpoint
        columns = Columns(rows, checkpoint, self._sites)
        encoded = checkpoint.encode()
        kinds = columns.kind
        sites = columns.site
        small = np.minimum(sites, FIRST_SITE - 1).astype(np.uint8)
        # Events at sites share one number here; they are valued and never a detail.
        events = columns.event_rows
        small[events] = 255
        spans = columns.spans
        counts = np.bincount(kinds[events], minlength=KINDS)[:KINDS]
        tables = self._frames.advance(columns, counts, self.number)
        strings = np.flatnonzero(small == Detail.STRING)
        if len(strings):
            self.last_string = max(self.last_string, int(rows["value"][strings].max()))
        times = np.flatnonzero(small == Detail.TIME)
        time = int(rows["value"][times[-1]]) if len(times) else checkpoint.time
        summary = np.zeros(1, SUMMARY)[0]
        summary["first_seq"] = checkpoint.first_seq
        summary["first_row"] = checkpoint.first_row
        summary["time"] = checkpoint.time
        summary["last_string"] = self.last_string
        summary["events"] = len(events)
        summary["rows"] = len(rows)
        summary["segment"] = HOT
        summary["kinds"] = counts
        summary["labels"] = self._labels(rows, columns, small)
        made = self._entries(columns, small, counts, tables)
        tabled = np.flatnonzero(_TABLES[small])
        stored = StoredBlock(
            self.number,
            BlockRecord(encoded, encode_frames(tables), rows.tobytes()),
            summary,
            made,
            rows[tabled].tobytes(),
        )
        ended = _thread_ends(rows, columns, counts)
        for thread in ended:
            if not len(spans.stacks.get(thread, ())):
                spans.stacks.pop(thread, None)
        self.checkpoint = Checkpoint(
            checkpoint.first_seq + len(events),
            checkpoint.first_row + len(rows),
            time,
            columns.last_thread,
            columns.last_frame,
            spans.stacks,
        )
        self.number += 1
        return stored

    def _labels(self, rows: Array, columns: Columns, small: Array) -> Array:
        """How many rows carry each label."""
        tags = columns.tag & TAG_MASK
        labelled = np.flatnonzero(tags == Tag.LABEL)
        valued = rows["value"][labelled[_VALUED[small[labelled]]]]
        marked = tags[small == Detail.OBJECT]
        moved = rows["value"][small == Detail.RELABEL]
        labels = np.bincount(
            np.minimum(np.concatenate([valued, moved, marked]), LABELS).astype(np.intp),
            minlength=LABELS + 1,
        )[:LABELS]
        labels[Label.TRUNCATED] += np.count_nonzero(small == Detail.STRING_FULL)
        labels[Label.EXACT] = 0
        return labels

    def _entries(
        self, columns: Columns, small: Array, counts: Array, tables: dict[int, FrameTable]
    ) -> Array:
        block = np.uint64(self.number << 32)
        at = columns.site[columns.event_rows]
        at = at[at >= FIRST_SITE]
        if len(at) and int(at.max()) < _MANY_SITES:
            per_site = np.bincount(at)
            sites = np.flatnonzero(per_site)
            per_site = per_site[sites]
        else:
            sites, per_site = np.unique(at, return_counts=True)
        parts = [entries(Family.SITES, sites, block | per_site.astype(np.uint64))]
        objects, keyframes = _objects(columns, small, counts)
        if len(objects):
            parts.append(entries(Family.OBJECTS, objects, block | keyframes))
        if tables:
            frames = np.array(sorted(tables), np.uint64)
            parts.append(entries(Family.FRAMES, frames, np.full(len(frames), block)))
        late = columns.spans.late
        if len(late):
            late = late[np.argsort(late["start"], kind="stable")]
            parts.append(entries(Family.ENDS, late["start"], late["end"]))
        for kind in sorted(MARKED):
            if counts[kind]:
                seqs = columns.seq[columns.kind == kind]
                parts.append(entries(Family.MARKS, np.full(len(seqs), kind, np.uint64), seqs))
        if counts[Kind.UNWIND]:
            outermost = (columns.kind == Kind.UNWIND) & (columns.rows["aux"] == 0)
            seqs = columns.seq[outermost]
            numbers = np.full(len(seqs), OUTERMOST_UNWIND, np.uint64)
            parts.append(entries(Family.MARKS, numbers, seqs))
        return np.concatenate(parts)


def _objects(columns: Columns, small: Array, counts: Array) -> tuple[Array, Array]:
    """Ids of the objects whose content the block changes, ascending; 1 for those it has whole."""
    rows, kinds = columns.rows, columns.kind
    stores = rows["aux"][columns.stores]
    parts = [rows["aux"][_CHANGES[small]], stores[stores != 0]]
    if counts[_TARGETED[:KINDS]].any():
        parts.append(rows["aux"][_TARGETED[kinds] & columns.applied])
    changed = np.concatenate(parts).astype(np.uint64) << np.uint64(1)
    wholes = rows["value"][small == Detail.OBJECT] << np.uint64(1) | np.uint64(1)
    found = np.sort(np.concatenate([changed, wholes]))
    ids = found >> np.uint64(1)
    last = np.ones(len(ids), bool)
    last[:-1] = ids[1:] != ids[:-1]
    return ids[last], found[last] & np.uint64(1)


def _thread_ends(rows: Array, columns: Columns, counts: Array) -> list[int]:
    if not counts[Kind.THREAD_END]:
        return []
    ended: list[int] = rows["aux"][columns.kind == Kind.THREAD_END].tolist()
    return ended
