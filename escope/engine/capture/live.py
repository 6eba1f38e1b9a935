"""The values of a running frame as predicates see them; runs no code of the program.

`frame.f_locals` is only asked while a predicate is set.
"""

from __future__ import annotations

import opcode
import sys
import types
from collections.abc import Iterator
from functools import cache
from typing import Any

from escope.engine.capture import anatomy as an
from escope.engine.capture import contents
from escope.engine.predicate import ABSENT, Unanswerable
from escope.storage.rows import Shape

_KINDS = {
    Shape.LIST: "list",
    Shape.TUPLE: "tuple",
    Shape.DEQUE: "deque",
    Shape.SET: "set",
    Shape.FROZENSET: "frozenset",
    Shape.DICT: "dict",
    Shape.BYTEARRAY: "bytearray",
    Shape.SCALAR: "scalar",
    Shape.NAMED: "named",
    Shape.INSTANCE: "instance",
}
_ALL = (1 << 62) - 1
_FRAME_AND_US = 3
"""References to the dict of a frame's variables where the program has none."""
_EXTENDED_ARG = opcode.opmap["EXTENDED_ARG"]
_CLEARED = opcode.opmap.get("LOAD_FAST_AND_CLEAR", -1)
_anatomies: dict[int, an.Anatomy] = {}


@cache
def _unreadable(code: types.CodeType) -> frozenset[str]:
    """Names that `f_locals` must not be asked for.

    CPython 3.13.0 crashes on a variable of an inlined comprehension that a closure captures: it is a cell at
    some moments and none at others, and the proxy takes it for a cell always.
    """
    if sys.version_info < (3, 13) or not code.co_cellvars:
        return frozenset()
    names = (
        *code.co_varnames,
        *(name for name in code.co_cellvars if name not in code.co_varnames),
    )
    slots = {arg for op, arg in _arguments(code.co_code) if op == _CLEARED}
    return frozenset(names[slot] for slot in slots if slot < len(names)) & set(code.co_cellvars)


def _arguments(code: bytes) -> Iterator[tuple[int, int]]:
    # Cache entries lie between the instructions; what they look like can only add names to be left out.
    high = 0
    for at in range(0, len(code), 2):
        op, arg = code[at], code[at + 1] | high
        high = arg << 8 if op == _EXTENDED_ARG else 0
        yield op, arg


def local_values(frame: types.FrameType) -> list[Any]:
    """The values of a frame's variables that can be asked for safely."""
    held = frame.f_locals
    hidden = _unreadable(frame.f_code)
    if not hidden:
        return list(held.values())
    return [held[name] for name in held if name not in hidden]


def named_values(frame: types.FrameType) -> dict[str, Any]:
    """The variables of a function's frame, those that can be asked for safely."""
    held = frame.f_locals
    code = frame.f_code
    hidden = _unreadable(code)
    found = {name: held[name] for name in held if name not in hidden}
    if sys.version_info < (3, 13) and sys.getrefcount(held) <= _FRAME_AND_US:
        # The frame keeps that dict, and what is in it would live as long as the frame; what else the program
        # has put there stays.
        for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
            held.pop(name, None)
    return found


class LiveFrame:
    """What names mean in a running frame."""

    __slots__ = ("_frame", "_locals")

    def __init__(self, frame: types.FrameType) -> None:
        self._frame = frame
        self._locals: Any = None

    def lookup(self, name: str) -> Any:
        """The value of a local, cell or global; `ABSENT` if there is none."""
        if self._locals is None:
            self._locals = self._frame.f_locals
        hidden = name in _unreadable(self._frame.f_code)
        found = ABSENT if hidden else self._locals.get(name, ABSENT)
        if found is ABSENT and name != "__builtins__":
            found = self._frame.f_globals.get(name, ABSENT)
        return found if found is ABSENT else wrap(found)


def wrap(value: Any) -> Any:
    """An exact scalar itself; any other object as a handle."""
    return value if an.is_scalar(value) else LiveHandle(value)


class LiveHandle:
    """A live object."""

    __slots__ = ("_anatomy", "_value")

    def __init__(self, value: Any) -> None:
        self._value = value
        cls = type(value)
        known = _anatomies.get(id(cls))
        if known is None:
            # It holds the class, so that the class's address stays its own.
            known = _anatomies[id(cls)] = an.Anatomy(cls)
        self._anatomy = known

    @property
    def kind(self) -> str:
        """What it is, as `Handle` lists."""
        return _KINDS.get(self._anatomy.shape, "opaque")

    @property
    def type_name(self) -> str:
        """The type's name as in JSON."""
        return self._anatomy.name

    @property
    def identity(self) -> int:
        """The object's address, which stays its own while the frame is looked at."""
        return id(self._value)

    def length(self) -> int:
        """Number of items."""
        shape = self._anatomy.shape
        for base, its_shape in an.CONTAINER_BASES:
            if its_shape is shape:
                return int(base.__len__(self._value))
        raise Unanswerable(f"{self._anatomy.name} has no length")

    def items(self) -> Iterator[Any]:
        """Items, elements or keys."""
        shape, value = self._anatomy.shape, self._value
        if shape in an.SEQUENCES:
            return map(wrap, contents.sequence_items(value, shape, _ALL)[0])
        if shape in an.SETS:
            return map(wrap, contents.set_items(value, _ALL)[0])
        return (key for key, _ in self.entries())

    def entries(self) -> Iterator[tuple[Any, Any]]:
        """Keys and values."""
        if self._anatomy.shape is not Shape.DICT:
            raise Unanswerable(f"{self._anatomy.name} has no entries")
        pairs = contents.mapping_items(self._value, _ALL)[0]
        return ((wrap(key), wrap(item)) for key, item in pairs)

    def item(self, index: int) -> Any:
        """One item of a sequence."""
        shape, value = self._anatomy.shape, self._value
        for base, its_shape in an.CONTAINER_BASES:
            if its_shape is shape and shape in an.SEQUENCES:
                try:
                    return wrap(base.__getitem__(value, index))
                except IndexError:
                    raise Unanswerable("another thread has just shortened it") from None
        raise Unanswerable(f"{self._anatomy.name} has no items")

    def entry(self, key: Any) -> Any:
        """The value under a scalar key: left to the evaluator, since a lookup could run a key's `__eq__`."""
        return NotImplemented

    def attribute(self, name: str) -> Any:
        """An attribute in the instance dict or a slot, or a field of a namedtuple."""
        if self._anatomy.shape in (Shape.OPAQUE, Shape.NAMED):
            raise Unanswerable(f"the attributes of {self._anatomy.name} are not known")
        fields = self._anatomy.fields
        if name in fields:
            index = fields.index(name)
            if index >= self.length():
                raise Unanswerable(f"field {name!r} has no item")
            return self.item(index)
        found = self._anatomy.attributes(self._value).get(name, ABSENT)
        return found if found is ABSENT else wrap(found)

    def scalar(self) -> Any:
        """What an instance of a scalar's subclass holds; a bytearray's bytes."""
        if self._anatomy.shape is Shape.BYTEARRAY:
            return bytes(bytearray.__getitem__(self._value, slice(None)))
        return contents.scalar_of(self._value)

    def name(self) -> str:
        """Qualified name of a function, class, module or enum member."""
        return contents.object_name(self._value, self._anatomy)
