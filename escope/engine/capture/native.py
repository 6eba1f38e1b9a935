"""The C core: its probes, and the reference's classes with what it does itself put over them.

`_probes` writes the plain events; everything else is done by the reference's own functions, which work on the
same objects.  So there is one specification, and the two cores write the same rows.
"""

from __future__ import annotations

import gc
import types
from typing import Any

from escope.config import CaptureLimits
from escope.engine.capture import _probes, calls, object_events
from escope.engine.capture.anatomy import CONTAINER_BASES, Anatomy, is_foreign
from escope.engine.capture.checking import Checker, leads_nowhere
from escope.engine.capture.encoder import Encoder
from escope.engine.capture.frames import FrameRecord, ThreadRecord
from escope.engine.capture.instrument import Operands, instrument_code
from escope.engine.capture.ledger import Ledger, Place
from escope.engine.capture.objects import Followed
from escope.engine.capture.probes import Probe, act_of
from escope.engine.capture.recorder import Lock, Recorder, raised_here
from escope.engine.capture.roles import Role
from escope.engine.capture.row_writer import Token
from escope.engine.capture.sites import CodeRecord, Site
from escope.engine.capture.suspicions import STEADY_READS
from escope.engine.capture.taps import Tap, inert
from escope.storage.rows import APPLIED


class NativeTable(_probes.ObjectTable):
    """The objects that are followed."""


class NativeEncoder(_probes.Core, Encoder):
    """The encoder, and at the same time the state behind all probes."""

    def __init__(self, limits: CaptureLimits) -> None:
        table = NativeTable(Anatomy, STEADY_READS)
        _probes.Core.__init__(self, limits, table, limits.string, limits.items, limits.objects)
        self.acts.update(write=Encoder.write, check=Encoder.check)
        self.know_containers(tuple(base for base, _ in CONTAINER_BASES))
        self._next_type = 1

    def restart(self) -> None:
        self.begin_anew(NativeTable(Anatomy, STEADY_READS))
        self._next_type = 1
        # The reference makes its own, where a dict stands for the names of a module or class.
        self.__dict__.pop("_namespace_type", None)


class NativeChecker(Checker):
    """The checker; the core walks, and has the credit for it."""

    encoder: NativeEncoder

    def walk(self, start: Any, operation: str) -> None:
        self.encoder.walk(start, operation)

    def look_after(self) -> None:
        self.encoder.look_after()


class NativeLedger(Ledger):
    """The ledger; its clock, threads and frames are the core's."""

    address = staticmethod(_probes.address)
    encoder: NativeEncoder

    @staticmethod
    def make_encoder(limits: CaptureLimits) -> Encoder:
        return NativeEncoder(limits)

    def make_checker(self) -> Checker:
        return NativeChecker(self.encoder, self.is_instrumented)

    def __init__(self, limits: CaptureLimits, is_instrumented: Any) -> None:
        super().__init__(limits, is_instrumented)

    @property
    def current(self) -> ThreadRecord | None:
        return self.encoder.current

    @current.setter
    def current(self, thread: ThreadRecord | None) -> None:
        encoder = self.__dict__.get("encoder")
        if encoder is not None:
            encoder.current = thread

    def suspend(self, record: FrameRecord) -> None:
        self.encoder.suspend(record)

    def awaken(self, address: int) -> FrameRecord | None:
        return self.encoder.awaken(address)

    def is_suspended(self, address: int) -> bool:
        return self.encoder.is_suspended(address)

    def time(self) -> None:
        self.encoder.time()

    def pass_time(self) -> None:
        self.encoder.pass_time()

    def time_if_due(self) -> None:
        if self.encoder.events - self.encoder.timed_at >= 256:
            self.encoder.time()

    def value(self, value: Any) -> Token:
        return self.encoder.value(value)

    def object_id(self, value: Any) -> int:
        return self.encoder.object_id(value)

    def tell(self, head: int, operation: int, number: int, target: Any, *message: Any) -> None:
        self.encoder.tell(head, operation, number, target, *message)

    def settle(self, frame: FrameRecord | None) -> None:
        if frame is not None:
            self.encoder.settle(frame)

    def new_frame(self, probe: Probe | Place) -> FrameRecord:
        return self.encoder.new_frame(probe)


