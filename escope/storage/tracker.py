"""The tracker: follows the rows of a recording block by block, and makes what is stored of each block.

A block is scanned in one pass in C where that was built and the rows are regular (`scanning`).  What specifies
it, and does the rest, is a fixed number of array operations (`Columns`); Python loops only over frames that
outlive a block and over threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.events import MESSAGE_KINDS, TASK_KINDS, Kind, Label
from escope.storage.blocks import KINDS, LABELS, BlockRecord, summary_of
from escope.storage.checkpoint import Checkpoint, FrameTable, encode_frames
from escope.storage.columns import Columns, flags
from escope.storage.frames import LiveFrames, LoadFrame
from escope.storage.index import MARKED, OUTERMOST_UNWIND, Family, entries
from escope.storage.rows import FIRST_SITE, FIRST_SITELESS, TAG_MASK, Detail, Tag
from escope.storage.scanning import CHANGES, TABLES, TARGETED, VALUED, Scanned, scan
from escope.storage.sites import Sites

Array = npt.NDArray[Any]

_MANY_SITES = 1 << 17


_CHANGES = flags(*CHANGES)
_CHANGES[Detail.KEY] = False
_VALUED = flags(*VALUED, *range(FIRST_SITELESS, 256))
_TABLES = flags(*TABLES)
_TARGETED = flags(*TARGETED)
_MESSAGING = sorted(MESSAGE_KINDS)
_TASKING = sorted(TASK_KINDS)
_PASSING = sorted(MESSAGE_KINDS | TASK_KINDS)
_TOLD = flags(Kind.TASK_CREATE, Kind.TASK_CANCEL, Kind.TASK_DONE)


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
        """Take in the rows of the next block, which ends with an event row; its record has them as they lie."""
        found = scan(rows, self.checkpoint, self._sites, self.number)
        return self._by_columns(rows) if found is None else self._by_scan(rows, found)

    def _by_scan(self, rows: Array, found: Scanned) -> StoredBlock:
        """The same as `_by_columns`, given what one pass found."""
        before = self.checkpoint.stacks
        stacks = dict(before)
        for thread in sorted(found.stacks, key=lambda one: (one not in before, one)):
            stacks[thread] = found.stacks[thread]
        tables = self._frames.take(found, before, self.number)
        self.last_string = max(self.last_string, found.last_string)
        labels = found.labels.copy()
        labels[Label.EXACT] = 0
        counts = found.counts[:KINDS]
        return self._stored(
            rows,
            tables,
            found.events,
            counts,
            labels,
            found.entries,
            found.tables,
            found.thread_ends,
            Checkpoint(
                time=self.checkpoint.time if found.time is None else found.time,
                thread=found.thread,
                frame=found.frame,
                stacks=stacks,
            ),
        )

    def _by_columns(self, rows: Array) -> StoredBlock:
        checkpoint = self.checkpoint
        columns = Columns(rows, checkpoint, self._sites)
        kinds = columns.kind
        sites = columns.site
        small = np.minimum(sites, FIRST_SITE - 1).astype(np.uint8)
        # Events at sites share one number here; they are valued and never a detail.
        events = columns.event_rows
        small[events] = 255
        counts = np.bincount(kinds[events], minlength=KINDS)[:KINDS]
        tables = self._frames.advance(columns, counts, self.number)
        strings = np.flatnonzero(small == Detail.STRING)
        if len(strings):
            self.last_string = max(self.last_string, int(rows["value"][strings].max()))
        times = np.flatnonzero(small == Detail.TIME)
        return self._stored(
            rows,
            tables,
            len(events),
            counts,
            self._labels(rows, columns, small),
            self._entries(columns, small, counts, tables),
            rows[np.flatnonzero(_TABLES[small])].tobytes(),
            _thread_ends(rows, columns, counts),
            Checkpoint(
                time=int(rows["value"][times[-1]]) if len(times) else checkpoint.time,
                thread=columns.last_thread,
                frame=columns.last_frame,
                stacks=columns.spans.stacks,
            ),
        )

    def _stored(
        self,
        rows: Array,
        tables: dict[int, FrameTable],
        events: int,
        counts: Array,
        labels: Array,
        made: Array,
        tabled: bytes,
        ended: list[int],
        after: Checkpoint,
    ) -> StoredBlock:
        """What is stored of the block; `after` holds after it, but for its place, which is counted on here."""
        checkpoint = self.checkpoint
        tasks: dict[int, int] = {}
        if checkpoint.tasks or counts[_PASSING].any():
            passing, tasks = _passing(Columns(rows, checkpoint, self._sites), counts)
            made = np.concatenate([made, *passing])
        summary = summary_of(
            first_seq=checkpoint.first_seq,
            first_row=checkpoint.first_row,
            time=checkpoint.time,
            last_string=self.last_string,
            events=events,
            rows=len(rows),
            kinds=counts,
            labels=labels,
        )
        record = BlockRecord(checkpoint.encode(), encode_frames(tables), rows.view(np.uint8).data)
        stored = StoredBlock(self.number, record, summary, made, tabled)
        for thread in ended:
            if not len(after.stacks.get(thread, ())):
                after.stacks.pop(thread, None)
        after.tasks = {t: task for t, task in tasks.items() if t not in ended}
        after.first_seq = checkpoint.first_seq + events
        after.first_row = checkpoint.first_row + len(rows)
        self.checkpoint = after
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
        at = columns.site[columns.event_rows]
        at = at[at >= FIRST_SITE]
        if len(at) and int(at.max()) < _MANY_SITES:
            per_site = np.bincount(at)
            sites = np.flatnonzero(per_site)
            per_site = per_site[sites]
        else:
            sites, per_site = np.unique(at, return_counts=True)
        late = columns.spans.late
        late = late[np.argsort(late["start"], kind="stable")]
        ends = [entries(Family.ENDS, late["start"], late["end"])] if len(late) else []
        marks = [
            (int(kind), columns.seq[columns.kind == kind])
            for kind in sorted(MARKED)
            if counts[kind]
        ]
        if counts[Kind.UNWIND]:
            outermost = (columns.kind == Kind.UNWIND) & (columns.rows["aux"] == 0)
            marks.append((OUTERMOST_UNWIND, columns.seq[outermost]))
        objects = _objects(columns, small, counts)
        return self._index(sites, per_site, objects, tables, ends, marks)

    def _index(
        self,
        sites: Array,
        per_site: Array,
        objects: tuple[Array, Array],
        tables: dict[int, FrameTable],
        ends: list[Array],
        marks: Sequence[tuple[int, Array]],
    ) -> Array:
        """The ENTRY array of the block, by key."""
        block = np.uint64(self.number << 32)
        parts = [entries(Family.SITES, sites, block | per_site.astype(np.uint64))]
        if len(objects[0]):
            parts.append(entries(Family.OBJECTS, objects[0], block | objects[1]))
        if tables:
            frames = np.array(sorted(tables), np.uint64)
            parts.append(entries(Family.FRAMES, frames, np.full(len(frames), block)))
        parts += ends
        parts += [
            entries(Family.MARKS, np.full(len(seqs), number, np.uint64), seqs)
            for number, seqs in marks
            if len(seqs)
        ]
        return np.concatenate(parts)


def _passing(columns: Columns, counts: Array) -> tuple[list[Array], dict[int, int]]:
    """Entries of messages and of tasks, whose keys are above all others, and the tasks after the last row."""
    parts: list[Array] = []
    if counts[_MESSAGING].any():
        values = columns.rows["value"]
        told = np.flatnonzero((columns.site == Detail.OPERATION) & (values != 0))
        parts.append(_by_id(Family.MESSAGES, values[told], columns.seq[told]))
    tasks = columns.checkpoint.tasks
    if tasks or counts[_TASKING].any():
        told = np.flatnonzero(_TOLD[columns.kind] | (columns.site == Detail.TASK_NAME))
        parts.append(_by_id(Family.TASKS, columns.rows["aux"][told], columns.seq[told]))
        tasks = columns.last_tasks
    return parts, tasks


def _by_id(family: Family, ids: Array, seqs: Array) -> Array:
    order = np.argsort(ids, kind="stable")
    return entries(family, ids[order].astype(np.uint64), seqs[order])


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
