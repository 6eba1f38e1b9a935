"""The ring: a file mapped by the program, which puts rows, and by the collector, which takes them.

Rows are numbered from 0 in the order they are put; row n lies at slot n modulo the capacity.
Header words (u64, one writer each):

    0 magic       1 version      2 capacity in rows                        written once
    16 published  17 producer's process  18 its heartbeat  19 rows it waits for room for
    32 consumed   33 consumer's process  34 its heartbeat  35 closed       the consumer's

Invariant: consumed <= published <= consumed + capacity, and rows consumed … published - 1 lie in
the file.  `published` is one aligned 8-byte store that follows the rows, so a reader never sees a
row that is not complete.  The file outlives both processes: what was published needs neither.
"""

from __future__ import annotations

import os
from time import monotonic_ns, sleep

from escope.errors import RecordingError
from escope.storage.process import create_file, map_file, process_alive
from escope.storage.rows import ROW_SIZE

_MAGIC = int.from_bytes(b"ESCRING\n", "little")
_VERSION = 1
_HEADER = 4096
_PUBLISHED, _PID, _BEAT, _WANTED = 16, 17, 18, 19
_CONSUMED, _CONSUMER_PID, _CONSUMER_BEAT, _CLOSED = 32, 33, 34, 35
_WARM = 128 << 10
"""Bytes of a new file that are written beforehand."""
_HANG_NS = 10_000_000_000
_CHECK_NS = 50_000_000


