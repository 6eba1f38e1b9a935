"""The recorder: what every probe does when it fires, under one lock, in one total order.

The Python core is the readable specification of the rows; `probes.py` only hands operands over.
"""

from __future__ import annotations

import os
import sys
import types
from _thread import RLock, _local, get_ident
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns
from typing import Any

from escope.config import CaptureLimits
from escope.engine.capture import anatomy as an
from escope.engine.capture import calls
from escope.engine.capture.checking import Checker
from escope.engine.capture.differences import key_token
from escope.engine.capture.encoder import Encoder, Token
from escope.engine.capture.frames import FrameRecord, ThreadRecord
from escope.engine.capture.gate import Gate
from escope.engine.capture.instrument import instrument_code
from escope.engine.capture.output import OutputTap
from escope.engine.capture.probes import Probe, make_probe
from escope.engine.capture.sites import CodeRecord, SiteTable
from escope.events import Kind
from escope.storage.control import Control, ProgramState
from escope.storage.ring import Ring
from escope.storage.rows import APPLIED, FIRST_SITELESS, NO_SLOT, Detail, Shape, Tag

_TIME_EVERY = 256
_SWEEP_EVERY = 64
_OWN_FILES = str(Path(__file__).parent)
_traceback_of = BaseException.__dict__["__traceback__"].__get__
_HEADROOM = 200


