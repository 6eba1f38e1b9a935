"""Lines, calls, returns, suspensions and exceptions into rows.

Each function is what one kind of probe does; it runs under the recorder's lock, in the thread it speaks of.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from escope.engine.capture import anatomy as an
from escope.engine.capture.frames import FrameRecord, ThreadRecord
from escope.engine.capture.ledger import Ledger
from escope.engine.capture.live import local_values
from escope.events import Kind
from escope.storage.rows import FIRST_SITELESS, NO_SLOT, Detail, Tag

if TYPE_CHECKING:
    from escope.engine.capture.probes import Probe

_OWN_FILES = str(Path(__file__).parent)
_traceback_of = BaseException.__dict__["__traceback__"].__get__


def line(ledger: Ledger, thread: ThreadRecord, probe: Probe) -> None:
    """A line is about to run."""
    frame = thread.stack[-1] if thread.stack else None
    if frame is None or frame.code is not probe.code:
        frame = ledger.find(thread, probe)
    if frame.pending:
        ledger.checker.settle(frame)
    if ledger.encoder.objects.lent:
        ledger.checker.look_after()
    frame.site = probe.site_id
    thread.unwound = 0
    encoder = ledger.encoder
    ledger.time_if_due()
    encoder.event(probe.head, 0, 0)


def line_reached(
    ledger: Ledger, thread: ThreadRecord, probe: Probe, frame: types.FrameType
) -> None:
    """A line of a generator or coroutine is about to run."""
    ledger.current_frame(thread, probe, frame)
    line(ledger, thread, probe)


def call(
    ledger: Ledger,
    thread: ThreadRecord,
    probe: Probe,
    operands: tuple[Any, ...],
    frame: types.FrameType,
) -> None:
    """A frame begins; `operands` are its arguments, then its cells."""
    encoder, code = ledger.encoder, probe.code
    caller = thread.top()
    if caller is not None and caller.pending:
        ledger.checker.settle(caller, keep=True)
    if probe.finalizer and frame.f_back is not None:
        # It runs in the middle of a store whose own event comes after it.
        for value in local_values(frame.f_back):
            ledger.checker.walk(value, "store")
    thread.unwound = 0
    record = ledger.new_frame(probe)
    record.address = ledger.address(frame)
    module = encoder.namespace(frame.f_globals, code.module)
    binds: list[tuple[int, int, int]] = []
    slots = code.value_slots
    for slot, value in zip(slots, operands, strict=False):
        tag, number = ledger.value(value)
        binds.append((Detail.BIND << 8 | tag, slot, number))
    for slot, cell in zip(code.cells, operands[len(slots) :], strict=False):
        followed = record.cells[slot] = encoder.follow(cell)
        encoder.check(followed, "")
        binds.append((Detail.BIND << 8 | Tag.OBJECT, slot, followed.object_id))
    if code.body == "module":
        encoder.check(module, "")
        binds.append((Detail.BIND << 8 | Tag.OBJECT, NO_SLOT, module.object_id))
    elif code.body == "class" and an.is_mapping(names := frame.f_locals):
        own = encoder.namespace(names) if type(names) is dict else encoder.follow(names)
        binds.append((Detail.BIND << 8 | Tag.OBJECT, NO_SLOT, own.object_id))
    encoder.drain()
    ledger.pass_time()
    for head, aux, number in binds:
        encoder.row(head, aux, number)
    encoder.event(probe.head, record.frame_id, 0)
    thread.stack.append(record)


def return_(ledger: Ledger, thread: ThreadRecord, probe: Probe, value: Any) -> None:
    """A frame ends with a value."""
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    tag, number = ledger.value(value)
    _leave(ledger, thread, probe, tag, number)


def yield_(
    ledger: Ledger, thread: ThreadRecord, probe: Probe, value: Any, frame: types.FrameType
) -> None:
    """A frame is suspended with a value; what unseen code it awaits may still be at work."""
    record = ledger.current_frame(thread, probe, frame)
    ledger.checker.settle(record, keep=True)
    tag, number = ledger.value(value)
    _leave(ledger, thread, probe, tag, number)
    record.suspended_line = probe.line
    ledger.suspend(record)
    # What an exception was thrown through is suspended again without having run.
    while thread.stack and thread.stack[-1].passive:
        delegating = thread.stack[-1]
        head = ledger.head(delegating.code, Kind.YIELD, delegating.suspended_line)
        ledger.encoder.event(head | tag, thread.caller_id(), number)
        thread.stack.pop()
        ledger.suspend(delegating)


def _leave(ledger: Ledger, thread: ThreadRecord, probe: Probe, tag: int, number: int) -> None:
    ledger.encoder.drain()
    ledger.pass_time()
    ledger.encoder.event(probe.head | tag, thread.caller_id(), number)
    thread.stack.pop()


def resume(
    ledger: Ledger, thread: ThreadRecord, probe: Probe, value: Any, frame: types.FrameType
) -> None:
    """A suspended frame goes on with the value sent."""
    caller = thread.top()
    if caller is not None and caller.pending:
        ledger.checker.settle(caller, keep=True)
    record = ledger.awaken(ledger.address(frame))
    if record is None or record.code is not probe.code:
        record = ledger.new_frame(probe)
        record.address = ledger.address(frame)
    if record.pending:
        ledger.checker.settle(record, keep=True)
    tag, number = ledger.value(value)
    ledger.encoder.drain()
    ledger.pass_time()
    ledger.encoder.event(probe.head | tag, record.frame_id, number)
    thread.stack.append(record)


def except_(
    ledger: Ledger, thread: ThreadRecord, probe: Probe, error: Any, frame: types.FrameType
) -> None:
    """An exception reached a handler of this frame: a `raise` event if it is a new one."""
    _clean(error)
    record = ledger.current_frame(thread, probe, frame)
    record.forget_receivers()
    ledger.settle(record)
    _arrived(ledger, thread, record, error, frame, probe)


def handle(
    ledger: Ledger, thread: ThreadRecord, probe: Probe, error: Any, frame: types.FrameType
) -> None:
    """An exception is caught here."""
    record = ledger.current_frame(thread, probe, frame)
    ledger.settle(record)
    record.exception = 0
    tag, number = ledger.value(error)
    ledger.encoder.drain()
    ledger.encoder.event(probe.head | tag, probe.line, number)


def unwind(
    ledger: Ledger, thread: ThreadRecord, probe: Probe, error: Any, frame: types.FrameType
) -> None:
    """An exception leaves this frame."""
    if not ledger.is_running(thread, frame):
        # Its call was not recorded: it was thrown in before the start, or raised before the first probe.
        return
    _clean(error)
    record = ledger.current_frame(thread, probe, frame)
    ledger.settle(record)
    _arrived(ledger, thread, record, error, frame, probe)
    tag, number = ledger.value(error)
    _leave(ledger, thread, probe, tag, number)
    thread.unwound = number


def _arrived(
    ledger: Ledger,
    thread: ThreadRecord,
    record: FrameRecord,
    error: Any,
    frame: types.FrameType,
    probe: Probe,
) -> None:
    # By its id: another exception may lie where one that ended has lain.
    followed = ledger.encoder.objects.get(error)
    known = followed is not None and followed.object_id in (thread.unwound, record.exception)
    thread.unwound = 0
    if followed is not None and known and not record.raising:
        record.exception = followed.object_id
        return
    record.raising = False
    trace = _traceback_of(error)
    line = probe.line
    if trace is not None and trace.tb_frame is frame and trace.tb_lineno:
        line = trace.tb_lineno
    tag, number = ledger.value(error)
    record.exception = number
    ledger.encoder.drain()
    ledger.encoder.event((FIRST_SITELESS + Kind.RAISE) << 8 | tag, line, number)


def _clean(error: Any) -> None:
    """Take the probe's own frames out of a traceback: a signal handler raised while it was at work."""
    head = _traceback_of(error)
    while head is not None and head.tb_next is not None:
        if not head.tb_next.tb_frame.f_code.co_filename.startswith(_OWN_FILES):
            return
        head.tb_next = head.tb_next.tb_next


def raising(ledger: Ledger, thread: ThreadRecord, probe: Probe) -> None:
    """A raise statement is about to run."""
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    frame.raising = True


def hit(ledger: Ledger, thread: ThreadRecord, number: int) -> None:
    """A predicate became true at this line moment."""
    ledger.encoder.event((FIRST_SITELESS + Kind.HIT) << 8, number, 0)
