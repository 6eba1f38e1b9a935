"""The collector: its own process, which moves rows from the ring into the hot store and seals at the end.

Invariant: rows are released from the ring only after the transaction that stores them, so at any moment
every published row is in the hot store or in the ring, and a reader of both finds each exactly once.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from escope.config import StorageLimits
from escope.errors import EscopeError
from escope.storage.blocks import MAX_BLOCK_ROWS, cut
from escope.storage.checkpoint import Checkpoint
from escope.storage.columns import rows_of
from escope.storage.control import Control, ProgramState, Stage
from escope.storage.directory import (
    CollectorLock,
    Directory,
    fresh_state,
    read_manifest,
    write_manifest,
)
from escope.storage.hot import DiskFull, HotStore
from escope.storage.process import process_alive, process_start
from escope.storage.ring import Ring
from escope.storage.seal import seal
from escope.storage.segments import SegmentWriter, pack
from escope.storage.tracker import Tracker

_TAKE_ROWS = 1 << 18
_MAX_SLEEP = 0.005
_LITTLE = 4 << 20
"""Free bytes below which a write that failed is put down to the full disk."""
# Half of what readers take for a block: the block of such an event has other rows, too.
_MAX_EVENT = MAX_BLOCK_ROWS // 2 * 16
_EXIT_SECONDS = 2.0
"""How long the launcher may take to say how the program ended, once it is gone."""
_PLAIN_BYTES = 64 << 20
"""Blocks stored without compression while the producer is fast; they lie in the collector's memory map."""


class Full(Exception):
    """No more may be stored; the text says why."""


