"""Columns of a run of rows, computed without a loop over rows; collector and readers share them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.events import Kind
from escope.storage.checkpoint import Checkpoint
from escope.storage.rows import APPLIED, FIRST_SITE, FIRST_SITELESS, Detail
from escope.storage.sites import Sites
from escope.storage.spans import Spans, match_spans

ROWS = np.dtype([("head", "<u4"), ("aux", "<u4"), ("value", "<u8")])

Array = npt.NDArray[Any]


def flags(*numbers: int) -> npt.NDArray[np.bool_]:
    """True at `numbers`, to look up of many bytes at once which of them are among these."""
    found = np.zeros(256, bool)
    found[list(numbers)] = True
    return found


_IS_CONTEXT = flags(Kind.CALL, Kind.RETURN, Kind.YIELD, Kind.RESUME, Kind.UNWIND)
_TURNS = flags(Kind.TASK_SWITCH, Kind.TASK_AWAIT, Kind.TASK_DONE)
"""Kinds after which a thread runs another task, or none."""
_IS_STORE = flags(Kind.STORE, Kind.DELETE)


def rows_of(data: bytes | memoryview) -> Array:
    """The rows in `data`; its length is a multiple of 16."""
    return np.frombuffer(data, ROWS)


def event_ends(rows: Array) -> npt.NDArray[np.int64]:
    """Places of the event rows in `rows`."""
    return np.flatnonzero(rows["head"] >= np.uint32(FIRST_SITELESS << 8))


def spread(initial: int, places: Array, values: Array, count: int, dtype: Any) -> Array:
    """An array of `count`: `initial`, then from each of `places` on the value for that place."""
    lengths = np.empty(len(places) + 1, np.int64)
    lengths[0] = places[0] if len(places) else count
    lengths[1:-1] = places[1:] - places[:-1]
    if len(places):
        lengths[-1] = count - places[-1]
    all_values = np.empty(len(places) + 1, dtype)
    all_values[0] = initial
    all_values[1:] = values
    return np.repeat(all_values, lengths)


class Columns:
    """Per row: tag, site, kind, seq, thread, frame, depth; and the spans of activations."""

    def __init__(self, rows: Array, checkpoint: Checkpoint, sites: Sites) -> None:
        self.rows = rows
        self.checkpoint = checkpoint
        self._sites = sites

    @cached_property
    def tag(self) -> npt.NDArray[np.uint8]:
        """How the value is encoded, with APPLIED where it is set."""
        return self.rows["head"].astype(np.uint8)

    @cached_property
    def applied(self) -> npt.NDArray[np.bool_]:
        """Whether the row has APPLIED."""
        applied: npt.NDArray[np.bool_] = (self.tag & APPLIED) != 0
        return applied

    @cached_property
    def site(self) -> npt.NDArray[np.uint32]:
        """The site, see `rows`."""
        return self.rows["head"] >> np.uint32(8)

    @cached_property
    def is_event(self) -> npt.NDArray[np.bool_]:
        """Whether it is an event row."""
        return self.site >= FIRST_SITELESS

    @cached_property
    def event_rows(self) -> npt.NDArray[np.int64]:
        """Place of each event row: the i-th event of the run is at `event_rows[i]`."""
        return np.flatnonzero(self.is_event)

    @cached_property
    def seq(self) -> npt.NDArray[np.int64]:
        """Seq of the event that the row belongs to."""
        count = np.cumsum(self.is_event, dtype=np.int64)
        count -= self.is_event
        count += self.checkpoint.first_seq
        return count

    @cached_property
    def kind(self) -> npt.NDArray[np.uint8]:
        """`Kind` of an event row, 0 for detail rows."""
        sites = self.site
        kinds = np.zeros(len(sites), np.uint8)
        places = self.event_rows
        of_events = sites[places]
        table = self._sites.kind
        found = table[np.minimum(of_events, len(table) - 1)]
        siteless = of_events < FIRST_SITE
        if siteless.any():
            found = np.where(siteless, of_events - FIRST_SITELESS, found).astype(np.uint8)
        kinds[places] = found
        return kinds

    @cached_property
    def stores(self) -> npt.NDArray[np.int64]:
        """Places of the STORE and DELETE rows."""
        return np.flatnonzero(_IS_STORE[self.kind])

    @cached_property
    def _switches(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self.site == Detail.THREAD)

    @cached_property
    def _context(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(_IS_CONTEXT[self.kind])

    @cached_property
    def thread(self) -> npt.NDArray[np.uint32]:
        """The thread."""
        places = self._switches
        first = self.checkpoint.thread
        return spread(first, places, self.rows["aux"][places], len(self.rows), np.uint32)

    @cached_property
    def _frame_pair(self) -> tuple[Array, Array]:
        """Current frame before and after each row."""
        rows, count = self.rows, len(self.rows)
        switches, context = self._switches, self._context
        if len(switches):
            places = np.concatenate([context, switches])
            values = np.concatenate(
                [rows["aux"][context].astype(np.uint64), rows["value"][switches]]
            )
            order = np.argsort(places)
            places, values = places[order], values[order]
        else:
            places, values = context, rows["aux"][context].astype(np.uint64)
        after = spread(self.checkpoint.frame, places, values, count, np.uint64)
        before = np.empty(count, np.uint64)
        before[1:] = after[:-1]
        if count:
            before[0] = self.checkpoint.frame
        return before, after

    @cached_property
    def frame(self) -> npt.NDArray[np.uint64]:
        """The current frame of the row; an event's own frame."""
        before, after = self._frame_pair
        frame = before.copy()
        kinds = self.kind[self._context]
        enters = self._context[(kinds == Kind.CALL) | (kinds == Kind.RESUME)]
        frame[enters] = after[enters]
        frame[self._switches] = after[self._switches]
        return frame

    @cached_property
    def last_frame(self) -> int:
        """The current frame after the last row."""
        return int(self._frame_pair[1][-1]) if len(self.rows) else self.checkpoint.frame

    @cached_property
    def last_thread(self) -> int:
        """The thread after the last row."""
        return int(self.thread[-1]) if len(self.rows) else self.checkpoint.thread

    @cached_property
    def _task_pair(self) -> tuple[npt.NDArray[np.uint32], dict[int, int]]:
        """The asyncio task of each row, and what each thread runs after the last row, where it runs one."""
        tasks, count = self.checkpoint.tasks, len(self.rows)
        if not count or not (tasks or (self.kind == Kind.TASK_SWITCH).any()):
            return np.zeros(count, np.uint32), tasks
        # The rows of each thread together, in their order.
        order = np.argsort(self.thread, kind="stable")
        threads, kinds = self.thread[order], self.kind[order]
        firsts = np.flatnonzero(np.concatenate([[True], threads[1:] != threads[:-1]]))
        owners = threads[firsts].tolist()
        turns = np.flatnonzero(_TURNS[kinds])
        begins = np.array([tasks.get(thread, 0) for thread in owners], np.uint32)
        turned = np.where(kinds[turns] == Kind.TASK_SWITCH, self.rows["aux"][order[turns]], 0)
        places = np.concatenate([firsts, turns])
        by_place = np.argsort(places, kind="stable")
        values = np.concatenate([begins, turned])[by_place]
        after = spread(0, places[by_place], values, count, np.uint32)
        before = np.empty(count, np.uint32)
        before[1:] = after[:-1]
        before[firsts] = begins
        column = np.empty(count, np.uint32)
        column[order] = np.where(kinds == Kind.TASK_SWITCH, after, before)
        lasts = after[np.append(firsts[1:], count) - 1].tolist()
        tasks = {**tasks, **dict(zip(owners, lasts, strict=True))}
        return column, {thread: task for thread, task in tasks.items() if task}

    @cached_property
    def task(self) -> npt.NDArray[np.uint32]:
        """The asyncio task that runs at the row, 0 if none; for a TASK_SWITCH the one after it."""
        return self._task_pair[0]

    @cached_property
    def last_tasks(self) -> dict[int, int]:
        """The asyncio task that each thread runs after the last row, where it runs one."""
        return self._task_pair[1]

    def code_of(self, sites: Array) -> Array:
        """The code objects of `sites`, 0 for a site that has none."""
        table = self._sites.code
        return table[np.where(sites < len(table), sites, 0)]

    @cached_property
    def spans(self) -> Spans:
        """The activations that begin or end here, and the stacks after the last row."""
        context, switches = self._context, self._switches
        kinds = self.kind[context]
        before, after = self._frame_pair
        return match_spans(
            self.checkpoint.stacks,
            places=context,
            enters=(kinds == Kind.CALL) | (kinds == Kind.RESUME),
            threads=self.thread[context],
            seqs=self.seq[context].astype(np.uint64),
            frames=self.frame[context],
            before=before[context],
            after=after[context],
            codes=self.code_of(self.site[context]),
            switches=switches,
            switch_threads=self.thread[switches],
            switch_frames=self.rows["value"][switches],
            switch_seqs=self.seq[switches].astype(np.uint64),
        )

    @cached_property
    def depth(self) -> npt.NDArray[np.int32]:
        """Frames on the thread's stack at the row, the event's own included; 0 with no frame."""
        context, switches, spans = self._context, self._switches, self.spans
        places = np.concatenate([context, switches])
        order = np.argsort(places)
        values = np.concatenate([spans.depths, spans.switch_depths])[order]
        stack = self.checkpoint.stacks.get(self.checkpoint.thread)
        first = 0 if stack is None else len(stack)
        after = spread(first, places[order], values, len(self.rows), np.int32)
        depth = np.empty(len(self.rows), np.int32)
        depth[1:] = after[:-1]
        if len(depth):
            depth[0] = first
        kinds = self.kind[context]
        enters = context[(kinds == Kind.CALL) | (kinds == Kind.RESUME)]
        depth[enters] = after[enters]
        depth[switches] = after[switches]
        return depth