class Ring:
    """One mapping of a ring file; the program calls `put`, the collector `take` and `release`."""

    __slots__ = (
        "_capacity",
        "_count",
        "_data",
        "_dead",
        "_hang_ns",
        "_map",
        "_until",
        "_words",
    )

    def __init__(self, path: str | os.PathLike[str], *, readonly: bool = False) -> None:
        self._map = map_file(path, "a ring", _HEADER + ROW_SIZE, readonly=readonly)
        size = len(self._map)
        view = memoryview(self._map)
        words = view[:_HEADER].cast("Q")
        capacity = words[2]
        problem = ""
        if words[0] != _MAGIC or words[1] != _VERSION:
            problem = "wrong magic or version"
        elif capacity == 0 or _HEADER + capacity * ROW_SIZE > size:
            problem = f"its capacity of {capacity} rows does not fit {size} bytes"
        elif not 0 <= words[_PUBLISHED] - words[_CONSUMED] <= capacity:
            problem = f"rows {words[_CONSUMED]} to {words[_PUBLISHED]} in {capacity} rows"
        if problem:
            words.release()
            view.release()
            self._map.close()
            raise RecordingError(f"{os.fspath(path)}: not a ring: {problem}")
        self._words = words
        self._data = view[_HEADER : _HEADER + capacity * ROW_SIZE]
        self._capacity = capacity
        self._count: int = words[_PUBLISHED]
        self._until: int = words[_CONSUMED] + capacity
        """Rows that may be published before `consumed` has to be looked at again."""
        self._dead = False
        self._hang_ns = _HANG_NS

    @classmethod
    def create(cls, path: str | os.PathLike[str], size_bytes: int) -> Ring:
        """Make the file (0600) and map it; OSError if it exists or has no room."""
        capacity = max(size_bytes // ROW_SIZE, 16)
        header = b"".join(word.to_bytes(8, "little") for word in (_MAGIC, _VERSION, capacity))
        size = _HEADER + capacity * ROW_SIZE
        # Written now: on ext4 the first access to a mapped page that never was took 2 to 50 ms.
        create_file(path, size, header.ljust(min(size, _WARM), b"\0"))
        return cls(path)

    @classmethod
    def attach(cls, path: str | os.PathLike[str], *, readonly: bool = False) -> Ring:
        """Map an existing ring; RecordingError if it is not one."""
        return cls(path, readonly=readonly)

    # -- the program ------------------------------------------------------------------------------

    def put(self, rows: bytes | bytearray | memoryview) -> bool:
        """Publish `rows` (a multiple of 16 bytes), waiting for room; one caller at a time.

        Rows that fit the ring are published together, others in pieces.  False: the collector is
        dead, has hung for 10 seconds or has closed the ring; nothing can be put any more.
        """
        # Nearly every call ends here; the rest is for wraps, full rings and large events.
        words = self._words
        count = self._count
        end = count + len(rows) // ROW_SIZE
        if end <= self._until and not words[_CLOSED]:
            at = count % self._capacity * ROW_SIZE
            stop = at + len(rows)
            if stop <= len(self._data):
                self._data[at:stop] = rows
                self._count = end
                words[_PUBLISHED] = end
                return True
        if self._put_pieces(rows):
            return True
        # No later event may follow one that is missing.
        self._until = 0
        return False

    def _put_pieces(self, rows: bytes | bytearray | memoryview) -> bool:
        words = self._words
        capacity = self._capacity
        offset = 0
        left = len(rows) // ROW_SIZE
        while left:
            if self._dead or words[_CLOSED]:
                self._dead = True
                return False
            count = self._count
            self._until = words[_CONSUMED] + capacity
            free = self._until - count
            if free < left and (left <= capacity or free == 0):
                if not self._wait(min(left, capacity)):
                    return False
                continue
            piece = left if left <= free else free
            size = piece * ROW_SIZE
            at = count % capacity * ROW_SIZE
            part = memoryview(rows)[offset : offset + size]
            head = min(size, capacity * ROW_SIZE - at)
            self._data[at : at + head] = part[:head]
            self._data[: size - head] = part[head:]
            self._count = count + piece
            words[_PUBLISHED] = count + piece
            offset += size
            left -= piece
        return True

    def _wait(self, wanted: int) -> bool:
        """Wait until `wanted` rows fit; False when nobody will make room."""
        words = self._words
        words[_WANTED] = wanted
        pause = 0.00005
        checked = moved = monotonic_ns()
        last = (words[_CONSUMED], words[_CONSUMER_BEAT])
        try:
            while self._capacity - (self._count - words[_CONSUMED]) < wanted:
                if words[_CLOSED]:
                    self._dead = True
                    return False
                sleep(pause)
                pause = min(pause * 1.5, 0.001)
                now = monotonic_ns()
                if now - checked < _CHECK_NS:
                    continue
                checked = now
                state = (words[_CONSUMED], words[_CONSUMER_BEAT])
                if state != last:
                    last, moved = state, now
                pid = words[_CONSUMER_PID]
                if now - moved > self._hang_ns or (pid and not process_alive(pid)):
                    self._dead = True
                    return False
            return True
        finally:
            words[_WANTED] = 0

    def go_on_at(self, count: int) -> None:
        """Take over from another writer of this mapping, which put rows up to `count`: they are published."""
        self._count = count
        self._words[_PUBLISHED] = count
        self._until = self._words[_CONSUMED] + self._capacity

    @property
    def memory(self) -> tuple[memoryview, memoryview]:
        """The header's words and the rows' bytes, for a writer that needs no call."""
        return self._words, self._data

    @property
    def written(self) -> int:
        """Rows published by this mapping's `put` (and before it)."""
        return self._count

    @property
    def pid(self) -> int:
        """The producer's process; the producer sets it."""
        return self._words[_PID]

    @pid.setter
    def pid(self, value: int) -> None:
        self._words[_PID] = value

    @property
    def beat(self) -> int:
        """The producer's heartbeat (monotonic ns); the producer sets it."""
        return self._words[_BEAT]

    @beat.setter
    def beat(self, value: int) -> None:
        self._words[_BEAT] = value

    # -- the collector and readers ----------------------------------------------------------------

    @property
    def capacity(self) -> int:
        """Rows that the ring holds."""
        return self._capacity

    @property
    def published(self) -> int:
        """Number of rows published so far."""
        return self._words[_PUBLISHED]

    @property
    def consumed(self) -> int:
        """Number of rows released so far."""
        return self._words[_CONSUMED]

    @property
    def wanted(self) -> int:
        """Rows that the producer is waiting to put; 0 when it does not wait."""
        return self._words[_WANTED]

    @property
    def closed(self) -> bool:
        """Whether the consumer takes nothing any more."""
        return bool(self._words[_CLOSED])

    def attend(self, pid: int) -> None:
        """Say that process `pid` is the consumer, and that it is well."""
        self._words[_CONSUMER_PID] = pid
        self._words[_CONSUMER_BEAT] = monotonic_ns()

    def close_for_writing(self) -> None:
        """Let every further `put` return False; what was published stays."""
        self._words[_CLOSED] = 1

    def take(self, limit_rows: int) -> bytes:
        """A copy of the oldest rows that are published and not released, at most `limit_rows`."""
        return self.read(self._words[_CONSUMED], limit_rows)

    def view(self, limit_rows: int) -> memoryview:
        """The oldest rows that are published and not released, where they lie, until they are released.

        At most `limit_rows`, and not beyond the end of the memory, behind which the ring goes on at its start.
        """
        count = self._words[_PUBLISHED] - self._words[_CONSUMED]
        at = self._words[_CONSUMED] % self._capacity
        if not 0 <= count <= self._capacity:
            raise RecordingError(f"the ring has {count} rows: it is damaged")
        end = min(at + min(count, limit_rows), self._capacity)
        return self._data[at * ROW_SIZE : end * ROW_SIZE]

    def read(self, first: int, limit_rows: int) -> bytes:
        """A copy of published rows from row `first` on, at most `limit_rows`.

        Only rows that are not below `consumed` after the call are certain to be what was put.
        RecordingError if the header makes no sense or `first` is not in the ring.
        """
        count = self._words[_PUBLISHED] - first
        if not 0 <= count <= self._capacity:
            raise RecordingError(f"the ring holds no row {first}: it is damaged")
        count = min(count, limit_rows)
        at = first % self._capacity * ROW_SIZE
        end = at + count * ROW_SIZE
        room = self._capacity * ROW_SIZE
        if end <= room:
            return bytes(self._data[at:end])
        return bytes(self._data[at:room]) + bytes(self._data[: end - room])

    def release(self, rows: int) -> None:
        """Give the oldest `rows` rows back to the producer."""
        consumed = self._words[_CONSUMED] + rows
        if rows < 0 or consumed > self._words[_PUBLISHED]:
            raise ValueError(f"{rows} rows cannot be released")
        self._words[_CONSUMED] = consumed

    def close(self) -> None:
        """Unmap the file; where a view is left, with the last one."""
        self._words.release()
        self._data.release()
        try:
            self._map.close()
        except BufferError:
            pass  # what a failure holds on to
