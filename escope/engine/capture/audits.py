"""The audit hook of this process: it cannot be taken away, and does nothing while nobody wants to know."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

Handler = Callable[[tuple[Any, ...]], None]

_AVAILABLE = find_spec("escope.engine.capture._taps") is not None
if TYPE_CHECKING or _AVAILABLE:
    from escope.engine.capture import _taps

_handlers: dict[str, Handler] = {}
_hooked = False


def watch(event: str, handler: Handler) -> None:
    """Have `handler` called with the arguments of every audit event of this name, before what it announces."""
    _handlers[event] = handler
    if _AVAILABLE:
        _taps.hear(event, handler)
    else:
        _hook()


def forget(event: str, handler: Handler) -> None:
    """Call `handler` no more."""
    if _handlers.get(event) == handler:
        del _handlers[event]
        if _AVAILABLE:
            _taps.hear(event, None)


def _hook() -> None:
    global _hooked
    if not _hooked:
        _hooked = True
        sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    handler = _handlers.get(event)
    if handler is not None:
        handler(arguments)
