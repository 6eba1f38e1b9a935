"""What tasks, futures, locks and the callbacks of loops hold, read through the descriptors of their own types.

No code of the program runs for it.  A module that is loaded anew makes its types anew, and a descriptor fits none
but its own: so it is looked for in the type that the object has, never kept from the one that was there first.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import partial
from typing import Any

from escope.engine.capture import anatomy as an

Reader = Callable[[Any], Any]

_READERS: dict[str, dict[int, tuple[type, Reader]]] = {}
"""By what is asked and address of a type: the type itself, which keeps the address, and what reads it."""
_FIELDS = {"get_name": "_name", "cancelling": "_num_cancels_requested"}
"""Where tasks made in Python keep what these methods of those made in C tell."""


def callback_of(handle: Any) -> Any:
    """What an `asyncio.Handle` is going to call; None of something else."""
    return _read(handle, "_callback", _slot)


def field(task: Any, name: str) -> Any:
    """A field of a task or future; None if there is none."""
    return _read(task, name, _field)


def name_of(task: Any) -> str:
    """The name of a task; "" if it has none."""
    name = _read(task, "get_name", _method)
    return name if type(name) is str else ""


def cancels_of(task: Any) -> int:
    """How many requests to cancel a task are not taken back."""
    return int(_read(task, "cancelling", _method) or 0)


def is_held(lock: Any) -> bool:
    """Whether a lock of `_thread` can be released now by this thread."""
    held: bool = _read(lock, "held", _holding)
    return held


def _read(value: Any, name: str, make: Callable[[type, str], Reader]) -> Any:
    """What `make` reads under `name`; how is found out once for each type."""
    cls = type(value)
    readers = _READERS.get(name)
    if readers is None:
        readers = _READERS[name] = {}
    known = readers.get(id(cls))
    if known is None:
        known = readers[id(cls)] = cls, make(cls, name)
    return known[1](value)


def _inherited(cls: type, name: str, kind: type) -> Any:
    """The first descriptor of a kind that a type has under a name; None if it has none."""
    for base in an.type_mro(cls):
        found = an.type_dict(base).get(name)
        if type(found) is kind:
            return found
    return None


def _slot(cls: type, name: str) -> Reader:
    found = _inherited(cls, name, types.MemberDescriptorType)
    return _nothing if found is None else found.__get__


def _field(cls: type, name: str) -> Reader:
    found = _inherited(cls, name, types.GetSetDescriptorType)
    return partial(_held, name) if found is None else found.__get__


def _method(cls: type, name: str) -> Reader:
    found = _inherited(cls, name, types.MethodDescriptorType)
    return partial(_held, _FIELDS[name]) if found is None else found


def _holding(cls: type, name: str) -> Reader:
    found = _inherited(cls, "_is_owned", types.MethodDescriptorType)
    return found or _inherited(cls, "locked", types.MethodDescriptorType) or _nothing


def _held(name: str, task: Any) -> Any:
    return an.held_attribute(task, name)


def _nothing(value: Any) -> Any:
    return None
