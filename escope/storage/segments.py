"""Segments: files of compressed blocks; only this file knows zstandard.

A segment is "ESCSEG1\\n" and the compressed records of its blocks, one after the other; where each lies, and
its checksum, stands in the block's SUMMARY.  Before compression a record is rearranged into columns:

    u32 bytes of checkpoint, bytes of frames, rows, distinct heads
    checkpoint; frames; the distinct heads (u32, ascending)
    per row the place of its head among them (u16, or u32 from 65,536 on)
    aux (u32), then value (u64), of all rows in the order of their heads, each as the difference from the
    one before it

with the bytes of each of the last three shuffled: first all lowest bytes, then the next, …  Rows of one
site follow each other then and differ little, which is what makes them small.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import zstandard

from escope.errors import RecordingError
from escope.storage import scanning
from escope.storage.blocks import MAX_BLOCK_ROWS, BlockRecord
from escope.storage.columns import ROWS

Array = npt.NDArray[Any]

MAGIC = b"ESCSEG1\n"
_LEVEL = 3
_FRAME = b"\x28\xb5\x2f\xfd"
"""How a zstd frame begins; a plain record would have a checkpoint of 4 GB to begin so."""
_HEAD = struct.Struct("<IIII")
_MAX_CONTEXT = 64 << 20
"""Bytes of the largest checkpoint and frames section: some 100,000 frames with their variables."""
MAX_RAW = MAX_BLOCK_ROWS * 20 + _MAX_CONTEXT
"""Bytes of the largest record that is decompressed."""


_BLOCK = zstandard.ZstdCompressionParameters.from_level(
    _LEVEL, hash_log=13, chain_log=13, write_checksum=True
)
"""For blocks: the tables of the level take half a megabyte, and drive the block out of the cache."""


class _Own(threading.local):
    """Compressors: making one costs more than a block's compression, and none may serve two threads at once."""

    def __init__(self) -> None:
        self.block = zstandard.ZstdCompressor(compression_params=_BLOCK)
        self.any = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)


_own = _Own()


def compress(data: bytes) -> bytes:
    """`data` as one zstd frame."""
    result: bytes = _own.any.compress(data)
    return result


def _compress_block(data: bytes) -> bytes:
    result: bytes = _own.block.compress(data)
    return result


def decompress(data: bytes, limit: int = MAX_RAW) -> bytes:
    """What `compress` was given; RecordingError if it is damaged or larger than `limit`."""
    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= limit:
            raise RecordingError(f"the recording is damaged: a part claims {size} bytes")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=limit)
    except (zstandard.ZstdError, MemoryError) as error:
        raise RecordingError(f"the recording is damaged: {error}") from None


def shuffle(column: Array) -> bytes:
    """The bytes of `column`: first the lowest of every number, then the next, …"""
    width = column.dtype.itemsize
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), width).T.tobytes()


def unshuffle(data: bytes, offset: int, count: int, dtype: str) -> Array:
    """The column of `count` numbers that lies shuffled at `offset`."""
    width = np.dtype(dtype).itemsize
    planes = np.frombuffer(data, np.uint8, count * width, offset).reshape(width, count)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(count)


def differences(column: Array) -> Array:
    """Each number less the one before it, modulo its width; `np.cumsum` undoes it."""
    result = column.copy()
    result[1:] -= column[:-1]
    return result


def encode_record(record: BlockRecord) -> bytes:
    """The record in columns, compressed."""
    if scanning.arrange is not None:
        return _compress_block(scanning.arrange(record.checkpoint, record.frames, record.rows))
    rows = np.frombuffer(record.rows, ROWS)
    heads, places = np.unique(rows["head"], return_inverse=True)
    width = "<u2" if len(heads) < 1 << 16 else "<u4"
    places = places.astype(width)
    order = np.argsort(places, kind="stable")
    return _compress_block(
        b"".join(
            (
                _HEAD.pack(len(record.checkpoint), len(record.frames), len(rows), len(heads)),
                record.checkpoint,
                record.frames,
                heads.astype("<u4").tobytes(),
                shuffle(places),
                shuffle(differences(rows["aux"][order])),
                shuffle(differences(rows["value"][order])),
            )
        )
    )


def decode_record(data: bytes, limit: int = MAX_RAW) -> BlockRecord:
    """What `encode_record` was given; RecordingError if it is damaged, or larger than `limit`."""
    raw = decompress(data, limit)
    try:
        checkpoint, frames, count, distinct = _HEAD.unpack_from(raw)
        middle = _HEAD.size + checkpoint
        offset = middle + frames
        width = "<u2" if distinct < 1 << 16 else "<u4"
        itemsize = np.dtype(width).itemsize
        if offset + distinct * 4 + count * (itemsize + 12) != len(raw):
            raise ValueError("wrong sizes")
        heads = np.frombuffer(raw, "<u4", distinct, offset)
        offset += distinct * 4
        places = unshuffle(raw, offset, count, width)
        offset += count * itemsize
        rows = np.empty(count, ROWS)
        rows["head"] = heads[places]
        order = np.argsort(places, kind="stable")
        rows["aux"][order] = np.cumsum(unshuffle(raw, offset, count, "<u4"), dtype="<u4")
        offset += count * 4
        rows["value"][order] = np.cumsum(unshuffle(raw, offset, count, "<u8"), dtype="<u8")
    except (struct.error, ValueError, IndexError) as error:
        raise RecordingError(f"a block of the recording is damaged: {error}") from None
    return BlockRecord(raw[_HEAD.size : middle], raw[middle : middle + frames], rows.tobytes())


def pack(data: bytes) -> bytes:
    """A block as a segment holds it, given so or as `BlockRecord.encode` made it."""
    return data if data.startswith(_FRAME) else encode_record(BlockRecord.decode(data))


def unpack(data: bytes) -> BlockRecord:
    """The record of a block, given as a segment holds it or as `BlockRecord.encode` made it."""
    return decode_record(data) if data.startswith(_FRAME) else BlockRecord.decode(data)


class SegmentWriter:
    """Writes blocks to a file that is open for writing; the caller owns the file."""

    def __init__(self, file: BinaryIO | Any, number: int) -> None:
        self._file = file
        self._number = number
        self._offset = len(MAGIC)
        file.write(MAGIC)

    def add(self, data: bytes, summary: Array) -> None:
        """Write a block, packed or plain; `summary` (one SUMMARY record) is told where it lies."""
        data = pack(data)
        self._file.write(data)
        summary["segment"] = self._number
        summary["offset"] = self._offset
        summary["length"] = len(data)
        summary["checksum"] = zlib.crc32(data)
        self._offset += len(data)


def segment_name(number: int) -> str:
    """The file name of segment `number`."""
    return f"{number:06}.seg"


def read_record(fd: int, start: int, size: int, summary: Array) -> BlockRecord:
    """The record of a block from its segment, which lies at `start` of `fd` and has `size` bytes.

    RecordingError if it is not there, or is not what was written.
    """
    offset, length = int(summary["offset"]), int(summary["length"])
    if offset + length > size:
        raise RecordingError("the recording is damaged: a block lies outside its segment")
    data = os.pread(fd, length, start + offset)
    if len(data) != length or zlib.crc32(data) != int(summary["checksum"]):
        raise RecordingError("the recording is damaged: the checksum of a block does not match")
    # A small file must not unfold into more than its list of blocks admits to.
    record = decode_record(data, int(summary["rows"]) * 20 + _MAX_CONTEXT)
    if len(record.rows) != int(summary["rows"]) * 16:
        raise RecordingError("the recording is damaged: a block has the wrong size")
    return record
