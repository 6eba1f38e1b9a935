"""Looking into values: attributes, items, slices."""

from __future__ import annotations

import operator
from itertools import islice
from typing import Any

from escope.engine.predicate.operations import class_name
from escope.engine.predicate.values import (
    ABSENT,
    SEQUENCES,
    Box,
    Stream,
    TypeRef,
    Unanswerable,
    Work,
    attempt,
    bytes_of,
    find_entry,
    is_scalar,
    kind_of,
    length,
    type_name,
    unwrap,
)


def attribute(owner: Any, name: str) -> Any:
    """`owner.name`, as it is stored; `ABSENT` if there is none."""
    if isinstance(owner, (int, float, complex)) and name in ("real", "imag"):
        return getattr(owner, name)
    if isinstance(owner, int) and name in ("numerator", "denominator"):
        return getattr(owner, name)
    if isinstance(owner, TypeRef):
        parts = owner.name.rpartition(".")
        names = {"__name__": parts[2], "__module__": parts[0] or "builtins"}
        return names.get(name, ABSENT)
    if is_scalar(owner) or isinstance(owner, (Box, Stream)):
        return ABSENT
    found = owner.attribute(name)
    if found is ABSENT and name == "__name__" and class_name(owner) is not None:
        return owner.name().rpartition(".")[2]
    if found is ABSENT and name == "__class__":
        return TypeRef(owner.type_name)
    return found


def subscript(container: Any, key: Any, work: Work) -> Any:
    """`container[key]`."""
    container = bytes_of(unwrap(container))
    if isinstance(key, slice):
        if isinstance(container, (str, bytes)):
            return attempt(operator.getitem, container, key)
        kind = kind_of(container)
        if kind not in ("list", "tuple"):
            raise Unanswerable(f"{type_name(container)} cannot be sliced")
        box = Box(kind)
        size = length(container)
        chosen = range(size)[_checked_slice(key)]
        work.spend(len(chosen))
        if isinstance(container, Box):
            box.sequence = [container.sequence[index] for index in chosen]
        elif len(chosen) * 4 < size:
            box.sequence = [container.item(index) for index in chosen]
        else:
            items = list(islice(container.items(), size))
            box.sequence = [items[index] for index in chosen]
        return box
    if isinstance(container, (str, bytes)):
        return attempt(operator.getitem, container, bytes_of(unwrap(key)))
    kind = kind_of(container)
    if kind in SEQUENCES:
        index = unwrap(key)
        if type(index) not in (int, bool):
            raise Unanswerable("an index must be an int")
        size = length(container)
        if not -size <= index < size:
            raise Unanswerable("the index is out of range")
        index = int(index) % size
        return container.sequence[index] if isinstance(container, Box) else container.item(index)
    if kind == "dict":
        found, value = find_entry(container, key, work)
        if found:
            return value
        raise Unanswerable("there is no such key")
    raise Unanswerable(f"{type_name(container)} has no items")


def _checked_slice(key: slice) -> slice:
    parts = [unwrap(part) for part in (key.start, key.stop, key.step)]
    if any(part is not None and type(part) not in (int, bool) for part in parts):
        raise Unanswerable("the bounds of a slice must be ints")
    if parts[2] == 0:
        raise Unanswerable("the step of a slice cannot be zero")
    return slice(*parts)
