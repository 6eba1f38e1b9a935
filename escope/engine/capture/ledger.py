"""What the recording of this process knows: its threads, their frames, the objects followed.

The functions of the `…_events` modules write through it; the recorder's lock guards it.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from escope.config import CaptureLimits
from escope.engine.capture import anatomy as an
from escope.engine.capture.checking import Checker
from escope.engine.capture.encoder import Encoder
from escope.engine.capture.frames import FrameRecord, ThreadRecord
from escope.engine.capture.live import named_values
from escope.engine.capture.roles import Role
from escope.engine.capture.row_writer import Token
from escope.engine.capture.sites import CodeRecord, Site
from escope.events import Kind
from escope.storage.rows import FIRST_SITELESS, NO_SLOT, Detail, Start, Tag

if TYPE_CHECKING:
    from escope.engine.capture.probes import Probe

_TIME_EVERY = 256
"""Events between time rows, where no call or return writes one."""
_TIME_STEP = 1_000
"""Nanoseconds that a time row has to be old for a call or return to write another."""


Begun = tuple[FrameRecord, types.FrameType, dict[int, Any]]
"""A frame that runs: what another stream says of it, itself, its cells by slot."""

_NOTED = {
    Role.CALL: Kind.CALL,
    Role.YIELD: Kind.YIELD,
    Role.RESUME: Kind.RESUME,
    Role.UNWIND: Kind.UNWIND,
}


class Place(NamedTuple):
    """Where a frame is that no probe tells of."""

    code: CodeRecord
    site_id: int


class Ledger:
    """The state behind all probes."""

    def __init__(
        self, limits: CaptureLimits, is_instrumented: Callable[[types.CodeType], bool]
    ) -> None:
        self.encoder = self.make_encoder(limits)
        self.is_instrumented = is_instrumented
        self.heads: dict[tuple[int, Kind, int], int] = {}
        """Row heads of sites by code id, kind, line (0: any), for events that no probe of theirs tells."""
        self.stores: dict[tuple[int, str], int] = {}
        """Row heads of store sites of plain locals by code id and name."""
        self._begin()

    def _begin(self) -> None:
        self.checker = self.make_checker()
        self._suspended: dict[int, FrameRecord] = {}
        """Suspended generators and coroutines by the address of their frame object."""
        self.current: ThreadRecord | None = None
        """The thread that the newest row belongs to."""
        self._next_frame = 1
        self._began = monotonic_ns()
        self._timed_at = -_TIME_EVERY
        self._time = -_TIME_STEP

    def restart(self) -> None:
        """Begin another stream, of which nothing is written yet; the sites stay."""
        self.encoder.restart()
        self._begin()

    @staticmethod
    def make_encoder(limits: CaptureLimits) -> Encoder:
        """The encoder of this core."""
        return Encoder(limits)

    def make_checker(self) -> Checker:
        """The checker of this core."""
        return Checker(self.encoder, self.is_instrumented)

    def time(self) -> None:
        """Write a time row."""
        self._time = monotonic_ns() - self._began
        self.encoder.row(Detail.TIME << 8, 0, self._time)
        self._timed_at = self.encoder.events

    def pass_time(self) -> None:
        """Write a time row if the newest is old."""
        if monotonic_ns() - self._began - self._time >= _TIME_STEP:
            self.time()

    def time_if_due(self) -> None:
        """Write a time row if there was none for a while."""
        if self.encoder.events - self._timed_at >= _TIME_EVERY:
            self.time()

    def switch(self, thread: ThreadRecord) -> None:
        """Rows from here on are `thread`'s."""
        self.current = thread
        top = thread.top()
        self.encoder.row(Detail.THREAD << 8, thread.number, top.frame_id if top else 0)

    def value(self, value: Any) -> Token:
        """The token of an operand; a known object passed on is checked where that is cheap."""
        if not an.is_scalar(value):
            known = self.encoder.objects.get(value)
            if known is not None:
                self.checker.passed(known)
        return self.encoder.token(value)

    def object_id(self, value: Any) -> int:
        """escope's id of a queue, lock, task or future.

        Where the program's own code has not met it, its content is written and distrusted: nobody looks after it.
        """
        known = self.encoder.objects.get(value)
        if known is not None:
            return known.object_id
        followed = self.encoder.follow(value)
        self.encoder.drain()
        self.encoder.distrust(followed)
        return followed.object_id

    def tell(self, head: int, operation: int, number: int, target: Any, *message: Any) -> None:
        """Write an event of a channel and an `Operation`; `message`: what is sent, if it is.

        It lies in the middle of a call of the current frame.  What that call changes is told where it is over, at
        the frame's next event: to look for it here as well would cost more than all the rest.
        """
        target_id = self.object_id(target)
        tag, value = self.value(message[0]) if message else (0, 0)
        self.encoder.drain()
        self.time()
        self.encoder.row(Detail.OPERATION << 8, operation, number)
        self.encoder.event(head | tag, target_id, value)

    def settle(self, frame: FrameRecord | None) -> None:
        """Check what unseen code called from `frame` may have changed."""
        if frame is not None and frame.pending:
            self.checker.settle(frame)

    @staticmethod
    def address(frame: types.FrameType) -> int:
        """What tells `frame` from all others that run or are suspended."""
        return id(frame)

    def suspend(self, record: FrameRecord) -> None:
        """Keep the record of a frame that is suspended, until it goes on."""
        self._suspended[record.address] = record

    def awaken(self, address: int) -> FrameRecord | None:
        """The record of the suspended frame at `address`, which is kept no more; None if there is none."""
        return self._suspended.pop(address, None)

    def is_suspended(self, address: int) -> bool:
        """Whether a frame at `address` is suspended."""
        return address in self._suspended

    def new_frame(self, probe: Probe | Place) -> FrameRecord:
        """A record with the next frame id."""
        record = FrameRecord(self._next_frame, probe.code, probe.site_id)
        self._next_frame += 1
        return record

    def current_frame(
        self, thread: ThreadRecord, probe: Probe, frame: types.FrameType
    ) -> FrameRecord:
        """The record of `frame`, which runs.

        A suspended frame that an exception was thrown into goes on with that: RESUME without a value.
        So do the frames that delegate to it, through which the exception was thrown.
        """
        if not probe.code.suspendable:
            return self.find(thread, probe)
        top = thread.top()
        if top is not None and top.address == self.address(frame):
            top.passive = False
            return top
        woken: list[FrameRecord] = []
        walk: types.FrameType | None = frame
        while walk is not None and (top is None or top.address != self.address(walk)):
            record = self.awaken(self.address(walk))
            if record is not None:
                woken.append(record)
            walk = walk.f_back
        if not woken or woken[0].address != self.address(frame):
            return self.find(thread, probe)
        self.time()
        for record in reversed(woken):
            head = self.head(record.code, Kind.RESUME, record.suspended_line)
            self.encoder.event(head, record.frame_id, 0)
            record.passive = record is not woken[0]
            thread.stack.append(record)
        return woken[0]

    def is_running(self, thread: ThreadRecord, frame: types.FrameType) -> bool:
        """Whether `frame` is on the thread's stack, or suspended."""
        address = self.address(frame)
        if self.is_suspended(address):
            return True
        return any(record.address == address for record in reversed(thread.stack))

    def find(self, thread: ThreadRecord, probe: Probe) -> FrameRecord:
        """The current frame; frames above it whose end was not seen are closed."""
        stack = thread.stack
        if stack and stack[-1].code is probe.code:
            stack[-1].passive = False
            return stack[-1]
        if any(record.code is probe.code for record in stack):
            while stack[-1].code is not probe.code:
                head = self.head(stack[-1].code, Kind.UNWIND)
                self.encoder.event(head, thread.caller_id(), 0)
                stack.pop()
            return stack[-1]
        # Its beginning was not seen (it ran before recording began): it begins here.
        record = self.new_frame(probe)
        self.encoder.event(self.head(probe.code, Kind.CALL), record.frame_id, 0)
        stack.append(record)
        return record

    def note_probe(self, role: Role, kind: str, site: Site, code: CodeRecord, head: int) -> None:
        """Remember the head of a probe whose event other probes may have to tell."""
        if kind == "store" and site.name is not None:
            self.stores.setdefault((code.id, site.name), head)
        if role in _NOTED:
            self.note_site(code, _NOTED[role], site.line or 0, head)

    def note_site(self, code: CodeRecord, kind: Kind, line: int, head: int) -> None:
        """Remember a site for `head`."""
        self.heads[code.id, kind, line] = head
        self.heads.setdefault((code.id, kind, 0), head)

    def head(self, code: CodeRecord, kind: Kind, line: int = 0) -> int:
        """The head of an event row of `kind` in `code`, at `line` where there is such a site."""
        found = self.heads.get((code.id, kind, line)) or self.heads.get((code.id, kind, 0))
        return found if found is not None else (FIRST_SITELESS + kind) << 8

    def written(self, stream: int, data: bytes) -> None:
        """Write output events for bytes that went to stdout (1) or stderr (2)."""
        encoder = self.encoder
        limit = encoder.limits.string
        for start in range(0, len(data), limit):
            tag, number = encoder.token(data[start : start + limit])
            encoder.event((FIRST_SITELESS + Kind.OUTPUT) << 8 | tag, stream, number)

    def thread_starts(self, thread: ThreadRecord, name: str) -> None:
        """Write the first event of a thread."""
        self.switch(thread)
        number = self.encoder.string(name)
        self.time()
        self.encoder.event(
            (FIRST_SITELESS + Kind.THREAD_START) << 8 | Tag.STR, thread.number, number
        )

    def process_starts(self, how: Start, number: int) -> None:
        """Write that process `number` starts here."""
        self.time()
        head = (FIRST_SITELESS + Kind.FORK) << 8 | Tag.INT
        self.encoder.event(head, how, number)

    def adopt(self, thread: ThreadRecord, begun: Begun) -> None:
        """Write the beginning of a frame that has run for a while, with its variables as they are now."""
        before, frame, cells = begun
        encoder, code = self.encoder, before.code
        record = self.new_frame(Place(code, before.site))
        record.address = before.address
        module = encoder.namespace(frame.f_globals, code.module)
        binds: list[tuple[int, int, int]] = []
        values = named_values(frame) if code.body == "function" else {}
        for slot, name in enumerate(code.variables):
            if slot in code.cells:
                cell = cells.get(slot)
                if cell is not None:
                    followed = record.cells[slot] = encoder.follow(cell)
                    encoder.check(followed, "")
                    binds.append((Detail.BIND << 8 | Tag.OBJECT, slot, followed.object_id))
            elif name in values:
                tag, number = self.value(values[name])
                binds.append((Detail.BIND << 8 | tag, slot, number))
        if code.body == "module":
            binds.append((Detail.BIND << 8 | Tag.OBJECT, NO_SLOT, module.object_id))
        elif code.body == "class" and an.is_mapping(names := frame.f_locals):
            own = encoder.namespace(names) if type(names) is dict else encoder.follow(names)
            binds.append((Detail.BIND << 8 | Tag.OBJECT, NO_SLOT, own.object_id))
        encoder.drain()
        self.time()
        for head, aux, number in binds:
            encoder.row(head, aux, number)
        encoder.event(self.head(code, Kind.CALL), record.frame_id, 0)
        thread.stack.append(record)


def thread_end(ledger: Ledger, thread: ThreadRecord) -> None:
    """Write the last event of a thread."""
    ledger.time()
    ledger.encoder.event((FIRST_SITELESS + Kind.THREAD_END) << 8, thread.number, 0)
