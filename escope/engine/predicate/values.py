"""What an expression works on: the protocol of recorded and live values, and the evaluator's own.

A value is one of

- an exact Python scalar: None, bool, int, float, complex, str, bytes, Ellipsis;
- a `Handle`: an object of the program, read through an adapter that runs none of its code;
- a `Box`: a container that the expression made;
- a `TypeRef`: a type, by its name;
- a `Stream`: a generator expression, read once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Final, Protocol, runtime_checkable

SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes, type(...)})
SEQUENCES = frozenset({"list", "tuple", "deque"})
SETS = frozenset({"set", "frozenset"})
CONTAINERS = SEQUENCES | SETS | {"dict"}

STEPS = 200_000
"""Units of work that one evaluation may do: nodes evaluated, items looked at."""
DEEPEST = 60
"""Levels of nesting that comparing and printing follow."""
LONGEST = 1_000_000
"""Characters of a string, or bits of an int, that an operation may make."""


class Absent:
    """The type of `ABSENT`."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()
"""There is no such name, attribute or key."""


class Unanswerable(Exception):
    """The expression has no value here: a name is missing, an operation fails, or it is too much work."""


class Scope(Protocol):
    """What names mean at a moment: locals and cells, then globals.

    A local or cell of a function that is not bound hides the global of that name, as in Python.
    """

    def lookup(self, name: str) -> Any:
        """The value of a local, cell or global; `ABSENT` if there is none."""


@runtime_checkable
class Handle(Protocol):
    """An object of the program.  No method runs the program's code.

    What is not known (truncated, opaque, unobserved) raises `Unanswerable`, so that no answer is made up.
    """

    @property
    def kind(self) -> str:
        """`list`, `tuple`, `deque`, `set`, `frozenset`, `dict`: a container of that type or a subclass;
        `bytearray`; `scalar`: of a subclass of a scalar type; `named`: function, class, module, enum member;
        `instance`; `opaque`."""

    @property
    def type_name(self) -> str:
        """The type as values in JSON have it: `list`, `deque`, `package.module.Class`."""

    @property
    def identity(self) -> Hashable:
        """Equal for two handles of one object, and only for those."""

    def length(self) -> int:
        """Number of items of a container or bytearray."""

    def items(self) -> Iterator[Any]:
        """Items of a sequence, elements of a set, keys of a dict."""

    def entries(self) -> Iterator[tuple[Any, Any]]:
        """Keys and values of a dict, in order."""

    def item(self, index: int) -> Any:
        """One item of a sequence; 0 <= index < length."""

    def entry(self, key: Any) -> Any:
        """The value under a key that is an exact scalar, `ABSENT` if there is none; `NotImplemented`
        where the evaluator should look through `entries` itself."""

    def attribute(self, name: str) -> Any:
        """An attribute in the instance dict or a slot, or a namedtuple's field; `ABSENT` if there is none."""

    def scalar(self) -> Any:
        """What a `scalar` holds; a bytearray's bytes."""

    def name(self) -> str:
        """The qualified name of what is `named`."""


class Box:
    """A container that the expression made, or the content of a handle, read once."""

    __slots__ = ("kind", "sequence", "table")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.sequence: list[Any] = []
        self.table: dict[Hashable, tuple[Any, Any]] = {}
        """Of sets and dicts: canonical key to key and value."""

    def __len__(self) -> int:
        return len(self.sequence) + len(self.table)

    def values(self) -> Iterable[Any]:
        """What iterating gives: items, elements, keys."""
        if self.kind in SEQUENCES:
            return self.sequence
        return [key for key, _ in self.table.values()]


class TypeRef:
    """A type, by the name that values in JSON have."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Stream:
    """A generator expression."""

    __slots__ = ("iterator",)

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.iterator = iterator


class Work:
    """The work that one evaluation may still do."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self, amount: int = 1) -> None:
        """Raise Unanswerable when the work is used up."""
        self.left -= amount
        if self.left < 0:
            raise Unanswerable("it is too much work")


