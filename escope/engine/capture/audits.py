"""The audit hook of this process: it cannot be taken away, and does nothing while nobody wants to know."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Handler = Callable[[tuple[Any, ...]], None]

_handlers: dict[str, Handler] = {}
_hooked = False


def watch(event: str, handler: Handler) -> None:
    """Have `handler` called with the arguments of every audit event of this name, before what it announces."""
    global _hooked
    _handlers[event] = handler
    if not _hooked:
        _hooked = True
        sys.addaudithook(_audit)


def forget(event: str, handler: Handler) -> None:
    """Call `handler` no more."""
    if _handlers.get(event) == handler:
        del _handlers[event]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    handler = _handlers.get(event)
    if handler is not None:
        handler(arguments)
