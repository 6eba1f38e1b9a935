"""What changed between the shadow of a container and its live items."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from escope.engine.capture.anatomy import SCALAR_IDS
from escope.engine.capture.objects import Followed

_bits = struct.Struct("<d").pack


def same(item: Any, value: Any) -> bool:
    """Whether the recorded `item` (exact scalar or `Followed`) still stands for the live `value`."""
    if item is value:
        return True
    cls = type(item)
    if cls is Followed:
        return bool(item.is_of(value))
    if cls is not type(value):
        return False
    if cls is float:
        return _bits(item) == _bits(value)
    if cls is complex:
        return _bits(item.real) == _bits(value.real) and _bits(item.imag) == _bits(value.imag)
    return bool(item == value)


def key_token(value: Any, followed: Callable[[Any], Followed]) -> Any:
    """A hashable stand-in for a key or element that never runs its own `__hash__` or `__eq__`."""
    cls = type(value)
    if cls is str:
        return value
    if cls is float:
        return cls, _bits(value)
    if cls is complex:
        return cls, _bits(value.real), _bits(value.imag)
    if id(cls) in SCALAR_IDS:
        return cls, value
    return followed(value)


def splice(items: Sequence[Any], values: Sequence[Any]) -> tuple[int, int, int]:
    """(start, removed, inserted): replacing items[start:start+removed] by values[start:start+inserted]
    turns the one into the other; the smallest such replacement by common prefix and suffix.
    """
    shorter = min(len(items), len(values))
    start = 0
    while start < shorter and same(items[start], values[start]):
        start += 1
    if start == shorter and len(items) == len(values):
        return start, 0, 0
    tail = 0
    while tail < shorter - start and same(items[-1 - tail], values[-1 - tail]):
        tail += 1
    return start, len(items) - start - tail, len(values) - start - tail
