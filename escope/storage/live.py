"""A recording that is still growing: the hot store plus the published tail of the ring.

The tail is cut into the blocks that the collector will store, by the same rule and the same code, so a
block has the same number and content before and after it was stored.
"""

from __future__ import annotations

import json
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.errors import RecordingError
from escope.storage.blocks import SUMMARY, BlockRecord, cut
from escope.storage.columns import event_ends, rows_of
from escope.storage.control import Control, Stage
from escope.storage.directory import Directory, collector_works, directory_size
from escope.storage.hot import HotReader, HotState, HotStore
from escope.storage.index import ArrayRun, Family, lookup
from escope.storage.members import Members
from escope.storage.process import process_alive
from escope.storage.processes import directory_of, read_manifest, registered, sealed_of
from escope.storage.ring import Ring
from escope.storage.seal import Sealed
from escope.storage.sites import Sites
from escope.storage.stream import final_words
from escope.storage.tracker import StoredBlock, Tracker

Array = npt.NDArray[Any]

_SEQ_FAMILIES = (Family.ENDS, Family.MARKS)


class Live:
    """The directory of a process whose collector is at work; safe for several threads.

    `home` is the recording's directory, where `path` is another process's.
    """

    def __init__(self, path: Path, home: Path | None = None) -> None:
        self.path = str(path)
        self._home = home or path
        self._lock = RLock()
        self._directory = Directory(path, HotStore.shared(str(path / "hot")), home=home)
        self.manifest = self._directory.manifest()
        self._ring = Ring.attach(path / "ring", readonly=True)
        self.control = Control.attach(path / "control", readonly=True)
        self._buffer = np.zeros(1024, SUMMARY)
        self._stored = 0
        self._stored_events = 0
        self._tables = b""
        self._tail: list[StoredBlock] = []
        self._partial: StoredBlock | None = None
        self._tracker: Tracker | None = None
        self._stage = -1
        self.summaries: Array = self._buffer[:0]
        self.refresh()

    @property
    def sites(self) -> Sites:
        """The site table so far."""
        return self._directory.sites

    @property
    def live(self) -> bool:
        """Whether more may come."""
        return self._stage in (Stage.STARTING, Stage.DRAINING, Stage.SEALING) and collector_works(
            self._home
        )

    @property
    def sealed(self) -> bool:
        """Whether the collector has sealed the recording."""
        return self.control.stage == Stage.SEALED

    def refresh(self) -> bool:
        """Take in what was stored and published since; True if events or the stage changed."""
        with self._lock:
            before = self._events()
            stage = self.control.stage
            changed = stage != self._stage
            self._stage = stage
            state, checkpoint, rows, first = self._snapshot()
            self._directory.follow_sites()
            tracker = self._tracker
            if tracker is None or tracker.checkpoint.first_row < state.rows:
                # The collector has overtaken what was made of the tail: go on from its state.
                tracker = Tracker(
                    self.sites,
                    self._directory.load_frame,
                    checkpoint=checkpoint,
                    number=state.blocks,
                    last_string=state.last_string,
                )
                self._tail = []
            self._tail = [block for block in self._tail if block.number >= state.blocks]
            self._tracker = tracker
            array = rows_of(rows)[tracker.checkpoint.first_row - first :]
            start = 0
            for end in cut(array, state.block_rows):
                self._tail.append(tracker.advance(array[start:end].copy()))
                start = end
            events = event_ends(array[start:])
            self._partial = None
            if len(events):
                stop = start + int(events[-1]) + 1
                self._partial = tracker.copy().advance(array[start:stop].copy())
            self._stored = state.blocks
            self._stored_events = state.events
            self._publish_summaries()
            return changed or self._events() != before

    def _snapshot(self) -> tuple[HotState, Any, bytes, int]:
        """State and checkpoint of the stored blocks, the rows behind them, and the first one's number."""
        ring = self._ring
        for _ in range(100):
            with self._directory.hot.reading() as reader:
                state = reader.state()
                if state.blocks > self._stored:
                    self._take_stored(reader, state)
                checkpoint = reader.checkpoint()
                pending = reader.pending()[: state.pending * 16]
            if ring.consumed <= state.ring_row <= ring.published:
                try:
                    rows = ring.read(state.ring_row, ring.capacity)
                except RecordingError:
                    continue
                # Rows released meanwhile may have been overwritten while they were copied.
                if ring.consumed <= state.ring_row:
                    return state, checkpoint, pending + rows, state.rows
        raise RecordingError(f"{self.path}: ring and hot store contradict each other")

    def _take_stored(self, reader: HotReader, state: HotState) -> None:
        first = self._stored
        while state.blocks + 64 > len(self._buffer):
            self._buffer = np.concatenate([self._buffer, np.zeros(len(self._buffer), SUMMARY)])
        self._buffer[first : state.blocks] = reader.summaries(first, state.blocks)
        self._tables += reader.tables(first, state.blocks)
        self._stored = state.blocks

    def _publish_summaries(self) -> None:
        blocks = self._virtual()
        end = self._stored + len(blocks)
        while end > len(self._buffer):
            self._buffer = np.concatenate([self._buffer, np.zeros(len(self._buffer), SUMMARY)])
        for place, block in enumerate(blocks, self._stored):
            self._buffer[place] = block.summary
        self.summaries = self._buffer[:end]

    def _virtual(self) -> list[StoredBlock]:
        return [*self._tail, self._partial] if self._partial else list(self._tail)

    def _events(self) -> int:
        if not len(self.summaries):
            return 0
        last = self.summaries[-1]
        return int(last["first_seq"]) + int(last["events"])

    # -- what a store asks for --------------------------------------------------------------------

    def record(self, number: int) -> BlockRecord:
        """The record of a block; RecordingError if it is damaged."""
        with self._lock:
            for block in self._virtual():
                if block.number == number:
                    return block.record
            with self._directory.hot.reading() as reader:
                return self._directory.record(reader, number)

    def values(self, family: Family, number: int) -> npt.NDArray[np.uint64]:
        """The values of one id in the index."""
        with self._lock:
            with self._directory.hot.reading() as reader:
                found = lookup(reader.runs(), family, number).copy()
            # The store may have grown since the last refresh: what is newer is in the tail, too.
            limit = self._stored_events if family in _SEQ_FAMILIES else self._stored << 32
            found = found[found < np.uint64(limit)]
            tail = lookup([ArrayRun(block.entries) for block in self._virtual()], family, number)
            return np.concatenate([found, tail])

    def tables(self) -> bytes:
        """All TYPE, FIELD and MODULE rows."""
        with self._lock:
            return self._tables + b"".join(block.tables for block in self._virtual())

    def source(self, sha: str) -> bytes | None:
        """The bytes of a source file, None if it is not there."""
        return self._directory.source(sha)

    def processes(self) -> list[dict[str, Any]]:
        """What is known of each process but 0, in the order of their numbers."""
        return listed_processes(self._home)

    def bytes(self) -> int:
        """Bytes on disk."""
        return directory_size(self._directory.path)

    def close(self) -> None:
        """Unmap and close everything."""
        with self._lock:
            self._ring.close()
            self.control.close()
            self._directory.close()


def listed_processes(part: Path) -> list[dict[str, Any]]:
    """What is known of each process but 0 of a recording that is a directory; `events` are those published."""
    found = []
    for number in registered(part):
        sealed = sealed_of(part, number)
        try:
            if sealed.is_file():
                with Members.at(str(sealed)) as members:
                    manifest = json.loads(members.read("manifest.json"))
                found.append(Sealed.of(number, sealed, manifest).entry)
                continue
            path = directory_of(part, number)
            manifest = read_manifest(path)
            control = Control.attach(path / "control", readonly=True)
            manifest.update(final_words(control), events=control.events)
            if process_alive(control.program_pid):
                manifest["status"] = None
            control.close()
            found.append(Sealed.entry_of(number, manifest))
        except (RecordingError, ValueError, OSError) as error:
            found.append(Sealed.broken(number, str(error)).entry)
    return found
