"""The directory of a recording that is not sealed: where its files are, and how they are read."""

from __future__ import annotations

import fcntl
import json
import os
import re
from pathlib import Path
from typing import Any

from escope.errors import RecordingError
from escope.storage.blocks import Block, BlockRecord
from escope.storage.checkpoint import FrameTable
from escope.storage.hot import HotReader, HotState, HotStore, is_hot
from escope.storage.index import Family, lookup
from escope.storage.members import SITES, Inherited, Members
from escope.storage.processes import directory_of, read_manifest, sealed_of
from escope.storage.segments import read_record, segment_name
from escope.storage.sites import Sites
from escope.storage.tracker import Tracker

_SHA = re.compile(r"[0-9a-f]{64}")


class Directory:
    """One process's directory with its hot store open; `home` is the recording's, which holds the sources."""

    def __init__(
        self,
        path: Path,
        hot: HotStore,
        *,
        segment_blocks: int = 256,
        home: Path | None = None,
        inherited: Inherited | None = None,
    ) -> None:
        self.path = path
        self.hot = hot
        self.segment_blocks = segment_blocks
        self.commons = PartCommons(home or path)
        self.sites = Sites()
        if home is not None:
            self.sites = (inherited or Inherited(self.commons)).of(self.manifest())
        self._segments: dict[int, tuple[int, int]] = {}

    def follow_sites(self) -> None:
        """Read what the program added to the site table."""
        self.sites.follow(self.path / SITES)

    def tracker(self, reader: HotReader) -> Tracker:
        """A tracker that goes on behind the last block that `reader` sees."""
        self.follow_sites()
        state = reader.state()
        return Tracker(
            self.sites,
            self.load_frame,
            checkpoint=reader.checkpoint(),
            number=state.blocks,
            last_string=state.last_string,
        )

    def load_frame(self, frame: int, before: int) -> FrameTable | None:
        """The newest table stored of `frame` in a block below `before`."""
        with self.hot.reading() as reader:
            blocks = lookup(reader.runs(), Family.FRAMES, frame) >> 32
            blocks = blocks[blocks < before]
            if not len(blocks):
                return None
            number = int(blocks[-1])
            record = self.record(reader, number)
        entry = Block(number, record, self.sites).frame_entry(frame)
        return entry.table() if entry else None

    def record(self, reader: HotReader, number: int) -> BlockRecord:
        """The record of a stored block, wherever it is; RecordingError if it is damaged."""
        record = reader.block(number)
        if record is not None:
            return record
        summary = reader.summary(number)
        if is_hot(summary):
            raise RecordingError(f"block {number} is missing from the hot store")
        segment = int(summary["segment"])
        if segment not in self._segments:
            try:
                fd = os.open(self.segment_path(segment), os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise RecordingError(f"a segment cannot be opened: {error}") from None
            self._segments[segment] = fd, os.fstat(fd).st_size
        fd, size = self._segments[segment]
        return read_record(fd, 0, size, summary)

    def segment_path(self, number: int) -> Path:
        """The file of segment `number`."""
        return self.path / "segments" / segment_name(number)

    def manifest(self) -> dict[str, Any]:
        """What the launcher wrote; RecordingError if it is not JSON."""
        return read_manifest(self.path)

    def sites_bytes(self) -> bytes:
        """The complete lines of the process's own sites file."""
        try:
            data = (self.path / SITES).read_bytes()
        except FileNotFoundError:
            return b""
        return data[: data.rfind(b"\n") + 1]

    def source_names(self) -> list[str]:
        """The hashes of the source files that are there."""
        try:
            names = os.listdir(self.path / "sources")
        except FileNotFoundError:
            return []
        return sorted(name for name in names if _SHA.fullmatch(name))

    def source(self, sha: str) -> bytes | None:
        """The bytes of a source file, None if it is not there."""
        return self.commons.source(sha)

    def close(self) -> None:
        """Close the hot store and the segments."""
        for fd, _ in self._segments.values():
            os.close(fd)
        self._segments.clear()
        self.hot.close()


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Replace the manifest in a recording's directory in one step."""
    temporary = path / f"manifest.json.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            json.dump(manifest, file, indent=1)
        os.replace(temporary, path / "manifest.json")
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def directory_size(path: Path) -> int:
    """Bytes of the recording's files on disk, without the ring and the control page."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            if name not in ("ring", "control"):
                try:
                    total += os.stat(os.path.join(folder, name)).st_blocks * 512
                except OSError:
                    continue
    return total


class PartCommons:
    """What the processes of a recording share, while it is a directory."""

    def __init__(self, part: Path) -> None:
        self._part = part

    def source(self, sha: str) -> bytes | None:
        """The bytes of a source file, None if it is not there."""
        if not _SHA.fullmatch(sha):
            return None
        try:
            return (self._part / "sources" / sha).read_bytes()
        except OSError:
            return None

    def own_sites(self, process: int) -> bytes:
        """What a process itself wrote to its site table; RecordingError if that is not there."""
        path = directory_of(self._part, process) / SITES
        for _ in range(2):
            try:
                return path.read_bytes()
            except OSError:
                sealed = sealed_of(self._part, process)
            if process and sealed.is_file():
                with Members.at(str(sealed)) as members:
                    return members.read(SITES)
        raise RecordingError(f"{self._part}: the site table of process {process} is missing")


class CollectorLock:
    """The mark that a collector is at work on a directory; the system drops it when the collector dies."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise RecordingError(f"{path}: another collector is at work there") from None

    def release(self) -> None:
        """Say that the work is done."""
        os.close(self._fd)


def collector_works(path: Path) -> bool:
    """Whether a living collector holds the directory."""
    try:
        fd = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def fresh_state(block_rows: int) -> HotState:
    """The counters of an empty recording."""
    return HotState(block_rows=block_rows)
