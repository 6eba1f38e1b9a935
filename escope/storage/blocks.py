"""Blocks: a run of rows with what makes it readable by itself.

A record is what the hot store keeps of a block and what a segment holds compressed:

    u32 bytes of checkpoint, bytes of frames, count of rows, 0; checkpoint; frames; rows
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.errors import RecordingError
from escope.storage import scanning
from escope.storage.checkpoint import EMPTY_STACK, NO_SEQ, Checkpoint, FrameEntry, decode_frames
from escope.storage.columns import ROWS, Columns, event_ends
from escope.storage.rows import Detail
from escope.storage.sites import Sites
from escope.storage.spans import SPAN

Array = npt.NDArray[Any]

KINDS = 40
"""Places for the counts of kinds in a SUMMARY."""
LABELS = 6
HOT = 0xFFFF_FFFF
"""In place of a segment's number: the block is still in the hot store."""
MAX_BLOCK_ROWS = 1 << 24
"""Rows of the largest block; only one event of that many rows makes one."""

SUMMARY = np.dtype(
    [
        ("first_seq", "<u8"),
        ("first_row", "<u8"),
        ("time", "<u8"),
        ("last_string", "<u8"),
        ("offset", "<u8"),
        ("events", "<u4"),
        ("rows", "<u4"),
        ("segment", "<u4"),
        ("length", "<u4"),
        ("checksum", "<u4"),
        ("zero", "<u4"),
        ("kinds", "<u4", (KINDS,)),
        ("labels", "<u4", (LABELS,)),
    ]
)
"""What is known of a block without reading it.  `time`: newest time stamp before it; `last_string`: highest
string id given up to its end; `segment`, `offset`, `length`, `checksum`: where its record lies."""

_SUMMARY = struct.Struct("<QQQQQIIIIII")
_HEAD = struct.Struct("<IIII")


