"""How to read an object without running any code of the program.

Invariant: nothing here calls `repr`, `len`, `==`, `hash`, a property or any special method that a class of
the program could define.  Types are read through the descriptors of `type` itself (a metaclass may lie),
contents through the unbound methods of the builtin types, attributes through the instance dict and slots.
"""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Callable
from typing import Any

from escope.storage.rows import Shape

type_dict: Callable[[type], Any] = type.__dict__["__dict__"].__get__
_type_mro: Callable[[type], tuple[type, ...] | None] = type.__dict__["__mro__"].__get__
_type_base: Callable[[type], type | None] = type.__dict__["__base__"].__get__
_type_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__
_type_module: Callable[[type], Any] = type.__dict__["__module__"].__get__
_type_flags: Callable[[type], int] = type.__dict__["__flags__"].__get__
_type_basicsize: Callable[[type], int] = type.__dict__["__basicsize__"].__get__
_type_dictoffset: Callable[[type], int] = type.__dict__["__dictoffset__"].__get__
_type_weakrefoffset: Callable[[type], int] = type.__dict__["__weakrefoffset__"].__get__
_exception_args: Callable[[BaseException], tuple[Any, ...]] = BaseException.__dict__["args"].__get__
_MODULE_DICT: Any = type.__dict__["__dict__"].__get__(types.ModuleType)["__dict__"]

_HEAP_TYPE = 1 << 9
_IMMUTABLE_TYPE = 1 << 8
_OBJECT_SIZE = _type_basicsize(object)
MISSING = object()

SCALAR_TYPES: frozenset[type] = frozenset(
    {int, float, bool, type(None), str, bytes, complex, type(...), type(NotImplemented)}
)
"""Exact types whose values are immutable, and are recorded in the row or once by content."""

SCALAR_IDS = frozenset(map(id, SCALAR_TYPES))
"""Types are told apart by address: comparing or hashing one would run code of its metaclass."""

_SCALAR_BASES = (int, float, str, bytes, complex)
CONTAINER_BASES: tuple[tuple[Any, Shape], ...] = (
    (list, Shape.LIST),
    (tuple, Shape.TUPLE),
    (dict, Shape.DICT),
    (set, Shape.SET),
    (frozenset, Shape.FROZENSET),
    (deque, Shape.DEQUE),
    (bytearray, Shape.BYTEARRAY),
)
_NAMED_TYPES: frozenset[type] = frozenset(
    {
        types.FunctionType,
        types.BuiltinFunctionType,
        types.MethodType,
        types.ModuleType,
        types.MethodDescriptorType,
        types.WrapperDescriptorType,
        types.ClassMethodDescriptorType,
    }
)
NAMED_IDS = frozenset(map(id, _NAMED_TYPES))
SEQUENCES = frozenset({Shape.LIST, Shape.TUPLE, Shape.DEQUE})
SETS = frozenset({Shape.SET, Shape.FROZENSET})
MAPPINGS = frozenset({Shape.DICT, Shape.NAMESPACE})
CONTAINERS = SEQUENCES | SETS | MAPPINGS | {Shape.BYTEARRAY}
IMMUTABLE = frozenset({Shape.NAMED, Shape.OPAQUE})
"""Shapes whose content is written once and never checked again."""

_WEAKLY_ONLY_IN_NAME = frozenset({"typing.ParamSpecArgs", "typing.ParamSpecKwargs"})
"""Types whose objects go without clearing the weak references to them (3.12, 3.13): those crash when they go."""

_RESTLESS = frozenset(
    [
        "asyncio",
        "threading",
        "concurrent",
        "multiprocessing",
        "socket",
        "selectors",
        "logging",
        "subprocess",
        "ssl",
        "weakref",
        "_weakrefset",
        "contextvars",
        "importlib",
        "sched",
        "signal",
        "_frozen_importlib",
        "_frozen_importlib_external",
        "contextlib",
        "io",
        "unittest",
        "_pytest",
        "pluggy",
        "coverage",
    ]
)
"""Top-level libraries whose objects change outside of what the program hands to them (event loops, locks,
handlers).  Their state could not be told truly, so it is not told: such objects are opaque."""


def is_scalar(value: Any) -> bool:
    """Whether `value` is of an exact scalar type."""
    return id(type(value)) in SCALAR_IDS


def type_mro(cls: type) -> tuple[type, ...]:
    """The method resolution order.

    A class has none while its metaclass makes it, and once the garbage collector has cleared it: then it alone.
    """
    return _type_mro(cls) or (cls,)


def has_base(mro: tuple[type, ...], wanted: Any) -> bool:
    """Whether `wanted` is in `mro`, by identity."""
    return any(base is wanted for base in mro)


def is_mapping(value: Any) -> bool:
    """Whether `value` is a dict, or of a subclass."""
    return has_base(type_mro(type(value)), dict)


