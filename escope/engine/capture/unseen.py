"""What the interpreter calls of the recorder by itself, unseen by trace and profile functions of the program.

Where the taps in C were not built, they do see it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

Function = Callable[..., Any]

if TYPE_CHECKING or find_spec("escope.engine.capture._taps") is not None:
    from escope.engine.capture._taps import Last, Unseen
else:

    class Last:
        """Calls its function when it goes."""

        __slots__ = ("_function",)

        def __init__(self, function: Function) -> None:
            self._function = function

        def __del__(self) -> None:
            self._function()

    def Unseen(function: Function) -> Function:
        """The function itself."""
        return function


def unseen(function: Function) -> Function:
    """What calls `function`, for a hook or a weak reference."""
    made: Function = Unseen(function)
    return made


def at_last(function: Function) -> object:
    """What calls `function` when it goes, from whatever code or thread lets go of it."""
    made: object = Last(function)
    return made
