"""Taps on functions of the standard library through which tasks, messages and locks pass.

The functions stay the objects that they are: their code gets a probe at a few points (`instrument/tap.py`),
when the module is loaded, or in place where it was loaded before.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any

from escope.engine.capture.instrument import Point, UnknownCode, tapped
from escope.engine.capture.probes import InertClass
from escope.engine.capture.scope import is_standard

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder


AVAILABLE = find_spec("escope.engine.capture._taps") is not None
if TYPE_CHECKING or AVAILABLE:
    from escope.engine.capture import _taps


@dataclass(frozen=True, slots=True)
class Tap:
    """One point of a function: which of its locals go to which act, as one event."""

    module: str
    function: str
    """By its qualified name."""
    point: Point
    operands: tuple[str, ...]
    act: Callable[..., None]
    """A function of the ledger, the thread and the operands."""
    when: Callable[..., Any] | None = None
    """Asked with the operands first, without the recorder's lock: whether there is anything to tell.

    None or False if not, True if so; anything else is what the act is handed in place of the operands.
    """


def inert() -> tuple[Any, ...]:
    """What a tap is pickled as: something that does nothing, also where escope is not installed."""
    return operator.call, (InertClass(),)


class TapProbe:
    """The constant in the function's code."""

    __slots__ = ("_act", "_recorder")

    def __init__(self, recorder: Recorder, tap: Tap) -> None:
        self._recorder = recorder
        self._act = tap.act

    def __delitem__(self, operands: tuple[Any, ...]) -> None:
        recorder = self._recorder
        if recorder.on:
            recorder.fire(self._act, *operands)

    def __reduce__(self) -> tuple[Any, ...]:
        return inert()


class AskingProbe(TapProbe):
    """One that looks first whether there is anything to tell."""

    __slots__ = ("_when",)

    def __init__(self, recorder: Recorder, tap: Tap) -> None:
        super().__init__(recorder, tap)
        assert tap.when is not None
        self._when = tap.when

    def __delitem__(self, operands: tuple[Any, ...]) -> None:
        recorder = self._recorder
        if not recorder.on:
            return
        try:
            wanted = self._when(*operands)
        except Exception as error:
            if not recorder.broke(error):
                raise
            return
        if wanted is True:
            recorder.fire(self._act, *operands)
        elif wanted is not None and wanted is not False:
            recorder.fire(self._act, wanted)


_ASKING = AskingProbe.__delitem__.__code__


def tapped_frame() -> FrameType:
    """For what is asked first: the frame of the function with the tap."""
    frame = sys._getframe(2)
    if frame.f_code is _ASKING:
        assert frame.f_back is not None
        return frame.f_back
    return frame


def make_tap(recorder: Recorder, tap: Tap) -> object:
    """What stands for a tap in the code; in C, where that was built, so that no trace function sees it."""
    made = (TapProbe if tap.when is None else AskingProbe)(recorder, tap)
    return _taps.Tap(made.__delitem__, made.__reduce__()) if AVAILABLE else made


class Taps:
    """The taps of one recording."""

    def __init__(
        self,
        recorder: Recorder,
        taps: Iterable[Tap],
        noted: dict[tuple[str, str], dict[int, CodeType]],
    ) -> None:
        self._recorder = recorder
        self._noted = noted
        """By module and function: where the code is noted that it has in the end."""
        self._by_module: dict[str, dict[str, list[Tap]]] = {}
        for tap in taps:
            self._by_module.setdefault(tap.module, {}).setdefault(tap.function, []).append(tap)
        self._plain: dict[int, tuple[CodeType, CodeType]] = {}
        """By the id of a code object with taps: itself, which keeps the id, and the plain one."""

    def concerns(self, module: str) -> bool:
        """Whether there are taps in `module`."""
        return module in self._by_module

    def install(self) -> None:
        """Tap the functions of the modules that are loaded already."""
        for name in self._by_module:
            for qualname, function in self._functions(name):
                function.__code__ = self._done(function.__code__, name, qualname)

    def restore(self) -> None:
        """Give every function its plain code back."""
        for name in self._by_module:
            for _, function in self._functions(name):
                found = self._plain.get(id(function.__code__))
                if found is not None:
                    function.__code__ = found[1]

    def of_module(self, code: CodeType, module: str) -> CodeType:
        """`code` of a module that is about to be run, with its taps."""

        def walk(outer: CodeType) -> CodeType:
            constants = tuple(
                one if type(one) is not CodeType else walk(one) for one in outer.co_consts
            )
            if any(one is not other for one, other in zip(constants, outer.co_consts, strict=True)):
                outer = outer.replace(co_consts=constants)
            return self._done(outer, module, outer.co_qualname)

        return walk(code)

    def _done(self, code: CodeType, module: str, qualname: str) -> CodeType:
        """The code of a function with its taps, if there are some, noted if that is wanted."""
        if qualname in self._by_module[module]:
            code = self._tapped(code, module, qualname)
        noted = self._noted.get((module, qualname))
        if noted is not None:
            noted[id(code)] = code
        return code

    def _tapped(self, code: CodeType, module: str, qualname: str) -> CodeType:
        taps = self._by_module[module][qualname]
        probes = [self._recorder.make_tap(tap) for tap in taps]
        wanted = [(tap.point, tap.operands, probe) for tap, probe in zip(taps, probes, strict=True)]
        try:
            made = tapped(code, wanted)
        except UnknownCode as reason:
            self._recorder.table.skip(module, code.co_filename, f"no taps: {reason}", qualname)
            return code
        self._plain[id(made)] = (made, code)
        return made

    def _functions(self, module: str) -> list[tuple[str, FunctionType]]:
        """The functions of a loaded module to tap or to note, by qualified name."""
        loaded = sys.modules.get(module)
        file = getattr(loaded, "__file__", None)
        if type(file) is not str or not is_standard(file):
            return []
        found = []
        noted = {function for name, function in self._noted if name == module}
        for qualname in {**self._by_module[module], **dict.fromkeys(sorted(noted))}:
            held: Any = loaded
            owner = ""
            for name in qualname.split("."):
                mangled = f"_{owner}{name}" if name.startswith("__") and owner else name
                held = getattr(held, "__dict__", {}).get(mangled)
                owner = name
            if type(held) is FunctionType:
                found.append((qualname, held))
        return found
