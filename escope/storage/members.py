"""The members of a sealed file, read in place with `pread`; also those of one that is a member itself.

A recording of several processes is a ZIP whose members `processes/N.esr` are ZIPs of the same kind, stored
as they are.  Nothing is believed before its checksum matched.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
import zlib
from types import TracebackType
from typing import Any, Protocol, cast

from escope.errors import RecordingError
from escope.storage.sites import Sites

SITES = "sites.jsonl"
MAX_TEXT = 256 << 20
_LOCAL = struct.Struct("<4s22xHH")
_MAX_INHERITED = 1000
"""Pieces that one process's site table may be put together from: forks of forks."""


class Commons(Protocol):
    """What the processes of a recording share."""

    def source(self, sha: str) -> bytes | None:
        """The bytes of a source file, None if the recording does not have it."""

    def own_sites(self, process: int) -> bytes:
        """What a process itself wrote to its site table."""


class Inherited:
    """The inherited site tables of one recording's processes; children that were forked alike share the work."""

    def __init__(self, commons: Commons) -> None:
        self._commons = commons
        self._pieces = ""
        self._newest = Sites()

    def of(self, manifest: dict[str, Any]) -> Sites:
        """What the site table of the process with this manifest begins with; RecordingError if it is damaged."""
        pieces = json.dumps(manifest.get("inherits") or [])
        if pieces != self._pieces:
            sites = Sites()
            sites.feed(inherited_sites(manifest, self._commons))
            self._pieces, self._newest = pieces, sites
        return self._newest.copy()


def inherited_sites(manifest: dict[str, Any], commons: Commons) -> bytes:
    """The part of a forked child's site table that its ancestors wrote; RecordingError if it is damaged.

    `inherits` in its manifest lists pairs (process, bytes): so much of what each of them wrote, in that order.
    """
    pieces = manifest.get("inherits") or []
    if not isinstance(pieces, list) or len(pieces) > _MAX_INHERITED:
        raise RecordingError("the manifest is damaged: inherits is no list of ancestors")
    parts = []
    before, left = -1, MAX_TEXT
    for piece in pieces:
        try:
            process, size = piece
            # A child has a higher number than its parent.
            if type(process) is not int or type(size) is not int or process <= before or size < 0:
                raise ValueError
        except (TypeError, ValueError):
            raise RecordingError("the manifest is damaged: inherits is no list of pairs") from None
        before = process
        data = commons.own_sites(process)
        left -= len(data)
        if left < 0:
            raise RecordingError("the manifest is damaged: it inherits too much")
        if len(data) < size:
            raise RecordingError(f"the site table of process {process} is cut off")
        parts.append(data[:size])
    return b"".join(parts)


class Members:
    """The ZIP that lies at `start` … `start + size - 1` of an open file."""

    def __init__(self, file: io.FileIO, start: int, size: int) -> None:
        self.file = file
        self.fd = file.fileno()
        self.start = start
        self.size = size
        self._places: dict[str, tuple[int, int]] = {}
        self._infos = self._directory()

    @classmethod
    def at(cls, path: str) -> Members:
        """The members of the file at `path`; RecordingError if it is no ZIP."""
        try:
            file = open(path, "rb", buffering=0)  # noqa: SIM115 - lives as long as the members
        except OSError as error:
            raise RecordingError(f"{path}: cannot be opened: {error.strerror}") from None
        try:
            return cls(file, 0, os.fstat(file.fileno()).st_size)
        except RecordingError as error:
            file.close()
            raise RecordingError(f"{path}: {error}") from None

    def inside(self, name: str) -> Members:
        """The members of the member `name`, with a descriptor of their own."""
        start, size = self.place(name)
        file = os.fdopen(os.dup(self.fd), "rb", buffering=0)
        try:
            return Members(file, start, size)
        except RecordingError:
            file.close()
            raise

    def __enter__(self) -> Members:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def _directory(self) -> dict[str, zipfile.ZipInfo]:
        if self.size < 22:
            raise RecordingError(f"not a recording: it has only {self.size} bytes")
        try:
            # Only the directory at the end is read by the module: the file need not be trusted.
            with zipfile.ZipFile(cast(Any, _Slice(self.fd, self.start, self.size))) as archive:
                infos = archive.infolist()
        except Exception as error:
            raise RecordingError(f"not a recording, or a damaged one: {str(error)[:120]}") from None
        members = {info.filename: info for info in infos}
        if len(members) != len(infos):
            raise RecordingError("not a recording: it has a member twice")
        if "manifest.json" not in members or "blocks" not in members:
            raise RecordingError("not a recording: it has no manifest")
        return members

    def known(self, name: str) -> bool:
        """Whether the place of a member has been found already."""
        return name in self._places

    def place(self, name: str) -> tuple[int, int]:
        """Where in the file the data of a member begins, and its size; RecordingError if it is damaged."""
        found = self._places.get(name)
        if found is None:
            info = self._infos.get(name)
            if info is None:
                raise RecordingError(f"the recording is damaged: {name} is missing")
            head = os.pread(self.fd, _LOCAL.size, self.start + info.header_offset)
            if info.compress_type or info.flag_bits & 1 or info.file_size != info.compress_size:
                raise RecordingError(f"the recording is damaged: {name} is not stored plainly")
            if len(head) != _LOCAL.size or head[:4] != b"PK\3\4":
                raise RecordingError(f"the recording is damaged: {name} is not where it should be")
            _, name_size, extra_size = _LOCAL.unpack(head)
            offset = info.header_offset + _LOCAL.size + name_size + extra_size
            if offset + info.file_size > self.size:
                raise RecordingError(f"the recording is damaged: {name} is cut off")
            found = self._places[name] = self.start + offset, info.file_size
        return found

    def read(self, name: str, limit: int = MAX_TEXT) -> bytes:
        """The whole of a member; RecordingError if it is damaged or larger than `limit`."""
        start, size = self.place(name)
        if size > limit:
            raise RecordingError(f"the recording is damaged: {name} has {size} bytes")
        data = self.pread(start, size)
        if zlib.crc32(data) != self._infos[name].CRC:
            raise RecordingError(f"the recording is damaged: the checksum of {name} does not match")
        return data

    def pread(self, start: int, size: int) -> bytes:
        """So many bytes of the file; RecordingError if there are fewer."""
        parts = []
        while size:
            data = os.pread(self.fd, min(size, 1 << 30), start)
            if not data:
                raise RecordingError("the recording is damaged: it is cut off")
            parts.append(data)
            start += len(data)
            size -= len(data)
        return b"".join(parts)


class _Slice(io.RawIOBase):
    """A part of a file, as a file that can only be read."""

    def __init__(self, fd: int, start: int, size: int) -> None:
        self._fd = fd
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise ValueError(f"negative seek value {at}")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        wanted = min(len(buffer), max(self._size - self._at, 0))
        data = os.pread(self._fd, wanted, self._start + self._at) if wanted else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
