"""Checkpoints: what a block must know of everything before it, and the variables of live frames.

Layouts (little-endian):

    checkpoint   u64 first_seq, first_row, time, frame; u32 thread, count of stacks;
                 per stack u32 thread, count of frames; then all STACK records, outermost first;
                 then for every thread that runs an asyncio task u32 thread, task
    frames       u32 count of frames, count of variables; FRAME records, ascending; VARIABLE records
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.errors import RecordingError

Array = npt.NDArray[Any]

NO_SEQ = 0xFFFF_FFFF_FFFF_FFFF
"""In place of a seq: there is none (yet)."""

STACK = np.dtype(
    [("frame", "<u8"), ("start", "<u8"), ("line_seq", "<u8"), ("code", "<u4"), ("line", "<u4")]
)
"""A frame on a stack: the seq of the CALL or RESUME that put it there, its code object, its newest line
moment (site and seq; 0 and NO_SEQ before the first)."""

FRAME = np.dtype(
    [
        ("frame", "<u8"),
        ("line_seq", "<u8"),
        ("code", "<u4"),
        ("line", "<u4"),
        ("first", "<u4"),
        ("count", "<u4"),
    ]
)
"""A frame of the frames section: its newest line moment, and where its variables lie."""

VARIABLE = np.dtype([("slot", "<u4"), ("tag", "<u4"), ("value", "<u8"), ("seq", "<u8")])
"""A variable: its value, and the seq of the event that stored it."""

_HEAD = struct.Struct("<QQQQII")
_STACK_HEAD = struct.Struct("<II")
EMPTY_STACK = np.empty(0, STACK)


@dataclass(slots=True)
class Checkpoint:
    """What holds before the first row of a block."""

    first_seq: int = 0
    first_row: int = 0
    time: int = 0
    thread: int = 0
    frame: int = 0
    stacks: dict[int, Array] = field(default_factory=dict)
    """Per thread its STACK array, outermost first."""
    tasks: dict[int, int] = field(default_factory=dict)
    """The asyncio task that each thread runs, where it runs one."""

    def encode(self) -> bytes:
        """The bytes that `decode` reads."""
        parts = [
            _HEAD.pack(
                self.first_seq, self.first_row, self.time, self.frame, self.thread, len(self.stacks)
            )
        ]
        parts += [_STACK_HEAD.pack(thread, len(stack)) for thread, stack in self.stacks.items()]
        parts += [stack.tobytes() for stack in self.stacks.values()]
        parts += [_STACK_HEAD.pack(thread, task) for thread, task in self.tasks.items()]
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> Checkpoint:
        """The checkpoint in `data`; RecordingError if its sizes do not fit."""
        try:
            first_seq, first_row, time, frame, thread, count = _HEAD.unpack_from(data)
            offset = _HEAD.size
            if count > len(data) // _STACK_HEAD.size:
                raise ValueError("stacks")
            heads = [_STACK_HEAD.unpack_from(data, offset + 8 * n) for n in range(count)]
            offset += 8 * count
            behind = offset + sum(size for _, size in heads) * STACK.itemsize
            if behind > len(data) or (len(data) - behind) % _STACK_HEAD.size:
                raise ValueError("sizes")
            stacks = {}
            for number, size in heads:
                stacks[number] = np.frombuffer(data, STACK, size, offset)
                offset += size * STACK.itemsize
            tasks = dict(_STACK_HEAD.iter_unpack(data[behind:]))
        except (struct.error, ValueError) as error:
            raise RecordingError(f"a checkpoint of the recording is damaged: {error}") from None
        return cls(first_seq, first_row, time, thread, frame, stacks, tasks)


@dataclass(frozen=True, slots=True)
class FrameTable:
    """A live frame: its code object, its newest line moment, its variables by slot."""

    code: int
    line: int
    line_seq: int
    variables: dict[int, tuple[int, int, int]]
    """slot → tag, value, seq of the store."""


@dataclass(frozen=True, slots=True)
class FrameEntry:
    """What a block says of a live frame at its end; `variables` is a VARIABLE array."""

    frame: int
    block: int
    code: int
    line: int
    line_seq: int
    variables: Array

    def table(self) -> FrameTable:
        """The same as plain data."""
        variables = {slot: (tag, value, seq) for slot, tag, value, seq in self.variables.tolist()}
        return FrameTable(self.code, self.line, self.line_seq, variables)


def encode_frames(tables: dict[int, FrameTable]) -> bytes:
    """The frames section that holds `tables`, by frame."""
    heads: list[tuple[int, ...]] = []
    variables: list[tuple[int, ...]] = []
    for frame in sorted(tables):
        table = tables[frame]
        heads.append(
            (frame, table.line_seq, table.code, table.line, len(variables), len(table.variables))
        )
        variables += [(slot, *stored) for slot, stored in table.variables.items()]
    return (
        _STACK_HEAD.pack(len(heads), len(variables))
        + np.array(heads, FRAME).tobytes()
        + np.array(variables, VARIABLE).tobytes()
    )


def decode_frames(data: bytes) -> tuple[Array, Array]:
    """The FRAME and the VARIABLE array of a frames section; RecordingError if sizes do not fit."""
    try:
        frames, variables = _STACK_HEAD.unpack_from(data)
        middle = _STACK_HEAD.size + frames * FRAME.itemsize
        if middle + variables * VARIABLE.itemsize != len(data):
            raise ValueError("sizes")
        heads = np.frombuffer(data, FRAME, frames, _STACK_HEAD.size)
        values = np.frombuffer(data, VARIABLE, variables, middle)
    except (struct.error, ValueError) as error:
        raise RecordingError(f"the frames of a block are damaged: {error}") from None
    if frames and int((heads["first"].astype(np.uint64) + heads["count"]).max()) > variables:
        raise RecordingError("the frames of a block are damaged: variables are missing")
    return heads, values
