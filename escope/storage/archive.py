"""The archive: one sealed file, a plain ZIP with stored members; `members` reads it.

    manifest.json      JSON
    sites.jsonl        as the program wrote it
    sources/SHA256     source files
    segments/N.seg     see `segments`
    blocks             zstd: SUMMARY of every block, bytes shuffled
    tables             zstd: all TYPE, FIELD and MODULE rows
    processes/N.esr    the archive of another process: the same members, but for the sources
    index              chunks of entries (zstd; keys and values as differences, shuffled); zstd: a CHUNK
                       record for each; "ESCINDX1", u64 offset, u32 length, u32 checksum of those

Nothing is believed before its checksum matched: whole members by the ZIP's CRC-32, blocks and chunks,
which are read one by one, by their own.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from escope.config import FORMAT
from escope.errors import RecordingError
from escope.storage.blocks import MAX_BLOCK_ROWS, SUMMARY, BlockRecord
from escope.storage.index import ENTRY, Family, lookup
from escope.storage.members import SITES, Commons, Members, inherited_sites
from escope.storage.processes import FOLDER
from escope.storage.segments import (
    MAGIC,
    compress,
    decompress,
    differences,
    read_record,
    segment_name,
    shuffle,
    unshuffle,
)
from escope.storage.sites import Sites

Array = npt.NDArray[Any]

CHUNK = np.dtype(
    [
        ("first", "<u8"),
        ("last", "<u8"),
        ("offset", "<u8"),
        ("length", "<u4"),
        ("count", "<u4"),
        ("checksum", "<u4"),
        ("zero", "<u4"),
    ]
)
CHUNK_ENTRIES = 8192
_TRAILER = struct.Struct("<8sQII")
_TRAILER_MAGIC = b"ESCINDX1"
_CACHED_CHUNKS = 64
_MAX_TABLES = 256 << 20
MAX_SOURCE = 64 << 20


class ArchiveWriter:
    """Writes members to `file`, which the caller opened (0600) and closes."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)

    def open(self, name: str) -> Any:
        """A binary file to write member `name` to; close it before the next."""
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.external_attr = 0o600 << 16
        return self._zip.open(info, "w", force_zip64=True)

    def add(self, name: str, data: bytes) -> None:
        """Write member `name`."""
        with self.open(name) as file:
            file.write(data)

    def add_summaries(self, summaries: Array) -> None:
        """Write the SUMMARY array of all blocks."""
        self.add("blocks", compress(shuffle(summaries)))

    def add_index(self, parts: Iterable[Array]) -> None:
        """Write the index, given as ENTRY arrays in ascending order."""
        chunks: list[tuple[int, ...]] = []
        offset = 0
        with self.open("index") as file:
            for part in parts:
                for start in range(0, len(part), CHUNK_ENTRIES):
                    entries = part[start : start + CHUNK_ENTRIES]
                    keys, values = entries["key"], entries["value"]
                    data = compress(shuffle(differences(keys)) + shuffle(differences(values)))
                    first, last = int(keys[0]), int(keys[-1])
                    check = zlib.crc32(data)
                    chunks.append((first, last, offset, len(data), len(entries), check, 0))
                    file.write(data)
                    offset += len(data)
            directory = compress(np.array(chunks, CHUNK).tobytes())
            file.write(directory)
            check = zlib.crc32(directory)
            file.write(_TRAILER.pack(_TRAILER_MAGIC, offset, len(directory), check))

    def close(self) -> None:
        """Write the ZIP's directory."""
        self._zip.close()

    def abandon(self) -> None:
        """Write nothing more: the file is of no use."""
        self._zip.fp = None