class NativeRecorder(Recorder):
    """One recording of this process by the C core."""

    ledger: NativeLedger

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.lock = _probes.Lock(self.ledger.encoder)
        self._connect()
        self.ledger.encoder.acts.update(
            reads_as_seen=self._reads_as_seen,
            builtin_name=_builtin_name,
            is_foreign=_is_foreign,
            leads_nowhere=_leads_nowhere,
            attribute_stored=self._attribute_stored,
            changed_by_item=self._changed_by_item,
        )
        self.gate.tell = self._watch
        self.gate.say()

    def _connect(self) -> None:
        encoder = self.ledger.encoder
        words, data = self.ring.memory
        encoder.connect(
            self,
            self.ledger,
            self.ledger.checker,
            self.ring,
            words,
            data,
            self.control.memory,
        )

    def make_ledger(self, limits: CaptureLimits) -> Ledger:
        return NativeLedger(limits, self.is_instrumented)

    def _watch(self, watchful: bool, request: int, version: int) -> None:
        self.ledger.encoder.watch(watchful, request, version)

    # What the core leaves to the reference in the middle of an event

    def _reads_as_seen(self, encoder: NativeEncoder, value: Any) -> bool:
        return calls.reads_as_seen(value, self.is_instrumented)

    def _attribute_stored(
        self, encoder: NativeEncoder, target: Followed, owner: Any, stored: tuple[str, Any]
    ) -> int:
        name, value = stored
        return (
            APPLIED
            if object_events.attribute_stored(self.ledger, target, owner, name, value)
            else 0
        )

    def _changed_by_item(
        self,
        encoder: NativeEncoder,
        thread: ThreadRecord,
        target: Followed,
        operands: tuple[Any, Any],
    ) -> None:
        container, key = operands
        object_events.changed_by_item(self.ledger, thread, target, container, key)

    # Instrumenting

    def rewritten(self, code: types.CodeType, module: str, sha: str) -> types.CodeType:
        return instrument_code(
            code,
            module=module,
            source_sha=sha,
            table=self.table,
            peeking=self.make_peeking,
            joining=_probes.join,
            cache=self.cache,
        )

    @staticmethod
    def is_probe(constant: object) -> bool:
        return _probes.is_probe(constant)

    def registered(self, code: types.CodeType) -> None:
        super().registered(code)
        self.ledger.encoder.register(code)

    def make_peeking(
        self,
        role: Role,
        site: Site,
        code: CodeRecord,
        extra: Any,
        operands: Operands,
        constants: tuple[Any, ...],
    ) -> object:
        """The constant that the instrumenter places at a site."""
        kind, act = act_of(role, site, code, extra)
        depth, flag = extra if type(extra) is tuple else (extra if type(extra) is int else 0, False)
        made = _probes.make_probe(
            kind,
            self.ledger.encoder,
            self,
            act,
            site.id,
            site.line or 0,
            site.name,
            site.slot,
            code,
            extra,
            operands.at,
            operands.first,
            operands.size,
            depth,
            role is Role.ARGS and flag,
            role is Role.RECEIVER and flag,
            # The code itself stands for no constant: it cannot be one of its own.
            constants[operands.constant] if operands.constant >= 0 else code,
        )
        self.ledger.note_probe(role, kind, site, code, made.head)
        return made

    def make_tap(self, tap: Tap) -> object:
        return _probes.Tap(self.ledger.encoder, tap.act, tap.when, inert())

    # Firing

    def act_again(
        self,
        thread: ThreadRecord,
        act: Any,
        probe: Any,
        operands: tuple[Any, ...],
        error: BaseException,
    ) -> None:
        """Do an event anew that `error` cut short, with the reference's ways around the edge of the stack."""
        core_failed = error.__traceback__ is None and isinstance(error, Exception)
        if core_failed or isinstance(error, RecursionError) or raised_here(error):
            self._act(thread, act, (probe, *operands))
        else:
            # A signal handler of the program ran inside the probe and raised: the event counts.
            self._with_headroom(thread, act, (probe, *operands))
            raise error

    def act_deferred(self, thread: ThreadRecord) -> None:
        """Do what fired while a probe of the thread was at work."""
        collecting = gc.isenabled()  # as in `fire`
        if collecting:
            gc.disable()
        try:
            while thread.deferred:
                act, operands = thread.deferred.popleft()
                self._act(thread, act, operands)
        finally:
            if collecting:
                gc.enable()

    def _flush(self) -> None:
        self.ledger.encoder.flush()

    def thread_ended(self, thread: ThreadRecord, ident: int) -> None:
        super().thread_ended(thread, ident)
        self.ledger.encoder.forget_thread()

    def noted(self, waiting: bool) -> None:
        self.ledger.encoder.attention = waiting

    def stopped(self) -> None:
        self.ledger.encoder.on = False

    def _free_lock(self) -> Lock:
        return _probes.Lock(self.ledger.encoder)

    def leave(self) -> None:
        self.ledger.encoder.forked()
        super().leave()


def _builtin_name(encoder: NativeEncoder, function: Any) -> str:
    return calls.builtin_name(function)


def _leads_nowhere(encoder: NativeEncoder, cls: type) -> bool:
    return leads_nowhere(cls)


def _is_foreign(encoder: NativeEncoder, module: Any) -> bool:
    return is_foreign(module)
