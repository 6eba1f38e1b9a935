"""Activations: matches the events that begin and end them, for all levels of the stack at once.

Regular rows follow stack discipline, so at each level of a thread's stack begins and ends alternate, and
one stable sort by level brings each end next to its begin.  Rows that do not (greenlets, a recorder that
began in the middle) are walked one by one; what the rows say the current frame is always wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.storage.checkpoint import EMPTY_STACK, NO_SEQ, STACK

Array = npt.NDArray[Any]

SPAN = np.dtype(
    [
        ("start", "<u8"),
        ("end", "<u8"),
        ("frame", "<u8"),
        ("thread", "<u4"),
        ("depth", "<u4"),
        ("code", "<u4"),
    ]
)
"""An activation: seq of its CALL or RESUME, seq of its RETURN, YIELD or UNWIND (NO_SEQ: later, or never),
frame, thread, depth (1: outermost), code object."""


@dataclass(slots=True)
class Spans:
    """What the rows of a block say of activations."""

    began: Array
    """SPAN array of those that began in the block, by start."""
    late: Array
    """SPAN array of those that began before the block and ended in it."""
    depths: Array
    """Depth of the thread after each context event."""
    switch_depths: Array
    """Depth of the thread after each THREAD row."""
    stacks: dict[int, Array]
    """Stacks of all threads after the last row; line moments not yet brought up to date."""


def match_spans(
    stacks: dict[int, Array],
    *,
    places: Array,
    enters: Array,
    threads: Array,
    seqs: Array,
    frames: Array,
    before: Array,
    after: Array,
    codes: Array,
    switches: Array,
    switch_threads: Array,
    switch_frames: Array,
    switch_seqs: Array,
) -> Spans:
    """Match the context events at `places`, given the `stacks` before the first of them."""
    depths = np.zeros(len(places), np.int32)
    switch_depths = np.zeros(len(switches), np.int32)
    began: list[Array] = []
    late: list[Array] = []
    result = dict(stacks)
    if len(switches):
        involved = np.unique(np.concatenate([threads, switch_threads])).tolist()
    else:
        involved = threads[:1].tolist()
    for thread in involved:
        mine: Any = np.flatnonzero(threads == thread) if len(involved) > 1 else slice(None)
        turns = np.flatnonzero(switch_threads == thread)
        matched = _match_thread(
            stacks.get(thread, EMPTY_STACK),
            thread,
            enters[mine],
            seqs[mine],
            frames[mine],
            before[mine],
            after[mine],
            codes[mine],
            np.searchsorted(places[mine], switches[turns]),
            switch_frames[turns],
        )
        if matched is None:
            break
        spans, enter, depth, result[thread] = matched
        base = len(spans) - len(enter)
        began.append(spans[base:][enter])
        late.append(spans[:base][spans["end"][:base] != NO_SEQ])
        depths[mine] = depth[1:]
        switch_depths[turns] = depth[np.searchsorted(places[mine], switches[turns])]
    else:
        return Spans(_join(began), _join(late), depths, switch_depths, result)
    turns = np.concatenate([np.zeros(len(places), bool), np.ones(len(switches), bool)])
    order = np.argsort(np.concatenate([places, switches]))
    records = zip(
        turns[order].tolist(),
        np.concatenate([enters, np.zeros(len(switches), bool)])[order].tolist(),
        np.concatenate([threads, switch_threads])[order].tolist(),
        np.concatenate([seqs, switch_seqs])[order].tolist(),
        np.concatenate([frames, switch_frames])[order].tolist(),
        np.concatenate([after, switch_frames])[order].tolist(),
        np.concatenate([codes, np.zeros(len(switches), np.uint32)])[order].tolist(),
        strict=True,
    )
    walk = _Walk(stacks)
    for turn, enter, thread, seq, frame, current, code in records:
        walk.step(turn, enter, thread, seq, frame, current, code)
    all_depths = np.empty(len(order), np.int32)
    all_depths[order] = walk.depths
    return Spans(
        np.array(walk.began_spans(), SPAN),
        np.array(walk.late, SPAN),
        all_depths[: len(places)],
        all_depths[len(places) :],
        {thread: np.array(stack, STACK) for thread, stack in walk.stacks.items()},
    )


def _match_thread(
    stack: Array,
    thread: int,
    enter: Array,
    seqs: Array,
    frames: Array,
    before: Array,
    after: Array,
    codes: Array,
    turns: Array,
    turn_frames: Array,
) -> tuple[Array, Array, Array, Array] | None:
    """One thread's context events matched, or None if they do not follow stack discipline.

    Returns the SPAN array of the frames on `stack` and of all events (only those where `enter` is set
    begin one), `enter`, the depth before the first and after each event, and the new stack.
    `turns` says how many of the events came before each THREAD row, which claims `turn_frames`.
    """
    base = len(stack)
    depth = np.empty(len(enter) + 1, np.int64)
    depth[0] = base
    np.cumsum(np.where(enter, 1, -1), out=depth[1:])
    depth[1:] += base
    level = depth[1:] + ~enter
    tops = np.concatenate([stack["frame"][-1:] if base else np.zeros(1, "<u8"), after])
    if (len(level) and level.min() < 1) or (tops[turns] != turn_frames).any():
        return None
    levels = np.concatenate([np.arange(1, base + 1), level])
    # Sixteen bits are sorted in linear time.
    narrow = levels.astype(np.uint16) if base + len(enter) < 1 << 16 else levels
    order = np.argsort(narrow, kind="stable")
    pushes = np.concatenate([np.ones(base, bool), enter])[order]
    sorted_levels = levels[order]
    matched = pushes[:-1] & ~pushes[1:] & (sorted_levels[:-1] == sorted_levels[1:])
    opens, closes = order[:-1][matched], order[1:][matched] - base
    owner = np.concatenate([stack["frame"], frames])
    below = np.concatenate([np.zeros(min(base, 1), "<u8"), stack["frame"][:-1], before])
    if (
        len(opens) != len(enter) - np.count_nonzero(enter)
        or (owner[opens] != frames[closes]).any()
        or (below[opens] != after[closes]).any()
    ):
        return None
    spans = np.empty(base + len(enter), SPAN)
    spans["start"] = np.concatenate([stack["start"], seqs])
    spans["end"] = NO_SEQ
    spans["end"][opens] = seqs[closes]
    spans["frame"] = owner
    spans["thread"] = thread
    spans["depth"] = levels
    spans["code"] = np.concatenate([stack["code"], codes])
    open_mask = pushes.copy()
    open_mask[:-1] &= ~matched
    still = order[open_mask]
    new = np.empty(len(still), STACK)
    kept = int(np.count_nonzero(still < base))
    new[:kept] = stack[still[:kept]]
    fresh = spans[still[kept:]]
    for name in ("frame", "start", "code"):
        new[name][kept:] = fresh[name]
    new["line_seq"][kept:] = NO_SEQ
    new["line"][kept:] = 0
    return spans, enter, depth, new


def _join(parts: list[Array]) -> Array:
    joined = np.concatenate(parts) if parts else np.empty(0, SPAN)
    if len(parts) > 1:
        joined = joined[np.argsort(joined["start"], kind="stable")]
    return joined


class _Walk:
    """The irregular way: one event after the other."""

    def __init__(self, stacks: dict[int, Array]) -> None:
        self.stacks: dict[int, list[tuple[int, ...]]] = {
            thread: stack.tolist() for thread, stack in stacks.items()
        }
        self.depths: list[int] = []
        self.late: list[tuple[int, ...]] = []
        self._began: dict[tuple[int, int], list[int]] = {}

    def began_spans(self) -> list[tuple[int, ...]]:
        """The spans that began here, by start."""
        return [tuple(self._began[key]) for key in sorted(self._began, key=lambda key: key[0])]

    def step(
        self, turn: bool, enter: bool, thread: int, seq: int, frame: int, current: int, code: int
    ) -> None:
        """Take one context event, or one THREAD row (`turn`), in."""
        stack = self.stacks.setdefault(thread, [])
        if enter:
            self._push(thread, seq, frame, code)
        elif not turn and any(one[0] == frame for one in stack):
            while self._pop(thread, seq) != frame:
                pass
        if not stack or stack[-1][0] != current:
            if any(one[0] == current for one in stack):
                while stack[-1][0] != current:
                    self._pop(thread, seq)
            elif current:
                # Another stack of frames took the thread over: only its top is known.
                self._push(thread, seq, current, 0)
            else:
                while stack:
                    self._pop(thread, seq)
        self.depths.append(len(stack))

    def _push(self, thread: int, seq: int, frame: int, code: int) -> None:
        stack = self.stacks[thread]
        stack.append((frame, seq, NO_SEQ, code, 0))
        self._began[seq, frame] = [seq, NO_SEQ, frame, thread, len(stack), code]

    def _pop(self, thread: int, seq: int) -> int:
        stack = self.stacks[thread]
        frame, start, _, code, _ = stack.pop()
        if (start, frame) in self._began:
            self._began[start, frame][1] = seq
        else:
            self.late.append((start, seq, frame, thread, len(stack) + 1, code))
        return frame
