"""What an object holds, read without running any code of the program: names, items, scalars.

Like `anatomy`, it goes through the unbound methods of the builtin types only.
"""

from __future__ import annotations

import types
from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from escope.engine.capture.anatomy import (
    NAMED_IDS,
    Anatomy,
    has_base,
    is_scalar,
    module_dict,
    type_dict,
    type_mro,
    type_name,
)
from escope.storage.rows import Shape

_function_qualname: Callable[[Any], str] = types.FunctionType.__dict__["__qualname__"].__get__
_builtin_qualname: Callable[[Any], str] = types.BuiltinFunctionType.__dict__["__qualname__"].__get__


def object_name(value: Any, anatomy: Anatomy) -> str:
    """Qualified name of a function, method, class, module or enum member."""
    cls = anatomy.cls
    if cls is types.FunctionType:
        return _function_name(value)
    if cls is types.BuiltinFunctionType:
        module = value.__module__
        own = _builtin_qualname(value)
        return f"{module}.{own}" if type(module) is str and module != "builtins" else str(own)
    if cls is types.MethodType:
        function = value.__func__
        if type(function) is types.FunctionType:
            return _function_name(function)
        return type_name(type(function))
    if cls is types.ModuleType:
        name = module_dict(value).get("__name__")
        return name if type(name) is str else "?"
    if has_base(type_mro(cls), type):
        return type_name(value)
    if id(cls) in NAMED_IDS:
        name = cls.__dict__["__qualname__"].__get__(value)
        return name if type(name) is str else "?"
    held = anatomy.instance_dict(value)
    if held is None:
        # Members of enums are laid out by the class: their dict is found like any other's.
        for base in type_mro(cls):
            descriptor = type_dict(base).get("__dict__")
            if type(descriptor) is types.GetSetDescriptorType:
                held = descriptor.__get__(value)
                break
    member = dict.get(held, "_name_") if type(held) is dict else None
    return f"{anatomy.name}.{member}" if type(member) is str else anatomy.name


def _function_name(function: Any) -> str:
    module, name = function.__module__, _function_qualname(function)
    return f"{module}.{name}" if type(module) is str else str(name)


def opaque_summary(value: Any) -> str | None:
    """What can be said of a value of a builtin type that has no content of its own here."""
    cls = type(value)
    if cls is range:
        return f"range({value.start}, {value.stop}, {value.step})"[:200]
    if cls is types.GeneratorType or cls is types.CoroutineType:
        return str(cls.__dict__["__qualname__"].__get__(value))
    if cls is types.CodeType:
        return str(value.co_qualname)
    return None


def at_once(iterate: Callable[[Any], Any], value: Any, limit: int | None = None) -> list[Any]:
    """The first `limit` items of an iteration, in one call into C: no other thread changes `value` in between."""
    [items] = map(list, map(islice, map(iterate, (value,)), (limit,)))
    return items


def one_at_once(iterate: Callable[[Any], Any], value: Any, place: int) -> Any:
    """The item at `place` of an iteration that is long enough, in the same way."""
    [found] = map(next, map(islice, map(iterate, (value,)), (place,), (None,)))
    return found


def sequence_items(value: Any, shape: Shape, limit: int) -> tuple[list[Any], int]:
    """The first `limit` items, and the true length."""
    if shape is Shape.LIST:
        items = list.__getitem__(value, slice(0, limit))
        return items, len(items) if len(items) < limit else list.__len__(value)
    if shape is Shape.TUPLE:
        return list(tuple.__getitem__(value, slice(0, limit))), tuple.__len__(value)
    items = at_once(deque.__iter__, value, limit)
    return items, len(items) if len(items) < limit else deque.__len__(value)


def set_items(value: Any, limit: int) -> tuple[list[Any], int]:
    """Up to `limit` elements in the set's own order, and the true length."""
    own = set if has_base(type_mro(type(value)), set) else frozenset
    items = at_once(own.__iter__, value)
    return items[:limit], len(items)


def mapping_items(value: Any, limit: int) -> tuple[list[tuple[Any, Any]], int]:
    """Up to `limit` pairs in order, and the true length."""
    own = OrderedDict if has_base(type_mro(type(value)), OrderedDict) else dict
    items = list(own.items(value)) if own is dict else _ordered_items(value)
    return items[:limit], len(items)


def _ordered_items(value: Any) -> list[tuple[Any, Any]]:
    # OrderedDict keeps its order beside the dict; its own iterator looks keys up again, which would hash
    # keys of the program's classes.  Where all keys are scalars its iterator is safe; else the dict's order,
    # which is the same unless move_to_end was used.
    pairs = list(dict.items(value))
    if all(is_scalar(key) for key, _ in pairs):
        found = dict(pairs)
        try:
            return [(key, found[key]) for key in at_once(OrderedDict.__iter__, value)]
        except (KeyError, RuntimeError):
            # `dict`'s own methods have changed the dict without the order: it cannot be walked.
            return pairs
    return pairs


def scalar_of(value: Any) -> Any:
    """The exact scalar inside an instance of a subclass of a scalar type."""
    mro = type_mro(type(value))
    if has_base(mro, int):
        return int.__int__(value) if type(value) is not bool else value
    if has_base(mro, str):
        return str.__str__(value)
    if has_base(mro, float):
        return float.__float__(value)
    if has_base(mro, bytes):
        return bytes.__getitem__(value, slice(None))
    return complex(complex.__dict__["real"].__get__(value), complex.__dict__["imag"].__get__(value))


def cell_content(cell: Any) -> list[Any]:
    """The content of a closure cell: one value, or none."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []
