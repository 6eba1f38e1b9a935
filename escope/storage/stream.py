"""A stream: the rows of one process on their way from its ring into its directory.

Invariant: rows are released from the ring only after the transaction that stores them, so at any moment
every published row is in the hot store or in the ring, and a reader of both finds each exactly once.
"""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy.typing as npt

from escope.config import StorageLimits
from escope.errors import EscopeError
from escope.storage.blocks import MAX_BLOCK_ROWS, cut
from escope.storage.checkpoint import Checkpoint
from escope.storage.columns import rows_of
from escope.storage.control import Control, ProgramState, Stage, exit_text
from escope.storage.directory import Directory, fresh_state
from escope.storage.exits import ExitWatch
from escope.storage.hot import MAP_SIZE, ONE_OF_MANY, HotStore
from escope.storage.members import Inherited
from escope.storage.process import process_alive, process_start
from escope.storage.ring import Ring
from escope.storage.segments import SegmentWriter, encode_record
from escope.storage.tracker import Tracker

Array = npt.NDArray[Any]

_TAKE_ROWS = 1 << 18
# Half of what readers take for a block: the block of such an event has other rows, too.
_MAX_EVENT = MAX_BLOCK_ROWS // 2 * 16
_PLAIN_BYTES = 64 << 20
"""Blocks stored without compression while the producer is fast; they lie in the collector's memory map."""
_CHECK_SECONDS = 0.1
_EXIT_SECONDS = 2.0
"""How long a process may take to end after it has said that it does."""


class Full(Exception):
    """No more may be stored; the text says why."""