class Collector:
    """The work on one directory."""

    def __init__(self, path: Path, seal_to: Path, limits: StorageLimits) -> None:
        self._path = path
        self._seal_to = seal_to
        self._limits = limits
        self._lock = CollectorLock(path)
        self._control = Control.attach(path / "control")
        self._ring = Ring.attach(path / "ring")
        self._ring.attend(os.getpid())
        self._control.collector_pid = os.getpid()
        hot = HotStore(str(path / "hot"), writable=True)
        self._directory = Directory(path, hot, segment_blocks=limits.segment_blocks)
        self._state = fresh_state(limits.block_rows)
        hot.begin(self._state, Checkpoint())
        self._tracker = Tracker(self._directory.sites, self._directory.load_frame)
        self._hot_limit = limits.hot
        if limits.max_size is not None:
            self._hot_limit = min(limits.hot, limits.max_size // 4)
        self._sizes: deque[tuple[int, float, bool]] = deque()
        self._hot_bytes = 0
        self._plain_bytes = 0
        self._segment_bytes = 0
        self._pending = b""
        self._program_start = 0
        self._checked = 0.0
        self._parent = os.getppid()

    def run(self) -> int:
        """Collect until the program has ended, then seal; returns the exit status."""
        control = self._control
        control.stage = Stage.DRAINING
        try:
            self._collect()
        except Exception as error:
            # Whatever it was, what is stored stays readable and the program must not wait for us.
            self._fail(error)
            while not self._ended():
                self._beat()
                time.sleep(0.05)
        self._ring.close_for_writing()
        control.stage = Stage.SEALING
        try:
            self._seal()
        except Exception as error:
            control.failure = control.failure or f"sealing failed: {_reason(error, self._path)}"
            control.stage = Stage.FAILED
            return 1
        control.stage = Stage.SEALED
        self._directory.close()
        # Gone in one step: nobody must take what is half removed for a crashed recording.  The name is
        # not made from the recording's, which may be as long as the file system allows.
        away = self._path.with_name(f".escope-{os.getpid()}.sealed")
        os.rename(self._path, away)
        shutil.rmtree(away, ignore_errors=True)
        self._lock.release()
        return 0

    def _fail(self, error: BaseException) -> None:
        self._control.failure = _reason(error, self._path)
        self._control.stage = Stage.FAILED
        self._ring.close_for_writing()

    def _beat(self) -> None:
        self._ring.attend(os.getpid())
        self._control.collector_beat = time.monotonic_ns()

    def _collect(self) -> None:
        pause = 0.0002
        while True:
            self._beat()
            ended = self._ended()
            # Asked before draining: what was published before the end is drained after it.
            if self.drain():
                pause = 0.0002
                continue
            if ended:
                return
            self._age()
            time.sleep(pause)
            pause = min(pause * 1.5, _MAX_SLEEP)

    def _ended(self) -> bool:
        control = self._control
        if control.program_state in (ProgramState.ENDED, ProgramState.DETACHED):
            return True
        if control.stop_request:
            return True
        now = time.monotonic()
        if now - self._checked < 0.1:
            return False
        self._checked = now
        pid = control.program_pid
        if pid:
            if not self._program_start:
                self._program_start = process_start(pid)
                return not self._program_start
            return not process_alive(pid, self._program_start)
        # No program yet: without a launcher there will never be one.
        return not self._launcher_alive()

    def _launcher_alive(self) -> bool:
        launcher = self._control.launcher_pid
        return process_alive(launcher) if launcher else os.getppid() == self._parent

    def drain(self) -> bool:
        """Store the full blocks at the ring's old end; False if there was none."""
        ring, state = self._ring, self._state
        count = ring.published - ring.consumed
        wanted = ring.wanted
        if count < self._limits.block_rows - state.pending and not wanted:
            return False
        data = self._pending + ring.take(_TAKE_ROWS)
        rows = rows_of(data)
        ends = cut(rows, self._limits.block_rows)
        if not ends:
            taken = len(rows) - state.pending
            if taken and (wanted or taken >= min(_TAKE_ROWS, ring.capacity // 2)):
                self._stash(data, taken)
                return True
            return False
        self._directory.follow_sites()
        blocks = []
        start = 0
        for end in ends:
            blocks.append(self._tracker.advance(rows[start:end]))
            start = end
        taken = start - state.pending
        checkpoint = self._tracker.checkpoint
        state.blocks = self._tracker.number
        state.events = checkpoint.first_seq
        state.rows = checkpoint.first_row
        state.last_string = self._tracker.last_string
        # What is pending ends inside the first block: it was less than a block.
        state.pending = 0
        # Compressing now makes sealing quick, but a producer that waits is worse.
        busy = count > ring.capacity // 4 and self._plain_bytes < _PLAIN_BYTES
        records = [block.record.encode() for block in blocks]
        if not busy:
            records = [pack(record) for record in records]
        self._directory.hot.append(blocks, records, state, checkpoint)
        self._pending = b""
        ring.release(taken)
        self._control.stored_events = state.events
        self._tracker.forget()
        now = time.monotonic()
        for record in records:
            self._sizes.append((len(record), now, busy))
            self._hot_bytes += len(record)
            self._plain_bytes += len(record) if busy else 0
        while (
            self._hot_bytes > self._hot_limit and len(self._sizes) >= self._directory.segment_blocks
        ):
            self._rotate()
        self._check_size()
        return True

    def _stash(self, data: bytes, taken: int) -> None:
        """Make room in the ring for the rest of an event that does not fit it."""
        if len(data) > _MAX_EVENT:
            raise Full(f"one event takes more than {_MAX_EVENT >> 20} MiB")
        self._state.pending += taken
        self._directory.hot.stash(data, self._state)
        self._pending = data
        self._ring.release(taken)

    def _age(self) -> None:
        """Use idle time: move blocks to a segment that are old, or were stored in a hurry."""
        count = self._directory.segment_blocks
        if len(self._sizes) >= count:
            _, stored, _ = self._sizes[count - 1]
            if self._plain_bytes or time.monotonic() - stored > self._limits.hot_seconds:
                self._rotate()

    def _rotate(self) -> None:
        """Move the oldest blocks of the hot store to a segment file."""
        directory, state = self._directory, self._state
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

    def _check_size(self) -> None:
        limit = self._limits.max_size
        if limit is not None and self._segment_bytes + self._hot_bytes > limit:
            raise Full(f"the recording reached its maximum size of {limit} bytes")

    def _seal(self) -> None:
        self._await_exit()
        control = self._control
        manifest = read_manifest(self._path)
        manifest.update(final_words(control))
        if control.failure:
            manifest["partial"] = control.failure
        try:
            write_manifest(self._path, manifest)
        except OSError:
            # A full disk: the archive may still find room on another one.
            pass
        seal(self._directory, self._ring.take(self._ring.capacity), self._seal_to, manifest)

    def _await_exit(self) -> None:
        """Wait until the launcher has said how the program ended, if there is one to say it."""
        control = self._control
        gone = 0.0
        pause = 0.001
        while not control.exit_known and not control.stop_request:
            self._beat()
            if not self._launcher_alive():
                return
            pid = control.program_pid
            # A program that is its own launcher cannot tell how it will end.
            if pid in (0, control.launcher_pid) or not process_alive(pid):
                gone = gone or time.monotonic()
                if time.monotonic() - gone > _EXIT_SECONDS:
                    return
            time.sleep(pause)
            pause = min(pause * 1.2, 0.02)


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
    return words


def _reason(error: BaseException, path: Path) -> str:
    if isinstance(error, DiskFull):
        room = os.statvfs(path)
        if room.f_bavail * room.f_frsize < _LITTLE:
            return f"disk full: {path} could not grow"
        return f"disk full or failing: {error}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return f"disk full: {error.strerror}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or 'the recording'}"
    if isinstance(error, (Full, EscopeError)):
        return str(error)
    return f"{type(error).__name__}: {error}"


def main(arguments: list[str] | None = None) -> int:
    """`python -m escope.storage.collector DIR`."""
    defaults = StorageLimits()
    parser = argparse.ArgumentParser(prog="escope-collector")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seal-to", type=Path)
    parser.add_argument("--max-size", type=int, default=None)
    parser.add_argument("--hot", type=int, default=defaults.hot)
    parser.add_argument("--hot-seconds", type=float, default=defaults.hot_seconds)
    parser.add_argument("--block-rows", type=int, default=defaults.block_rows)
    parser.add_argument("--segment-blocks", type=int, default=defaults.segment_blocks)
    options = parser.parse_args(arguments)
    # The program's terminal must reach the program only.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    try:
        os.setsid()
    except OSError:
        pass
    os.umask(0o077)
    limits = StorageLimits(
        hot=options.hot,
        hot_seconds=options.hot_seconds,
        block_rows=max(options.block_rows, 1),
        segment_blocks=max(options.segment_blocks, 1),
        max_size=options.max_size,
    )
    path = options.directory.absolute()
    try:
        collector = Collector(path, (options.seal_to or path.with_suffix("")).absolute(), limits)
    except (EscopeError, OSError) as error:
        print(f"escope collector: {error}", file=sys.stderr)
        return 70
    return collector.run()


if __name__ == "__main__":
    sys.exit(main())
