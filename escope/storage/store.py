"""The store: what replay asks a recording, whether it is sealed, growing, or was left by a crash."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from escope.errors import PositionError, RecordingError
from escope.events import Kind
from escope.storage.activations import Activation, Activations
from escope.storage.archive import Archive
from escope.storage.block_cache import BlockCache
from escope.storage.blocks import Block, BlockRecord
from escope.storage.checkpoint import FrameEntry
from escope.storage.index import MARKED, OUTERMOST_UNWIND, Family
from escope.storage.live import Live
from escope.storage.seal import counts_of
from escope.storage.sites import CodeInfo, SiteInfo, Sites
from escope.storage.tables import StringData, Tables, TypeInfo

Array = npt.NDArray[Any]

__all__ = [
    "Activation",
    "Block",
    "CodeInfo",
    "FrameEntry",
    "SiteInfo",
    "Store",
    "StringData",
    "TypeInfo",
    "open_store",
]

_CACHE_BYTES = 96 << 20


class _Source(Protocol):
    path: str
    manifest: dict[str, Any]
    summaries: Array

    @property
    def live(self) -> bool: ...
    @property
    def sites(self) -> Sites: ...
    def refresh(self) -> bool: ...
    def record(self, number: int) -> BlockRecord: ...
    def values(self, family: Family, number: int) -> npt.NDArray[np.uint64]: ...
    def tables(self) -> bytes: ...
    def source(self, sha: str) -> bytes | None: ...
    def processes(self) -> list[dict[str, Any]]: ...
    def bytes(self) -> int: ...
    def close(self) -> None: ...


def open_store(path: str | os.PathLike[str]) -> Store:
    """The recording at `path`: a sealed file, or the directory of one that is not sealed.

    Where `path` does not exist, `path.part` is tried.  Raises RecordingError with one line that says why
    it cannot be opened.
    """
    from escope.storage.opening import open_recording

    return open_recording(path)


class Store:
    """A recording that can be asked; safe for several threads at once."""

    def __init__(
        self,
        source: _Source,
        *,
        reopen: Callable[[], Archive | None] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._source = source
        self._reopen = reopen
        """Gives the sealed stream, once there is one."""
        self._folder = folder
        self._retired: list[_Source] = []
        self._switched = False
        self._lock = RLock()
        self._cache = BlockCache(_CACHE_BYTES)
        self._tables = Tables(self)
        self._activations = Activations(self)
        self._seqs: dict[Kind, Array] = {}

    # -- the whole --------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """What was opened."""
        return self._source.path

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest."""
        return self._source.manifest

    @property
    def live(self) -> bool:
        """Whether more events may come."""
        return self._source.live

    @property
    def events(self) -> int:
        """Number of events that can be read now."""
        summaries = self._source.summaries
        if not len(summaries):
            return 0
        return int(summaries[-1]["first_seq"]) + int(summaries[-1]["events"])

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self._source.summaries)

    @property
    def summaries(self) -> Array:
        """SUMMARY array of all blocks: events per kind, times, without reading them."""
        return self._source.summaries

    def refresh(self) -> bool:
        """Take in what was recorded since, up to the newest published event.

        True if there are more events, or the stage of the recording changed.  Once the recording is sealed
        this goes on with the sealed file; numbers of events and blocks stay what they were.
        """
        with self._lock:
            source = self._source
            if not isinstance(source, Live):
                switched, self._switched = self._switched, False
                return switched
            sealed = self._reopen() if source.sealed and self._reopen is not None else None
            if sealed is not None:
                if len(sealed.summaries) >= self._full_blocks():
                    self._source = sealed
                    # Another thread may be reading from it at this moment.
                    self._retired.append(source)
                    self._seqs.clear()
                    return True
                sealed.close()
            changed = source.refresh()
            if changed:
                self._seqs.clear()
            return changed

    def _sealed_meanwhile(self, source: _Source) -> bool:
        """Whether what `source` read from is gone because it was sealed, and the sealed file is here."""
        if isinstance(source, Live) and source.sealed:
            with self._lock:
                # Whoever refreshes next has to be told.
                self._switched = self.refresh()
        return self._source is not source

    def _full_blocks(self) -> int:
        return max(self.blocks - 1, 0)

    def close(self) -> None:
        """Close the files; recovered ones are removed."""
        with self._lock:
            for source in (self._source, *self._retired):
                source.close()
            self._cache.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def info(self) -> dict[str, Any]:
        """The manifest with the figures of now: events, kinds, labels, bytes, bytes_per_event, …"""
        found = dict(self.manifest)
        summaries = self._source.summaries
        found.update(counts_of(summaries))
        size = self._source.bytes()
        events = self.events
        found["duration_ns"] = self.time_at(events - 1) - self.began_ns if events else 0
        found["bytes"] = size
        found["bytes_per_event"] = round(size / events, 3) if events else 0.0
        found.setdefault("dropped", 0)
        found["skipped"] = list(self.skipped)
        modules = self._source.sites.modules
        found["modules"] = {"instrumented": len(modules), "cached": sum(modules.values())}
        if isinstance(self._source, Live) and self._source.control.exit_known:
            # It has ended, and the collector is not done yet.
            found["status"] = self._source.control.exit_text()
        if found.get("status") is None and not self.live:
            found["status"] = "unknown"
        found["sealed"] = bool(self.manifest.get("sealed")) and not self.live
        return found

    # -- processes --------------------------------------------------------------------------------

    @property
    def number(self) -> int:
        """The number of the process."""
        return _whole(self.manifest.get("process"))

    @property
    def began_ns(self) -> int:
        """When the process's stream began, in nanoseconds since the recording did."""
        return _whole(self.manifest.get("began_ns"))

    def processes(self) -> list[dict[str, Any]]:
        """What is known of each process of the recording but 0, if this is the stream of 0."""
        return self._source.processes()

    def open_process(self, number: int) -> Store:
        """The stream of another process of the recording; RecordingError if it is damaged or not there."""
        from escope.storage.opening import open_process

        return open_process(self.path, number)

    # -- code -------------------------------------------------------------------------------------

    @property
    def codes(self) -> Mapping[int, CodeInfo]:
        """The instrumented code objects, by id."""
        return self._source.sites.codes

    @property
    def site_code(self) -> npt.NDArray[np.uint32]:
        """Code object of each site id."""
        return self._source.sites.code

    @property
    def site_kind(self) -> npt.NDArray[np.uint8]:
        """Kind of each site id, 0 where it has none."""
        return self._source.sites.kind

    @property
    def site_line(self) -> npt.NDArray[np.uint32]:
        """Line of each site id."""
        return self._source.sites.line

    @property
    def site_slot(self) -> npt.NDArray[np.int32]:
        """Slot of each site id, -1 where it has none."""
        return self._source.sites.slot

    def site(self, number: int) -> SiteInfo:
        """The site `number`; RecordingError if there is none."""
        return self._source.sites.site(number)

    @property
    def skipped(self) -> list[dict[str, Any]]:
        """What was not instrumented, and why."""
        return self._source.sites.skipped

    @property
    def predicates(self) -> list[dict[str, Any]]:
        """The predicates that marked hits, with their numbers."""
        return self._source.sites.predicates

    def source(self, sha: str) -> bytes | None:
        """The bytes of the source file with this SHA-256, None if it was not recorded."""
        source = self._source
        found = source.source(sha)
        if found is None and self._sealed_meanwhile(source):
            found = self._source.source(sha)
        return found

    # -- blocks -----------------------------------------------------------------------------------

    def block(self, number: int) -> Block:
        """The block `number`, from 0; IndexError outside, RecordingError if it is damaged."""
        with self._lock:
            if not 0 <= number < self.blocks:
                raise IndexError(f"the recording has no block {number}")
            source = self._source
            summary = source.summaries[number]
            found = self._cache.get(number)
            # The last block of a growing recording may have been read before it grew.
            if found is not None and found.events == summary["events"]:
                return found
        try:
            record = source.record(number)
        except RecordingError:
            if self._sealed_meanwhile(source):
                return self.block(number)
            raise
        block = Block(number, record, source.sites)
        if isinstance(source, Archive) and (
            block.first_seq != int(summary["first_seq"])
            or block.events != int(summary["events"])
            or not block.is_event[-1]
        ):
            raise RecordingError(
                f"the recording is damaged: block {number} is not what it should be"
            )
        with self._lock:
            if source is self._source:
                self._cache.keep(block)
        return block

    def block_of(self, seq: int) -> int:
        """The number of the block that holds the event; PositionError outside the recording."""
        if not 0 <= seq < self.events:
            raise PositionError(
                f"{seq} is not a position: the recording has {self.events} events, from 0"
            )
        firsts = self._source.summaries["first_seq"]
        return int(np.searchsorted(firsts, np.uint64(seq), "right")) - 1

    def frame_entry(self, frame: int, before_block: int) -> FrameEntry | None:
        """What is known of a live frame when block `before_block` begins; None if nothing is stored."""
        blocks = self._source.values(Family.FRAMES, frame) >> np.uint64(32)
        place = int(np.searchsorted(blocks, np.uint64(before_block)))
        if place == 0:
            return None
        return self.block(int(blocks[place - 1])).frame_entry(frame)

    def frame_variables(self, frame: int, before_block: int) -> Array | None:
        """VARIABLE array of a live frame as it is when block `before_block` begins; None if not stored."""
        entry = self.frame_entry(frame, before_block)
        return None if entry is None else entry.variables

    def object_blocks(self, oid: int, upto_block: int) -> Iterator[tuple[int, bool]]:
        """Blocks that change the object, newest first from `upto_block` on, and whether each has it whole."""
        values = self._source.values(Family.OBJECTS, oid)
        end = int(np.searchsorted(values, np.uint64((upto_block + 1) << 32)))
        for value in values[:end][::-1].tolist():
            yield value >> 32, bool(value & 1)

    def site_blocks(self, site: int) -> npt.NDArray[np.int64]:
        """Blocks that have events of the site, ascending."""
        return (self._source.values(Family.SITES, site) >> np.uint64(32)).astype(np.int64)

    def site_count(self, site: int) -> int:
        """How many events the site has."""
        counts = self._source.values(Family.SITES, site) & np.uint64(0xFFFF_FFFF)
        return int(counts.sum())

    def table_rows(self) -> bytes:
        """All TYPE, FIELD and MODULE rows so far."""
        return self._source.tables()

    # -- strings, types, modules ------------------------------------------------------------------

    def string(self, sid: int) -> StringData:
        """The string with this id; RecordingError if the recording does not have it."""
        return self._tables.string(sid)

    def text(self, sid: int) -> str:
        """The string with this id as text; lone surrogates stay as they were."""
        return self.string(sid).data.decode("utf-8", "surrogatepass")

    def type(self, tid: int) -> TypeInfo:
        """The type with this id; RecordingError if the recording does not have it."""
        return self._tables.type(tid)

    def module_namespace(self, module: str) -> int | None:
        """The namespace object of a module's globals; None if it was not seen."""
        return self._tables.module_namespace(module)

    # -- activations ------------------------------------------------------------------------------

    def activation(self, start_seq: int) -> Activation | None:
        """The activation that the CALL or RESUME at `start_seq` began; None if it is no such event."""
        return self._activations.of(start_seq)

    def activations(self, lo_seq: int, hi_seq: int) -> list[Activation]:
        """Activations that began at lo_seq <= seq < hi_seq, in the order they began."""
        return self._activations.between(lo_seq, hi_seq)

    def enclosing(self, seq: int, thread: int) -> list[Activation]:
        """The thread's activations that the event at `seq` lies in, outermost first.

        The event that begins or ends an activation lies in it, too.
        """
        return self._activations.enclosing(seq, thread)

    def end_of(self, start_seq: int) -> int | None:
        """Where an activation that outlived its block ended; None while it lasts."""
        ends = self._source.values(Family.ENDS, start_seq)
        return int(ends[0]) if len(ends) else None

    # -- messages and tasks -----------------------------------------------------------------------

    def message_seqs(self, message: int) -> npt.NDArray[np.int64]:
        """Seqs of the events with this message id, ascending: what was sent, then who received it."""
        return self._source.values(Family.MESSAGES, message).astype(np.int64)

    def task_seqs(self, task: int) -> npt.NDArray[np.int64]:
        """Seqs of a task's TASK_CREATE, TASK_CANCEL and TASK_DONE events, and of those that name it, ascending."""
        return self._source.values(Family.TASKS, task).astype(np.int64)

    # -- time and marks ---------------------------------------------------------------------------

    def seq_at_time(self, ns: int) -> int:
        """The last event whose time is at or before `ns`; 0 if none is."""
        summaries = self._source.summaries
        ns -= self.began_ns
        if not len(summaries) or ns < 0:
            return 0
        times = np.maximum.accumulate(summaries["time"])
        number = max(int(np.searchsorted(times, np.uint64(ns), "right")) - 1, 0)
        while number >= 0:
            found = self.block(number).last_seq_at(ns)
            if found is not None:
                return found
            number -= 1
        return 0

    def time_at(self, seq: int) -> int:
        """Newest time stamp at or before the event, in nanoseconds since the recording began."""
        return self.began_ns + self.block(self.block_of(seq)).time_at(seq)

    def outermost_ends(self) -> npt.NDArray[np.int64]:
        """Seqs of the UNWINDs by which an exception left a thread's outermost frame, ascending."""
        return self._source.values(Family.MARKS, OUTERMOST_UNWIND).astype(np.int64)

    def block_kinds(self) -> npt.NDArray[np.uint32]:
        """Events of each kind in each block: an array of blocks × kinds, indexed by `Kind`."""
        kinds: npt.NDArray[np.uint32] = self._source.summaries["kinds"]
        return kinds

    def kind_seqs(self, kind: Kind) -> npt.NDArray[np.int64]:
        """All seqs of events of a kind in `index.MARKED`, ascending; ValueError for other kinds."""
        if kind not in MARKED:
            raise ValueError(f"{kind.label} events are not indexed")
        with self._lock:
            found = self._seqs.get(kind)
        if found is None:
            found = self._source.values(Family.MARKS, int(kind)).astype(np.int64)
            with self._lock:
                self._seqs[kind] = found
        return found


def _whole(value: object) -> int:
    """A number of the manifest; 0 where it is none that can be."""
    return value if type(value) is int and 0 <= value < 1 << 62 else 0
