"""The tracker: follows the rows of a recording block by block, and makes what is stored of each block.

Per block it does a fixed number of array operations; Python loops only over frames that outlive a block
and over threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.events import Kind, Label
from escope.storage.blocks import HOT, KINDS, LABELS, SUMMARY, BlockRecord
from escope.storage.checkpoint import NO_SEQ, Checkpoint, FrameTable, encode_frames
from escope.storage.columns import Columns
from escope.storage.index import MARKED, OUTERMOST_UNWIND, Family, entries
from escope.storage.rows import FIRST_SITE, FIRST_SITELESS, TAG_MASK, Detail, Tag
from escope.storage.sites import Sites

Array = npt.NDArray[Any]

_KEEP_FRAMES = 4096
_MANY_SITES = 1 << 17


def _flags(*numbers: int) -> npt.NDArray[np.bool_]:
    flags = np.zeros(256, bool)
    flags[list(numbers)] = True
    return flags


_CHANGES = _flags(*range(Detail.ITEM, Detail.DEATH + 1), Detail.LENGTH)
_CHANGES[Detail.KEY] = False
_VALUED = _flags(
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
_TABLES = _flags(Detail.TYPE, Detail.FIELD, Detail.MODULE)
_OWNED = _flags(Kind.STORE, Kind.DELETE)
_TARGETED = _flags(Kind.SETATTR, Kind.DELATTR, Kind.SETITEM, Kind.DELITEM)
_ENTERS = _flags(Kind.CALL, Kind.RESUME)
_LEAVES = _flags(Kind.RETURN, Kind.YIELD, Kind.UNWIND)


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


LoadFrame = Callable[[int, int], FrameTable | None]
"""Of a frame and a block: the newest table stored of the frame before the block."""


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
        self._load = load_frame
        self.checkpoint = checkpoint or Checkpoint()
        self.number = number
        self.last_string = last_string
        self._alive: dict[int, FrameTable] = {}

    def copy(self) -> Tracker:
        """A tracker that goes its own way from here."""
        other = Tracker(
            self._sites,
            self._load,
            checkpoint=self.checkpoint,
            number=self.number,
            last_string=self.last_string,
        )
        other._alive = dict(self._alive)
        return other

    def forget(self) -> None:
        """Bound the memory: variables of frames can be had from the store again."""
        if len(self._alive) > _KEEP_FRAMES:
            self._alive.clear()

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
        tables = self._frames(columns, counts)
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

    def _frames(self, columns: Columns, counts: Array) -> dict[int, FrameTable]:
        """Tables of the live frames that the block touched.

        Also brings the line moments of the stacks that `columns` computed up to date.
        """
        spans, before = columns.spans, columns.checkpoint.stacks
        stacks = [
            stack for thread, stack in spans.stacks.items() if stack is not before.get(thread)
        ]
        thread = columns.checkpoint.thread
        if thread in spans.stacks and spans.stacks[thread] is before.get(thread):
            # Only line moments changed; the stack of the checkpoint itself must stay as it was.
            spans.stacks[thread] = spans.stacks[thread].copy()
            stacks.append(spans.stacks[thread])
        suspended, ended, called = _suspended(columns, stacks, counts)
        for frame in ended.tolist():
            self._alive.pop(frame, None)
        live = np.sort(np.concatenate([*(stack["frame"] for stack in stacks), suspended]))
        lines = np.flatnonzero(columns.kind == Kind.LINE)
        newest = _newest(live, columns.frame[lines], lines)
        moments = _Moments(self, before, called)
        for stack in stacks:
            places = newest[np.searchsorted(live, stack["frame"])]
            moved = places >= 0
            stack["line"][moved] = columns.site[places[moved]]
            stack["line_seq"][moved] = columns.seq[places[moved]]
            # A frame that went on here, with no line moment since, keeps the one from before.
            fresh = ~moved & (stack["start"] >= np.uint64(columns.checkpoint.first_seq))
            for place in np.flatnonzero(fresh).tolist():
                _, line, line_seq = moments.of(int(stack["frame"][place]))
                stack["line"][place], stack["line_seq"][place] = line, line_seq
        touched: dict[int, dict[int, tuple[int, int, int]]] = {}
        heads: dict[int, tuple[int, int, int]] = {}
        for frame in suspended.tolist():
            touched[frame] = {}
            code, line, line_seq = moments.of(frame)
            place = int(newest[np.searchsorted(live, np.uint64(frame))])
            if place >= 0:
                line, line_seq = int(columns.site[place]), int(columns.seq[place])
            heads[frame] = code, line, line_seq
        for frame, slot, tag, value, seq in _changes(columns, self._sites, live):
            touched.setdefault(frame, {})[slot] = (tag, value, seq)
        if len(touched) > len(heads):
            wanted = np.array(sorted(touched), np.uint64)
            for stack in stacks:
                chosen = stack[np.isin(stack["frame"], wanted)]
                for frame, _, line_seq, code, line in chosen.tolist():
                    heads[frame] = code, line, line_seq
        tables = {}
        for frame, variables in touched.items():
            old = None if frame in called else self.table(frame)
            if old is not None:
                variables = {**old.variables, **variables}
            tables[frame] = FrameTable(*heads[frame], variables)
        self._alive.update(tables)
        return tables

    def table(self, frame: int) -> FrameTable | None:
        """What is known of a live frame after the last block; None if nothing is stored of it."""
        table = self._alive.get(frame)
        if table is None:
            table = self._load(frame, self.number)
            if table is not None:
                self._alive[frame] = table
        return table

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
    stores = rows["aux"][_stores(columns)]
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


class _Moments:
    """Code object and newest line moment of frames as they were when the block began."""

    def __init__(self, tracker: Tracker, stacks: dict[int, Array], called: dict[int, int]) -> None:
        self._tracker = tracker
        self._stacks = stacks
        self._called = called
        self._stacked: dict[int, tuple[int, int, int]] | None = None

    def of(self, frame: int) -> tuple[int, int, int]:
        """Code object, site and seq of the line moment."""
        if frame in self._called:
            return self._called[frame], 0, NO_SEQ
        if self._stacked is None:
            self._stacked = {
                one: (code, line, line_seq)
                for stack in self._stacks.values()
                for one, _, line_seq, code, line in stack.tolist()
            }
        found = self._stacked.get(frame)
        if found is None:
            table = self._tracker.table(frame)
            found = (table.code, table.line, table.line_seq) if table else (0, 0, NO_SEQ)
        return found


def _suspended(
    columns: Columns, stacks: list[Array], counts: Array
) -> tuple[Array, Array, dict[int, int]]:
    """Frames that YIELDed last; older frames that ended; code objects of frames CALLed here that live."""
    kinds, frames = columns.kind, columns.frame
    first = columns.checkpoint.first_seq
    suspended = np.empty(0, np.uint64)
    live = [stack["frame"][stack["start"] >= np.uint64(first)] for stack in stacks]
    ended = columns.spans.late["frame"]
    if counts[Kind.YIELD] or counts[Kind.RESUME]:
        context = np.flatnonzero(_LEAVES[kinds] | _ENTERS[kinds])[::-1]
        owners, last = np.unique(frames[context], return_index=True)
        last_kinds = kinds[context][last]
        suspended = owners[last_kinds == Kind.YIELD]
        live.append(suspended)
        ended = owners[(last_kinds == Kind.RETURN) | (last_kinds == Kind.UNWIND)]
        called_here = frames[kinds == Kind.CALL]
        if len(called_here):
            ended = ended[~_member(called_here, ended)]
    fresh = np.concatenate(live) if live else suspended
    if not len(fresh):
        return suspended, ended, {}
    calls = np.flatnonzero(kinds == Kind.CALL)
    calls = calls[_member(fresh, frames[calls])]
    codes = columns.code_of(columns.site[calls])
    called = dict(zip(frames[calls].tolist(), codes.tolist(), strict=True))
    return suspended, ended, called


def _member(wanted: Array, numbers: Array) -> Array:
    """Whether each of `numbers` is in `wanted`, which is not empty."""
    return _places(np.sort(wanted), numbers)[1]


def _stores(columns: Columns) -> Array:
    """Places of the STORE and DELETE rows."""
    return np.flatnonzero(_OWNED[columns.kind])


def _newest(live: Array, frames: Array, places: Array) -> Array:
    """For each of `live` (ascending) the last of `places` whose frame it is, else -1."""
    newest = np.full(len(live), -1, np.int64)
    if len(live) and len(places):
        which, mine = _places(live, frames)
        # The last of several assignments to one place stays.
        newest[which[mine]] = places[mine]
    return newest


def _places(live: Array, frames: Array) -> tuple[Array, Array]:
    """Where each of `frames` is in `live` (ascending, not empty), and whether it is there at all."""
    which = np.minimum(np.searchsorted(live, frames), len(live) - 1)
    return which, live[which] == frames


def _changes(columns: Columns, sites: Sites, live: Array) -> list[tuple[int, int, int, int, int]]:
    """Frame, slot, tag, value, seq of the last change of each variable of a live frame."""
    if not len(live):
        return []
    rows, kinds = columns.rows, columns.kind
    stores = _stores(columns)
    stores = stores[(rows["aux"][stores] == 0) & (columns.site[stores] >= FIRST_SITE)]
    which, mine = _places(live, columns.frame[stores])
    stores, which = stores[mine], which[mine]
    slots = sites.slot[columns.site[stores]].astype(np.int64)
    binds = np.flatnonzero(columns.site == Detail.BIND)
    if len(binds):
        calls = columns.event_rows[columns.seq[binds] - columns.checkpoint.first_seq]
        of, mine = _places(live, columns.frame[calls])
        mine &= kinds[calls] == Kind.CALL
        binds, of = binds[mine], of[mine]
        if len(binds):
            slots = np.concatenate([slots, rows["aux"][binds].astype(np.int64)])
            stores = np.concatenate([stores, binds])
            which = np.concatenate([which, of])
            order = np.argsort(stores, kind="stable")
            stores, slots, which = stores[order], slots[order], which[order]
    known = slots >= 0
    stores, slots, which = stores[known][::-1], slots[known][::-1], which[known][::-1]
    variables = which.astype(np.uint64) << np.uint64(32) | slots.astype(np.uint64)
    _, last = np.unique(variables, return_index=True)
    stores, slots, which = stores[last], slots[last], which[last]
    return list(
        zip(
            live[which].tolist(),
            slots.tolist(),
            (columns.tag[stores] & TAG_MASK).tolist(),
            rows["value"][stores].tolist(),
            columns.seq[stores].tolist(),
            strict=True,
        )
    )


def _thread_ends(rows: Array, columns: Columns, counts: Array) -> list[int]:
    if not counts[Kind.THREAD_END]:
        return []
    ended: list[int] = rows["aux"][columns.kind == Kind.THREAD_END].tolist()
    return ended
