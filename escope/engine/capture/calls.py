"""What a call can change: which of its operands unseen code may mutate."""

from __future__ import annotations

import builtins
import operator
import types
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from escope.engine.capture import anatomy as an
from escope.engine.capture import contents
from escope.engine.capture.frames import Suspect

_PURE_FUNCTIONS = frozenset(
    id(function)
    for function in (
        builtins.len,
        builtins.isinstance,
        builtins.issubclass,
        builtins.id,
        builtins.callable,
        builtins.ord,
        builtins.chr,
        builtins.range,
        builtins.type,
        builtins.bool,
        builtins.globals,
        builtins.locals,
        operator.is_,
        weakref.ref,
        weakref.proxy,
    )
)
_PURE_METHODS: dict[int, frozenset[str]] = {
    id(list): frozenset({"copy", "count", "index"}),
    id(dict): frozenset({"get", "keys", "values", "items", "copy"}),
    id(set): frozenset(
        {"copy", "isdisjoint", "issubset", "issuperset", "union", "intersection", "difference"}
    ),
}
_READING: tuple[Any, ...] = (
    *(abs, all, any, ascii, bin, divmod, enumerate, filter, format, hasattr, hash, hex, iter, map),
    *(max, min, next, oct, pow, print, repr, reversed, round, sorted, sum, zip),
    *(str, bytes, int, float, complex, list, tuple, dict, set, frozenset, slice),
)
_READING_FUNCTIONS = frozenset(map(id, _READING))
"""What only reads its arguments, by their special methods."""
_READ_METHODS = (
    *("__abs__", "__bool__", "__bytes__", "__eq__", "__float__", "__format__", "__getattr__"),
    *("__getattribute__", "__getitem__", "__gt__", "__hash__", "__index__", "__int__", "__iter__"),
    *("__len__", "__lt__", "__next__", "__repr__", "__reversed__", "__round__", "__str__"),
)
_CONTAINERS = frozenset(id(base) for base, _ in an.CONTAINER_BASES)
_VIEWS: tuple[Any, ...] = ({}.values(), {}.items())
_ITERATED: tuple[Any, ...] = (
    *([], (), {}, set(), "", "\u20ac", b"", bytearray(), deque(), range(0), range(1 << 70)),
    *_VIEWS,
)
_REVERSED: tuple[Any, ...] = ([], {}, *_VIEWS, deque(), range(0))
ITERATORS = frozenset(
    map(
        id,
        (*(type(iter(each)) for each in _ITERATED), *(type(reversed(each)) for each in _REVERSED)),
    )
)
"""By address: the iterators of builtin containers, which run no code and change nothing but themselves."""
_ATTRIBUTE_FUNCTIONS = frozenset(map(id, (builtins.getattr, builtins.setattr, builtins.delattr)))
_NAMESPACE_CALLS = frozenset({id(builtins.exec), id(builtins.eval)})
_super_self = super.__dict__["__self__"].__get__
_super_class = super.__dict__["__thisclass__"].__get__
_STATELESS = an.SCALAR_IDS | {id(tuple), id(frozenset)}

_DESCRIPTORS = frozenset(
    map(
        id,
        (
            types.MethodDescriptorType,
            types.WrapperDescriptorType,
            types.ClassMethodDescriptorType,
        ),
    )
)

_MAKE_INSTANCE = type.__dict__["__call__"]
"""What metaclasses inherit that do not say themselves what calling a class does (`ABCMeta`, for one)."""

InstrumentedTest = Callable[[types.CodeType], bool]


def runs_seen_code(callee: Any, instrumented: InstrumentedTest) -> bool:
    """Whether calling `callee` runs nothing but instrumented code."""
    cls = type(callee)
    if cls is types.FunctionType:
        return instrumented(callee.__code__)
    if cls is types.MethodType:
        function = callee.__func__
        return type(function) is types.FunctionType and instrumented(function.__code__)
    if cls is type or (
        an.has_base(an.type_mro(cls), type) and an.lookup(cls, "__call__") is _MAKE_INSTANCE
    ):
        new = an.lookup(callee, "__new__")
        if new is not object.__dict__["__new__"]:
            new = _unwrapped(new)
            if type(new) is not types.FunctionType or not instrumented(new.__code__):
                return False
        init = an.lookup(callee, "__init__")
        if init is object.__dict__["__init__"]:
            return True
        return type(init) is types.FunctionType and instrumented(init.__code__)
    return False


