"""An adapter over plain Python objects of this process, for tests of the evaluator alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Any

from escope.engine.predicate import ABSENT
from escope.engine.predicate.values import is_scalar

KINDS = (list, tuple, deque, set, frozenset, dict, bytearray)


class PlainHandle:
    """A handle on an object of this process."""

    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def kind(self) -> str:
        for one in KINDS:
            if isinstance(self.value, one):
                return one.__name__
        if isinstance(self.value, (int, str, float)):
            return "scalar"
        return "named" if isinstance(self.value, type) else "instance"

    @property
    def type_name(self) -> str:
        cls = type(self.value)
        if cls.__module__ == "builtins" or cls is deque:
            return cls.__name__
        return f"{cls.__module__}.{cls.__qualname__}"

    @property
    def identity(self) -> Hashable:
        return id(self.value)

    def length(self) -> int:
        return len(self.value)

    def items(self) -> Iterator[Any]:
        return (adapt(item) for item in self.value)

    def entries(self) -> Iterator[tuple[Any, Any]]:
        return ((adapt(key), adapt(value)) for key, value in self.value.items())

    def item(self, index: int) -> Any:
        return adapt(self.value[index])

    def entry(self, key: Any) -> Any:
        return NotImplemented

    def attribute(self, name: str) -> Any:
        fields = getattr(type(self.value), "_fields", ())
        if name in fields:
            return self.item(fields.index(name))
        found = getattr(self.value, "__dict__", {})
        return adapt(found[name]) if name in found else ABSENT

    def scalar(self) -> Any:
        if isinstance(self.value, bytearray):
            return bytes(self.value)
        for base in (int, str, float):
            if isinstance(self.value, base):
                return base(self.value)
        raise AssertionError

    def name(self) -> str:
        return f"{self.value.__module__}.{self.value.__qualname__}"


def adapt(value: Any) -> Any:
    return value if is_scalar(value) else PlainHandle(value)


class PlainScope:
    """Names to objects of this process."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names

    def lookup(self, name: str) -> Any:
        return adapt(self.names[name]) if name in self.names else ABSENT