class Recorder:
    """One recording of this process."""

    def __init__(
        self,
        ring: Ring,
        table: SiteTable,
        control: Control,
        limits: CaptureLimits | None = None,
        predicates: tuple[str, ...] = (),
    ) -> None:
        self.on = True
        self.ring = ring
        self.table = table
        self.control = control
        self.encoder = Encoder(limits or CaptureLimits())
        self.checker = Checker(self.encoder)
        self.lock = RLock()
        self.threads: dict[int, ThreadRecord] = {}
        self.suspended: dict[int, FrameRecord] = {}
        """Suspended generators and coroutines by the address of their frame object."""
        self.modules: dict[str, bool] = {}
        self._current: ThreadRecord | None = None
        self._next_frame = 1
        self._next_thread = 1
        self._codes: dict[int, types.CodeType] = {}
        self._began = monotonic_ns()
        self._timed_at = -_TIME_EVERY
        self._swept_at = 0
        self._locals = _local()
        self._written = bytearray()
        """Output that is noted and not yet an event."""
        self._writer = (0, 0)
        self.gate = Gate(self, control, predicates)
        self.output_tap = OutputTap(self)

    @classmethod
    def start(
        cls,
        part: Path,
        scope: object,
        limits: CaptureLimits | None = None,
        predicates: list[str] | None = None,
    ) -> Recorder:
        """Attach to the recording directory `part` and begin; the collector drains what is recorded.

        Raises `RecordingError` where the ring or the control page cannot be used.
        """
        control = Control.attach(part / "control")
        ring = Ring.attach(part / "ring")
        ring.pid = os.getpid()
        recorder = cls(ring, SiteTable(part), control, limits, tuple(predicates or ()))
        control.program_pid = os.getpid()
        control.program_state = ProgramState.RUNNING
        os.register_at_fork(after_in_child=recorder.after_fork_in_child)
        recorder.output_tap.attach()
        return recorder

    def stop(self) -> None:
        """Record nothing from here on; what was recorded is complete."""
        with self.lock:
            if not self.on:
                return
            if self._written:
                self.fire(_nothing)
            self._flush()
            self.on = False
        self.output_tap.restore()
        self.control.events = self.encoder.events
        self.control.program_state = ProgramState.ENDED

    def after_fork_in_child(self) -> None:
        """A child is not recorded: its probes do nothing, and the ring stays its parent's."""
        self.on = False
        self.lock = RLock()
        self.output_tap.restore()

    def detach(self, reason: str) -> None:
        """Recording cannot go on: say so once; the program goes on without it."""
        if not self.on:
            return
        self.on = False
        self.output_tap.restore()
        self.control.detach_reason = reason
        self.control.program_state = ProgramState.DETACHED
        try:
            os.write(2, f"escope: recording stopped: {reason}; the program goes on\n".encode())
        except OSError:
            pass

    # Instrumenting

    def instrument(self, code: types.CodeType, module: str, source: bytes) -> types.CodeType:
        """`code` of `module` with probes; what cannot be instrumented safely stays as it is."""
        sha = self.table.add_source(source)
        done = instrument_code(
            code, module=module, source_sha=sha, table=self.table, probes=self.make_probe
        )
        self._register(done)
        return done

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
        for constant in code.co_consts:
            if isinstance(constant, Probe):
                self._codes[id(code)] = code
            elif type(constant) is types.CodeType:
                self._register(constant)

    def is_instrumented(self, code: types.CodeType) -> bool:
        """Whether everything that `code` does is seen."""
        return id(code) in self._codes

    # Firing

    def fire(self, act: Callable[..., None], *operands: Any) -> None:
        """Run one probe's `act(thread, *operands)` as one step of the total order, and publish its rows."""
        if not self.on:
            return
        ident = get_ident()
        lock = self.lock
        lock.acquire()
        try:
            thread = self.threads.get(ident)
            if thread is None:
                thread = self._new_thread(ident)
            if thread.busy:
                thread.deferred.append((act, operands))
                return
            thread.busy = True
            try:
                self._act(thread, act, operands)
                while thread.deferred:
                    later, its_operands = thread.deferred.popleft()
                    self._act(thread, later, its_operands)
            finally:
                thread.busy = False
        finally:
            lock.release()

    def _act(self, thread: ThreadRecord, act: Callable[..., None], operands: tuple[Any, ...]) -> None:
        try:
            if not self.on:
                return
            if self._written:
                self._emit_output()
            if thread is not self._current:
                self._switch(thread)
            act(thread, *operands)
            self._flush()
        except RecursionError as error:
            if _raised_here(error):
                self._with_headroom(thread, act, operands)
            else:
                raise
        except BaseException as error:
            if _raised_here(error):
                self._internal(error)
            else:
                # A signal handler of the program ran inside the probe and raised: the event still counts.
                self._with_headroom(thread, act, operands)
                raise

    def _with_headroom(self, thread: ThreadRecord, act: Callable[..., None], operands: Any) -> None:
        limit = sys.getrecursionlimit()
        try:
            sys.setrecursionlimit(limit + _HEADROOM)
            try:
                act(thread, *operands)
                self._flush()
            finally:
                sys.setrecursionlimit(limit)
        except Exception as error:
            self._internal(error)

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
        encoder = self.encoder
        if encoder.out:
            rows = encoder.out
            encoder.out = bytearray()
            if not self.ring.put(rows):
                self.detach(self.control.failure or "the collector is gone")
                return
            self.control.events = encoder.events
        if encoder.events - self._swept_at >= _SWEEP_EVERY:
            self._swept_at = encoder.events
            encoder.objects.sweep()

    def _switch(self, thread: ThreadRecord) -> None:
        self._current = thread
        top = thread.top()
        self.encoder.row(Detail.THREAD << 8, thread.number, top.frame_id if top else 0)

    def _new_thread(self, ident: int) -> ThreadRecord:
        thread = self.threads[ident] = ThreadRecord(self._next_thread)
        self._next_thread += 1
        self._locals.sentinel = _ThreadEnd(self, thread, ident)
        self._switch(thread)
        encoder = self.encoder
        name = encoder.string(_thread_name(ident) or ("MainThread" if thread.number == 1 else "?"))
        self._time()
        encoder.event((FIRST_SITELESS + Kind.THREAD_START) << 8 | Tag.STR, thread.number, name)
        return thread

    def thread_ended(self, thread: ThreadRecord, ident: int) -> None:
        """The thread's own state is torn down: its last event."""
        self.fire(self._act_thread_end)
        if self.threads.get(ident) is thread:
            del self.threads[ident]

    def _act_thread_end(self, thread: ThreadRecord) -> None:
        self.encoder.event((FIRST_SITELESS + Kind.THREAD_END) << 8, thread.number, 0)

    def _time(self) -> None:
        self.encoder.row(Detail.TIME << 8, 0, monotonic_ns() - self._began)
        self._timed_at = self.encoder.events

    # Values

    def value(self, value: Any) -> Token:
        """The token of an operand; a known object that is passed on is checked where that is cheap."""
        if type(value) not in an.SCALAR_TYPES:
            known = self.encoder.objects.get(value)
            if known is not None:
                self.checker.passed(known)
        return self.encoder.token(value)

    def _settle(self, frame: FrameRecord | None) -> None:
        if frame is not None and frame.pending:
            self.checker.settle(frame)

    # Frames

    # Each act runs under the lock, in the thread that it speaks of.

    def act_line(self, thread: ThreadRecord, probe: Probe) -> None:
        """A line is about to run."""
        frame = thread.stack[-1] if thread.stack else None
        if frame is None or frame.code is not probe.code:
            frame = self._find(thread, probe)
        if frame.pending:
            self.checker.settle(frame)
        frame.site = probe.site_id
        thread.unwound = 0
        encoder = self.encoder
        if encoder.events - self._timed_at >= _TIME_EVERY:
            self._time()
        encoder.event(probe.head, 0, 0)

    def act_call(
        self, thread: ThreadRecord, probe: Probe, operands: tuple[Any, ...], frame: types.FrameType
    ) -> None:
        """A frame begins; `operands` are its arguments, then its cells."""
        encoder, code = self.encoder, probe.code
        caller = thread.top()
        if caller is not None and caller.pending:
            self.checker.settle(caller, keep=True)
        thread.unwound = 0
        record = FrameRecord(self._next_frame, code, probe.site_id)
        self._next_frame += 1
        if code.suspendable:
            record.address = id(frame)
        module = encoder.namespace(frame.f_globals, code.module)
        binds: list[tuple[int, int, int]] = []
        slots = code.value_slots
        for slot, value in zip(slots, operands, strict=False):
            tag, number = self.value(value)
            binds.append((Detail.BIND << 8 | tag, slot, number))
        for slot, cell in zip(code.cells, operands[len(slots) :], strict=False):
            followed = encoder.follow(cell)
            encoder.check(followed, "")
            binds.append((Detail.BIND << 8 | Tag.OBJECT, slot, followed.object_id))
        if code.body == "module":
            encoder.check(module, "")
            binds.append((Detail.BIND << 8 | Tag.OBJECT, NO_SLOT, module.object_id))
        encoder.drain()
        self._time()
        for head, aux, number in binds:
            encoder.row(head, aux, number)
        encoder.event(probe.head, record.frame_id, 0)
        thread.stack.append(record)

    def act_return(self, thread: ThreadRecord, probe: Probe, value: Any) -> None:
        """A frame ends with a value."""
        frame = self._find(thread, probe)
        self._settle(frame)
        tag, number = self.value(value)
        self._leave(thread, probe, tag, number)

    def act_yield(
        self, thread: ThreadRecord, probe: Probe, value: Any, frame: types.FrameType
    ) -> None:
        """A frame is suspended with a value; what unseen code it awaits may still be at work."""
        record = self._current_frame(thread, probe, frame)
        self.checker.settle(record, keep=True)
        tag, number = self.value(value)
        self._leave(thread, probe, tag, number)
        self.suspended[record.address] = record

    def _leave(self, thread: ThreadRecord, probe: Probe, tag: int, number: int) -> None:
        self.encoder.drain()
        self._time()
        self.encoder.event(probe.head | tag, thread.caller_id(), number)
        thread.stack.pop()

    def act_resume(
        self, thread: ThreadRecord, probe: Probe, value: Any, frame: types.FrameType
    ) -> None:
        """A suspended frame goes on with the value sent."""
        caller = thread.top()
        if caller is not None and caller.pending:
            self.checker.settle(caller, keep=True)
        record = self.suspended.pop(id(frame), None)
        if record is None or record.code is not probe.code:
            record = FrameRecord(self._next_frame, probe.code, probe.site_id)
            self._next_frame += 1
            record.address = id(frame)
        if record.pending:
            self.checker.settle(record, keep=True)
        tag, number = self.value(value)
        self.encoder.drain()
        self._time()
        self.encoder.event(probe.head | tag, record.frame_id, number)
        thread.stack.append(record)

    def _current_frame(
        self, thread: ThreadRecord, probe: Probe, frame: types.FrameType
    ) -> FrameRecord:
        """The record of `frame`, which runs; one that an exception was thrown into goes on with that."""
        if not probe.code.suspendable:
            return self._find(thread, probe)
        address = id(frame)
        top = thread.top()
        if top is not None and top.address == address:
            return top
        record = self.suspended.pop(address, None)
        if record is None:
            return self._find(thread, probe)
        self._time()
        self.encoder.event((FIRST_SITELESS + Kind.RESUME) << 8, record.frame_id, 0)
        thread.stack.append(record)
        return record

    def _find(self, thread: ThreadRecord, probe: Probe) -> FrameRecord:
        """The current frame; frames above it whose end was not seen are closed."""
        stack = thread.stack
        if stack and stack[-1].code is probe.code:
            return stack[-1]
        if any(record.code is probe.code for record in stack):
            while stack[-1].code is not probe.code:
                self.encoder.event((FIRST_SITELESS + Kind.UNWIND) << 8, thread.caller_id(), 0)
                stack.pop()
            return stack[-1]
        # Its beginning was not seen (it ran before recording began): it begins here.
        record = FrameRecord(self._next_frame, probe.code, probe.site_id)
        self._next_frame += 1
        self.encoder.event((FIRST_SITELESS + Kind.CALL) << 8, record.frame_id, 0)
        stack.append(record)
        return record

    # Exceptions

    def act_except(
        self, thread: ThreadRecord, probe: Probe, error: Any, frame: types.FrameType
    ) -> None:
        """An exception reached a handler of this frame: a `raise` event if it is a new one."""
        record = self._current_frame(thread, probe, frame)
        record.receivers.clear()
        self._settle(record)
        self._arrived(thread, record, error, frame, probe)

    def act_handle(
        self, thread: ThreadRecord, probe: Probe, error: Any, frame: types.FrameType
    ) -> None:
        """An exception is caught here."""
        record = self._current_frame(thread, probe, frame)
        self._settle(record)
        record.exception = 0
        tag, number = self.value(error)
        self.encoder.drain()
        self.encoder.event(probe.head | tag, probe.line, number)

    def act_unwind(
        self, thread: ThreadRecord, probe: Probe, error: Any, frame: types.FrameType
    ) -> None:
        """An exception leaves this frame."""
        record = self._current_frame(thread, probe, frame)
        self._settle(record)
        self._arrived(thread, record, error, frame, probe)
        tag, number = self.value(error)
        self._leave(thread, probe, tag, number)
        thread.unwound = id(error)

    def _arrived(
        self,
        thread: ThreadRecord,
        record: FrameRecord,
        error: Any,
        frame: types.FrameType,
        probe: Probe,
    ) -> None:
        known = id(error) in (thread.unwound, record.exception)
        if known and not record.raising:
            record.exception = id(error)
            thread.unwound = 0
            return
        record.raising = False
        record.exception = id(error)
        thread.unwound = 0
        trace = _traceback_of(error)
        line = probe.line
        if trace is not None and trace.tb_frame is frame and trace.tb_lineno:
            line = trace.tb_lineno
        tag, number = self.value(error)
        self.encoder.drain()
        self.encoder.event((FIRST_SITELESS + Kind.RAISE) << 8 | tag, line, number)

    def act_raising(self, thread: ThreadRecord, probe: Probe) -> None:
        """A raise statement is about to run."""
        frame = self._find(thread, probe)
        self._settle(frame)
        frame.raising = True

    # Variables

    def act_store(self, thread: ThreadRecord, probe: Probe, value: Any) -> None:
        """A fast local, or a name of a class body, was stored."""
        frame = self._find(thread, probe)
        self._settle(frame)
        tag, number = self.value(value)
        self.encoder.drain()
        self.encoder.event(probe.head | tag, 0, number)

    def act_store_cell(self, thread: ThreadRecord, probe: Probe, cell: Any) -> None:
        """A variable that lives in a cell was stored."""
        frame = self._find(thread, probe)
        self._settle(frame)
        encoder = self.encoder
        followed = encoder.follow(cell)
        try:
            value = cell.cell_contents
        except ValueError:
            return
        tag, number = self.value(value)
        encoder.drain()
        followed.items = [encoder.item(value)]
        encoder.event(probe.head | tag, followed.object_id, number)

    def act_store_global(
        self, thread: ThreadRecord, probe: Probe, value: Any, frame: types.FrameType
    ) -> None:
        """A global was stored."""
        self._settle(self._find(thread, probe))
        encoder = self.encoder
        tag, number = self.value(value)
        module = encoder.namespace(frame.f_globals, probe.code.module)
        encoder.drain()
        module.items[probe.name] = (probe.name, encoder.item(value))
        encoder.event(probe.head | tag, module.object_id, number)

    def act_delete(self, thread: ThreadRecord, probe: Probe) -> None:
        """A fast local, or a name of a class body, is unbound."""
        self._settle(self._find(thread, probe))
        self.encoder.event(probe.head, 0, 0)

    def act_delete_cell(self, thread: ThreadRecord, probe: Probe, cell: Any) -> None:
        """A variable that lives in a cell is unbound."""
        self._settle(self._find(thread, probe))
        followed = self.encoder.follow(cell)
        self.encoder.drain()
        followed.items = []
        self.encoder.event(probe.head, followed.object_id, 0)

    def act_delete_global(
        self, thread: ThreadRecord, probe: Probe, frame: types.FrameType
    ) -> None:
        """A global is unbound."""
        self._settle(self._find(thread, probe))
        module = self.encoder.namespace(frame.f_globals, probe.code.module)
        self.encoder.drain()
        module.items.pop(probe.name, None)
        self.encoder.event(probe.head, module.object_id, 0)

    def act_restore(
        self, thread: ThreadRecord, probe: Probe, frame: types.FrameType
    ) -> None:
        """A comprehension gave a variable back what it held before, or nothing."""
        self._settle(self._find(thread, probe))
        value = frame.f_locals.get(probe.name, an.MISSING)
        if value is an.MISSING:
            self.encoder.event(probe.head, 0, 0)
            return
        tag, number = self.value(value)
        self.encoder.drain()
        self.encoder.event(probe.head | tag, 0, number)

    # Attributes and items

    def act_setattr(self, thread: ThreadRecord, probe: Probe, owner: Any, value: Any) -> None:
        """`owner.name = value` was done."""
        self._settle(self._find(thread, probe))
        encoder = self.encoder
        tag, number = self.value(value)
        target = encoder.follow(owner)
        encoder.drain()
        if self._attribute_is(target, owner, probe.name, value):
            target.attributes[probe.name] = encoder.item(value)
            tag |= APPLIED
            self._twin(target, owner)
        else:
            self._recheck(target, owner)
        encoder.event(probe.head | tag, target.object_id, number)

    def _attribute_is(self, target: Any, owner: Any, name: str, value: Any) -> bool:
        """Whether the attribute lies in the object itself, and is `value` (MISSING: is not there)."""
        anatomy = target.anatomy
        if anatomy.shape in an.IMMUTABLE or anatomy.shape in (Shape.CELL, Shape.NAMESPACE):
            return False
        if target.stale:
            return False
        for slot, get in anatomy.slots:
            if slot == name:
                try:
                    return get(owner) is value
                except AttributeError:
                    return value is an.MISSING
        held = anatomy.instance_dict(owner)
        if held is None:
            return False
        if target.held_dict != id(held):
            return False
        return held.get(name, an.MISSING) is value

    def _twin(self, target: Any, owner: Any) -> None:
        """The instance dict, where the program holds it as an object of its own, changed as well."""
        if target.held_dict is not None:
            held = target.anatomy.instance_dict(owner)
            twin = self.encoder.objects.get(held)
            if twin is not None:
                self.encoder.check(twin, "attribute")

    def _recheck(self, target: Any, owner: Any) -> None:
        """Something else than a plain attribute happened: compare the whole object."""
        if type(owner) is types.ModuleType:
            known = self.encoder.objects.get(types.ModuleType.__dict__["__dict__"].__get__(owner))
            if known is not None:
                self.encoder.check(known, "attribute")
        else:
            self.encoder.check(target, "attribute")

    def act_delattr(self, thread: ThreadRecord, probe: Probe, owner: Any) -> None:
        """`del owner.name` was done."""
        self._settle(self._find(thread, probe))
        encoder = self.encoder
        target = encoder.follow(owner)
        encoder.drain()
        tag = 0
        if probe.name in target.attributes and self._attribute_is(
            target, owner, probe.name, an.MISSING
        ):
            del target.attributes[probe.name]
            tag = APPLIED
            self._twin(target, owner)
        else:
            self._recheck(target, owner)
        encoder.event(probe.head | tag, target.object_id, 0)

    def act_setitem(self, thread: ThreadRecord, probe: Probe, operands: tuple[Any, ...]) -> None:
        """`container[key] = value` was done."""
        self._settle(self._find(thread, probe))
        value, container, key = operands if len(operands) == 3 else _with_slice(operands)
        encoder = self.encoder
        tag, number = self.value(value)
        target = encoder.follow(container)
        key_tag, key_number = encoder.token(key)
        encoder.drain()
        place = self._applied_item(target, container, key, value)
        if place is not None:
            tag |= APPLIED
            if type(container) is list:
                key_tag, key_number = Tag.INT, place
        else:
            self._changed_by_item(target, container)
        encoder.row(Detail.KEY << 8 | key_tag, 0, key_number)
        encoder.event(probe.head | tag, target.object_id, number)

    def _applied_item(self, target: Any, container: Any, key: Any, value: Any) -> int | None:
        """Update the shadow at the cost of one item, where the assignment is all that happened."""
        encoder = self.encoder
        cls = type(container)
        if target.stale or target.length > encoder.limits.items:
            return None
        if cls is list:
            length = list.__len__(container)
            if type(key) is not int or length != target.length or not -length <= key < length:
                return None
            place = key % length
            target.items[place] = encoder.item(value)
            return place
        if target.anatomy.shape is Shape.DICT and target.anatomy.plain_setitem:
            if encoder.objects.by_dict.get(id(container)) is not None:
                return None
            token = key_token(key, encoder.follow)
            length = dict.__len__(container)
            known = target.items.get(token)
            if length != len(target.items) + (known is None) or length > encoder.limits.items:
                return None
            target.items[token] = (known[0] if known else encoder.item(key), encoder.item(value))
            target.length = length
            return 0
        return None

    def _changed_by_item(self, target: Any, container: Any) -> None:
        self.encoder.check(target, "item")
        owner = self.encoder.objects.by_dict.get(id(container))
        if owner is not None and owner is not target:
            self.encoder.check(owner, "__dict__")

    def act_delitem(self, thread: ThreadRecord, probe: Probe, operands: tuple[Any, ...]) -> None:
        """`del container[key]` was done."""
        self._settle(self._find(thread, probe))
        container, key = operands
        encoder = self.encoder
        target = encoder.follow(container)
        key_tag, key_number = encoder.token(key)
        encoder.drain()
        self._changed_by_item(target, container)
        encoder.row(Detail.KEY << 8 | key_tag, 0, key_number)
        encoder.event(probe.head, target.object_id, 0)

    # What unseen code may change

    def act_receiver(self, thread: ThreadRecord, probe: Probe, value: Any) -> None:
        """A method of `value` is looked up; the call comes later."""
        frame = self._find(thread, probe)
        self._settle(frame)
        frame.receivers[probe.extra] = (value, probe.name)

    def act_args(self, thread: ThreadRecord, probe: Probe, operands: tuple[Any, ...]) -> None:
        """A call is about to be made."""
        frame = self._find(thread, probe)
        self._settle(frame)
        depth, method_form = probe.extra
        callee, arguments = operands[0], operands[1:]
        if probe.spread:
            arguments = _spread(arguments)
        if method_form:
            found = frame.receivers.pop(depth, None)
            if found is not None:
                suspects = calls.method_suspects(found[0], found[1], arguments, self.is_instrumented)
            else:
                suspects = calls.suspects(callee, arguments, self.is_instrumented)
        else:
            suspects = calls.suspects(callee, arguments, self.is_instrumented)
            if calls.changes_globals(callee):
                self._globals_suspected(frame, probe)
        if suspects:
            frame.pending = [*frame.pending, *suspects] if frame.pending else suspects

    def _globals_suspected(self, frame: FrameRecord, probe: Probe) -> None:
        for followed in list(self.encoder.objects.namespaces()):
            target = followed.target()
            if target is not None:
                frame.pending.append((target, True, "exec", ()))

    def act_touch(self, thread: ThreadRecord, probe: Probe, value: Any) -> None:
        """An operation on `value` that is no call may run unseen code, or change it in place."""
        cls = type(value)
        if cls in an.SCALAR_TYPES:
            return
        frame = self._find(thread, probe)
        self._settle(frame)
        if probe.name is not None:
            anatomy = self.encoder.objects.anatomy(cls)
            if anatomy.shape is Shape.NAMED or anatomy.is_quiet(probe.name, self.is_instrumented):
                return
        elif cls in _STEADY_READS and not probe.extra:
            return
        frame.pending.append((value, False, "unseen", ()))

    def act_imported(self, thread: ThreadRecord, probe: Probe) -> None:
        """An import may have bound names in modules that are recorded."""
        frame = self._find(thread, probe)
        self._settle(frame)
        self._globals_suspected(frame, probe)

    # Output

    def wrote(self, stream: int, data: bytes) -> None:
        """Bytes were written to stdout (1) or stderr (2).

        One `print` writes several times: what one thread writes up to a line's end, with nothing in between,
        is one event.
        """
        with self.lock:
            if not self.on:
                return
            ident = get_ident()
            if self._written and self._writer != (ident, stream):
                self.fire(_nothing)
            self._writer = (ident, stream)
            self._written += data
            if self._written.endswith(b"\n"):
                self.fire(_nothing)

    def _emit_output(self) -> None:
        encoder = self.encoder
        ident, stream = self._writer
        data, self._written = bytes(self._written), bytearray()
        thread = self.threads.get(ident)
        before = self._current
        if thread is not None and thread is not before:
            self._switch(thread)
        self._settle(thread.top() if thread else None)
        limit = encoder.limits.string
        for start in range(0, len(data), limit):
            tag, number = encoder.token(data[start : start + limit])
            encoder.event((FIRST_SITELESS + Kind.OUTPUT) << 8 | tag, stream, number)
        if before is not None and thread is not None and thread is not before:
            self._switch(before)

    def act_hit(self, thread: ThreadRecord, number: int) -> None:
        """A predicate became true at this line moment."""
        self.encoder.event((FIRST_SITELESS + Kind.HIT) << 8, number, 0)