def changes_owner(owner: Any, name: str) -> bool:
    """Whether calling the C method `owner.name` may change the container `owner`."""
    return id(type(owner)) in _CONTAINERS and name not in _PURE_METHODS.get(id(type(owner)), ())


def changes_globals(callee: Any) -> bool:
    """Whether `callee` may bind names in the caller's module (`exec`, `eval`)."""
    return id(callee) in _NAMESPACE_CALLS


def suspects(
    callee: Any, arguments: tuple[Any, ...], instrumented: InstrumentedTest
) -> list[Suspect]:
    """What a call of `callee`, which is no looked-up method, may change."""
    if id(callee) in _PURE_FUNCTIONS or runs_seen_code(callee, instrumented):
        return []
    if id(callee) in _READING_FUNCTIONS:
        arguments = tuple(each for each in arguments if not reads_as_seen(each, instrumented))
    if id(callee) in _ATTRIBUTE_FUNCTIONS and len(arguments) > 1 and type(arguments[1]) is str:
        known = _attribute_suspects(callee, arguments[0], arguments[1], instrumented)
        if known is not None:
            return known
    cls = type(callee)
    if cls is types.MethodDescriptorType and arguments and id(type(arguments[0])) in _CONTAINERS:
        return method_suspects(arguments[0], callee.__name__, arguments[1:], instrumented)
    if cls is types.BuiltinFunctionType:
        owner = callee.__self__
        if id(type(owner)) in _CONTAINERS:
            return method_suspects(owner, callee.__name__, arguments, instrumented)
        name = builtin_name(callee)
    else:
        owner = None
        name = "call"
    found: list[Suspect] = [(each, True, name, ()) for each in arguments if not an.is_scalar(each)]
    if owner is not None and type(owner) is not types.ModuleType:
        found.append((owner, True, name, ()))
    if cls is types.MethodType:
        found.append((callee.__self__, True, name, ()))
    return found


def _attribute_suspects(
    callee: Any, owner: Any, name: str, instrumented: InstrumentedTest
) -> list[Suspect] | None:
    """What `getattr`, `setattr` or `delattr` of an instance may change; None if that is not plain."""
    cls = type(owner)
    if an.has_base(an.type_mro(cls), type) or cls is types.ModuleType:
        return None
    if callee is builtins.getattr:
        return [] if an.reads_quietly(cls, name, instrumented) else None
    hook = "__setattr__" if callee is builtins.setattr else "__delattr__"
    if type(an.lookup(cls, hook)) is not types.WrapperDescriptorType:
        return None
    found = an.lookup(cls, name)
    if found is not an.MISSING and type(found) is not types.MemberDescriptorType:
        for method in ("__set__", "__delete__"):
            if an.lookup(type(found), method) is not an.MISSING:
                return None
    return [(owner, False, callee.__name__, ())]


_SEEN_CLASSES: dict[int, tuple[type, bool]] = {}


def forget_classes() -> None:
    """Keep no class alive any more."""
    _SEEN_CLASSES.clear()


def reads_as_seen(value: Any, instrumented: InstrumentedTest) -> bool:
    """Whether reading `value` (printing, iterating, comparing it) runs no code but instrumented code."""
    cls = type(value)
    if id(cls) in an.SCALAR_IDS or id(cls) in _CONTAINERS or id(cls) in ITERATORS:
        return True
    if cls is types.FunctionType:
        return True
    if cls is types.GeneratorType:
        return instrumented(value.gi_code)
    known = _SEEN_CLASSES.get(id(cls))
    if known is None:
        known = _SEEN_CLASSES[id(cls)] = (cls, _read_methods_are_seen(cls, instrumented))
    return known[1]


def _read_methods_are_seen(cls: type, instrumented: InstrumentedTest) -> bool:
    if not an.is_python_class(cls):
        return False
    for name in _READ_METHODS:
        found = an.lookup(cls, name)
        if found is an.MISSING or found is None or type(found) is types.WrapperDescriptorType:
            continue
        if found is object.__dict__.get(name):
            continue
        if not (type(found) is types.FunctionType and instrumented(found.__code__)):
            return False
    return True


