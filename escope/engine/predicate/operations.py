"""Operators on values: what Python does on builtin types, and never anything of the program's own."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from escope.engine.predicate.values import (
    DEEPEST,
    LONGEST,
    SCALARS,
    SEQUENCES,
    SETS,
    Box,
    Stream,
    TypeRef,
    Unanswerable,
    Work,
    attempt,
    bytes_of,
    canonical,
    find_entry,
    is_scalar,
    kind_of,
    length,
    open_box,
    type_name,
    unwrap,
)

STRUCTURAL = frozenset(
    {"list", "tuple", "set", "frozenset", "dict", "deque", "collections.OrderedDict",
     "collections.defaultdict"}
)  # fmt: skip
"""Types of which equality is that of their items; the equality of others is identity."""

_REAL = frozenset({bool, int, float})
_NUMBERS = (bool, int, float, complex)


def truth(value: Any) -> bool:
    """Whether the value counts as true; an instance always does, as its class is not asked."""
    if value is True or value is False:
        return bool(value)
    value = unwrap(value)
    if is_scalar(value):
        return bool(value)
    if isinstance(value, Box):
        return len(value) > 0
    if isinstance(value, (TypeRef, Stream)):
        return True
    if kind_of(value) is not None or value.kind == "bytearray":
        return bool(value.length() > 0)
    return True


def identical(left: Any, right: Any) -> bool:
    """`is`; on scalars whether type and value are the same."""
    if is_scalar(left) or is_scalar(right):
        return type(left) is type(right) and bool(left == right or (left != left and left is right))
    if isinstance(left, (Box, Stream)) or isinstance(right, (Box, Stream)):
        return left is right
    if isinstance(left, TypeRef) or isinstance(right, TypeRef):
        return same_type(left, right)
    return bool(left.identity == right.identity)


def same_type(left: Any, right: Any) -> bool:
    """Whether two values are one type; at least one of them is a TypeRef."""
    names = [one.name if isinstance(one, TypeRef) else class_name(one) for one in (left, right)]
    return names[0] is not None and names[0] == names[1]


def class_name(value: Any) -> str | None:
    """The name of the class that a handle stands for; None if it is no class."""
    if is_scalar(value) or isinstance(value, (Box, Stream, TypeRef)):
        return None
    if value.kind == "named":
        name: str = value.name()
        return name.removeprefix("builtins.")
    return None


def equal(left: Any, right: Any, work: Work, depth: int = 0) -> bool:
    """`==`: structural on builtin types, by identity on instances."""
    if type(left) in SCALARS and type(right) in SCALARS:
        return bool(left == right)
    work.spend()
    if depth > DEEPEST:
        raise Unanswerable("it is nested too deeply to compare")
    left, right = unwrap(left), unwrap(right)
    if is_scalar(left) and is_scalar(right):
        return bool(left == right)
    left, right = bytes_of(left), bytes_of(right)
    if isinstance(left, bytes) and isinstance(right, bytes):
        return left == right
    if is_scalar(left) or is_scalar(right):
        return False
    if isinstance(left, TypeRef) or isinstance(right, TypeRef):
        return same_type(left, right)
    if isinstance(left, Stream) or isinstance(right, Stream):
        return left is right
    if not isinstance(left, Box) and not isinstance(right, Box) and left.identity == right.identity:
        return True
    kinds = kind_of(left), kind_of(right)
    if kinds[0] is None or type_name(left) not in STRUCTURAL or type_name(right) not in STRUCTURAL:
        return False
    if kinds[0] != kinds[1] and not (kinds[0] in SETS and kinds[1] in SETS):
        return False
    if length(left) != length(right):
        return False
    one, other = open_box(left, work), open_box(right, work)
    if kinds[0] in SEQUENCES:
        return all(
            same(a, b, work, depth + 1) for a, b in zip(one.sequence, other.sequence, strict=True)
        )
    if kinds[0] in SETS:
        return one.table.keys() == other.table.keys()
    return one.table.keys() == other.table.keys() and all(
        same(value, other.table[key][1], work, depth + 1) for key, (_, value) in one.table.items()
    )


def same(left: Any, right: Any, work: Work, depth: int = 0) -> bool:
    """Identical or equal, which is how containers compare their items."""
    return left is right or equal(left, right, work, depth)


def order(symbol: str, left: Any, right: Any, work: Work, depth: int = 0) -> bool:
    """`<`, `<=`, `>` or `>=`."""
    compare = _ORDERS[symbol]
    if type(left) in _REAL and type(right) in _REAL:
        return bool(compare(left, right))
    work.spend()
    if depth > DEEPEST:
        raise Unanswerable("it is nested too deeply to compare")
    left, right = bytes_of(unwrap(left)), bytes_of(unwrap(right))
    if is_scalar(left) and is_scalar(right):
        return bool(attempt(compare, left, right))
    kinds = kind_of(left), kind_of(right)
    if kinds[0] in SETS and kinds[1] in SETS:
        one, other = open_box(left, work).table.keys(), open_box(right, work).table.keys()
        return bool(compare(one, other))
    if kinds[0] in SEQUENCES and kinds[0] == kinds[1]:
        first, second = open_box(left, work).sequence, open_box(right, work).sequence
        for a, b in zip(first, second, strict=False):
            if not same(a, b, work, depth + 1):
                return order(symbol, a, b, work, depth + 1)
        return bool(compare(len(first), len(second)))
    raise Unanswerable(f"{type_name(left)} {symbol} {type_name(right)} is not defined")


_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def contains(container: Any, value: Any, work: Work) -> bool:
    """`value in container`."""
    container = bytes_of(unwrap(container))
    if isinstance(container, (str, bytes)):
        work.spend(1 + len(container) // 64)
        return bool(attempt(operator.contains, container, bytes_of(unwrap(value))))
    if isinstance(container, Stream):
        return any(same(item, value, work) for item in container.iterator)
    kind = kind_of(container)
    if kind in SEQUENCES:
        return any(same(item, value, work) for item in iterate(container, work))
    if kind == "dict":
        return find_entry(container, value, work)[0]
    if kind in SETS:
        if kind_of(value) == "set":
            return ("set", frozenset(open_box(value, work).table)) in open_box(
                container, work
            ).table
        return canonical(value, work) in open_box(container, work).table
    raise Unanswerable(f"{type_name(container)} cannot be searched")


def iterate(value: Any, work: Work) -> Any:
    """An iterator over what `for` would give."""
    value = bytes_of(unwrap(value))
    if isinstance(value, (str, bytes)):
        work.spend(len(value))
        return iter(value)
    if isinstance(value, Stream):
        return value.iterator
    kind = kind_of(value)
    if kind is None:
        raise Unanswerable(f"{type_name(value)} cannot be iterated")
    if isinstance(value, Box):
        return iter(value.values())
    if kind in SETS or kind == "dict":
        # Only what the adapter gives in full is whole; it raises where items are missing.
        return iter(open_box(value, work).values())
    return _counted(value, work)


def _counted(value: Any, work: Work) -> Any:
    for item in value.items():
        work.spend()
        yield item


def arithmetic(symbol: str, left: Any, right: Any, work: Work) -> Any:
    """A binary operator, as Python has it on numbers, strings, lists, tuples and sets."""
    if type(left) not in _REAL or type(right) not in _REAL:
        left, right = bytes_of(unwrap(left)), bytes_of(unwrap(right))
    if isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
        _bound_numbers(symbol, left, right)
        return attempt(_OPERATORS[symbol], left, right)
    if symbol == "+":
        if isinstance(left, (str, bytes)) and type(left) is type(right):
            if len(left) + len(right) > LONGEST:
                raise Unanswerable("the result is too long")
            return left + right  # type: ignore[operator]
        kind = kind_of(left)
        if kind in ("list", "tuple") and kind == kind_of(right):
            box = Box(kind)
            box.sequence = open_box(left, work).sequence + open_box(right, work).sequence
            work.spend(len(box.sequence))
            return box
    elif symbol == "*":
        if isinstance(left, int):
            left, right = right, left
        if type(right) in (int, bool):
            return _repeat(left, int(right), work)
    elif symbol in _SET_OPERATORS and kind_of(left) in SETS and kind_of(right) in SETS:
        return _set_operation(symbol, left, right, work)
    raise Unanswerable(f"{type_name(left)} {symbol} {type_name(right)} is not defined")


def unary(symbol: str, value: Any) -> Any:
    """`-x`, `+x` or `~x`."""
    value = unwrap(value)
    if isinstance(value, _NUMBERS):
        if symbol == "~" and isinstance(value, bool):
            value = int(value)
        return attempt(_UNARY[symbol], value)
    raise Unanswerable(f"{symbol}{type_name(value)} is not defined")


_UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
}
_SET_OPERATORS = frozenset("|&-^")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}


def _bound_numbers(symbol: str, left: Any, right: Any) -> None:
    if not (isinstance(left, int) and isinstance(right, int)):
        return
    bits = left.bit_length()
    if symbol == "**":
        size = bits * max(right, 0)
    elif symbol == "<<":
        size = bits + max(right, 0) if left else 0
    else:
        size = bits + right.bit_length()
    if size > LONGEST or (symbol in ("//", "%", "*") and size > LONGEST // 4):
        raise Unanswerable("the number is too long")


def _repeat(value: Any, count: int, work: Work) -> Any:
    count = max(count, 0)
    if isinstance(value, (str, bytes)):
        if len(value) * count > LONGEST:
            raise Unanswerable("the result is too long")
        return value * count
    kind = kind_of(value)
    if kind not in ("list", "tuple"):
        raise Unanswerable(f"{type_name(value)} * int is not defined")
    work.spend(length(value) * count)
    box = Box(kind)
    box.sequence = open_box(value, work).sequence * count
    return box


def _set_operation(symbol: str, left: Any, right: Any, work: Work) -> Box:
    one, other = open_box(left, work), open_box(right, work)
    result = Box(one.kind)
    if symbol == "&":
        result.table = {key: entry for key, entry in one.table.items() if key in other.table}
    else:
        result.table = {
            key: entry
            for key, entry in one.table.items()
            if symbol == "|" or key not in other.table
        }
        if symbol in "|^":
            for key, entry in other.table.items():
                if key not in one.table:
                    result.table[key] = entry
    return result
