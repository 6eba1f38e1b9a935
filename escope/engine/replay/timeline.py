"""Steps, breakpoints and marks: from one moment to another.

A step never scans what a callee did: where a block ends inside one, it goes on where the callee ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from escope.engine.replay.state import Entry, Stacks, State
from escope.events import Kind, Seq

if TYPE_CHECKING:
    from escope.engine.predicate import Breakpoint
    from escope.engine.replay.recording import Recording
    from escope.storage.store import Block

_ENTERS = frozenset({Kind.CALL, Kind.RESUME})

Wanted = Callable[["Block"], NDArray[np.bool_]]


class Timeline:
    """Every method gives a seq, or None where there is no such moment.

    Steps go from any event to line moments of its thread.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._store = recording.store

    # Steps forward

    def step_into(self, seq: int) -> Seq | None:
        """The next line moment of the thread."""
        _, thread, _, _ = self._at(seq)
        return self._forward(seq, lambda block: _lines(block, thread), thread, None)

    def step_over(self, seq: int) -> Seq | None:
        """The next line moment in the same frame, or below it once the frame ended or is suspended."""
        block, thread, frame, depth = self._at(seq)
        if not depth:
            return self.step_into(seq)

        def wanted(block: Block) -> NDArray[np.bool_]:
            return _lines(block, thread, (block.frame == frame) | (block.depth < depth))

        # A generator may be resumed from within what runs at its depth, so nothing there is skipped.
        code = self._store.codes.get(self._recording.code_at(block, block.row_of(seq)))
        flags = {} if code is None else code.flags
        keeps = any(flags.get(name) for name in ("generator", "coroutine", "async_generator"))
        return self._forward(seq, wanted, thread, depth, frame, keeps)

    def step_out(self, seq: int) -> Seq | None:
        """The first line moment below the frame after it ended or was suspended."""
        _, thread, _, depth = self._at(seq)
        spans = [
            span for span in self._store.enclosing(seq, thread) if span.depth == depth and depth
        ]
        if not spans or spans[-1].end_seq is None:
            return None

        def wanted(block: Block) -> NDArray[np.bool_]:
            return _lines(block, thread, block.depth < depth)

        return self._forward(spans[-1].end_seq, wanted, thread, depth)

    def next_line_same_depth(self, seq: int) -> Seq | None:
        """The next line moment of the thread at the same depth."""
        _, thread, _, depth = self._at(seq)

        def wanted(block: Block) -> NDArray[np.bool_]:
            return _lines(block, thread, block.depth == depth)

        return self._forward(seq, wanted, thread, depth + 1)

    # Steps backward

    def back_into(self, seq: int) -> Seq | None:
        """The previous line moment of the thread."""
        _, thread, _, _ = self._at(seq)
        return self._backward(seq, lambda block: _lines(block, thread), thread, None)

    def back_over(self, seq: int) -> Seq | None:
        """The previous line moment in the same frame, else the line from which it was entered.

        Where the thread runs no frame: the last line moment of its outermost frame that ended last.
        """
        _, thread, _, depth = self._at(seq)
        if not depth:
            return self._backward(
                seq, lambda block: _lines(block, thread, block.depth == 1), thread, 1
            )
        below = self._down_from(seq)
        return next((Seq(entry.line_seq) for entry in below if entry.line_seq < seq), None)

    def back_out(self, seq: int) -> Seq | None:
        """The line moment from which the frame was entered."""
        below = islice(self._down_from(seq), 1, None)
        return next((Seq(entry.line_seq) for entry in below if entry.line_seq < seq), None)

    def previous_line_same_depth(self, seq: int) -> Seq | None:
        """The previous line moment of the thread at the same depth."""
        _, thread, _, depth = self._at(seq)

        def wanted(block: Block) -> NDArray[np.bool_]:
            return _lines(block, thread, block.depth == depth)

        return self._backward(seq, wanted, thread, depth)

    # Marks and places

    def next_mark(self, kind: Kind, seq: int) -> Seq | None:
        """The next event of a rare kind: RAISE, OUTPUT, HIT, THREAD_START, THREAD_END."""
        marks = self._recording.marks(kind)
        place = int(np.searchsorted(marks, seq, "right"))
        return Seq(int(marks[place])) if place < len(marks) else None

    def previous_mark(self, kind: Kind, seq: int) -> Seq | None:
        """The previous event of a rare kind."""
        marks = self._recording.marks(kind)
        place = int(np.searchsorted(marks, seq, "left"))
        return Seq(int(marks[place - 1])) if place else None

    def run_to(self, file: str, line: int, seq: int, backward: bool = False) -> Seq | None:
        """The next or previous moment, in any thread, before the line runs."""
        return next(self._moments(self.line_sites(file, line), seq, backward), None)

    def line_sites(self, file: str, line: int) -> NDArray[np.int64]:
        """The sites of line moments at a place; `file` may be the end of a path."""
        store = self._store
        tail = "/" + file.lstrip("/")
        codes = [
            number
            for number, code in store.codes.items()
            if code.file == file or (not file.startswith("/") and code.file.endswith(tail))
        ]
        here = (store.site_kind == Kind.LINE) & (store.site_line == line)
        found: NDArray[np.int64] = np.nonzero(here & np.isin(store.site_code, codes))[0]
        return found

    def continue_(
        self,
        seq: int,
        breakpoints: Iterable[Breakpoint],
        cancelled: Callable[[], bool] | None = None,
    ) -> Seq | None:
        """The next moment at which one of the breakpoints is hit."""
        return self._hit(seq, breakpoints, False, cancelled)

    def back_continue(
        self,
        seq: int,
        breakpoints: Iterable[Breakpoint],
        cancelled: Callable[[], bool] | None = None,
    ) -> Seq | None:
        """The previous moment at which one of the breakpoints was hit."""
        return self._hit(seq, breakpoints, True, cancelled)

    def _hit(
        self,
        seq: int,
        breakpoints: Iterable[Breakpoint],
        backward: bool,
        cancelled: Callable[[], bool] | None,
    ) -> Seq | None:
        best: Seq | None = None
        # Places are found by the index, so they come first and bound the search of the others.
        for one in sorted(breakpoints, key=lambda one: one.line is None):
            found = self._hit_of(one, seq, best, backward, cancelled)
            if found is not None and (best is None or (found > best) == backward):
                best = found
        return best

    def _hit_of(
        self,
        one: Breakpoint,
        seq: int,
        bound: int | None,
        backward: bool,
        cancelled: Callable[[], bool] | None,
    ) -> Seq | None:
        from escope.engine.replay.scope import FrameScope
        from escope.engine.replay.search import search

        if one.line is not None:
            for moment in self._moments(self.line_sites(one.file or "", one.line), seq, backward):
                if bound is not None and (moment > bound) != backward:
                    return None
                if cancelled is not None and cancelled():
                    return None
                if one.predicate is None:
                    return moment
                frame = State(self._recording, moment).current_frame
                if frame is not None and one.predicate.holds(FrameScope(frame)):
                    return moment
            return None
        if one.predicate is None:
            return None
        start = seq - 1 if backward else seq + 1
        if not 0 <= start < self._recording.event_count:
            return None
        moments = search(
            self._recording, one.predicate, False, backward, start, 1, cancelled, bound
        )
        return next((Seq(moment.seq) for moment in moments), None)

    def _moments(self, sites: NDArray[np.int64], seq: int, backward: bool) -> Iterator[Seq]:
        """Seqs of the events of some sites after (before) `seq`, in order."""
        if not len(sites):
            return
        parts = [self._store.site_blocks(site) for site in sites.tolist()]
        numbers = np.unique(np.concatenate(parts))
        home = self._store.block_of(seq)
        numbers = numbers[numbers <= home][::-1] if backward else numbers[numbers >= home]
        for number in numbers.tolist():
            block = self._store.block(number)
            found = block.seq[np.isin(block.site, sites)]
            found = found[found < seq][::-1] if backward else found[found > seq]
            for one in found.tolist():
                yield Seq(one)

    # What steps share

    def _at(self, seq: int) -> tuple[Block, int, int, int]:
        """Block, thread, frame and depth of the event."""
        block = self._recording.block_with(seq)
        row = self._recording.row_of(block, seq)
        return block, int(block.thread[row]), int(block.frame[row]), int(block.depth[row])

    def _down_from(self, seq: int) -> Iterable[Entry]:
        """The event's own frame as it was before the event, then its callers."""
        block, thread, frame, _ = self._at(seq)
        row = self._recording.row_of(block, seq)
        entered = int(block.kind[row]) in _ENTERS
        stacks = Stacks(self._recording, block, row + 1 if entered else row)
        stack = stacks.of.get(thread, [])
        places = [place for place, entry in enumerate(stack) if entry.frame == frame]
        return stack[: places[-1] + 1][::-1] if places else stack[::-1]

    def _forward(
        self,
        seq: int,
        wanted: Wanted,
        thread: int,
        level: int | None,
        frame: int = 0,
        keeps: bool = False,
    ) -> Seq | None:
        """The first wanted moment after `seq`.

        With a `level`: an activation of the thread at that depth, or above `frame` where the frame is at
        that depth, holds no wanted moment; with `keeps` only those above the frame.
        """
        store = self._store
        number, after = store.block_of(seq), seq
        while number < store.blocks:
            block = store.block(number)
            found = block.seq[wanted(block)]
            place = int(np.searchsorted(found, after, "right"))
            if place < len(found):
                return Seq(int(found[place]))
            number += 1
            if level is None or number >= store.blocks:
                continue
            stack = store.block(number).checkpoint.stacks.get(thread, ())
            skipped = level - 1
            if len(stack) > skipped and (frame or keeps):
                if int(stack[skipped]["frame"]) == frame:
                    skipped += 1
                elif keeps:
                    continue
            if len(stack) <= skipped:
                continue
            span = store.activation(int(stack[skipped]["start"]))
            if span is None:
                continue
            if span.end_seq is None:
                return None
            after = max(after, span.end_seq)
            number = max(number, store.block_of(span.end_seq))
        return None

    def _backward(self, seq: int, wanted: Wanted, thread: int, depth: int | None) -> Seq | None:
        """The last wanted moment before `seq`; with a `depth` none is in activations above it."""
        store = self._store
        number, before = store.block_of(seq), seq
        while number >= 0:
            block = store.block(number)
            found = block.seq[wanted(block)]
            place = int(np.searchsorted(found, before, "left"))
            if place:
                return Seq(int(found[place - 1]))
            stack = block.checkpoint.stacks.get(thread, ())
            number -= 1
            if depth is not None and len(stack) > depth:
                before = min(before, int(stack[depth]["start"]))
                number = min(number, store.block_of(before))
        return None


def _lines(block: Block, thread: int, where: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = (block.kind == Kind.LINE) & (block.thread == thread)
    return mask if where is None else mask & where