def method_suspects(
    receiver: Any, name: str, arguments: tuple[Any, ...], instrumented: InstrumentedTest
) -> list[Suspect]:
    """What `receiver.name(*arguments)` may change."""
    cls = type(receiver)
    if id(cls) in an.SCALAR_IDS:
        # Methods of scalars run code of their arguments at most (an iterable given to join).
        return [(each, True, name, ()) for each in arguments if id(type(each)) not in _STATELESS]
    if id(cls) in _CONTAINERS:
        if name in _PURE_METHODS.get(id(cls), ()):
            return []
        return [(receiver, False, name, arguments)]
    if cls is super:
        return _super_suspects(receiver, name, arguments, instrumented)
    if cls is types.ModuleType:
        callee = an.module_dict(receiver).get(name)
        return suspects(callee, arguments, instrumented) if callee is not None else []
    if an.has_base(an.type_mro(cls), type):
        found = an.lookup(receiver, name)
        found = _unwrapped(found)
    else:
        found = _unwrapped(an.lookup(cls, name))
    if type(found) is types.FunctionType and instrumented(found.__code__):
        return []
    deep: list[Suspect] = [(each, True, name, ()) for each in arguments if not an.is_scalar(each)]
    deep.append((receiver, True, name, ()))
    return deep


def looked_up(receiver: Any, name: str) -> Any:
    """The callable that `receiver.name` is going to find, as it lies in its class; MISSING if none."""
    cls = type(receiver)
    if cls is types.ModuleType:
        return an.module_dict(receiver).get(name, an.MISSING)
    return _unwrapped(an.lookup(receiver if an.has_base(an.type_mro(cls), type) else cls, name))


def is_unbound(callee: Any) -> bool:
    """Whether what lies in a class is called as it is, not bound to the receiver: a class, for one."""
    return an.has_base(an.type_mro(type(callee)), type)


def keeps_for_itself(callee: Any, instrumented: InstrumentedTest) -> bool:
    """Whether `callee` may keep what it is given and change it whenever it runs again.

    The standard library keeps things for others: it changes them when it is handed them, or what holds them.
    """
    if runs_seen_code(callee, instrumented):
        return False
    cls = type(callee)
    if cls is types.MethodType:
        callee, cls = callee.__func__, type(callee.__func__)
    if cls is types.FunctionType:
        # Not `__module__`: wrappers copy that from what they wrap.
        return an.is_foreign(callee.__globals__.get("__name__"))
    if an.has_base(an.type_mro(cls), type):
        return an.is_foreign_type(callee)
    if cls is types.BuiltinFunctionType and type(callee.__self__) is types.ModuleType:
        return an.is_foreign(callee.__module__)
    if cls is types.BuiltinFunctionType:
        return an.is_foreign_type(type(callee.__self__))
    if id(cls) in _DESCRIPTORS:
        return an.is_foreign_type(callee.__objclass__)
    call = an.lookup(cls, "__call__")
    if type(call) is types.FunctionType and instrumented(call.__code__):
        return False
    return an.is_foreign_type(cls)


def _unwrapped(found: Any) -> Any:
    if type(found) is staticmethod or type(found) is classmethod:
        return found.__func__
    return found


def _super_suspects(
    proxy: Any, name: str, arguments: tuple[Any, ...], instrumented: InstrumentedTest
) -> list[Suspect]:
    """The same for `super().name(*arguments)`."""
    receiver, start = _super_self(proxy), _super_class(proxy)
    cls = receiver if an.has_base(an.type_mro(type(receiver)), type) else type(receiver)
    mro = an.type_mro(cls)
    at = next((place for place, base in enumerate(mro) if base is start), -1)
    for base in mro[at + 1 :]:
        found = an.type_dict(base).get(name)
        if found is not None:
            found = _unwrapped(found)
            if type(found) is types.FunctionType and instrumented(found.__code__):
                return []
            break
    return blind_suspects(receiver, name, arguments)


def blind_suspects(receiver: Any, name: str, arguments: tuple[Any, ...]) -> list[Suspect]:
    """What a method may change of which only the name is known."""
    suspected: list[Suspect] = [(receiver, id(type(receiver)) not in _CONTAINERS, name, ())]
    suspected += [(each, True, name, ()) for each in arguments if not an.is_scalar(each)]
    return suspected


def builtin_name(function: Any) -> str:
    """The qualified name of a builtin function."""
    return contents.object_name(function, _builtin_anatomy())


_BUILTIN: list[an.Anatomy] = []


def _builtin_anatomy() -> an.Anatomy:
    if not _BUILTIN:
        _BUILTIN.append(an.Anatomy(types.BuiltinFunctionType))
    return _BUILTIN[0]