class Archive:
    """A sealed recording, read in place with `pread`; safe for several threads."""

    live = False

    def __init__(self, path: str) -> None:
        self._open(path, Members.at(path), None)

    @classmethod
    def inside(cls, path: str, number: int) -> Archive:
        """The archive of process `number`, a member of the one at `path`; RecordingError if it is damaged."""
        outer = cls(path)
        made = cls.__new__(cls)
        try:
            members = outer._members.inside(_process(number))
            made._open(f"{path}, process {number}", members, outer)
        except RecordingError as error:
            outer.close()
            text = str(error).removeprefix(f"{path}, process {number}: ")
            raise RecordingError(f"{path}: process {number}: {text}") from None
        made.path = path
        made._outer = outer
        return made

    @classmethod
    def beside(cls, path: str, commons: Commons) -> Archive:
        """The archive at `path` of one process of a recording that is a directory still."""
        made = cls.__new__(cls)
        made._open(path, Members.at(path), commons)
        return made

    def _open(self, path: str, members: Members, commons: Commons | None) -> None:
        self.path = path
        self._members = members
        self._commons = commons
        self._outer: Archive | None = None
        self._lock = Lock()
        self._chunks: OrderedDict[int, Array] = OrderedDict()
        try:
            self.manifest = self._manifest()
            self.sites = Sites()
            if commons is not None:
                self.sites.feed(inherited_sites(self.manifest, commons))
            self.sites.feed(members.read(SITES))
            self.summaries = self._summaries()
            self._chunk_table, self._index_start = self._index()
            self._check_members()
        except RecordingError as error:
            members.close()
            raise RecordingError(f"{path}: {error}") from None
        except Exception as error:
            members.close()
            raise RecordingError(f"{path}: not a recording: {str(error)[:120]}") from None

    def _manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads(self._members.read("manifest.json"))
            if not isinstance(manifest, dict):
                raise ValueError("it is no object")
            major, minor = manifest["format"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise RecordingError(f"the manifest is damaged: {error}") from None
        if major != FORMAT[0]:
            raise RecordingError(
                f"it has format {major}.{minor}; this escope reads format {FORMAT[0]}: "
                "open it with the escope that recorded it"
            )
        return manifest

    def _summaries(self) -> Array:
        data = decompress(self._members.read("blocks", _MAX_TABLES), _MAX_TABLES)
        count = len(data) // SUMMARY.itemsize
        if count * SUMMARY.itemsize != len(data):
            raise RecordingError("the recording is damaged: its list of blocks is torn")
        summaries = unshuffle(data, 0, count, cast(Any, SUMMARY))
        check_summaries(summaries)
        return summaries

    def _index(self) -> tuple[Array, int]:
        start, size = self._members.place("index")
        if size < _TRAILER.size:
            raise RecordingError("the recording is damaged: its index is cut off")
        trailer = os.pread(self._members.fd, _TRAILER.size, start + size - _TRAILER.size)
        magic, offset, length, checksum = _TRAILER.unpack(trailer)
        if magic != _TRAILER_MAGIC or offset + length + _TRAILER.size != size:
            raise RecordingError("the recording is damaged: its index is not complete")
        data = self._members.pread(start + offset, length)
        if zlib.crc32(data) != checksum:
            raise RecordingError("the recording is damaged: the checksum of its index is wrong")
        raw = decompress(data, _MAX_TABLES)
        if len(raw) % CHUNK.itemsize:
            raise RecordingError("the recording is damaged: its index is torn")
        chunks = np.frombuffer(raw, CHUNK)
        ends = chunks["offset"] + chunks["length"]
        if len(chunks) and (int(ends.max()) > offset or int(chunks["count"].max()) > 1 << 20):
            raise RecordingError("the recording is damaged: its index points outside itself")
        return chunks, start

    def _check_members(self) -> None:
        listed = self.manifest.get("sources", [])
        if not isinstance(listed, list):
            raise RecordingError("the manifest is damaged: sources is no list")
        for sha in listed:
            if f"sources/{sha}" not in self._members:
                raise RecordingError(f"the recording is damaged: source {sha!s:.64} is missing")
        for entry in self._entries():
            if entry.get("stored") and _process(entry["number"]) not in self._members:
                raise RecordingError(
                    f"the recording is damaged: process {entry['number']} is missing"
                )

    def _entries(self) -> list[dict[str, Any]]:
        listed = self.manifest.get("processes", [])
        if not isinstance(listed, list) or not all(
            isinstance(one, dict) and type(one.get("number")) is int and one["number"] > 0
            for one in listed
        ):
            raise RecordingError("the manifest is damaged: processes is no list of processes")
        return listed

    # -- what a store asks for --------------------------------------------------------------------

    def refresh(self) -> bool:
        """A sealed recording does not change."""
        return False

    def record(self, number: int) -> BlockRecord:
        """The record of a block; RecordingError if it is damaged."""
        summary = self.summaries[number]
        name = f"segments/{segment_name(int(summary['segment']))}"
        fresh = not self._members.known(name)
        start, size = self._members.place(name)
        if fresh and os.pread(self._members.fd, len(MAGIC), start) != MAGIC:
            raise RecordingError(f"the recording is damaged: {name} is no segment")
        return read_record(self._members.fd, start, size, summary)

    def values(self, family: Family, number: int) -> npt.NDArray[np.uint64]:
        """The values of one id in the index."""
        return lookup((self,), family, number)

    def between(self, low: int, high: int) -> Array:
        """Entries of the index with low <= key < high."""
        first = int(np.searchsorted(self._chunk_table["last"], np.uint64(low)))
        end = int(np.searchsorted(self._chunk_table["first"], np.uint64(high)))
        parts = []
        for number in range(first, end):
            chunk = self._chunk(number)
            bounds = np.array([low, high], np.uint64)
            begin, stop = np.searchsorted(chunk["key"], bounds).tolist()
            parts.append(chunk[begin:stop])
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty(0, ENTRY)

    def _chunk(self, number: int) -> Array:
        with self._lock:
            if number in self._chunks:
                self._chunks.move_to_end(number)
                return self._chunks[number]
        head = self._chunk_table[number]
        data = self._members.pread(self._index_start + int(head["offset"]), int(head["length"]))
        if zlib.crc32(data) != int(head["checksum"]):
            raise RecordingError("the recording is damaged: a checksum of its index is wrong")
        count = int(head["count"])
        raw = decompress(data, count * ENTRY.itemsize)
        if len(raw) != count * ENTRY.itemsize:
            raise RecordingError("the recording is damaged: a part of its index is torn")
        chunk = np.empty(count, ENTRY)
        chunk["key"] = np.cumsum(unshuffle(raw, 0, count, "<u8"), dtype="<u8")
        chunk["value"] = np.cumsum(unshuffle(raw, count * 8, count, "<u8"), dtype="<u8")
        with self._lock:
            self._chunks[number] = chunk
            while len(self._chunks) > _CACHED_CHUNKS:
                self._chunks.popitem(last=False)
        return chunk

    def tables(self) -> bytes:
        """All TYPE, FIELD and MODULE rows."""
        data = decompress(self._members.read("tables", _MAX_TABLES), _MAX_TABLES)
        return data[: len(data) // 16 * 16]

    def source(self, sha: str) -> bytes | None:
        """The bytes of a source file, None if the recording does not have it."""
        if self._commons is not None:
            return self._commons.source(sha)
        name = f"sources/{sha}"
        return self._members.read(name, MAX_SOURCE) if name in self._members else None

    def own_sites(self, process: int) -> bytes:
        """What a process itself wrote to its site table."""
        if not process:
            return self._members.read(SITES)
        with self._members.inside(_process(process)) as members:
            return members.read(SITES)

    def processes(self) -> list[dict[str, Any]]:
        """What is known of each process but 0, in the order of their numbers."""
        return self._entries()

    def bytes(self) -> int:
        """Bytes on disk."""
        return self._members.size

    def close(self) -> None:
        """Close the file."""
        self._members.close()
        if self._outer is not None:
            self._outer.close()


def _process(number: int) -> str:
    """The member that holds the archive of a process."""
    return f"{FOLDER}/{number}.esr"


def check_summaries(summaries: Array) -> None:
    """RecordingError unless the blocks follow each other without a gap."""
    for first, count in (("first_seq", "events"), ("first_row", "rows")):
        ends = np.cumsum(summaries[count], dtype=np.uint64)
        if len(ends) and (
            int(summaries[first][0]) != 0 or (summaries[first][1:] != ends[:-1]).any()
        ):
            raise RecordingError("the recording is damaged: its blocks do not follow each other")
    if len(summaries) and (
        int(summaries["events"].min()) == 0
        or (summaries["events"] > summaries["rows"]).any()
        or int(summaries["rows"].max()) > MAX_BLOCK_ROWS
    ):
        raise RecordingError("the recording is damaged: it has a block that cannot be")
