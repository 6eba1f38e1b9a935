"""The probes of the reference core: constants in rewritten code whose type slots hand operands over.

`~probe` runs `__invert__`, `del probe[x]` runs `__delitem__`, `probe[x] = y` runs `__setitem__`.
A pickled code object holds an object made of builtins in a probe's place, which does nothing: such code
runs where escope is not installed.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from escope.engine.capture import frame_events, object_events, suspicions, variable_events
from escope.engine.capture.roles import Role
from escope.engine.capture.sites import CodeRecord, Site

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder


Act = Callable[..., None]
"""What a probe does when it fires: a function of the ledger, the thread, the probe and its operands."""


class InertClass:
    """Pickles as a class, made of builtins alone, whose instances take a probe's place and do nothing."""

    def __reduce__(self) -> tuple[Any, ...]:
        hooks = {"__invert__": int, "__delitem__": id, "__setitem__": operator.is_}
        return type, ("Probe", (), hooks)


class Probe:
    """What the instrumenter placed at one site."""

    __slots__ = (
        "code",
        "extra",
        "finalizer",
        "head",
        "line",
        "name",
        "recorder",
        "site_id",
        "slot",
        "spread",
    )

    def __init__(self, recorder: Recorder, site: Site, code: CodeRecord, extra: Any) -> None:
        self.recorder = recorder
        self.code = code
        self.site_id = site.id
        self.head = site.id << 8
        self.line = site.line or 0
        self.name: Any = site.name
        self.slot = site.slot
        self.extra = extra
        self.finalizer = code.qualname.endswith("__del__")
        self.spread = site.name == "*"
        """ARGS: the arguments come as a tuple and a dict."""

    def __reduce__(self) -> tuple[Any, ...]:
        return operator.call, (InertClass(),)


class LineProbe(Probe):
    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        if recorder.on:
            recorder.fire(frame_events.line, self)
            if recorder.gate.attentive():
                recorder.gate.at_line(self, sys._getframe(1))


class SuspendableLineProbe(Probe):
    """In code that can be suspended: what was thrown in may arrive at a line first."""

    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        if recorder.on:
            frame = sys._getframe(1)
            recorder.fire(frame_events.line_reached, self, frame)
            if recorder.gate.attentive():
                recorder.gate.at_line(self, frame)


class CallProbe(Probe):
    __slots__ = ()

    def __delitem__(self, operands: tuple[Any, ...]) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        recorder.fire(frame_events.call, self, operands, sys._getframe(1))


class ReturnProbe(Probe):
    __slots__ = ()

    def __delitem__(self, value: Any) -> None:
        recorder = self.recorder
        recorder.fire(frame_events.return_, self, value)


class YieldProbe(Probe):
    __slots__ = ()

    def __delitem__(self, value: Any) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        recorder.fire(frame_events.yield_, self, value, sys._getframe(1))


class ResumeProbe(Probe):
    __slots__ = ()

    def __delitem__(self, value: Any) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        recorder.fire(frame_events.resume, self, value, sys._getframe(1))


class StoreProbe(Probe):
    __slots__ = ()

    def __delitem__(self, value: Any) -> None:
        recorder = self.recorder
        recorder.fire(variable_events.store, self, value)


class StoreCellProbe(Probe):
    __slots__ = ()

    def __delitem__(self, cell: Any) -> None:
        recorder = self.recorder
        recorder.fire(variable_events.store_cell, self, cell)


class StoreGlobalProbe(Probe):
    __slots__ = ()

    def __delitem__(self, value: Any) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        names = sys._getframe(1).f_globals
        recorder.fire(variable_events.store_name, self, value, names, self.code.module)


class StoreOwnProbe(Probe):
    """A name of a class body."""

    __slots__ = ()

    def __delitem__(self, value: Any) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        frame = sys._getframe(1)
        recorder.fire(variable_events.store_name, self, value, frame.f_locals, None)


class DeleteOwnProbe(Probe):
    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        frame = sys._getframe(1)
        recorder.fire(variable_events.delete_name, self, frame.f_locals, None)


class RestoreProbe(Probe):
    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        recorder.fire(variable_events.restore, self, sys._getframe(1))


class DeleteProbe(Probe):
    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        recorder.fire(variable_events.delete, self)


class SaveProbe(Probe):
    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        recorder.fire(variable_events.save, self)


class DropProbe(Probe):
    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        recorder.fire(variable_events.drop, self)


class DeleteCellProbe(Probe):
    __slots__ = ()

    def __delitem__(self, cell: Any) -> None:
        recorder = self.recorder
        recorder.fire(variable_events.delete_cell, self, cell)


class DeleteGlobalProbe(Probe):
    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        names = sys._getframe(1).f_globals
        recorder.fire(variable_events.delete_name, self, names, self.code.module)


class SetAttrProbe(Probe):
    __slots__ = ()

    def __setitem__(self, owner: Any, value: Any) -> None:
        recorder = self.recorder
        recorder.fire(object_events.setattr, self, owner, value)


class DelAttrProbe(Probe):
    __slots__ = ()

    def __delitem__(self, owner: Any) -> None:
        recorder = self.recorder
        recorder.fire(object_events.delattr, self, owner)


class SetItemProbe(Probe):
    __slots__ = ()

    def __delitem__(self, operands: tuple[Any, ...]) -> None:
        recorder = self.recorder
        recorder.fire(object_events.setitem, self, operands)


class DelItemProbe(Probe):
    __slots__ = ()

    def __delitem__(self, operands: tuple[Any, ...]) -> None:
        recorder = self.recorder
        recorder.fire(object_events.delitem, self, operands)


