"""Search for the line moments at which a predicate holds, without rebuilding the state at each.

Block by block.  Between two rows that could change its value, a predicate is evaluated once per frame; which
rows those are is found from the names it mentions and the objects its evaluation looked into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from escope.engine.replay.scan import BlockScan, Names
from escope.engine.replay.scope import FrameScope
from escope.engine.replay.state import State
from escope.events import Kind
from escope.storage.checkpoint import NO_SEQ

if TYPE_CHECKING:
    from escope.engine.predicate import Predicate
    from escope.engine.replay.recording import Recording
    from escope.storage.store import Block

_KEPT_FRAMES = 10_000


class Moment(NamedTuple):
    """A line moment; `file`, `line` and `function` say what is about to run."""

    process: int
    seq: int
    time_ns: int
    file: str
    line: int
    function: str

    def to_json(self) -> dict[str, Any]:
        """One line of `find --json`."""
        return self._asdict()


def search(
    recording: Recording,
    predicate: Predicate,
    every: bool = False,
    backward: bool = False,
    start: int | None = None,
    limit: int | None = None,
    cancelled: Callable[[], bool] | None = None,
    bound: int | None = None,
) -> Iterator[Moment]:
    """Moments from `start` on (down), at most `limit`, not beyond `bound`; see `Recording.find`."""
    found = _moments(recording, predicate, every, backward, start, cancelled, bound)
    return found if limit is None else islice(found, limit)


def _moments(
    recording: Recording,
    predicate: Predicate,
    every: bool,
    backward: bool,
    start: int | None,
    cancelled: Callable[[], bool] | None,
    bound: int | None,
) -> Iterator[Moment]:
    count = recording.event_count
    if start is None:
        start = count - 1 if backward else 0
    start = min(start, count - 1) if backward else max(start, 0)
    if not 0 <= start < count:
        return
    store = recording.store
    first = store.block_of(start)
    last = store.block_of(min(max(bound, 0), count - 1)) if bound is not None else None
    if backward:
        numbers = range(first, (0 if last is None else last) - 1, -1)
    else:
        numbers = range(first, store.blocks if last is None else last + 1)
    scanner = Scanner(recording, predicate)
    for number in numbers:
        if cancelled is not None and cancelled():
            return
        seqs = scanner.scan(number, every)
        if backward:
            seqs = seqs[::-1][(seqs[::-1] <= start)]
        else:
            seqs = seqs[seqs >= start]
        for seq in seqs.tolist():
            if bound is not None and (seq < bound if backward else seq > bound):
                return
            yield _moment(recording, seq)


def _moment(recording: Recording, seq: int) -> Moment:
    event = recording.event(seq)
    where = event.file or "", event.line or 0, event.function or ""
    return Moment(recording.number, seq, event.time_ns, *where)


class Scanner:
    """Evaluates one predicate over blocks; remembers what it was in each frame."""

    def __init__(self, recording: Recording, predicate: Predicate) -> None:
        self._recording = recording
        self._predicate = predicate
        self._names = Names(recording, predicate)
        self._sites = len(recording.store.site_kind)
        self._previous: dict[int, bool] = {}
        self._expected = -1

    def scan(self, number: int, every: bool) -> NDArray[np.int64]:
        """Seqs in the block at which the predicate becomes true in its frame, or is true at all."""
        store = self._recording.store
        if len(store.site_kind) != self._sites:
            self._names = Names(self._recording, self._predicate)
            self._sites = len(store.site_kind)
        block = store.block(number)
        if number != self._expected:
            self._previous = {}
        self._expected = number + 1
        lines = np.nonzero(block.kind == Kind.LINE)[0]
        if not len(lines):
            return np.zeros(0, dtype=np.int64)
        changes = self._recording.contents.changes(number)
        truth = BlockScan(self._recording, self._predicate, self._names, block, changes).run(lines)
        if every:
            found: NDArray[np.int64] = block.seq[lines[truth]]
            return found
        frames = block.frame[lines].astype(np.int64)
        order = np.argsort(frames, kind="stable")
        ordered, value = frames[order], truth[order]
        begins = np.r_[True, ordered[1:] != ordered[:-1]]
        before = np.r_[False, value[:-1]]
        for place in np.nonzero(begins)[0].tolist():
            # Only where it is true does it matter what it was before.
            before[place] = bool(value[place]) and self._before(block, int(ordered[place]))
        hits = np.sort(lines[order[value & ~before]])
        ends = np.r_[begins[1:], True]
        self._previous.update(zip(ordered[ends].tolist(), value[ends].tolist(), strict=True))
        if len(self._previous) > _KEPT_FRAMES:
            self._previous = dict(list(self._previous.items())[-_KEPT_FRAMES // 2 :])
        became: NDArray[np.int64] = block.seq[hits]
        return became

    def _before(self, block: Block, frame: int) -> bool:
        """Whether the predicate was true at the frame's last line moment before the block."""
        known = self._previous.get(frame)
        if known is not None:
            return known
        seq = NO_SEQ
        for stack in block.checkpoint.stacks.values():
            for entry in stack[stack["frame"] == frame]:
                seq = int(entry["line_seq"])
        if seq == NO_SEQ:
            entry = self._recording.store.frame_entry(frame, block.number)
            if entry is not None:
                seq = int(entry.line_seq)
        if seq == NO_SEQ:
            return False
        current = State(self._recording, seq).current_frame
        return current is not None and self._predicate.holds(FrameScope(current))
