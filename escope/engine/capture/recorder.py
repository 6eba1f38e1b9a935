"""The recorder: what every probe does when it fires, under one lock, in one total order.

The Python core is the readable specification of the rows; `probes.py` only hands operands over.
"""

from __future__ import annotations

import gc
import os
import sys
import types
import weakref
from _thread import RLock, _local, get_ident
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from time import monotonic_ns
from typing import Any

from escope.config import CaptureLimits
from escope.engine.capture import anatomy as an
from escope.engine.capture import calls, checking, frame_events
from escope.engine.capture.cache import CodeCache
from escope.engine.capture.channels import Numbers
from escope.engine.capture.descriptors import high_descriptors
from escope.engine.capture.frames import ThreadRecord
from escope.engine.capture.gate import Gate
from escope.engine.capture.hooks import Hooks
from escope.engine.capture.instrument import instrument_code
from escope.engine.capture.ledger import Begun, Ledger, thread_end
from escope.engine.capture.locks import Locks
from escope.engine.capture.messages import Messages
from escope.engine.capture.newcomer import Newcomer
from escope.engine.capture.objects import SWEPT_AT_ONCE
from escope.engine.capture.output import OutputTap
from escope.engine.capture.probes import Probe, make_probe
from escope.engine.capture.sites import CodeRecord, SiteTable
from escope.engine.capture.taps import Tap, Taps, make_tap
from escope.engine.capture.tasks import Tasks
from escope.engine.capture.unseen import at_last
from escope.storage.control import Control, ProgramState
from escope.storage.ring import Ring
from escope.storage.rows import Start

_SWEEP_EVERY = 64
_OWN_FILES = str(Path(__file__).parent)
_HEADROOM = 200

Lock = AbstractContextManager[Any]


