"""The variables and newest line moments of the frames that are alive, block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.events import Kind
from escope.storage.checkpoint import NO_SEQ, FrameTable
from escope.storage.columns import Columns, flags
from escope.storage.rows import FIRST_SITE, TAG_MASK, Detail
from escope.storage.scanning import Scanned
from escope.storage.sites import Sites

Array = npt.NDArray[Any]

_KEPT = 4096
_ENTERS = flags(Kind.CALL, Kind.RESUME)
_LEAVES = flags(Kind.RETURN, Kind.YIELD, Kind.UNWIND)

LoadFrame = Callable[[int, int], FrameTable | None]
"""Of a frame and a block: the newest table stored of the frame before the block."""


class LiveFrames:
    """What is known of the frames that are alive after the last block."""

    def __init__(self, sites: Sites, load_frame: LoadFrame) -> None:
        self._sites = sites
        self._load = load_frame
        self._number = 0
        """The block that is taken in."""
        self._alive: dict[int, FrameTable] = {}

    def copy(self) -> LiveFrames:
        """Frames that go their own way from here."""
        other = LiveFrames(self._sites, self._load)
        other._alive = dict(self._alive)
        return other

    def forget(self) -> None:
        """Bound the memory: the variables can be had from the store again."""
        if len(self._alive) > _KEPT:
            self._alive.clear()

    def advance(self, columns: Columns, counts: Array, number: int) -> dict[int, FrameTable]:
        """Tables of the live frames that block `number` touched; `counts` has its events per kind.

        Also brings the line moments of the stacks that `columns` computed up to date.
        """
        self._number = number
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
        return self._tables(touched, heads, called)

    def take(self, found: Scanned, before: dict[int, Array], number: int) -> dict[int, FrameTable]:
        """The same as `advance`, given what one pass found; `before`: the stacks when the block began."""
        self._number = number
        for frame in found.ended:
            self._alive.pop(frame, None)
        moments = _Moments(self, before, found.called)
        heads = dict(found.heads)
        if found.unknown:
            unknown = np.array(found.unknown, np.uint64)
            for stack in found.stacks.values():
                for place in np.flatnonzero(np.isin(stack["frame"], unknown)).tolist():
                    frame = int(stack["frame"][place])
                    _, line, line_seq = moments.of(frame)
                    stack["line"][place], stack["line_seq"][place] = line, line_seq
                    if frame in heads:
                        heads[frame] = heads[frame][0], line, line_seq
        touched: dict[int, dict[int, tuple[int, int, int]]] = {}
        for frame, line, line_seq, known in found.suspended:
            touched[frame] = {}
            code, old_line, old_seq = moments.of(frame)
            heads[frame] = (code, line, line_seq) if known else (code, old_line, old_seq)
        for frame, slot, tag, value, seq in found.changes:
            touched.setdefault(frame, {})[slot] = (tag, value, seq)
        return self._tables(touched, heads, found.called)

    def _tables(
        self,
        touched: dict[int, dict[int, tuple[int, int, int]]],
        heads: dict[int, tuple[int, int, int]],
        called: dict[int, int],
    ) -> dict[int, FrameTable]:
        """The tables of the frames that were `touched`, with what was known of their variables before."""
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
            table = self._load(frame, self._number)
            if table is not None:
                self._alive[frame] = table
        return table


class _Moments:
    """Code object and newest line moment of frames as they were when the block began."""

    def __init__(
        self, frames: LiveFrames, stacks: dict[int, Array], called: dict[int, int]
    ) -> None:
        self._frames = frames
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
            table = self._frames.table(frame)
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
    stores = columns.stores
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
