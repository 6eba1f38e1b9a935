"""What unseen code may change: noted before it runs, checked at the frame's next probe.

Each function is what one kind of probe does; it runs under the recorder's lock, in the thread it speaks of.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from escope.engine.capture import anatomy as an
from escope.engine.capture import calls
from escope.engine.capture.frames import Counted, FrameRecord, Suspect, ThreadRecord
from escope.engine.capture.ledger import Ledger
from escope.engine.capture.live import local_values
from escope.storage.rows import Shape

if TYPE_CHECKING:
    from escope.engine.capture.probes import Probe

STEADY_READS = calls.ITERATORS | frozenset(
    map(id, (list, tuple, dict, range, memoryview, enumerate, zip, reversed))
)
"""By address: types whose subscripts and iteration run no code but their own and change nothing."""


def receiver(ledger: Ledger, thread: ThreadRecord, probe: Probe, value: Any) -> None:
    """A method of `value` is looked up; the call comes later."""
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    depth, by_super = probe.extra if type(probe.extra) is tuple else (probe.extra, False)
    frame.receive(depth, value, probe.name, by_super)


def args(
    ledger: Ledger,
    thread: ThreadRecord,
    probe: Probe,
    operands: tuple[Any, ...],
    caller: types.FrameType,
) -> None:
    """A call is about to be made."""
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    depth, method_form = probe.extra
    callee, arguments = operands[0], operands[1:]
    if probe.spread:
        arguments = _spread(arguments)
    if method_form:
        found = frame.take_receiver(depth)
        if found is not None and found[2]:
            suspects = calls.blind_suspects(found[0], found[1], arguments)
        elif found is not None:
            callee = calls.looked_up(found[0], found[1])
            unbound = calls.is_unbound(callee)
            if callee is an.MISSING:
                callee = _held_by(ledger, found[0], found[1])
                unbound = callee is not an.MISSING
            if unbound:
                suspects = calls.suspects(callee, arguments, ledger.is_instrumented)
            else:
                suspects = calls.method_suspects(
                    found[0], found[1], arguments, ledger.is_instrumented
                )
            if callee is an.MISSING:
                callee = type(found[0])
        else:
            suspects = calls.suspects(callee, arguments, ledger.is_instrumented)
    else:
        suspects = calls.suspects(callee, arguments, ledger.is_instrumented)
        if calls.changes_globals(callee):
            # `exec` and `eval` reach everything that the caller can name.
            for value in local_values(caller):
                if not an.is_scalar(value):
                    suspects.append((value, True, "exec", ()))
            _globals_suspected(ledger, frame, probe)
    if suspects:
        if calls.keeps_for_itself(callee, ledger.is_instrumented):
            frame.counted += _counted(suspects, operands, probe.spread)
        if frame.code.body == "module":
            # Unseen code may add names to the module that calls it.
            suspects.append((caller.f_globals, False, "", ()))
        frame.suspect(suspects)


def _held_by(ledger: Ledger, receiver: Any, name: str) -> Any:
    """What lies in the receiver's own dict under `name`; MISSING if nothing does."""
    held = ledger.encoder.objects.anatomy(type(receiver)).instance_dict(receiver)
    return an.MISSING if held is None else dict.get(held, name, an.MISSING)


def _counted(suspects: list[Suspect], operands: tuple[Any, ...], spread: bool) -> Iterator[Counted]:
    """The objects handed to a call, with the references to them that neither it nor its probe holds."""
    keywords = operands[2] if spread and type(operands[2]) is dict else {}
    for place, (value, deep, _, _) in enumerate(suspects):
        if not deep or an.is_scalar(value) or any(each[0] is value for each in suspects[:place]):
            continue
        handed = sum(each is value for each in operands)
        if spread:
            # Their tuple holds them, and a second one and a dict if there are keywords.
            own = bool(keywords) + sum(2 for each in keywords.values() if each is value)
        elif handed:
            own = 3 * handed  # the stack, the operands, their slice
        else:
            own = 2  # the stack, what was found at the lookup
        # And its suspects; `value`, its cell and the call that counts.
        own += sum(each[0] is value for each in suspects) + 3
        yield value, sys.getrefcount(value) - own


def _globals_suspected(ledger: Ledger, frame: FrameRecord, probe: Probe) -> None:
    for followed in list(ledger.encoder.objects.namespaces()):
        target = followed.target()
        if target is not None:
            frame.suspect([(target, True, "exec", ())])


def touch(ledger: Ledger, thread: ThreadRecord, probe: Probe, value: Any) -> None:
    """An operation on `value` that is no call may run unseen code, or change it in place."""
    cls = type(value)
    if id(cls) in an.SCALAR_IDS:
        return
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    if probe.name is not None:
        anatomy = ledger.encoder.objects.anatomy(cls)
        if anatomy.shape is Shape.NAMED or anatomy.is_quiet(probe.name, ledger.is_instrumented):
            return
    elif id(cls) in STEADY_READS and not probe.extra:
        return
    deep = probe.extra == "deep"
    if cls is types.GeneratorType and ledger.is_instrumented(value.gi_code):
        return
    if not deep and probe.name is None:
        anatomy = ledger.encoder.objects.anatomy(cls)
        if anatomy.shape not in an.CONTAINERS:
            for name in ("__getitem__", "__next__"):
                found = an.lookup(cls, name)
                if type(found) is types.FunctionType and ledger.is_instrumented(found.__code__):
                    return
            deep = True
    frame.suspect([(value, deep, "unseen", ())])


def imported(ledger: Ledger, thread: ThreadRecord, probe: Probe) -> None:
    """An import may have bound names in modules that are recorded."""
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    _globals_suspected(ledger, frame, probe)


def _spread(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of `f(*args, **kwargs)` as one tuple, without running any iterator."""
    positional, keywords = operands
    found: tuple[Any, ...] = positional if type(positional) is tuple else (positional,)
    if type(keywords) is dict:
        found += tuple(keywords.values())
    return found