class Anatomy:
    """What is known of one type: its shape, its name, and how to reach its attributes."""

    __slots__ = (
        "cls",
        "concealed",
        "constant",
        "dict_getter",
        "fields",
        "foreign",
        "is_exception",
        "name",
        "plain_setitem",
        "quiet_names",
        "shape",
        "slots",
        "type_id",
        "weakly",
    )

    def __init__(self, cls: type) -> None:
        self.cls = cls
        mro = type_mro(cls)
        self.name = type_name(cls)
        self.foreign = is_foreign_type(cls)
        self.type_id = 0
        self.fields: tuple[str, ...] = ()
        self.dict_getter: Callable[[Any], Any] | None = None
        self.slots: list[tuple[str, Callable[[Any], Any]]] = []
        self.weakly = _type_weakrefoffset(cls) != 0 and self.name not in _WEAKLY_ONLY_IN_NAME
        self.is_exception = False
        self.concealed = False
        """Part of its state is out of reach (a C base class with a state of its own)."""
        self.constant = False
        """All of its own content stays the same."""
        self.quiet_names: dict[str, bool] = {}
        self.plain_setitem = False
        self.shape = self._shape(mro)
        self.is_exception = self.shape is Shape.INSTANCE and has_base(mro, BaseException)
        if self.shape not in (Shape.OPAQUE, Shape.NAMED):
            self._find_attributes(mro)
        if self.shape is Shape.INSTANCE and self._hides_dict():
            self.concealed = True
        elif self.shape is Shape.INSTANCE and not (self.dict_getter or self.slots):
            if not has_base(mro, BaseException) and _type_basicsize(cls) > _OBJECT_SIZE:
                self.shape = Shape.OPAQUE
        elif self.shape is Shape.INSTANCE:
            self.concealed = any(
                base is not object and not is_python_class(base) for base in mro
            ) and (not has_base(mro, BaseException))
        self.constant = self.shape in IMMUTABLE or (
            self.shape in (Shape.TUPLE, Shape.FROZENSET, Shape.SCALAR)
            and self.dict_getter is None
            and not self.slots
        )

    def _hides_dict(self) -> bool:
        # A class that defines `__dict__` itself leaves no way to the instance dict.
        return self.dict_getter is None and _type_dictoffset(self.cls) != 0

    def _shape(self, mro: tuple[type, ...]) -> Shape:
        cls = self.cls
        if id(cls) in NAMED_IDS or has_base(mro, type):
            return Shape.NAMED
        if cls is types.CellType:
            return Shape.CELL
        enum = sys.modules.get("enum")
        if enum is not None and has_base(mro, module_dict(enum).get("Enum", MISSING)):
            return Shape.NAMED
        for base, shape in CONTAINER_BASES:
            if has_base(mro, base):
                if shape is Shape.TUPLE:
                    self._find_fields(mro)
                if shape in (Shape.DICT, Shape.LIST, Shape.DEQUE):
                    setter = lookup(cls, "__setitem__")
                    self.plain_setitem = type(setter) is types.WrapperDescriptorType
                return shape
        for base in _SCALAR_BASES:
            if has_base(mro, base):
                return Shape.SCALAR
        if self.name.partition(".")[0] in _RESTLESS and not has_base(mro, BaseException):
            return Shape.OPAQUE
        if cls is object or has_base(mro, BaseException):
            return Shape.INSTANCE
        return Shape.INSTANCE if is_python_class(cls) else Shape.OPAQUE

    def _find_fields(self, mro: tuple[type, ...]) -> None:
        for base in mro:
            fields = type_dict(base).get("_fields")
            if type(fields) is tuple and all(type(name) is str for name in fields):
                self.fields = fields
                return

    def _find_attributes(self, mro: tuple[type, ...]) -> None:
        self.dict_getter = _find_dict_getter(self.cls)
        for base in reversed(mro):
            if not is_python_class(base):
                continue
            for name, member in list(type_dict(base).items()):
                if type(member) is types.MemberDescriptorType and type(name) is str:
                    self.slots.append((name, member.__get__))

    def let_go(self) -> None:
        """Keep the class no more: what it refers to may end.  Nothing is read by this any more."""
        self.cls = type
        self.dict_getter = None
        self.slots.clear()

    def instance_dict(self, value: Any) -> dict[Any, Any] | None:
        """The dict that holds `value`'s attributes, or None."""
        if self.dict_getter is None:
            return None
        try:
            found = self.dict_getter(value)
        except AttributeError:
            return None
        except TypeError:  # of a class that was among its bases
            getter = _find_dict_getter(type(value))
            found = None if getter is None else getter(value)
        return found if type(found) is dict else None

    def slot(self, value: Any, name: str, get: Callable[[Any], Any]) -> Any:
        """What `value` holds in a slot, given the slot's name and getter; `MISSING` if nothing."""
        try:
            return get(value)
        except AttributeError:
            return MISSING
        except TypeError:  # of a class that was among its bases
            found = lookup(type(value), name)
            if type(found) is not types.MemberDescriptorType:
                return MISSING
            return self.slot(value, name, found.__get__)

    def attributes(self, value: Any) -> dict[str, Any]:
        """`value`'s attributes by name: slots, then the instance dict, then `args` of an exception."""
        found: dict[str, Any] = {}
        for name, get in self.slots:
            held = self.slot(value, name, get)
            if held is not MISSING:
                found[name] = held
        own = self.instance_dict(value)
        if own:
            # dict() of an exact dict copies in C; another thread cannot change it in between.
            copy = dict.copy(own)
            found.update((name, item) for name, item in copy.items() if type(name) is str)
        if self.is_exception:
            found.setdefault("args", _exception_args(value))
        return found

    def is_quiet(self, name: str, instrumented: Callable[[types.CodeType], bool]) -> bool:
        """Whether reading attribute `name` runs only what is seen: no code, or instrumented code."""
        known = self.quiet_names.get(name)
        if known is None:
            known = self.quiet_names[name] = reads_quietly(self.cls, name, instrumented)
        return known


