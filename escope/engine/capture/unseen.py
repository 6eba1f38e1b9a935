"""What the interpreter calls of the recorder by itself, unseen by trace and profile functions of the program.

Where the taps in C were not built, they do see it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

Function = Callable[..., Any]

_AVAILABLE = find_spec("escope.engine.capture._taps") is not None
if TYPE_CHECKING or _AVAILABLE:
    from escope.engine.capture import _taps


class _Last:
    """Calls its function when it goes."""

    __slots__ = ("_function",)

    def __init__(self, function: Function) -> None:
        self._function = function

    def __del__(self) -> None:
        self._function()


def unseen(function: Function) -> Function:
    """What calls `function`, for a hook or a weak reference."""
    return _taps.Unseen(function) if _AVAILABLE else function


def at_last(function: Function) -> object:
    """What calls `function` when it goes, from whatever code or thread lets go of it."""
    return _taps.Last(function) if _AVAILABLE else _Last(function)