class Recorder:
    """One recording of this process."""

    own_files = _OWN_FILES
    """How the names of the files of escope's capture begin."""

    def __init__(
        self,
        ring: Ring,
        table: SiteTable,
        control: Control,
        limits: CaptureLimits | None = None,
        predicates: tuple[str, ...] = (),
    ) -> None:
        self.on = True
        self.process = 0
        """This process's number in the recording."""
        self.last_child = 0
        """The newest number that was given to a child."""
        self.inherits: list[tuple[int, int]] = []
        """Pieces of site tables that this process's own goes on from: whose, and how many bytes."""
        self.ring = ring
        self.table = table
        self.control = control
        self.cache: CodeCache | None = None
        """Where code that was instrumented in earlier runs lies."""
        self.ledger = self.make_ledger(limits or CaptureLimits())
        self.lock: Lock = RLock()
        self.threads: dict[int, ThreadRecord] = {}
        self._next_thread = 1
        self.codes: dict[int, types.CodeType] = {}
        self._swept_at = 0
        self._limit = 0
        """The program's recursion limit while it is raised for a probe at its very edge."""
        self._locals = _local()
        self._written = bytearray()
        """Output that is noted and not yet an event."""
        self._writer = (0, 0)
        self.gate = Gate(self, control, predicates)
        self.output_tap = OutputTap(self)
        numbers = Numbers()
        self.tasks = Tasks(self)
        self.messages = Messages(numbers)
        self.locks = Locks(numbers, self.is_instrumented, self.tasks.running)
        self.hooks = Hooks(self, self.messages, self.locks, self.tasks)
        taps = [*self.tasks.taps(), *self.messages.taps(), *self.locks.taps()]
        self.taps = Taps(self, taps, self.hooks.codes)

    def make_ledger(self, limits: CaptureLimits) -> Ledger:
        """The ledger of this core."""
        return Ledger(limits, self.is_instrumented)

    def make_tap(self, tap: Tap) -> object:
        """What stands for a tap in the code of a function."""
        return make_tap(self, tap)

    @classmethod
    def start(
        cls,
        part: Path,
        limits: CaptureLimits | None = None,
        predicates: list[str] | None = None,
        process: Newcomer | None = None,
    ) -> Recorder:
        """Begin to record this process into the recording directory `part`, as process 0 or as `process`.

        The collector drains what is recorded.  Raises `RecordingError` or OSError where the ring or the
        control page cannot be used.
        """
        with high_descriptors():
            if process is None:
                path = part
                control = Control.attach(part / "control")
                ring = Ring.attach(part / "ring")
            else:
                path, ring, control = process.register()
            table = SiteTable(path, part)
            table.open()
        ring.pid = os.getpid()
        recorder = cls(ring, table, control, limits, tuple(predicates or ()))
        recorder.process = 0 if process is None else process.claim.number
        control.began = monotonic_ns()
        control.program_pid = os.getpid()
        control.program_state = ProgramState.RUNNING
        recorder.output_tap.attach()
        recorder.taps.install()
        recorder.hooks.install()
        return recorder

    def stop(self) -> None:
        """Record nothing from here on; what was recorded is complete."""
        with self.lock:
            if not self.on:
                return
            self.settle_output()
            self._flush()
            self.on = False
            self.stopped()
        self.output_tap.restore()
        self.taps.restore()
        self.hooks.restore()
        self.control.events = self.ledger.encoder.events
        self.control.program_state = ProgramState.ENDED
        self._let_go()

    def _let_go(self) -> None:
        """Keep nothing of the program's alive: its globals have finalizers that run when the interpreter ends."""
        objects = self.ledger.encoder.objects
        for one in objects.followed():
            one.let_go()
        for anatomy in objects.anatomies():
            anatomy.let_go()
        an.forget_classes()
        calls.forget_classes()
        checking.forget_classes()

    def stopped(self) -> None:
        """From here on no probe does anything; for the core that has to know."""

    def noted(self, waiting: bool) -> None:
        """Whether the next event of any thread has something to do before it; for the same."""

    def look_out(self) -> None:
        """Say anew whether the next event has something to do before it."""
        self.noted(bool(self._written or self._limit or self.tasks.starting))

    def leave(self) -> None:
        """A child that is not recorded: its probes do nothing, and the ring stays its parent's."""
        self.on = False
        self.lock = self._free_lock()
        self.output_tap.restore()

    def starts(self, how: Start, number: int) -> int | None:
        """Record that process `number` starts here; the event's seq, or None if it is not to be recorded.

        That is so where a signal handler runs in the middle of an event: a fork would copy half of it.
        """
        with self.lock:
            thread = self.own_thread()
            if thread is not None and thread.busy:
                return None
            self.fire(_process_starts, how, number)
            return self.ledger.encoder.events - 1 if self.on else None

    def settle_output(self) -> None:
        """Let output that was noted become an event: the process may end without another."""
        with self.lock:
            if self._written:
                self.fire(_nothing)

    def restart(self, newcomer: Newcomer) -> None:
        """In a forked child: go on in a stream of its own, which nothing of the parent's reaches.

        Raises RecordingError, CaptureError or OSError where there can be none.
        """
        self.on = False
        thread = self.threads.get(get_ident())
        begun = _running(self.ledger, thread) if thread is not None else []
        before = self.ledger.encoder.objects.followed()
        old = self.ring, self.control
        with high_descriptors():
            path, self.ring, self.control = newcomer.register()
            self.table.move(path)
        self.process = newcomer.claim.number
        self.inherits = newcomer.inherits
        self.lock = self._free_lock()
        self.ledger.restart()
        tasks = self.tasks.restart(thread.number) if thread is not None else []
        self.messages.restart()
        self.locks.restart()
        self.hooks.restart()
        self.threads = {}
        self._next_thread = 1
        self._locals = _local()
        self._written = bytearray()
        self._writer = (0, 0)
        self._swept_at = 0
        self._connect()
        self.gate.move(self.control)
        self.control.began = monotonic_ns()
        self.control.program_state = ProgramState.RUNNING
        self.on = True
        self.fire(_adopt, begun)
        self.fire(self.tasks.adopt, tasks)
        self.look_out()
        # Now, so that finalizers which run are recorded.
        for one in before:
            one.let_go()
        for mapping in old:
            mapping.close()

    def _free_lock(self) -> Lock:
        """The lock of this core, held by nobody."""
        return RLock()

    def _connect(self) -> None:
        """Let the core write to the ring, for one that does it itself."""

    def detach(self, reason: str) -> None:
        """Recording cannot go on: say so once; the program goes on without it."""
        if not self.on:
            return
        self.on = False
        self.stopped()
        self.output_tap.restore()
        self.taps.restore()
        self.hooks.restore()
        self.control.detach_reason = reason
        self.control.program_state = ProgramState.DETACHED
        try:
            os.write(2, f"escope: recording stopped: {reason}; the program goes on\n".encode())
        except OSError:
            pass

    # Instrumenting

    def instrument(self, code: types.CodeType, module: str, source: bytes) -> types.CodeType:
        """`code` of `module` with probes; what cannot be instrumented safely stays as it is."""
        if not self.on:
            return code
        sha = self.table.add_source(source)
        done = self.rewritten(code, module, sha)
        self._register(done)
        return done

    def rewritten(self, code: types.CodeType, module: str, sha: str) -> types.CodeType:
        """`code` with the probes of this core."""
        return instrument_code(
            code,
            module=module,
            source_sha=sha,
            table=self.table,
            probes=self.make_probe,
            cache=self.cache,
        )

    def skip(self, module: str, file: str | None, reason: str) -> None:
        """Put a module that is not traced on record, with the reason."""
        self.table.skip(module, file, reason)

    def own_thread(self) -> ThreadRecord | None:
        """The record of the calling thread."""
        return self.threads.get(get_ident())

    def make_probe(self, role: Any, site: Any, code: CodeRecord, extra: Any = None) -> object:
        """The constant that the instrumenter places at a site."""
        return make_probe(self, role, site, code, extra)

    def _register(self, code: types.CodeType) -> None:
        if any(map(self.is_probe, code.co_consts)):
            self.registered(code)
        for constant in code.co_consts:
            if type(constant) is types.CodeType:
                self._register(constant)

    @staticmethod
    def is_probe(constant: object) -> bool:
        """Whether a constant of a code object is a probe."""
        return isinstance(constant, Probe)

    def registered(self, code: types.CodeType) -> None:
        """Take note of a code object with probes; its address stays its own from here on."""
        self.codes[id(code)] = code

    def is_instrumented(self, code: types.CodeType) -> bool:
        """Whether everything that `code` does is seen."""
        return id(code) in self.codes

    # Firing

    def fire(self, act: Callable[..., None], *operands: Any) -> None:
        """Run one probe's act as one step of the total order, and publish its rows."""
        if not self.on:
            return
        ident = get_ident()
        # `with`, not acquire(): no signal handler can run between taking the lock and its release's guard.
        with self.lock:
            thread = self.threads.get(ident)
            if thread is None:
                thread = self._new_thread(ident)
            if thread.busy:
                thread.deferred.append((act, operands))
                return
            thread.busy = True
            # What the recorder allocates would have finalizers and gc.callbacks of the program run in the
            # middle of events; with a low threshold those would drive themselves, with their own events.
            collecting = gc.isenabled()
            if collecting:
                gc.disable()
            try:
                self._act(thread, act, operands)
                while thread.deferred:
                    later, its_operands = thread.deferred.popleft()
                    self._act(thread, later, its_operands)
            finally:
                if collecting:
                    gc.enable()
                thread.busy = False

    def _act(
        self, thread: ThreadRecord, act: Callable[..., None], operands: tuple[Any, ...]
    ) -> None:
        try:
            if not self.on:
                return
            if self._limit and not self._lower_limit() and act is frame_events.call:
                # Above the program's own limit: without its probes the call would not have been made.
                raise RecursionError("maximum recursion depth exceeded")
            if self._written:
                self._emit_output()
            if thread is not self.ledger.current:
                self.ledger.switch(thread)
            if self.tasks.starting:
                self.tasks.look(self.ledger, thread)
            act(self.ledger, thread, *operands)
        except RecursionError as error:
            if not raised_here(error):
                raise
            if not self._with_headroom(thread, act, operands) and act is frame_events.call:
                # The program is at its limit itself: a call that it could make no more.
                raise
        except BaseException as error:
            if raised_here(error):
                self._internal(error)
            else:
                # A signal handler of the program ran inside the probe and raised: the event counts.
                self._with_headroom(thread, act, operands)
                raise
        else:
            self._flush()

    def _with_headroom(self, thread: ThreadRecord, act: Callable[..., None], operands: Any) -> bool:
        """Run an act again above the program's recursion limit; False if that stays raised for now."""
        limit = sys.getrecursionlimit()
        try:
            sys.setrecursionlimit(limit + _HEADROOM)
            act(self.ledger, thread, *operands)
            self._flush()
        except Exception as error:
            self._internal(error)
        self._limit = self._limit or limit
        self.look_out()
        return self._lower_limit()

    def _lower_limit(self) -> bool:
        """Give the program its recursion limit back; CPython refuses that at the limit itself."""
        try:
            sys.setrecursionlimit(self._limit)
        except RecursionError:
            return False
        self._limit = 0
        self.look_out()
        return True

    def broke(self, error: Exception) -> bool:
        """Whether an exception out of what taps ask before an event is escope's own: that ends the recording."""
        own = raised_here(error)
        if own:
            with self.lock:
                self._internal(error)
        return own

    def _internal(self, error: BaseException) -> None:
        if os.environ.get("ESCOPE_TRACEBACK"):
            import traceback

            traceback.print_exception(error)
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        where = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else "?"
        self.detach(f"internal error: {type(error).__name__}: {error} ({where})")

    def _flush(self) -> None:
        """Publish the rows of the event; what a signal handler raises meanwhile goes on afterwards."""
        encoder = self.ledger.encoder
        try:
            if encoder.out:
                rows, encoder.out = encoder.out, bytearray()
                self.publish(rows)
        finally:
            self.control.events = encoder.events
            if encoder.events - self._swept_at >= _SWEEP_EVERY:
                self._swept_at = encoder.events
                encoder.objects.sweep()

    def publish(self, rows: bytes | bytearray) -> None:
        """Put the rows of an event into the ring; raises what a signal handler raised meanwhile."""
        raised: BaseException | None = None
        while True:
            before = self.ring.written
            try:
                room = self.ring.put(rows)
                break
            except BaseException as error:
                raised = error
                if raised_here(error) or self.ring.written != before:
                    # Published in part: nothing sound can follow.
                    room = False
                    break
        if not room:
            self.detach(self.control.failure or "the collector is gone")
        if raised is not None:
            raise raised

    def _new_thread(self, ident: int) -> ThreadRecord:
        thread = self.threads[ident] = ThreadRecord(self._next_thread)
        self._next_thread += 1
        # It lies in the thread's local storage and goes when the thread does.
        self._locals.sentinel = at_last(partial(_thread_goes, weakref.ref(self), thread, ident))
        name = _thread_name(ident) or ("MainThread" if thread.number == 1 else "?")
        self.ledger.thread_starts(thread, name)
        return thread

    def thread_ended(self, thread: ThreadRecord, ident: int) -> None:
        """The thread's own state is torn down: its last event."""
        self.fire(thread_end)
        if self.threads.get(ident) is thread:
            del self.threads[ident]

    # Output

    def wrote(self, stream: int, data: bytes) -> None:
        """Bytes were written to stdout (1) or stderr (2).

        One `print` writes several times: what one thread writes up to a line's end, with nothing in
        between, is one event.
        """
        with self.lock:
            if not self.on:
                return
            ident = get_ident()
            if self._written and self._writer != (ident, stream):
                self.fire(_nothing)
            self._writer = (ident, stream)
            self._written += data
            self.look_out()
            if self._written.endswith(b"\n"):
                self.fire(_nothing)

    def _emit_output(self) -> None:
        ledger = self.ledger
        ident, stream = self._writer
        data, self._written = bytes(self._written), bytearray()
        self.look_out()
        writer, before = self.threads.get(ident), ledger.current
        if writer is not None:
            if writer is not before:
                ledger.switch(writer)
            ledger.settle(writer.top())
        ledger.written(stream, data)
        if before is not None and writer is not None and writer is not before:
            ledger.switch(before)