class ExceptProbe(Probe):
    __slots__ = ()

    def __delitem__(self, error: Any) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        recorder.fire(frame_events.except_, self, error, sys._getframe(1))


class HandleProbe(Probe):
    __slots__ = ()

    def __delitem__(self, error: Any) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        recorder.fire(frame_events.handle, self, error, sys._getframe(1))


class UnwindProbe(Probe):
    __slots__ = ()

    def __delitem__(self, error: Any) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        recorder.fire(frame_events.unwind, self, error, sys._getframe(1))


class RaisingProbe(Probe):
    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        recorder.fire(frame_events.raising, self)


class ReceiverProbe(Probe):
    __slots__ = ()

    def __delitem__(self, value: Any) -> None:
        recorder = self.recorder
        recorder.fire(suspicions.receiver, self, value)


class ArgsProbe(Probe):
    __slots__ = ()

    def __delitem__(self, operands: tuple[Any, ...]) -> None:
        recorder = self.recorder
        if not recorder.on:
            return
        recorder.fire(suspicions.args, self, operands, sys._getframe(1))


class TouchProbe(Probe):
    __slots__ = ()

    def __delitem__(self, value: Any) -> None:
        recorder = self.recorder
        recorder.fire(suspicions.touch, self, value)


class ImportedProbe(Probe):
    __slots__ = ()

    def __invert__(self) -> None:
        recorder = self.recorder
        recorder.fire(suspicions.imported, self)


_PLAIN: dict[Role, type[Probe]] = {
    Role.LINE: LineProbe,
    Role.CALL: CallProbe,
    Role.RETURN: ReturnProbe,
    Role.YIELD: YieldProbe,
    Role.RESUME: ResumeProbe,
    Role.RESTORE: RestoreProbe,
    Role.SAVE: SaveProbe,
    Role.DROP: DropProbe,
    Role.SETATTR: SetAttrProbe,
    Role.DELATTR: DelAttrProbe,
    Role.SETITEM: SetItemProbe,
    Role.DELITEM: DelItemProbe,
    Role.EXCEPT: ExceptProbe,
    Role.HANDLE: HandleProbe,
    Role.UNWIND: UnwindProbe,
    Role.RAISING: RaisingProbe,
    Role.RECEIVER: ReceiverProbe,
    Role.ARGS: ArgsProbe,
    Role.TOUCH: TouchProbe,
    Role.IMPORTED: ImportedProbe,
}


_VARIABLES: dict[str, type[Probe]] = {
    "store": StoreProbe,
    "store_cell": StoreCellProbe,
    "store_global": StoreGlobalProbe,
    "store_own": StoreOwnProbe,
    "delete": DeleteProbe,
    "delete_cell": DeleteCellProbe,
    "delete_global": DeleteGlobalProbe,
    "delete_own": DeleteOwnProbe,
}
_VARIABLE_ACTS: dict[str, Act] = {
    "store": variable_events.store,
    "store_cell": variable_events.store_cell,
    "store_global": variable_events.store_name,
    "store_own": variable_events.store_name,
    "delete": variable_events.delete,
    "delete_cell": variable_events.delete_cell,
    "delete_global": variable_events.delete_name,
    "delete_own": variable_events.delete_name,
}
_ACTS: dict[Role, Act] = {
    Role.LINE: frame_events.line,
    Role.CALL: frame_events.call,
    Role.RETURN: frame_events.return_,
    Role.YIELD: frame_events.yield_,
    Role.RESUME: frame_events.resume,
    Role.RESTORE: variable_events.restore,
    Role.SAVE: variable_events.save,
    Role.DROP: variable_events.drop,
    Role.SETATTR: object_events.setattr,
    Role.DELATTR: object_events.delattr,
    Role.SETITEM: object_events.setitem,
    Role.DELITEM: object_events.delitem,
    Role.EXCEPT: frame_events.except_,
    Role.HANDLE: frame_events.handle,
    Role.UNWIND: frame_events.unwind,
    Role.RAISING: frame_events.raising,
    Role.RECEIVER: suspicions.receiver,
    Role.ARGS: suspicions.args,
    Role.TOUCH: suspicions.touch,
    Role.IMPORTED: suspicions.imported,
}


def variable_kind(role: Role, site: Site, code: CodeRecord, extra: Any) -> str:
    """Which kind of STORE or DELETE it is, by where the variable lives."""
    verb = "store" if role is Role.STORE else "delete"
    if site.slot is None:
        return f"{verb}_own" if code.body == "class" and extra != "global" else f"{verb}_global"
    return f"{verb}_cell" if site.slot in code.cells else verb


def act_of(role: Role, site: Site, code: CodeRecord, extra: Any) -> tuple[str, Act]:
    """The kind of a probe by name, and the function that it runs."""
    if role is Role.STORE or role is Role.DELETE:
        kind = variable_kind(role, site, code, extra)
        return kind, _VARIABLE_ACTS[kind]
    if role is Role.LINE and code.suspendable:
        return "line", frame_events.line_reached
    return role.name.lower(), _ACTS[role]


def make_probe(recorder: Recorder, role: Role, site: Site, code: CodeRecord, extra: Any) -> Probe:
    """The probe for `role` at `site`; stores and deletions differ by where the variable lives."""
    if role is Role.STORE or role is Role.DELETE:
        cls: type[Probe] = _VARIABLES[variable_kind(role, site, code, extra)]
    elif role is Role.LINE and code.suspendable:
        cls = SuspendableLineProbe
    else:
        cls = _PLAIN[role]
    made = cls(recorder, site, code, extra)
    recorder.ledger.note_probe(role, "store" if cls is StoreProbe else "", site, code, made.head)
    return made