def summary_of(
    *,
    first_seq: int,
    first_row: int,
    time: int,
    last_string: int,
    events: int,
    rows: int,
    kinds: Array,
    labels: Array,
) -> Array:
    """The SUMMARY record of a block in the hot store."""
    # Assigned field by field, it takes five times as long.
    head = _SUMMARY.pack(first_seq, first_row, time, last_string, 0, events, rows, HOT, 0, 0, 0)
    data = b"".join((head, kinds.astype("<u4").tobytes(), labels.astype("<u4").tobytes()))
    summary: Array = np.frombuffer(bytearray(data), SUMMARY)[0]
    return summary


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """A block as it is stored."""

    checkpoint: bytes
    frames: bytes
    rows: bytes | memoryview

    def encode(self) -> bytes:
        """The bytes that `decode` reads."""
        head = _HEAD.pack(len(self.checkpoint), len(self.frames), len(self.rows) // 16, 0)
        return b"".join((head, self.checkpoint, self.frames, self.rows))

    @classmethod
    def decode(cls, data: bytes) -> BlockRecord:
        """The record in `data`; RecordingError if its sizes do not fit."""
        if len(data) < _HEAD.size:
            raise RecordingError("a block of the recording is damaged: it is too short")
        checkpoint, frames, rows, _ = _HEAD.unpack_from(data)
        middle = _HEAD.size + checkpoint
        end = middle + frames
        if end + rows * 16 != len(data):
            raise RecordingError("a block of the recording is damaged: wrong sizes")
        return cls(data[_HEAD.size : middle], data[middle:end], data[end:])


def cut(rows: Array, block_rows: int) -> list[int]:
    """Where the full blocks in `rows` end: each at the first event at or after `block_rows` rows.

    The rule depends on the rows alone, so a reader of the ring cuts the blocks that will be stored.
    """
    ends: list[int] = []
    if len(rows) < block_rows:
        return ends
    if scanning.cut is not None:
        return scanning.cut(rows, block_rows)
    events = event_ends(rows) + 1
    start = 0
    while True:
        place = int(np.searchsorted(events, start + block_rows))
        if place == len(events):
            return ends
        start = int(events[place])
        ends.append(start)


class Block(Columns):
    """A block as readers see it; see `Columns` for the columns of its rows, computed when asked for."""

    def __init__(self, number: int, record: BlockRecord, sites: Sites) -> None:
        rows = np.frombuffer(record.rows, ROWS)
        super().__init__(rows, Checkpoint.decode(record.checkpoint), sites)
        self.number = number
        self.first_seq: int = self.checkpoint.first_seq
        self.nbytes = len(record.rows) + len(record.frames) + len(record.checkpoint)
        self._frames = record.frames
        highest = int(self.site.max()) if len(rows) else 0
        if highest >= sites.count:
            raise RecordingError(
                f"block {number} of the recording has an event at site {highest}, "
                "which does not exist: it is damaged"
            )

    @cached_property
    def events(self) -> int:
        """Events of the block: `first_seq` … `first_seq + events - 1`."""
        return len(self.event_rows)

    @cached_property
    def stops(self) -> npt.NDArray[np.int64]:
        """For each event the place after its row; its rows begin where those of the one before end."""
        return self.event_rows + 1

    def row_of(self, seq: int) -> int:
        """Place of the event row of `seq`; IndexError outside."""
        if not 0 <= seq - self.first_seq < self.events:
            raise IndexError(f"event {seq} is not in block {self.number}")
        return int(self.event_rows[seq - self.first_seq])

    @cached_property
    def _times(self) -> tuple[Array, Array]:
        places = np.flatnonzero(self.site == Detail.TIME)
        return self.seq[places], self.rows["value"][places]

    def time_at(self, seq: int) -> int:
        """Newest time stamp at or before the event, in nanoseconds."""
        seqs, times = self._times
        place = int(np.searchsorted(seqs, seq, "right"))
        return int(times[place - 1]) if place else self.checkpoint.time

    @cached_property
    def times(self) -> npt.NDArray[np.uint64]:
        """Time of each event."""
        seqs, times = self._times
        place = np.searchsorted(
            seqs, np.arange(self.first_seq, self.first_seq + self.events), "right"
        )
        return np.concatenate([np.array([self.checkpoint.time], np.uint64), times])[place]

    def last_seq_at(self, time: int) -> int | None:
        """The last event of the block whose time is not after `time`; None if there is none."""
        place = int(np.searchsorted(np.maximum.accumulate(self.times), np.uint64(time), "right"))
        return self.first_seq + place - 1 if place else None

    @cached_property
    def _entries(self) -> tuple[Array, Array]:
        return decode_frames(self._frames)

    def frame_entry(self, frame: int) -> FrameEntry | None:
        """What the block says of `frame` at its end; None if it says nothing."""
        heads, variables = self._entries
        place = int(np.searchsorted(heads["frame"], np.uint64(frame)))
        if place == len(heads) or int(heads["frame"][place]) != frame:
            return None
        head = heads[place]
        first = int(head["first"])
        return FrameEntry(
            frame,
            self.number,
            int(head["code"]),
            int(head["line"]),
            int(head["line_seq"]),
            variables[first : first + int(head["count"])],
        )

    def enclosing(self, seq: int, thread: int) -> Array:
        """SPAN array of the thread's activations that the event at `seq` lies in, outermost first.

        Its own CALL or RESUME and its own RETURN, YIELD or UNWIND lie in an activation, too.  The end is
        NO_SEQ where it does not lie in this block.
        """
        stack = self.checkpoint.stacks.get(thread, EMPTY_STACK)
        before = np.empty(len(stack), SPAN)
        for name in ("start", "frame", "code"):
            before[name] = stack[name]
        before["end"] = NO_SEQ
        before["thread"] = thread
        before["depth"] = np.arange(1, len(stack) + 1)
        late = self.spans.late
        for span in late[late["thread"] == thread]:
            before["end"][int(span["depth"]) - 1] = span["end"]
        began = self.spans.began
        spans = np.concatenate([before, began[began["thread"] == thread]])
        within: Array = spans[(spans["start"] <= np.uint64(seq)) & (spans["end"] >= np.uint64(seq))]
        return within