class Stream:
    """The work on one process's directory; `home` is the recording's, where it is another one."""

    def __init__(
        self,
        path: Path,
        limits: StorageLimits,
        *,
        home: Path | None = None,
        inherited: Inherited | None = None,
    ) -> None:
        self.path = path
        self.limits = limits
        self.control = Control.attach(path / "control")
        self.ring = Ring.attach(path / "ring")
        self.ring.attend(os.getpid())
        self.control.collector_pid = os.getpid()
        self._program_start = 0
        self._exit: ExitWatch | None = None
        self._checked = 0.0
        self._said = 0.0
        """When it was first seen that the program says to have ended."""
        # Early: a process that is over soon takes its status with it.
        self.gone()
        room = MAP_SIZE if home is None else ONE_OF_MANY
        hot = HotStore(str(path / "hot"), writable=True, map_size=room)
        self.directory = Directory(
            path, hot, segment_blocks=limits.segment_blocks, home=home, inherited=inherited
        )
        self._state = fresh_state(limits.block_rows)
        hot.begin(self._state, Checkpoint())
        self._tracker = Tracker(self.directory.sites, self.directory.load_frame)
        self._hot_limit = limits.hot
        if limits.max_size is not None:
            self._hot_limit = min(limits.hot, limits.max_size // 4)
        self._sizes: deque[tuple[int, float, bool]] = deque()
        self._hot_bytes = 0
        self._plain_bytes = 0
        self._segment_bytes = 0
        self._pending = b""
        self.replaced = False
        """Whether its process has become another program, by `exec`."""

    @property
    def size(self) -> int:
        """Bytes stored so far."""
        return self._segment_bytes + self._hot_bytes

    def beat(self) -> None:
        """Tell the program that its rows are taken care of."""
        self.ring.attend(os.getpid())
        self.control.collector_beat = time.monotonic_ns()

    def fail(self, reason: str) -> None:
        """Store nothing more: what is stored stays readable, and the program must not wait."""
        self.control.failure = reason
        self.control.stage = Stage.FAILED
        self.ring.close_for_writing()

    def said_to_end(self) -> bool:
        """Whether the program itself says that nothing more will come."""
        state = self.control.program_state
        return state in (ProgramState.ENDED, ProgramState.DETACHED) or self.replaced

    def gone(self) -> bool | None:
        """Whether the process is gone; None if there was none yet, or it was looked at a moment ago."""
        if self._exit is not None:
            return self._exit.ended
        now = time.monotonic()
        if now - self._checked < _CHECK_SECONDS:
            return None
        self._checked = now
        pid = self.control.program_pid
        if not pid:
            return None
        if not self._program_start:
            self._program_start = process_start(pid)
            if self._program_start:
                self._hold(pid)
            return not self._program_start
        return not process_alive(pid, self._program_start)

    def _hold(self, pid: int) -> None:
        try:
            self._exit = ExitWatch(pid)
        except OSError:
            pass  # without it the process is looked for in /proc, and its status stays unknown

    def ended(self) -> bool:
        """Whether nothing more will come from a process that is not the recording's first."""
        if self.gone():
            return True
        if not self.said_to_end():
            return False
        if self.replaced or self.control.program_state == ProgramState.DETACHED:
            return True
        # It is on its way out: its status is worth a moment.
        self._said = self._said or time.monotonic()
        return time.monotonic() - self._said > _EXIT_SECONDS

    def final_words(self) -> dict[str, Any]:
        """What is known of the program's end, as entries of the manifest."""
        words = final_words(self.control)
        status = self._exit.status if self._exit is not None else None
        if status is not None and not self.control.exit_known:
            words["status"] = exit_text(status)
        return words

    def drain(self) -> bool:
        """Store the full blocks at the ring's old end; False if there was none."""
        ring, state = self.ring, self._state
        count = ring.published - ring.consumed
        wanted = ring.wanted
        if count < self.limits.block_rows - state.pending and not wanted:
            return False
        rows, ends = self._waiting()
        if not ends:
            taken = len(rows) - state.pending
            if taken and (wanted or taken >= min(_TAKE_ROWS, ring.capacity // 2)):
                self._stash(rows.tobytes(), taken)
                return True
            return False
        self.directory.follow_sites()
        # Compressing now makes sealing quick, but a producer that waits is worse.
        busy = count > ring.capacity // 4 and self._plain_bytes < _PLAIN_BYTES
        blocks, records = [], []
        start = 0
        for end in ends:
            block = self._tracker.advance(rows[start:end])
            blocks.append(block)
            # Block by block, while its rows are in the processor's cache.
            records.append(block.record.encode() if busy else encode_record(block.record))
            start = end
        taken = start - state.pending
        checkpoint = self._tracker.checkpoint
        state.blocks = self._tracker.number
        state.events = checkpoint.first_seq
        state.rows = checkpoint.first_row
        state.last_string = self._tracker.last_string
        # What is pending ends inside the first block: it was less than a block.
        state.pending = 0
        self.directory.hot.append(blocks, records, state, checkpoint)
        self._pending = b""
        ring.release(taken)
        self.control.stored_events = state.events
        self._tracker.forget()
        now = time.monotonic()
        for record in records:
            self._sizes.append((len(record), now, busy))
            self._hot_bytes += len(record)
            self._plain_bytes += len(record) if busy else 0
        while (
            self._hot_bytes > self._hot_limit and len(self._sizes) >= self.directory.segment_blocks
        ):
            self._rotate()
        return True

    def _waiting(self) -> tuple[Array, list[int]]:
        """The rows to be stored next, which may change once they are released, and where full blocks end."""
        if not self._pending:
            rows = rows_of(self.ring.view(_TAKE_ROWS))
            ends = cut(rows, self.limits.block_rows)
            if ends:
                return rows, ends
        # A block that lies across the end of the ring's memory, or began before it, is put together.
        rows = rows_of(self._pending + self.ring.take(_TAKE_ROWS))
        return rows, cut(rows, self.limits.block_rows)

    def _stash(self, data: bytes, taken: int) -> None:
        """Make room in the ring for the rest of an event that does not fit it."""
        if len(data) > _MAX_EVENT:
            raise Full(f"one event takes more than {_MAX_EVENT >> 20} MiB")
        self._state.pending += taken
        self.directory.hot.stash(data, self._state)
        self._pending = data
        self.ring.release(taken)

    def age(self) -> None:
        """Use idle time: move blocks to a segment that are old, or were stored in a hurry."""
        count = self.directory.segment_blocks
        if len(self._sizes) >= count:
            _, stored, _ = self._sizes[count - 1]
            if self._plain_bytes or time.monotonic() - stored > self.limits.hot_seconds:
                self._rotate()

    def _rotate(self) -> None:
        """Move the oldest blocks of the hot store to a segment file."""
        directory, state = self.directory, self._state
        first = state.first_hot
        end = first + directory.segment_blocks
        path = directory.segment_path(state.segments)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        summaries = {}
        with os.fdopen(fd, "wb") as file, directory.hot.reading() as reader:
            writer = SegmentWriter(file, state.segments)
            for number in range(first, end):
                data = reader.data(number)
                if data is None:
                    raise EscopeError(f"block {number} is missing from the hot store")
                summaries[number] = reader.summary(number).copy()
                writer.add(data, summaries[number])
            self._segment_bytes += file.tell()
        state.segments += 1
        state.first_hot = end
        directory.hot.moved(summaries, state)
        for _ in range(directory.segment_blocks):
            size, _, plain = self._sizes.popleft()
            self._hot_bytes -= size
            self._plain_bytes -= size if plain else 0
        directory.hot.check_readers()

    def rest(self) -> bytes:
        """The rows that are still in the ring."""
        return self.ring.take(self.ring.capacity)

    def close(self) -> None:
        """Unmap and close everything; the files stay."""
        self.directory.close()
        self.ring.close()
        self.control.close()
        if self._exit is not None:
            self._exit.close()


def final_words(control: Control) -> dict[str, Any]:
    """What the control page says of the program's end, as entries of the manifest."""
    words: dict[str, Any] = {"status": control.exit_text(), "dropped": control.dropped}
    if not control.exit_known:
        ended = control.program_state == ProgramState.ENDED
        words["status"] = None if ended else "unknown"
    if control.program_pid:
        words["pid"] = control.program_pid
    if control.program_state == ProgramState.DETACHED:
        words["partial"] = control.detach_reason or "the recorder detached"
    if control.failure:
        words["partial"] = control.failure
    return words
