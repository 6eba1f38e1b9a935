"""The hot store: one LMDB environment with the newest blocks and every index; only this file knows LMDB.

    state      "state": JSON counters; "checkpoint": of the next block; "pending": rows of an event that
               is larger than the ring
    blocks     block → record, compressed or (when the ring filled faster) plain, until it moves to a
               segment
    summaries  block → SUMMARY record
    runs       number of the run's first block → level, ENTRY array
    tables     block → its TYPE, FIELD and MODULE rows

One transaction stores blocks together with everything about them and the counters, so whatever a reader
or a recovery finds is whole.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

import lmdb
import numpy as np
import numpy.typing as npt

from escope.errors import RecordingError
from escope.storage.blocks import HOT, SUMMARY, BlockRecord
from escope.storage.checkpoint import Checkpoint
from escope.storage.index import ENTRY, FAN_IN, MAX_MERGED, ArrayRun, merge
from escope.storage.segments import unpack
from escope.storage.tracker import StoredBlock

Array = npt.NDArray[Any]

MAP_SIZE = 1 << 38
ONE_OF_MANY = 1 << 35
"""Map size of one of many stores: what they reserve together must fit the address space."""
_NUMBER = struct.Struct(">I")
_LEVEL = struct.Struct("<Q")
_MAX_NUMBER = 1 << 31


class DiskFull(Exception):
    """The hot store could not grow."""


@dataclass(slots=True)
class HotState:
    """The counters that are committed with the blocks."""

    block_rows: int
    blocks: int = 0
    events: int = 0
    rows: int = 0
    """Rows stored in blocks."""
    pending: int = 0
    """Rows stored behind them, of an event that is not complete."""
    last_string: int = 0
    segments: int = 0
    """Segment files written; the blocks before `first_hot` are in them."""
    first_hot: int = 0

    @property
    def ring_row(self) -> int:
        """The first row that is not stored: it is in the ring."""
        return self.rows + self.pending


class HotStore:
    """One environment; `writable` for the one collector, which may let it grow to `map_size`."""

    def __init__(
        self, path: str, *, writable: bool = False, lock: bool = True, map_size: int = MAP_SIZE
    ) -> None:
        self.path = path
        try:
            if writable:
                os.makedirs(path, mode=0o700, exist_ok=True)
            elif not os.path.isfile(os.path.join(path, "data.mdb")):
                raise RecordingError(f"{path}: nothing was stored there")
            size = map_size
            if not lock:
                # Nobody writes any more: a map of the file's size suffices, and is bounded.
                size = max(os.path.getsize(os.path.join(path, "data.mdb")), 1 << 20)
            self._env = lmdb.open(
                path,
                map_size=size,
                mode=0o700,
                max_dbs=8,
                max_readers=126,
                readonly=not writable,
                create=writable,
                lock=lock,
                # Process death loses nothing that is in the page cache; the archive is synced.
                sync=False,
                metasync=False,
                readahead=False,
            )
            names = (b"state", b"blocks", b"summaries", b"runs", b"tables")
            dbs = [self._env.open_db(name, create=writable) for name in names]
        except (lmdb.Error, OSError) as error:
            raise RecordingError(f"{path}: cannot be opened: {error}") from None
        self._state, self._blocks, self._summaries, self._runs, self._tables = dbs
        self._levels: list[tuple[int, int, int]] = []
        self._users = 0
        self._inode = os.stat(os.path.join(path, "data.mdb")).st_ino

    @classmethod
    def shared(cls, path: str) -> HotStore:
        """A reader of a store that a collector writes; LMDB allows one environment in a process."""
        key = os.path.realpath(path)
        with _shared_lock:
            found = _shared.get(key)
            if found is None or found._gone():
                found = _shared[key] = cls(path)
            found._users += 1
            return found

    def _gone(self) -> bool:
        try:
            return os.stat(os.path.join(self.path, "data.mdb")).st_ino != self._inode
        except OSError:
            return True

    def close(self) -> None:
        """Close the environment, with its last user."""
        with _shared_lock:
            self._users -= 1
            if self._users > 0:
                return
            for key in [key for key, store in _shared.items() if store is self]:
                del _shared[key]
        self._env.close()

    def size(self) -> int:
        """Bytes of the pages in use."""
        info = self._env.info()
        return int((info["last_pgno"] + 1) * self._env.stat()["psize"])

    def check_readers(self) -> None:
        """Free the pages that a killed reader held."""
        self._env.reader_check()

    # -- writing ----------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[lmdb.Transaction]:
        try:
            with self._env.begin(write=True) as txn:
                yield txn
        except (lmdb.DiskError, lmdb.MapFullError) as error:
            raise DiskFull(str(error)) from None
        except lmdb.Error as error:
            # LMDB reports a short write, which is what a disk that fills up gives, as an I/O error.
            if any(text in str(error) for text in ("No space", "too large", "Input/output")):
                raise DiskFull(str(error)) from None
            raise

    def begin(self, state: HotState, checkpoint: Checkpoint) -> None:
        """Store the state of an empty recording."""
        with self._writing() as txn:
            self._put_state(txn, state, checkpoint)

    def append(
        self,
        blocks: list[StoredBlock],
        records: list[bytes],
        state: HotState,
        checkpoint: Checkpoint,
    ) -> None:
        """Store `blocks`, whose packed or plain records are `records`, and the state after them.

        All in one transaction: DiskFull leaves everything as it was.
        """
        levels = list(self._levels)
        with self._writing() as txn:
            for block, record in zip(blocks, records, strict=True):
                key = _NUMBER.pack(block.number)
                txn.put(key, record, db=self._blocks, append=True)
                txn.put(key, block.summary.tobytes(), db=self._summaries, append=True)
                if block.tables:
                    txn.put(key, block.tables, db=self._tables, append=True)
            if blocks:
                run = merge([block.entries for block in blocks])
                self._add_run(txn, levels, blocks[0].number, run)
            self._put_state(txn, state, checkpoint)
            if state.pending == 0:
                txn.delete(b"pending", db=self._state)
        self._levels = levels

    def stash(self, rows: bytes, state: HotState) -> None:
        """Store the rows of an event that is not complete: all that there are so far."""
        with self._writing() as txn:
            txn.put(b"pending", rows, db=self._state)
            txn.put(b"state", json.dumps(asdict(state)).encode(), db=self._state)

    def moved(self, summaries: dict[int, Array], state: HotState) -> None:
        """Say that blocks lie in a segment now: store their summaries, forget their records."""
        with self._writing() as txn:
            for number, summary in summaries.items():
                key = _NUMBER.pack(number)
                txn.put(key, summary.tobytes(), db=self._summaries)
                txn.delete(key, db=self._blocks)
            txn.put(b"state", json.dumps(asdict(state)).encode(), db=self._state)

    def _put_state(self, txn: lmdb.Transaction, state: HotState, checkpoint: Checkpoint) -> None:
        txn.put(b"state", json.dumps(asdict(state)).encode(), db=self._state)
        txn.put(b"checkpoint", checkpoint.encode(), db=self._state)

    def _add_run(
        self, txn: lmdb.Transaction, levels: list[tuple[int, int, int]], first: int, run: Array
    ) -> None:
        levels.append((first, 0, len(run)))
        txn.put(_NUMBER.pack(first), _LEVEL.pack(0) + run.tobytes(), db=self._runs)
        while len(levels) >= FAN_IN:
            last = levels[-FAN_IN:]
            level = last[-1][1]
            if any(one[1] != level for one in last):
                return
            if sum(one[2] for one in last) > MAX_MERGED:
                return
            merged = merge([self._run(txn, one[0]) for one in last])
            for one in last:
                txn.delete(_NUMBER.pack(one[0]), db=self._runs)
            del levels[-FAN_IN:]
            levels.append((last[0][0], level + 1, len(merged)))
            data = _LEVEL.pack(level + 1) + merged.tobytes()
            txn.put(_NUMBER.pack(last[0][0]), data, db=self._runs)

    def _run(self, txn: lmdb.Transaction, first: int) -> Array:
        return _entries_of(txn.get(_NUMBER.pack(first), db=self._runs))

    # -- reading ----------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[HotReader]:
        """A reader of one moment of the store; RecordingError if what it reads is damaged."""
        try:
            with self._env.begin(buffers=True) as txn:
                yield HotReader(
                    txn, self._state, self._blocks, self._summaries, self._runs, self._tables
                )
        except lmdb.Error as error:
            raise RecordingError(f"{self.path}: damaged: {error}") from None


_shared: dict[str, HotStore] = {}
_shared_lock = Lock()


class HotReader:
    """What one read transaction sees; nothing it returns needs the transaction to live on."""

    def __init__(
        self, txn: lmdb.Transaction, state: Any, blocks: Any, summaries: Any, runs: Any, tables: Any
    ) -> None:
        self._txn = txn
        self._dbs = {"blocks": blocks, "summaries": summaries, "runs": runs, "tables": tables}
        self._state = state

    def state(self) -> HotState:
        """The counters."""
        data = self._txn.get(b"state", db=self._state)
        try:
            found = json.loads(bytes(data or b""))
            state = HotState(**found)
            values = list(asdict(state).values())
            if not all(type(one) is int and 0 <= one < 1 << 62 for one in values):
                raise ValueError("a counter is no number")
            if state.blocks > _MAX_NUMBER or state.first_hot > state.blocks or not state.block_rows:
                raise ValueError("the counters contradict each other")
        except (TypeError, ValueError) as error:
            raise RecordingError(f"the hot store is damaged: {error}") from None
        return state

    def checkpoint(self) -> Checkpoint:
        """What holds after the last block."""
        data = self._txn.get(b"checkpoint", db=self._state)
        if data is None:
            raise RecordingError("the hot store is damaged: no checkpoint")
        return Checkpoint.decode(bytes(data))

    def pending(self) -> bytes:
        """Rows of the event that is not complete."""
        return bytes(self._txn.get(b"pending", db=self._state) or b"")

    def data(self, number: int) -> bytes | None:
        """The packed or plain record of a block; None if it is not here (any more)."""
        data = self._txn.get(_NUMBER.pack(number), db=self._dbs["blocks"])
        return None if data is None else bytes(data)

    def block(self, number: int) -> BlockRecord | None:
        """The record of a block; None if it is not here (any more)."""
        data = self.data(number)
        return None if data is None else unpack(data)

    def summary(self, number: int) -> Array:
        """The SUMMARY record of one block."""
        summary: Array = self.summaries(number, number + 1)[0]
        return summary

    def summaries(self, first: int, end: int) -> Array:
        """SUMMARY array of blocks `first` … `end - 1`."""
        parts = [data for number, data in self._walk("summaries", first, end)]
        if len(parts) != end - first or any(len(one) != SUMMARY.itemsize for one in parts):
            raise RecordingError("the hot store is damaged: summaries of blocks are missing")
        return np.frombuffer(b"".join(parts), SUMMARY)

    def tables(self, first: int, end: int) -> bytes:
        """TYPE, FIELD and MODULE rows of blocks `first` … `end - 1`."""
        data = b"".join(data for _, data in self._walk("tables", first, end))
        if len(data) % 16:
            raise RecordingError("the hot store is damaged: a table row is torn")
        return data

    def run_numbers(self) -> list[int]:
        """The first blocks of the runs, ascending; a run covers all blocks up to the next one's."""
        cursor = self._txn.cursor(db=self._dbs["runs"])
        return [_number(key) for key in cursor.iternext(keys=True, values=False)]

    def run(self, first: int) -> Array:
        """The ENTRY array of a run; lies in the map and lives as long as the transaction."""
        return _entries_of(self._txn.get(_NUMBER.pack(first), db=self._dbs["runs"]))

    def runs(self) -> list[ArrayRun]:
        """All runs, in the order they came; they live as long as the transaction."""
        return [ArrayRun(self.run(first)) for first in self.run_numbers()]

    def _walk(self, db: str, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        cursor = self._txn.cursor(db=self._dbs[db])
        if first >= end or not cursor.set_range(_NUMBER.pack(first)):
            return
        for key, data in cursor.iternext(keys=True, values=True):
            number = _number(key)
            if number >= end:
                return
            yield number, bytes(data)


def _number(key: Any) -> int:
    if len(key) != 4:
        raise RecordingError("the hot store is damaged: a key is wrong")
    return int.from_bytes(key, "big")


def _entries_of(data: Any) -> Array:
    if data is None or (len(data) - 8) % ENTRY.itemsize or len(data) < 8:
        raise RecordingError("the hot store is damaged: a run of the index is torn")
    entries: Array = np.frombuffer(data, ENTRY, -1, 8)
    return entries


def is_hot(summary: Array) -> bool:
    """Whether the block's record is in the hot store."""
    return int(summary["segment"]) == HOT