def _process_starts(ledger: Ledger, thread: ThreadRecord, how: Start, number: int) -> None:
    """A process starts here; what only the recorder still holds is let go of before it can be copied."""
    table = ledger.encoder.objects
    left, before = len(table.followed()), -1
    while how is Start.FORK and left != before:
        # One call looks at a slice of them.
        for _ in range(left // SWEPT_AT_ONCE + 1):
            table.sweep()
        left, before = len(table.followed()), left
    ledger.process_starts(how, number)


def _running(ledger: Ledger, thread: ThreadRecord) -> list[Begun]:
    """The frames of the calling thread that are recorded, outermost first."""
    frames = {}
    walk: types.FrameType | None = sys._getframe()
    while walk is not None:
        frames[ledger.address(walk)] = walk
        walk = walk.f_back
    found = []
    for record in thread.stack:
        frame = frames.get(record.address)
        if frame is not None:
            cells = {slot: followed.target() for slot, followed in record.cells.items()}
            found.append((record, frame, cells))
    return found


def _adopt(ledger: Ledger, thread: ThreadRecord, begun: list[Begun]) -> None:
    """Begin a stream with the frames that the thread is in already."""
    for one in begun:
        ledger.adopt(thread, one)


def _nothing(ledger: Ledger, thread: ThreadRecord) -> None:
    """Let what is noted become events."""


def _thread_goes(
    recording: Callable[[], Recorder | None], thread: ThreadRecord, ident: int
) -> None:
    recorder = recording()
    if recorder is not None and recorder.on and get_ident() == ident:
        recorder.thread_ended(thread, ident)


def raised_here(error: BaseException) -> bool:
    """Whether an exception comes from escope's code, not from the program's that ran within it."""
    if not isinstance(error, Exception):
        # What Ctrl+C raises has no frame of its own.
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OWN_FILES)


def _thread_name(ident: int) -> str | None:
    threading = sys.modules.get("threading")
    if threading is None:
        return None
    thread = threading.__dict__.get("_active", {}).get(ident)
    name = getattr(thread, "__dict__", {}).get("_name") if thread is not None else None
    return name if type(name) is str else None