def _find_dict_getter(cls: type) -> Callable[[Any], Any] | None:
    """The getter of the dict of a class's instances; None if they have none, or none that can be reached."""
    base: type | None = cls
    while base is not None:
        if _type_dictoffset(base) and not _type_flags(base) & _HEAP_TYPE:
            # The getter of a class made in Python asks that of its builtin base, which may have none (a `Task`).
            if lookup(base, "__dict__") is MISSING:
                return None
            break
        base = _type_base(base)
    for base in type_mro(cls):
        descriptor = type_dict(base).get("__dict__")
        if type(descriptor) is types.GetSetDescriptorType:
            getter: Callable[[Any], Any] = descriptor.__get__
            return getter
    return None


def reads_quietly(cls: type, name: str, instrumented: Callable[[types.CodeType], bool]) -> bool:
    """Whether reading attribute `name` of an instance runs only what is seen: no code, or instrumented code."""
    if type(lookup(cls, "__getattribute__")) is not types.WrapperDescriptorType:
        return False
    found = lookup(cls, name)
    if found is MISSING:
        return lookup(cls, "__getattr__") is MISSING
    if type(found) is property:
        getter = found.fget
        return type(getter) is types.FunctionType and instrumented(getter.__code__)
    return id(type(found)) in _SEEN_DESCRIPTORS or not _has_get(type(found))


_SEEN_DESCRIPTORS = NAMED_IDS | frozenset(
    map(id, (staticmethod, classmethod, types.MemberDescriptorType, types.GetSetDescriptorType))
)


def _has_get(cls: type) -> bool:
    return lookup(cls, "__get__") is not MISSING


def lookup(cls: type, name: str) -> Any:
    """The attribute that the type's own search finds, as it lies in the class; `MISSING` if none."""
    for base in type_mro(cls):
        found = type_dict(base).get(name, MISSING)
        if found is not MISSING:
            return found
    return MISSING


_C_DESCRIPTORS = frozenset(map(id, (types.MethodDescriptorType, types.GetSetDescriptorType)))
_PYTHON_CLASSES: dict[int, tuple[type, bool]] = {}


def forget_classes() -> None:
    """Keep no class alive any more."""
    _PYTHON_CLASSES.clear()


def is_python_class(cls: type) -> bool:
    """Whether a class statement (or a call of `type`) made the class, not C code."""
    known = _PYTHON_CLASSES.get(id(cls))
    if known is None:
        known = _PYTHON_CLASSES[id(cls)] = (cls, _made_by_python(cls))
    return known[1]


def _made_by_python(cls: type) -> bool:
    if not _type_flags(cls) & _HEAP_TYPE or _type_flags(cls) & _IMMUTABLE_TYPE:
        return False
    # C types bring methods and getters of their own; a class statement adds two getters at most.
    return not any(
        id(type(member)) in _C_DESCRIPTORS
        and name not in ("__dict__", "__weakref__")
        and member.__objclass__ is cls
        for name, member in list(type_dict(cls).items())
    )


def held_attribute(owner: Any, name: str) -> Any:
    """What an instance holds under `name`, or its class as a scalar; None if nothing, or what runs code."""
    found = lookup(type(owner), name)
    if found is not MISSING and not is_scalar(found):
        return None
    try:
        return object.__getattribute__(owner, name)
    except AttributeError:
        return None


def module_dict(module: types.ModuleType) -> dict[str, Any]:
    """The globals of a module."""
    found: dict[str, Any] = _MODULE_DICT.__get__(module)
    return found


def type_name(cls: type) -> str:
    """`list` for builtins, `module.qualname` for the rest."""
    name = _type_name(cls)
    module = type_dict(cls).get("__module__") if _type_flags(cls) & _HEAP_TYPE else None
    if type(module) is not str:
        dotted = _type_module(cls)
        module = dotted if type(dotted) is str else "builtins"
    if module == "builtins" or cls is deque:
        return name
    return f"{module}.{name}"


def is_foreign(module: Any) -> bool:
    """Whether a module, by its dotted name, lies outside of the standard library."""
    return type(module) is str and module.partition(".")[0] not in sys.stdlib_module_names


def is_foreign_type(cls: type) -> bool:
    """The same for the module of a class; the types without one in their names are the interpreter's."""
    module, dotted, _ = type_name(cls).partition(".")
    return bool(dotted) and is_foreign(module)