_STEADY_READS = frozenset({list, tuple, dict, range, memoryview, types.GeneratorType})


def _nothing(thread: ThreadRecord) -> None:
    """Let what is noted become events."""


class _ThreadEnd:
    """Lies in the thread's local storage; goes when the thread does."""

    __slots__ = ("ident", "recorder", "thread")

    def __init__(self, recorder: Recorder, thread: ThreadRecord, ident: int) -> None:
        self.recorder = recorder
        self.thread = thread
        self.ident = ident

    def __del__(self) -> None:
        if self.recorder.on and get_ident() == self.ident:
            self.recorder.thread_ended(self.thread, self.ident)


def _raised_here(error: BaseException) -> bool:
    """Whether an exception comes from escope's own code, not from code of the program that ran within."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OWN_FILES)


def _with_slice(operands: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    value, container, start, stop = operands
    return value, container, slice(start, stop)


def _spread(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of `f(*args, **kwargs)` as one tuple, without running any iterator."""
    positional, keywords = operands
    found: tuple[Any, ...] = positional if type(positional) is tuple else (positional,)
    if type(keywords) is dict:
        found += tuple(keywords.values())
    return found


def _thread_name(ident: int) -> str | None:
    threading = sys.modules.get("threading")
    if threading is None:
        return None
    thread = threading.__dict__.get("_active", {}).get(ident)
    name = getattr(thread, "__dict__", {}).get("_name") if thread is not None else None
    return name if type(name) is str else None
