"""Reads Python values into plain data without running any of the program's code.

This is the oracle's own reader: it shares nothing with `escope`, follows the VALUE form of the contract,
and writes objects into a flat table, so that neither depth nor cycles matter.  One snapshot has one table;
objects are numbered in the order of the first visit.

    V      scalar {"type", "repr"}, with "length" and "label" if cut; or {"ref": number}
    NODE   {"type", and of "length", "items", "pairs", "attributes", "also", "repr", "name", "label"}

`also` holds attributes that live in C structures (an exception's `args`): a recording may show them or not,
but what it shows has to agree.
"""

from __future__ import annotations

import collections
import sys
import types
from itertools import islice
from typing import Any

STRING_LIMIT = 16_384
ITEM_LIMIT = 10_000
OBJECT_LIMIT = 20_000

Value = dict[str, Any]

_mro = type.__dict__["__mro__"].__get__
_class_dict = type.__dict__["__dict__"].__get__
_class_module = type.__dict__["__module__"].__get__
_class_qualname = type.__dict__["__qualname__"].__get__
_class_flags = type.__dict__["__flags__"].__get__
_function_module = types.FunctionType.__dict__["__module__"].__get__
_function_qualname = types.FunctionType.__dict__["__qualname__"].__get__
_module_dict = types.ModuleType.__dict__["__dict__"].__get__
_method_function = types.MethodType.__dict__["__func__"].__get__
_exception_args = BaseException.__dict__["args"].__get__

_HEAP_TYPE = 1 << 9
# Members by which C types tell the layout of their instances; reading them gives no value of the program.
_LAYOUT = frozenset({"__dictoffset__", "__weaklistoffset__", "__vectorcalloffset__"})
_PLAIN_KEYS = (str, int, bool, float, bytes, type(None))
_BUILTIN_CALLABLES = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
)
# The number of digits at which `repr` refuses an int by default.
_REPR_BITS = 14_000


def type_name(cls: type) -> str:
    """The name of `cls` in VALUE form: builtin types bare, others as ``module.qualname``."""
    module = _class_module(cls)
    qualname = _class_qualname(cls)
    if cls is collections.deque or type(module) is not str or module == "builtins":
        return qualname
    return f"{module}.{qualname}"


def scalar(value: object) -> Value | None:
    """The V of a value of an exact scalar type, else None."""
    cls = type(value)
    if value is None or value is Ellipsis or value is NotImplemented:
        return {"type": cls.__name__, "repr": repr(value)}
    if cls is int and int.bit_length(value) > _REPR_BITS:  # type: ignore[arg-type]
        text = hex(value)  # type: ignore[call-overload]
        if len(text) > STRING_LIMIT:
            return {"type": "int", "repr": text[:STRING_LIMIT], "label": "truncated"}
        return {"type": "int", "repr": text}
    if cls is bool or cls is int or cls is float or cls is complex:
        return {"type": cls.__name__, "repr": repr(value)}
    if cls is str or cls is bytes:
        if len(value) > STRING_LIMIT:  # type: ignore[arg-type]
            cut = value[:STRING_LIMIT]  # type: ignore[index]
            length = len(value)  # type: ignore[arg-type]
            return {"type": cls.__name__, "repr": repr(cut), "length": length, "label": "truncated"}
        return {"type": cls.__name__, "repr": repr(value)}
    return None


