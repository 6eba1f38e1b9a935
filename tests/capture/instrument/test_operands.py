"""Each probe is handed what its role promises."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from escope.engine.capture.roles import Role
from escope.events import Kind
from tests.capture.instrument.probing import FILE, Firing, Log, instrumented, namespace_of
from tests.capture.instrument.snippets import ALL

INLINED = sys.version_info >= (3, 12)


def firings(source: str, *roles: Role, function: str | None = None) -> list[Firing]:
    log = Log()
    namespace_of(instrumented(compile(source, FILE, "exec"), log))
    return log.of(*roles, function=function)


def operands(source: str, role: Role, function: str = "f") -> list[Any]:
    return [firing.operand for firing in firings(source, role, function=function)]


def contents(value: Any) -> Any:
    """Cells by their content."""
    if isinstance(value, types.CellType):
        try:
            return ("cell", value.cell_contents)
        except ValueError:
            return ("cell",)
    return value


def test_call_hands_over_parameters_and_then_cells() -> None:
    source = (
        "z = 9\n"
        "def f(a, b, /, c, *d, e, **g):\n"
        "    x = 1\n"
        "    def inner(): return b, x, e\n"
        "    return inner\n"
        "f(1, 2, 3, 4, e=5, h=6)()\n"
    )
    (call,) = firings(source, Role.CALL, function="f")
    names = call.code.variables
    assert [names[slot] for slot in call.code.parameters] == ["a", "b", "c", "e", "d", "g"]
    assert [names[slot] for slot in call.code.value_slots] == ["a", "c", "d", "g"]
    assert [names[slot] for slot in call.code.cells] == ["b", "e", "x"]
    values, cells = call.operand[:4], call.operand[4:]
    assert values == (1, 3, (4,), {"h": 6})
    # The closure keeps the cells: by now x has its value.
    assert [contents(cell) for cell in cells] == [("cell", 2), ("cell", 5), ("cell", 1)]
    (inner,) = firings(source, Role.CALL, function="f.<locals>.inner")
    assert [contents(cell) for cell in inner.operand] == [("cell", 2), ("cell", 5), ("cell", 1)]


def test_modules_and_class_bodies_hand_over_no_values() -> None:
    source = "class A:\n    x = 1\n    def m(self): return __class__\nA()\n"
    calls = firings(source, Role.CALL)
    assert [call.code.body for call in calls] == ["module", "class"]
    assert calls[0].operand == ()
    assert [type(value) for value in calls[1].operand] == [types.CellType]
    stores = firings(source, Role.STORE, function="A")
    found = [(s.site.name, s.site.slot, s.extra) for s in stores if s.site.name in ("x", "m")]
    assert found == [("x", None, None), ("m", None, None)]


def test_return_yield_and_resume_hand_over_their_values() -> None:
    source = (
        "def f():\n"
        "    x = yield 1\n"
        "    y = yield from [2, 3]\n"
        "    return (x, y)\n"
        "def g():\n    return None\n"
        "def h():\n    pass\n"
        "i = f(); next(i); i.send('a'); next(i)\n"
        "try: next(i)\n"
        "except StopIteration: pass\n"
        "g(); h()\n"
    )
    assert operands(source, Role.YIELD) == [1, 2, 3]
    assert operands(source, Role.RESUME) == ["a", None, None]
    assert operands(source, Role.RETURN) == [("a", None)]
    assert operands(source, Role.RETURN, "g") == operands(source, Role.RETURN, "h") == [None]


def test_async_generators_hand_over_what_the_program_yields() -> None:
    source = (
        "import asyncio\n"
        "async def f():\n"
        "    yield 'a'\n"
        "    yield 'b'\n"
        "async def main(): return [x async for x in f()]\n"
        "asyncio.run(main())\n"
    )
    assert operands(source, Role.YIELD) == ["a", "b"]


def test_stores_hand_over_the_value_or_its_cell() -> None:
    source = (
        "def f(a):\n"
        "    x = a\n"
        "    b, (c, *d) = 1, (2, 3)\n"
        "    x += 5\n"
        "    for i in 'xy': pass\n"
        "    if (w := 7): pass\n"
        "    y = 8\n"
        "    def inner(): return y\n"
        "    global g\n"
        "    g = 9\n"
        "    import sys as s\n"
        "f(1)\n"
    )
    found = [
        (store.site.name, store.operand)
        for store in firings(source, Role.STORE, function="f")
        if store.site.name not in ("s", "inner")
    ]
    y = next(value for name, value in found if name == "y")
    assert contents(y) == ("cell", 8)
    assert [pair for pair in found if pair[0] != "y"] == [
        ("x", 1),
        ("b", 1),
        ("c", 2),
        ("d", [3]),
        ("x", 6),
        ("i", "x"),
        ("i", "y"),
        ("w", 7),
        ("g", 9),
    ]
    slots = {
        store.site.name: store.site.slot for store in firings(source, Role.STORE, function="f")
    }
    assert slots["g"] is None
    assert slots["x"] is not None


def test_both_halves_of_a_double_store_are_seen() -> None:
    source = "def f(p):\n    a, b = p\n    c = b; d = c\n    return a, d\nf((1, 2))\n"
    found = [(s.site.name, s.operand) for s in firings(source, Role.STORE, function="f")]
    assert found == [("a", 1), ("b", 2), ("c", 2), ("d", 2)]


def test_an_unbound_variable_is_never_read_after_a_comprehension() -> None:
    source = (
        "def f(n):\n"
        "    a = [i for i in range(n)]\n"
        "    b = [i for i in range(n)]\n"
        "    i = 5\n"
        "    c = [i for i in range(n)]\n"
        "    try:\n"
        "        [1 / i for i in range(n)]\n"
        "    except ZeroDivisionError: pass\n"
        "    d = [(lambda: j) for j in range(n)]\n"
        "    return i, a, b, c\n"
        "assert f(3) == (5, [0, 1, 2], [0, 1, 2], [0, 1, 2])\n"
        "k = [x for x in range(2)]\n"
        "class A:\n    y = [z for z in range(2)]\n"
    )
    found = firings(source, Role.RESTORE, Role.SAVE, function="f")
    if not INLINED:
        assert found == []
        return
    assert [(f.role, f.site.name) for f in found if f.site.name == "i"] == (
        [(Role.SAVE, "i"), (Role.RESTORE, "i")] * 4
    )
    assert {f.site.kind for f in found} == {Kind.STORE, Kind.DELETE}


def test_deletions_name_what_goes() -> None:
    source = (
        "def f(a):\n"
        "    b = a\n"
        "    def inner(): return b\n"
        "    del a, b\n"
        "    global g\n"
        "    g = 1\n"
        "    del g\n"
        "f(1)\n"
        "h = 2\n"
        "del h\n"
    )
    found = firings(source, Role.DELETE)
    assert [(one.site.name, contents(one.operand)) for one in found] == [
        ("a", None),
        ("b", ("cell",)),
        ("g", None),
        ("h", None),
    ]


def test_attributes_and_items_hand_over_owner_key_and_value() -> None:
    source = (
        "class A: pass\n"
        "o = A(); l = [1, 2, 3, 4]; d = {}\n"
        "def f():\n"
        "    o.x = 5\n"
        "    o.x += 1\n"
        "    del o.x\n"
        "    l[0] = 7\n"
        "    l[1:2] = [8, 9]\n"
        "    d['k'] = l[-1]\n"
        "    del l[0], l[0:1]\n"
        "f()\n"
    )
    log = Log()
    names = namespace_of(instrumented(compile(source, FILE, "exec"), log))
    o, items, d = names["o"], names["l"], names["d"]
    sets = [(s.operand, s.site.name) for s in log.of(Role.SETATTR)]
    assert sets == [((o, 5), "x"), ((o, 6), "x")]
    assert [(s.operand, s.site.name) for s in log.of(Role.DELATTR)] == [(o, "x")]
    stored = [s.operand for s in log.of(Role.SETITEM)]
    assert stored[0] == (7, items, 0)
    if INLINED:
        assert stored[1] == ([8, 9], items, 1, 2)
    else:
        assert stored[1] == ([8, 9], items, slice(1, 2))
    assert stored[2] == (4, d, "k")
    removed = [s.operand for s in log.of(Role.DELITEM)]
    assert removed == [(items, 0), (items, slice(0, 1))]


def test_a_store_that_fails_fires_no_probe_after_it() -> None:
    source = (
        "def f():\n"
        "    try: (1).x = 2\n"
        "    except AttributeError: pass\n"
        "    try: (1)[0] = 2\n"
        "    except TypeError: pass\n"
        "    try: del (1)[0]\n"
        "    except TypeError: pass\n"
        "    return 3\n"
        "f()\n"
    )
    roles = (Role.SETATTR, Role.SETITEM, Role.DELITEM)
    assert firings(source, *roles) == []
    assert operands(source, Role.RETURN) == [3]


CALLS = """
class A:
    def m(self, *a, **k): return a
    @property
    def fn(self): return lambda *a: a
    @classmethod
    def c(cls, a): return a
