"""The functions and methods that an expression may call: those of builtin types that only read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from escope.engine.predicate.operations import (
    arithmetic,
    class_name,
    equal,
    iterate,
    order,
    truth,
)
from escope.engine.predicate.values import (
    ABSENT,
    DEEPEST,
    LONGEST,
    SEQUENCES,
    Box,
    Stream,
    TypeRef,
    Unanswerable,
    Work,
    find_entry,
    is_scalar,
    kind_of,
    open_box,
    type_name,
    unwrap,
)

Arguments = list[Any]
Keywords = dict[str, Any]
Function = Callable[[Work, Arguments, Keywords], Any]

TYPES = frozenset(
    {"type", "str", "int", "float", "bool", "list", "tuple", "dict", "set", "frozenset", "bytes",
     "bytearray", "complex", "object"}
)  # fmt: skip
"""Types that can be named, for `type(x) is list` and `isinstance(x, dict)`."""


def _expect(arguments: Arguments, keywords: Keywords, least: int, most: int, *names: str) -> None:
    if not least <= len(arguments) <= most or not keywords.keys() <= set(names):
        raise Unanswerable("wrong arguments")


def _len(work: Work, arguments: Arguments, keywords: Keywords) -> int:
    _expect(arguments, keywords, 1, 1)
    value = unwrap(arguments[0])
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, Box):
        return len(value)
    if kind_of(value) is not None or (not is_scalar(value) and value.kind == "bytearray"):
        return int(value.length())
    raise Unanswerable(f"{type_name(value)} has no length")


def _extreme(symbol: str) -> Function:
    def extreme(work: Work, arguments: Arguments, keywords: Keywords) -> Any:
        _expect(arguments, keywords, 1, 1000, "default")
        if len(arguments) > 1 and keywords:
            raise Unanswerable("default is for one argument only")
        items = iterate(arguments[0], work) if len(arguments) == 1 else iter(arguments)
        best = next(items, ABSENT)
        if best is ABSENT:
            if "default" in keywords:
                return keywords["default"]
            raise Unanswerable("it is empty")
        for item in items:
            if order(symbol, item, best, work):
                best = item
        return best

    return extreme


def _sum(work: Work, arguments: Arguments, keywords: Keywords) -> Any:
    _expect(arguments, keywords, 1, 2, "start")
    total = arguments[1] if len(arguments) > 1 else keywords.get("start", 0)
    if isinstance(unwrap(total), (str, bytes)):
        raise Unanswerable("strings cannot be summed")
    for item in iterate(arguments[0], work):
        work.spend()
        total = arithmetic("+", total, item, work)
    return total


def _exact_sum(work: Work, arguments: Arguments, keywords: Keywords) -> Any:
    # Python adds floats with compensation from 3.12 on, so a list of plain numbers is left to it.
    _expect(arguments, keywords, 1, 2, "start")
    items = [unwrap(item) for item in iterate(arguments[0], work)]
    start = unwrap(arguments[1] if len(arguments) > 1 else keywords.get("start", 0))
    if all(type(item) in (bool, int, float) for item in (*items, start)):
        work.spend(len(items))
        try:
            return sum(items, start)
        except OverflowError as error:
            raise Unanswerable(str(error)) from None
    box = Box("list")
    box.sequence = items
    return _sum(work, [box, start], {})


def _any(work: Work, arguments: Arguments, keywords: Keywords) -> bool:
    _expect(arguments, keywords, 1, 1)
    return any(truth(item) for item in iterate(arguments[0], work))


def _all(work: Work, arguments: Arguments, keywords: Keywords) -> bool:
    _expect(arguments, keywords, 1, 1)
    return all(truth(item) for item in iterate(arguments[0], work))


def _abs(work: Work, arguments: Arguments, keywords: Keywords) -> Any:
    _expect(arguments, keywords, 1, 1)
    value = unwrap(arguments[0])
    if isinstance(value, (bool, int, float, complex)):
        try:
            return abs(value)
        except OverflowError as error:
            raise Unanswerable(str(error)) from None
    raise Unanswerable(f"abs of {type_name(value)} is not defined")


def _sorted(work: Work, arguments: Arguments, keywords: Keywords) -> Box:
    _expect(arguments, keywords, 1, 1, "reverse")

    def compare(left: Any, right: Any) -> int:
        if order("<", left, right, work):
            return -1
        return 1 if order("<", right, left, work) else 0

    box = Box("list")
    box.sequence = sorted(
        iterate(arguments[0], work),
        key=functools.cmp_to_key(compare),
        reverse=truth(keywords.get("reverse", False)),
    )
    return box


def _type(work: Work, arguments: Arguments, keywords: Keywords) -> TypeRef:
    _expect(arguments, keywords, 1, 1)
    return TypeRef(type_name(arguments[0]))


def _isinstance(work: Work, arguments: Arguments, keywords: Keywords) -> bool:
    """Exact for builtin types; of a class of the program only instances of that very class are known."""
    _expect(arguments, keywords, 2, 2)
    value, wanted = arguments
    unknown = False
    for one in _classes(wanted, work):
        answer = _is_instance(value, one)
        if answer:
            return True
        unknown |= answer is None
    if unknown:
        raise Unanswerable("the classes that the type derives from are not recorded")
    return False


def _classes(wanted: Any, work: Work, depth: int = 0) -> list[str]:
    work.spend()
    if isinstance(wanted, TypeRef):
        return [wanted.name]
    if kind_of(wanted) == "tuple" and depth < DEEPEST:
        found = []
        for one in open_box(wanted, work).sequence:
            found += _classes(one, work, depth + 1)
        return found
    name = class_name(wanted)
    if name is None:
        raise Unanswerable(f"{type_name(wanted)} is no class")
    return [name]


def _is_instance(value: Any, wanted: str) -> bool | None:
    """Whether it is; None if that is not known."""
    name = type_name(value)
    if wanted in ("object", name):
        return True
    if is_scalar(value) or isinstance(value, Box):
        return name == "bool" and wanted == "int"
    if isinstance(value, (TypeRef, Stream)):
        return False
    if wanted in TYPES or wanted == "deque":
        if value.kind == "scalar":
            held = type(value.scalar())
            return held.__name__ == wanted or (held is bool and wanted == "int")
        return bool(value.kind == wanted)
    if name in ("list", "tuple", "dict", "set", "frozenset", "deque", "bytearray", "function"):
        return False
    return None


def _str(work: Work, arguments: Arguments, keywords: Keywords) -> str:
    _expect(arguments, keywords, 0, 1)
    if not arguments:
        return ""
    value = unwrap(arguments[0])
    if isinstance(value, str):
        return value
    return show(value, work)


def _repr(work: Work, arguments: Arguments, keywords: Keywords) -> str:
    _expect(arguments, keywords, 1, 1)
    return show(arguments[0], work)


def show(value: Any, work: Work, depth: int = 0) -> str:
    """The `repr` of scalars and builtin containers."""
    work.spend()
    if is_scalar(value):
        try:
            text = repr(value)
        except ValueError as error:
            raise Unanswerable(str(error)) from None
        work.spend(len(text) // 64)
        return text
    if isinstance(value, TypeRef):
        return f"<class '{value.name}'>"
    if depth > DEEPEST:
        raise Unanswerable("it is nested too deeply to show")
    name, kind = type_name(value), kind_of(value)
    if kind == name:
        box = open_box(value, work)
        parts = [show(one, work, depth + 1) for one in box.values()]
        if kind == "dict":
            values = [show(one, work, depth + 1) for _, one in box.table.values()]
            parts = [f"{key}: {one}" for key, one in zip(parts, values, strict=True)]
        text = ", ".join(parts)
        work.spend(len(text) // 64)
        if kind == "list":
            return f"[{text}]"
        if kind == "tuple":
            return f"({text},)" if len(parts) == 1 else f"({text})"
        if kind == "deque":
            return f"deque([{text}])"
        if kind == "dict":
            return f"{{{text}}}"
        if not parts:
            return f"{kind}()"
        return f"{{{text}}}" if kind == "set" else f"frozenset({{{text}}})"
    if name == "bytearray":
        return f"bytearray({value.scalar()!r})"
    raise Unanswerable(f"what repr of {name} gives is up to the program")


def _number(maker: type) -> Function:
    def number(work: Work, arguments: Arguments, keywords: Keywords) -> Any:
        _expect(arguments, keywords, 0, 2 if maker is int else 1)
        plain = [unwrap(argument) for argument in arguments]
        if not all(is_scalar(argument) for argument in plain):
            raise Unanswerable(f"{maker.__name__} needs a number or a string")
        if plain and isinstance(plain[0], (str, bytes)) and len(plain[0]) > 5000:
            raise Unanswerable("the string is too long")
        try:
            return maker(*plain)
        except Exception as error:
            raise Unanswerable(str(error)) from None

    return number


def _bool(work: Work, arguments: Arguments, keywords: Keywords) -> bool:
    _expect(arguments, keywords, 0, 1)
    return bool(arguments) and truth(arguments[0])


FUNCTIONS: dict[str, Function] = {
    "len": _len,
    "min": _extreme("<"),
    "max": _extreme(">"),
    "sum": _exact_sum,
    "any": _any,
    "all": _all,
    "abs": _abs,
    "sorted": _sorted,
    "isinstance": _isinstance,
    "type": _type,
    "str": _str,
    "int": _number(int),
    "float": _number(float),
    "bool": _bool,
    "repr": _repr,
}

_STRING_METHODS = frozenset(
    {"startswith", "endswith", "find", "rfind", "index", "rindex", "count", "lower", "upper",
     "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "title", "capitalize",
     "casefold", "swapcase", "isalpha", "isdigit", "isalnum", "isspace", "islower", "isupper",
     "isdecimal", "isnumeric", "isidentifier", "istitle", "isascii", "isprintable",
     "removeprefix", "removesuffix", "partition", "rpartition"}
)  # fmt: skip
_DICT_METHODS = frozenset({"keys", "values", "items", "get"})
_SEQUENCE_METHODS = frozenset({"index", "count"})
METHODS = _STRING_METHODS | _DICT_METHODS | _SEQUENCE_METHODS
"""Methods of builtin types that can be called."""


def call_method(receiver: Any, name: str, work: Work, arguments: Arguments) -> Any:
    """`receiver.name(*arguments)` for a receiver of an exact builtin type."""
    if isinstance(receiver, (str, bytes)) and name in _STRING_METHODS:
        plain = [_plain(unwrap(argument), work) for argument in arguments]
        work.spend(1 + len(receiver) // 64)
        method = getattr(type(receiver), name, None)
        if method is None or len(receiver) > LONGEST:
            raise Unanswerable(f"{type_name(receiver)} has no {name}")
        try:
            return _boxed(method(receiver, *plain))
        except Exception as error:
            raise Unanswerable(str(error)) from None
    kind = kind_of(receiver)
    if kind is None or type_name(receiver) not in (
        kind, "collections.OrderedDict", "collections.defaultdict"
    ):  # fmt: skip
        raise Unanswerable(f"{name} of {type_name(receiver)} is the program's own code")
    if kind == "dict" and name in _DICT_METHODS:
        return _dict_method(receiver, name, work, arguments)
    if kind in SEQUENCES and name in _SEQUENCE_METHODS and len(arguments) == 1:
        found = [
            index
            for index, item in enumerate(iterate(receiver, work))
            if item is arguments[0] or equal(item, arguments[0], work)
        ]
        if name == "count":
            return len(found)
        if found:
            return found[0]
        raise Unanswerable("it is not there")
    raise Unanswerable(f"{kind} has no {name}")


def _dict_method(receiver: Any, name: str, work: Work, arguments: Arguments) -> Any:
    if name == "get":
        if not 1 <= len(arguments) <= 2:
            raise Unanswerable("wrong arguments")
        default = arguments[1] if len(arguments) == 2 else None
        found, value = find_entry(receiver, arguments[0], work)
        return value if found else default
    if arguments:
        raise Unanswerable("wrong arguments")
    table = open_box(receiver, work).table
    if name == "keys":
        keys = Box("frozenset")
        keys.table = {canonical: (key, key) for canonical, (key, _) in table.items()}
        return keys
    box = Box("list")
    if name == "values":
        box.sequence = [value for _, value in table.values()]
    else:
        box.sequence = [_pair(key, value) for key, value in table.values()]
    return box


def _pair(key: Any, value: Any) -> Box:
    box = Box("tuple")
    box.sequence = [key, value]
    return box


def _plain(value: Any, work: Work) -> Any:
    if is_scalar(value):
        return value
    if kind_of(value) == "tuple":
        return tuple(_plain(unwrap(one), work) for one in open_box(value, work).sequence)
    raise Unanswerable(f"{type_name(value)} where a string should be")


def _boxed(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        box = Box(type(value).__name__)
        box.sequence = list(value)
        return box
    return value