class Snapshot:
    """One table of objects; `value` adds to it."""

    def __init__(self) -> None:
        self.objects: dict[int, Value] = {}
        self._numbers: dict[int, int] = {}
        self._waiting: collections.deque[tuple[int, Any]] = collections.deque()
        self._held: list[Any] = []

    def value(self, value: object) -> Value:
        """The V of `value`; everything reachable from it is in `objects` afterwards."""
        result = self._value(value)
        while self._waiting:
            number, item = self._waiting.popleft()
            self.objects[number] = self._node(item)
        return result

    def _value(self, value: object) -> Value:
        plain = scalar(value)
        if plain is not None:
            return plain
        number = self._numbers.get(id(value))
        if number is None:
            if len(self._numbers) >= OBJECT_LIMIT:
                return {"type": type_name(type(value)), "label": "truncated"}
            number = self._numbers[id(value)] = len(self._numbers) + 1
            # Bound methods and the like are made anew on each read: without a reference
            # their address could name two objects of one snapshot.
            self._held.append(value)
            self._waiting.append((number, value))
        return {"ref": number}

    def _node(self, value: Any) -> Value:
        cls = type(value)
        mro = _mro(cls)
        node: Value = {"type": type_name(cls)}
        name = qualified_name(value, cls, mro)
        if name is not None:
            node["name"] = name
            return node
        known = self._container(value, cls, mro, node) or self._boxed(value, cls, mro, node)
        attributes, found = self._attributes(value, cls, mro)
        exception = any(base is BaseException for base in mro)
        node["also"] = self._also(value, cls, mro)
        if found and (attributes or not known):
            node["attributes"] = attributes
        elif not (known or exception or cls is object):
            node["label"] = "opaque"
        return node

    def _container(self, value: Any, cls: type, mro: tuple[type, ...], node: Value) -> bool:
        for base in mro:
            if base is list or base is tuple:
                items = base.__getitem__(value, slice(0, ITEM_LIMIT))
                length = base.__len__(value)
                node["items"] = [self._value(item) for item in items]
            elif base is dict:
                pairs = list(islice(_pairs(value, mro), ITEM_LIMIT))
                length = dict.__len__(value)
                if any(type(pair[0]) is str and pair[0] == "__builtins__" for pair in pairs):
                    # A namespace seen as a value: what the interpreter put there is left out.
                    pairs = [
                        pair
                        for pair in pairs
                        if type(pair[0]) is not str or pair[0] != "__builtins__"
                    ]
                    length = len(pairs)
                node["pairs"] = [[self._value(key), self._value(item)] for key, item in pairs]
            elif base is set or base is frozenset or base is collections.deque:
                items = list(islice(base.__iter__(value), ITEM_LIMIT))
                length = base.__len__(value)
                node["items"] = [self._value(item) for item in items]
                if base is not collections.deque:
                    node["unordered"] = True
            elif base is types.CellType:
                try:
                    node["items"] = [self._value(value.cell_contents)]
                except ValueError:
                    node["items"] = []
                length = len(node["items"])
            else:
                continue
            node["length"] = length
            if length > ITEM_LIMIT:
                node["label"] = "truncated"
            return True
        return False

    def _boxed(self, value: Any, cls: type, mro: tuple[type, ...], node: Value) -> bool:
        for base in mro:
            if base is bytearray:
                length = bytearray.__len__(value)
                cut = bytearray(bytearray.__getitem__(value, slice(0, STRING_LIMIT)))
                node["repr"] = repr(cut)
                node["length"] = length
                if length > STRING_LIMIT:
                    node["label"] = "truncated"
                return True
            if any(base is plain for plain in (int, float, complex, str, bytes)):
                exact = {
                    int: int.__int__,
                    float: float.__float__,
                    complex: complex.__pos__,
                    str: str.__str__,
                    bytes: bytes.__bytes__,
                }[base](value)
                plain = scalar(exact)
                assert plain is not None
                node.update({key: plain[key] for key in plain if key != "type"})
                return True
        return False

    def _attributes(
        self, value: Any, cls: type, mro: tuple[type, ...]
    ) -> tuple[dict[str, Value], bool]:
        result: dict[str, Value] = {}
        found = False
        for base in mro:
            if not _class_flags(base) & _HEAP_TYPE:
                continue
            members = _class_dict(base)
            if "__slots__" not in members:
                continue
            found = True
            for name, member in list(members.items()):
                if type(member) is types.MemberDescriptorType:
                    try:
                        result[name] = self._value(member.__get__(value))
                    except AttributeError:
                        pass
        for base in mro:
            descriptor = _class_dict(base).get("__dict__")
            if type(descriptor) is types.GetSetDescriptorType or (
                type(descriptor) is types.MemberDescriptorType
            ):
                try:
                    content = descriptor.__get__(value)
                except (AttributeError, TypeError):
                    break
                if any(kind is dict for kind in _mro(type(content))):
                    found = True
                    for name, item in islice(dict.items(content), ITEM_LIMIT):
                        if type(name) is str:
                            result[name] = self._value(item)
                break
        return result, found

    def _also(self, value: Any, cls: type, mro: tuple[type, ...]) -> dict[str, Value]:
        result: dict[str, Value] = {}
        for base in mro:
            if base is BaseException:
                result["args"] = self._value(_exception_args(value))
            if "__slots__" in _class_dict(base):
                continue
            for name, member in list(_class_dict(base).items()):
                if type(member) is types.MemberDescriptorType and name not in _LAYOUT:
                    try:
                        result[name] = self._value(member.__get__(value))
                    except (AttributeError, SystemError):
                        pass
        return result


def _pairs(value: Any, mro: tuple[type, ...]) -> Any:
    ordered = any(base is collections.OrderedDict for base in mro)
    if ordered and all(type(key) in _PLAIN_KEYS for key in dict.__iter__(value)):
        # Its own order is not that of the dict beneath; asking for it hashes the keys.
        try:
            return iter(list(collections.OrderedDict.items(value)))
        except (KeyError, RuntimeError):
            # The dict beneath was changed by methods of `dict`: there is no order to be told.
            pass
    return iter(list(dict.items(value)))


def qualified_name(value: Any, cls: type, mro: tuple[type, ...]) -> str | None:
    """The name of a function, method, class, module or enum member; None for anything else."""
    if any(base is type for base in mro):
        return type_name(value)
    if cls is types.FunctionType:
        module, qualname = _function_module(value), _function_qualname(value)
        return f"{module}.{qualname}" if type(module) is str else qualname
    if cls is types.MethodType:
        function = _method_function(value)
        inner = type(function)
        return qualified_name(function, inner, _mro(inner)) or type_name(inner)
    if any(cls is callable_type for callable_type in _BUILTIN_CALLABLES):
        module = getattr(value, "__module__", None)
        if type(module) is str and module != "builtins":
            return f"{module}.{value.__qualname__}"
        return str(value.__qualname__)
    if any(base is types.ModuleType for base in mro):
        name = _module_dict(value).get("__name__")
        return name if type(name) is str else "?"
    enum = sys.modules.get("enum")
    if enum is not None and any(base is enum.EnumType for base in _mro(type(cls))):
        return type_name(cls) + "." + _enum_name(value)
    return None


def _enum_name(value: Any) -> str:
    attributes = object.__getattribute__(value, "__dict__")
    name = attributes.get("_name_")
    return name if type(name) is str else "?"