o = A()
def deco(x): return x
def f(g, t, k):
    g(1, 2)
    g(1, b=2)
    o.m(3, x=4)
    o.m()
    o.fn(5)
    A.c(6)
    len([7])
    (g if t else None)(8)
    g(*t)
    g(*t, **k)
    g(9, *t, z=1)
    o.m(*t)
    @deco
    def inner(): pass
    o.m(g(10), g(o.m(11)))
    [x for x in g(12)]
    print(end='')
    with_(13)
    (lambda: 1)()
    assert t, g(14)
def with_(x):
    with A2() as y: pass
class A2:
    def __enter__(self): pass
    def __exit__(self, *a): pass
f(lambda *a, **k: a, (1, 2), {'q': 1})
"""


def test_calls_hand_over_callable_and_arguments() -> None:
    log = Log()
    names = namespace_of(instrumented(compile(CALLS, FILE, "exec"), log))
    (call,) = log.of(Role.CALL, function="f")
    g, t, k = call.operand
    handed = [(one.operand, one.site.name) for one in log.of(Role.ARGS, function="f")]
    assert handed[:8] == [
        ((g, 1, 2), None),
        ((g, 1, 2), None),
        ((None, 3, 4), None),
        ((None,), None),
        ((None, 5), None),
        ((None, 6), None),
        ((len, [7]), None),
        ((g, 8), None),
    ]
    assert handed[8] == ((g, t, None), "*")
    assert handed[9] == ((g, t, k), "*")
    assert handed[10] == ((g, (9, 1, 2), {"z": 1}), "*")
    assert handed[11][0][1:] == (t, None)
    assert handed[12][0][0] is names["deco"]
    assert handed[12][0][1].__name__ == "inner"
    assert [one[0] for one in handed[13:17]] == [
        (g, 10),
        (None, 11),
        (g, (11,)),
        (None, (10,), ((11,),)),
    ]
    assert ((g, 12), None) in handed
    assert ((print, ""), None) in handed


def test_a_method_call_finds_its_receiver_by_depth() -> None:
    log = Log()
    names = namespace_of(instrumented(compile(CALLS, FILE, "exec"), log))
    waiting: dict[int, Firing] = {}
    met = []
    for firing in log.of(Role.RECEIVER, Role.ARGS, function="f"):
        if firing.role is Role.RECEIVER:
            waiting[firing.extra] = firing
            continue
        depth, method = firing.extra
        if method:
            receiver = waiting.pop(depth)
            met.append((receiver.operand, receiver.site.name))
    o, a = names["o"], names["A"]
    assert met == [(o, "m"), (o, "m"), (o, "fn"), (a, "c"), (o, "m"), (o, "m")]
    assert waiting == {}


def test_every_method_call_of_the_snippets_has_its_receiver() -> None:
    for source in ALL.values():
        waiting: dict[tuple[str, int], Firing] = {}
        for firing in firings(source, Role.RECEIVER, Role.ARGS):
            place = firing.code.qualname
            if firing.role is Role.RECEIVER:
                depth = firing.extra[0] if isinstance(firing.extra, tuple) else firing.extra
                waiting[place, depth] = firing
            elif firing.extra[1]:
                assert waiting.pop((place, firing.extra[0])).site.line is not None


def test_exceptions_are_handed_to_handlers_and_at_the_edge() -> None:
    source = (
        "import contextlib\n"
        "def f():\n"
        "    try:\n"
        "        raise KeyError(1)\n"
        "    except ValueError: pass\n"
        "    except KeyError as e: pass\n"
        "    try: 1 / 0\n"
        "    except: pass\n"
        "    try: 1 / 0\n"
        "    except ValueError: pass\n"
        "    except: pass\n"
        "    with contextlib.suppress(OSError):\n"
        "        raise OSError\n"
        "    try:\n"
        "        raise ExceptionGroup('g', [TypeError(2)])\n"
        "    except* ValueError: pass\n"
        "    except* TypeError: pass\n"
        "    try:\n"
        "        raise LookupError(3)\n"
        "    finally:\n"
        "        x = 1\n"
        "try: f()\n"
        "except LookupError: pass\n"
    )
    log = Log()
    namespace_of(instrumented(compile(source, FILE, "exec"), log))
    kinds = [
        (firing.role.name, type(firing.operand).__name__)
        for firing in log.of(Role.HANDLE, Role.UNWIND, Role.RAISING)
    ]
    assert kinds == [
        ("RAISING", "NoneType"),
        ("HANDLE", "KeyError"),
        ("HANDLE", "ZeroDivisionError"),
        ("HANDLE", "ZeroDivisionError"),
        ("RAISING", "NoneType"),
        ("HANDLE", "OSError"),
        ("RAISING", "NoneType"),
        ("HANDLE", "ExceptionGroup"),
        ("RAISING", "NoneType"),
        ("UNWIND", "LookupError"),
        ("HANDLE", "LookupError"),
    ]
    reached = [type(one.operand).__name__ for one in log.of(Role.EXCEPT, function="f")]
    assert reached == [
        "KeyError",
        "ZeroDivisionError",
        "ZeroDivisionError",
        "OSError",
        "ExceptionGroup",
        "LookupError",
    ]


def test_a_handler_knows_its_exception_before_the_line_of_the_clause() -> None:
    source = "def f():\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        pass\nf()\n"
    wanted = (Role.LINE, Role.EXCEPT, Role.HANDLE)
    found = [(one.role.name, one.site.line) for one in firings(source, *wanted, function="f")]
    names = [name for name, _ in found]
    assert names == ["LINE", "LINE", "EXCEPT", "LINE", "HANDLE", "LINE"]


def test_operations_that_may_run_unseen_code_hand_over_their_object() -> None:
    source = (
        "import contextlib\n"
        "class A: x = [1]\n"
        "o = A(); l = [1, 2]; cm = contextlib.nullcontext()\n"
        "def f():\n"
        "    o.x\n"
        "    l[0]\n"
        "    l[0:1]\n"
        "    s = l\n"
        "    s += [3]\n"
        "    with cm: pass\n"
        "    for i in l: pass\n"
        "f()\n"
    )
    log = Log()
    names = namespace_of(instrumented(compile(source, FILE, "exec"), log))
    found = [(t.operand, t.site.name, t.extra) for t in log.of(Role.TOUCH, function="f")]
    o, items, cm = names["o"], names["l"], names["cm"]
    assert found[:5] == [
        (o, "x", None),
        (items, None, None),
        (items, None, None),
        (items, None, True),
        (cm, None, "deep"),
    ]
    assert [type(operand).__name__ for operand, _, _ in found[5:]] == ["list_iterator"] * 3


def test_imports_are_noticed() -> None:
    source = "import sys\ndef f():\n    from os import path\nf()\nfrom os.path import *\n"
    assert [one.site.line for one in firings(source, Role.IMPORTED)] == [1, 3, 5, 5]


@pytest.mark.parametrize("name", sorted(ALL))
def test_sites_of_events_have_kinds_and_others_none(name: str) -> None:
    log = Log()
    namespace_of(instrumented(compile(ALL[name], FILE, "exec"), log))
    silent = {Role.RECEIVER, Role.ARGS, Role.TOUCH, Role.RAISING, Role.IMPORTED}
    for firing in log.firings:
        assert (firing.site.kind is None) == (firing.role in silent)
        if firing.role is Role.LINE:
            assert firing.site.kind is Kind.LINE
