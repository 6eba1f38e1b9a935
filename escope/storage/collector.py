"""The collector: its own process, which stores the streams of a recording's processes and seals at the end.

One collector serves all processes of a recording.  It finds new ones by their directories (`processes`), and
seals each stream when its process has ended; the recording is sealed when the last one has.
"""

from __future__ import annotations

import argparse
import errno
import os
import resource
import shutil
import signal
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from escope.config import StorageLimits
from escope.errors import EscopeError
from escope.storage import processes
from escope.storage.control import Stage
from escope.storage.directory import CollectorLock, PartCommons, write_manifest
from escope.storage.hot import DiskFull
from escope.storage.members import Inherited
from escope.storage.process import process_alive
from escope.storage.seal import Sealed, seal
from escope.storage.stream import Full, Stream

_MAX_SLEEP = 0.005
_LITTLE = 4 << 20
"""Free bytes below which a write that failed is put down to the full disk."""
_EXIT_SECONDS = 2.0
"""How long the launcher may take to say how the program ended, once it is gone."""
_SETTLED_NS = 50_000_000
"""Age from which the time of a folder's last change tells that it was read after it."""


class Collector:
    """The work on one recording's directory; `root` is the stream of process 0."""

    def __init__(self, path: Path, seal_to: Path, limits: StorageLimits) -> None:
        self._path = path
        self._seal_to = seal_to
        self._limits = limits
        self._lock = CollectorLock(path)
        self._root = Stream(path, limits)
        self._control = self._root.control
        self._parent = os.getppid()
        self._children: dict[int, Stream] = {}
        self._sealed: dict[int, Sealed] = {}
        """The streams of processes that have ended."""
        self._sealing: dict[int, Future[Sealed]] = {}
        """Those that are being sealed: meanwhile nobody else must wait for the collector."""
        self._sealer = ThreadPoolExecutor(1, "escope-sealer")
        self._inherited = Inherited(PartCommons(path))
        self._folder_read = 0
        self._starting: list[int] = []
        """Numbers that were given away and whose process has not registered yet."""

    def run(self) -> int:
        """Collect until the processes have ended, then seal; returns the exit status."""
        control = self._control
        control.stage = Stage.DRAINING
        while True:
            self._collect_guarded()
            self._root.ring.close_for_writing()
            control.stage = Stage.SEALING
            # Who registers from here on sees the stage, and is not recorded.
            if self._failed() or not self._adopt(always=True):
                break
            control.stage = Stage.DRAINING
        try:
            self._seal()
        except Exception as error:
            control.failure = control.failure or f"sealing failed: {_reason(error, self._path)}"
            control.stage = Stage.FAILED
            return 1
        control.stage = Stage.SEALED
        self._root.directory.close()
        _remove(self._path)
        self._lock.release()
        return 0

    # -- collecting -------------------------------------------------------------------------------

    def _collect_guarded(self) -> None:
        try:
            self._collect()
        except Exception as error:
            # Whatever it was, what is stored stays readable and no program must wait for us.
            reason = _reason(error, self._path)
            for stream in (self._root, *self._children.values()):
                stream.fail(reason)
            while not self._root_ended():
                self._root.beat()
                time.sleep(0.05)

    def _failed(self) -> bool:
        return bool(self._control.failure)

    def _collect(self) -> None:
        pause = 0.0002
        over = False
        while True:
            self._adopt()
            # Asked before draining: what was published before the end is drained after it.
            ended = over or self._root_ended()
            self._root.beat()
            moved = not over and self._root.drain()
            if ended and not moved and not over:
                over = True
                self._root.ring.close_for_writing()
            for number, child in list(self._children.items()):
                moved = self._attend(number, child) or moved
            self._take_sealed()
            if over:
                self._control.awaited = len(self._children) + len(self._starting)
                if not (self._children or self._starting or self._sealing):
                    return
            if moved:
                self._check_size()
                pause = 0.0002
                continue
            for stream in (self._root, *self._children.values()):
                stream.age()
            time.sleep(pause)
            pause = min(pause * 1.5, _MAX_SLEEP)

    def _attend(self, number: int, child: Stream) -> bool:
        """Drain a child, and seal its stream when it has ended; whether anything was done."""
        try:
            ended = child.ended()
            child.beat()
            if child.drain():
                return True
            if ended:
                self._end(number, child)
                return True
        except (Full, DiskFull, OSError):
            raise
        except Exception as error:
            # What is wrong in one stream leaves the others as they are.
            child.fail(_reason(error, child.path))
            self._end(number, child)
        return False

    def _end(self, number: int, child: Stream) -> None:
        """Nothing more comes from a child: begin to seal its stream."""
        self._children.pop(number, None)
        child.ring.close_for_writing()
        child.control.stage = Stage.SEALING
        self._sealing[number] = self._sealer.submit(self._sealed_stream, number, child)

    def _take_sealed(self, *, wait: bool = False) -> None:
        for number, future in list(self._sealing.items()):
            if wait or future.done():
                self._sealed[number] = future.result()
                del self._sealing[number]

    def _root_ended(self) -> bool:
        control = self._control
        if self._root.said_to_end() or control.stop_request:
            return True
        if control.program_pid:
            return self._root.gone() is True
        # No program yet: without a launcher there will never be one.
        return not self._launcher_alive()

    def _launcher_alive(self) -> bool:
        launcher = self._control.launcher_pid
        return process_alive(launcher) if launcher else os.getppid() == self._parent

    def _adopt(self, *, always: bool = False) -> bool:
        """Take over the processes that have registered; whether there was a new one."""
        if not (always or self._starting or self._folder_changed()):
            return False
        found = False
        for number in processes.registered(self._path):
            if number in self._children or number in self._sealing or number in self._sealed:
                continue
            found = True
            path = processes.directory_of(self._path, number)
            try:
                child = Stream(path, self._limits, home=self._path, inherited=self._inherited)
                before = processes.read_manifest(path).get("replaces")
            except (EscopeError, OSError) as error:
                self._sealed[number] = Sealed.broken(number, _reason(error, path))
                continue
            child.control.stage = Stage.DRAINING
            self._children[number] = child
            if before == 0:
                self._root.replaced = True
            elif before in self._children:
                self._children[before].replaced = True
        known = {0, *self._children, *self._sealing, *self._sealed}
        self._starting = [
            number
            for number in processes.claimed(self._path)
            if number not in known and processes.starting(self._path, number)
        ]
        return found

    def _folder_changed(self) -> bool:
        try:
            changed = os.stat(self._path / processes.FOLDER).st_mtime_ns
        except OSError:
            return False
        # Two changes in one tick of the clock look like one.
        if changed == self._folder_read:
            return False
        if time.time_ns() - changed > _SETTLED_NS:
            self._folder_read = changed
        return True

    def _check_size(self) -> None:
        limit = self._limits.max_size
        if limit is None:
            return
        streams = (self._root, *self._children.values())
        size = sum(one.size for one in streams) + sum(one.size for one in self._sealed.values())
        if size > limit:
            raise Full(f"the recording reached its maximum size of {limit} bytes")

    # -- sealing ----------------------------------------------------------------------------------

    def _sealed_stream(self, number: int, child: Stream) -> Sealed:
        """Seal the stream of a process that has ended; its directory goes away.  Runs in the sealer's thread."""
        manifest = {**child.directory.manifest(), **child.final_words()}
        out = processes.sealed_of(self._path, number)
        try:
            sealed = seal(child.directory, child.rest(), out, manifest, sync=False)
        except Exception as error:
            reason = f"sealing failed: {_reason(error, child.path)}"
            child.fail(reason)
            child.close()
            return Sealed.broken(number, reason)
        child.control.stage = Stage.SEALED
        child.close()
        _remove(child.path)
        return sealed

    def _seal(self) -> None:
        for number, child in list(self._children.items()):
            self._end(number, child)
        self._take_sealed(wait=True)
        self._await_exit()
        manifest = self._root.directory.manifest()
        manifest.update(self._root.final_words())
        try:
            write_manifest(self._path, manifest)
        except OSError:
            # A full disk: the archive may still find room on another one.
            pass
        others = [self._sealed[number] for number in sorted(self._sealed)]
        seal(self._root.directory, self._root.rest(), self._seal_to, manifest, others)

    def _await_exit(self) -> None:
        """Wait until the launcher has said how the program ended, if there is one to say it."""
        control = self._control
        gone = 0.0
        pause = 0.001
        while not control.exit_known and not control.stop_request:
            self._root.beat()
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


def _remove(path: Path) -> None:
    """Let a directory disappear in one step, so that nobody takes what is half removed for a crash.

    The name is not made from the directory's, which may be as long as the file system allows.
    """
    away = path.with_name(f".escope-{os.getpid()}-{time.monotonic_ns()}.sealed")
    os.rename(path, away)
    shutil.rmtree(away, ignore_errors=True)


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
    # Some descriptors for each of perhaps many processes.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
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