def is_scalar(value: Any) -> bool:
    """Whether `value` is an exact Python scalar."""
    return type(value) in SCALARS


def unwrap(value: Any) -> Any:
    """The scalar that a handle of a scalar's subclass holds, or `value` itself."""
    if is_scalar(value) or isinstance(value, (Box, TypeRef, Stream)):
        return value
    if value.kind == "scalar":
        return value.scalar()
    return value


def kind_of(value: Any) -> str | None:
    """The kind of a container; None for everything else."""
    if is_scalar(value) or isinstance(value, (TypeRef, Stream)):
        return None
    kind: str = value.kind
    return kind if kind in CONTAINERS else None


def type_name(value: Any) -> str:
    """The name of a value's type."""
    if is_scalar(value):
        return type(value).__name__
    if isinstance(value, Box):
        return value.kind
    if isinstance(value, TypeRef):
        return "type"
    if isinstance(value, Stream):
        return "generator"
    name: str = value.type_name
    return name


def open_box(value: Any, work: Work) -> Box:
    """The content of a container."""
    if isinstance(value, Box):
        return value
    kind = kind_of(value)
    if kind is None:
        raise Unanswerable(f"{type_name(value)} is no container")
    work.spend(value.length())
    box = Box(kind)
    if kind in SEQUENCES:
        box.sequence = list(value.items())
    elif kind in SETS:
        box.table = {canonical(item, work): (item, item) for item in value.items()}
    else:
        box.table = {canonical(key, work): (key, item) for key, item in value.entries()}
    return box


def find_entry(container: Any, key: Any, work: Work) -> tuple[bool, Any]:
    """Whether a dict has the key, and its value."""
    plain = unwrap(key)
    if not isinstance(container, Box) and is_scalar(plain):
        value = container.entry(plain)
        if value is not NotImplemented:
            return value is not ABSENT, value
    entry = open_box(container, work).table.get(canonical(key, work))
    return (False, None) if entry is None else (True, entry[1])


def canonical(value: Any, work: Work, depth: int = 0) -> Hashable:
    """Equal for values that are one key of a dict.  Raises Unanswerable for what cannot be a key."""
    work.spend()
    value = unwrap(value)
    if is_scalar(value):
        if value != value:
            return ("nan", id(value))
        return value  # type: ignore[no-any-return]
    if isinstance(value, TypeRef):
        return ("type", value.name)
    kind = kind_of(value)
    if depth > DEEPEST:
        raise Unanswerable("it is nested too deeply")
    if kind == "tuple":
        content = open_box(value, work).sequence
        return ("tuple", *(canonical(item, work, depth + 1) for item in content))
    if kind == "frozenset":
        return ("set", frozenset(open_box(value, work).table))
    if kind is not None or isinstance(value, Stream) or value.kind == "bytearray":
        raise Unanswerable(f"{type_name(value)} cannot be a key")
    return ("object", value.identity)


def set_of(items: Iterable[Any], work: Work) -> Box:
    """A set; of equal elements the first stays."""
    box = Box("set")
    for item in items:
        box.table.setdefault(canonical(item, work), (item, item))
    return box


def dict_of(pairs: Iterable[tuple[Any, Any]], work: Work) -> Box:
    """A dict; of equal keys the first stays with the last value."""
    box = Box("dict")
    for key, value in pairs:
        place = canonical(key, work)
        old = box.table.get(place)
        box.table[place] = (key if old is None else old[0], value)
    return box


def length(value: Any) -> int:
    """Number of items of a container."""
    return len(value) if isinstance(value, Box) else int(value.length())


def bytes_of(value: Any) -> Any:
    """A bytearray is read as the bytes it holds."""
    if is_scalar(value) or isinstance(value, (Box, TypeRef, Stream)) or value.kind != "bytearray":
        return value
    return value.scalar()


def attempt(operation: Callable[..., Any], *operands: Any) -> Any:
    """What the operation gives; raises Unanswerable where it fails."""
    try:
        return operation(*operands)
    except Exception as error:
        raise Unanswerable(str(error)) from None
