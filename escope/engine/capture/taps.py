"""Taps on functions of the standard library through which tasks, messages and locks pass.

The functions stay the objects that they are: their code gets a probe at a few points (`instrument/tap.py`),
when the module is loaded, or in place where it was loaded before.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from escope.engine.capture.instrument import Point, UnknownCode, tapped
from escope.engine.capture.probes import InertClass
from escope.engine.capture.scope import is_standard

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder


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
    when: Callable[..., bool] | None = None
    """Asked with the operands first, without the recorder's lock: whether there is anything to tell."""


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
        return operator.call, (InertClass(),)


class AskingProbe(TapProbe):
    """One that looks first whether there is anything to tell."""

    __slots__ = ("_when",)

    def __init__(self, recorder: Recorder, tap: Tap) -> None:
        super().__init__(recorder, tap)
        assert tap.when is not None
        self._when = tap.when

    def __delitem__(self, operands: tuple[Any, ...]) -> None:
        recorder = self._recorder
        if recorder.on and self._when(*operands):
            recorder.fire(self._act, *operands)


class Taps:
    """The taps of one recording."""

    def __init__(self, recorder: Recorder, taps: Iterable[Tap]) -> None:
        self._recorder = recorder
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
                function.__code__ = self._tapped(function.__code__, name, qualname)

    def restore(self) -> None:
        """Give every function its plain code back."""
        for name in self._by_module:
            for _, function in self._functions(name):
                found = self._plain.get(id(function.__code__))
                if found is not None:
                    function.__code__ = found[1]

    def of_module(self, code: CodeType, module: str) -> CodeType:
        """`code` of a module that is about to be run, with its taps."""
        functions = self._by_module[module]

        def walk(outer: CodeType) -> CodeType:
            constants = tuple(
                one if type(one) is not CodeType else walk(one) for one in outer.co_consts
            )
            if any(one is not other for one, other in zip(constants, outer.co_consts, strict=True)):
                outer = outer.replace(co_consts=constants)
            if outer.co_qualname in functions:
                return self._tapped(outer, module, outer.co_qualname)
            return outer

        return walk(code)

    def _tapped(self, code: CodeType, module: str, qualname: str) -> CodeType:
        taps = self._by_module[module][qualname]
        kinds = (TapProbe if tap.when is None else AskingProbe for tap in taps)
        probes = [kind(self._recorder, tap) for kind, tap in zip(kinds, taps, strict=True)]
        wanted = [(tap.point, tap.operands, probe) for tap, probe in zip(taps, probes, strict=True)]
        try:
            made = tapped(code, wanted)
        except UnknownCode as reason:
            self._recorder.table.skip(module, code.co_filename, f"no taps: {reason}", qualname)
            return code
        self._plain[id(made)] = (made, code)
        return made

    def _functions(self, module: str) -> list[tuple[str, FunctionType]]:
        """The functions to tap of a loaded module, by qualified name."""
        loaded = sys.modules.get(module)
        file = getattr(loaded, "__file__", None)
        if type(file) is not str or not is_standard(file):
            return []
        found = []
        for qualname in self._by_module[module]:
            held: Any = loaded
            owner = ""
            for name in qualname.split("."):
                mangled = f"_{owner}{name}" if name.startswith("__") and owner else name
                held = getattr(held, "__dict__", {}).get(mangled)
                owner = name
            if type(held) is FunctionType:
                found.append((qualname, held))
        return found
