"""Code with probes does what it did: results, exceptions, tracebacks, recursion, suspension."""

from __future__ import annotations

import copy
import inspect
import io
import linecache
import pickle
import subprocess
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from escope.engine.capture.roles import Role
from tests.capture.instrument.probing import FILE, Log, instrumented, namespace_of
from tests.capture.instrument.snippets import ALL


@pytest.fixture
def both() -> Iterator[Callable[[str], tuple[dict[str, Any], dict[str, Any]]]]:
    """Run a source plain and with probes; gives both namespaces."""

    def run(source: str) -> tuple[dict[str, Any], dict[str, Any]]:
        code = compile(source, FILE, "exec")
        linecache.cache[FILE] = (len(source), None, source.splitlines(True), FILE)
        return namespace_of(code), namespace_of(instrumented(code, Log(keep=False)))

    yield run
    linecache.cache.pop(FILE, None)


def report(function: Callable[[], object]) -> str:
    """The traceback that calling `function` ends with."""
    out = io.StringIO()
    try:
        function()
    except BaseException as error:
        frames = error.__traceback__ and error.__traceback__.tb_next
        traceback.TracebackException(type(error), error, frames).print(file=out)
    assert FILE in out.getvalue()
    return out.getvalue()


RAISERS = """
import contextlib
def plain(x=1):
    return x + (
        1 / (x - 1)
        ) + 2
def attribute():
    class A: pass
    return A().b.c
def chained():
    try:
        {}["a"]["b"]
    except KeyError as e:
        raise ValueError("x") from e
def context():
    try:
        [][3]
    except IndexError:
        undefined
def final():
    try:
        int("x")
    finally:
        y = 1
def within():
    with contextlib.suppress(KeyError):
        [i / 0 for i in range(3)]
def manager():
    with contextlib.ExitStack() as s:
        s.callback(lambda: 1 / 0)
        raise KeyError(1)
def again():
    for i in range(2):
        try:
            raise KeyError(i)
        except KeyError:
            if i:
                raise
def group():
    try:
        raise ExceptionGroup("g", [ValueError(1), KeyError(2), OSError(3)])
    except* ValueError:
        pass
    except* KeyError as e:
        raise TypeError(e)
def gen():
    def g():
        try:
            yield 1
        finally:
            z = 3
        raise StopIteration
    return list(g())
def delegated():
    def inner():
        yield 1
        1 / 0
    def outer():
        yield from inner()
    return list(outer())
def thrown():
    def inner():
        yield 1
    def outer():
        yield from inner()
    g = outer()
    next(g)
    g.throw(KeyError("thrown"))
def awaited():
    async def a(): raise KeyError(1)
    async def b():
        await a()
    b().send(None)
def async_with():
    class M:
        async def __aenter__(self): pass
        async def __aexit__(self, *a): pass
    async def b():
        async with M(), M():
            raise OSError
    b().send(None)
def unpacking():
    a, (b, c) = 1, (2, 3, 4)
def calling():
    def f(a, *, b): pass
    f(1, **{"c": 3})
def closing():
    def g():
        try:
            yield 1
        except GeneratorExit:
            yield 2
    i = g(); next(i)
    i.close()
def deleting():
    del x
    x = 1
def comparing():
    return 1 < 2 < (
        "a") < 3
def in_class():
    class K:
        a = 1
        b = a / 0
def augmented():
    x = []
    x += 1
def setting():
    (1).x = 2
def item():
    (1)[2] = 3
def slicing():
    (1)[2:3] = 3
def matching(v=(1, 2)):
    match v:
        case (a, b) if a / 0: pass
def recursion():
    return recursion()
"""


def _raisers() -> list[str]:
    names = namespace_of(compile(RAISERS, FILE, "exec"))
    return [name for name, one in names.items() if isinstance(one, types.FunctionType)]


@pytest.mark.parametrize("name", _raisers())
def test_tracebacks_are_the_same_to_the_column(name: str, both: Any) -> None:
    plain, probed = both(RAISERS)
    if name == "recursion":
        with pytest.raises(RecursionError):
            probed[name]()
        return
    assert report(probed[name]) == report(plain[name])


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_namespace_of_a_module_is_the_same(name: str, both: Any) -> None:
    plain, probed = both(ALL[name])
    assert list(plain) == list(probed)
    for key, value in plain.items():
        if isinstance(value, (int, str, tuple, list)):
            assert probed[key] == value


def test_what_can_be_asked_of_a_function_is_the_same(both: Any) -> None:
    source = (
        "def f(a, b=1, *c, d: int = 2, **e):\n"
        "    '''Doc.'''\n"
        "    x = [a for a in c]\n"
        "    return locals()\n"
    )
    plain, probed = both(source)
    f, g = plain["f"], probed["f"]
    assert inspect.signature(f) == inspect.signature(g)
    assert inspect.getsource(f) == inspect.getsource(g)
    assert f.__doc__ == g.__doc__
    assert list(f(1, 2, 3)) == list(g(1, 2, 3))
    for name in ("co_names", "co_varnames", "co_flags", "co_firstlineno", "co_qualname"):
        assert getattr(f.__code__, name) == getattr(g.__code__, name)
    lines = [{line for *_, line in one.__code__.co_lines() if line} for one in (f, g)]
    assert lines[0] == lines[1]


def test_deep_recursion_comes_back(both: Any) -> None:
    plain, probed = both("def f(n):\n    return f(n - 1) + 1 if n else 0\n")
    assert plain["f"](300) == probed["f"](300) == 300


def test_stack_and_frame_lines_are_the_same(both: Any) -> None:
    source = (
        "import sys, traceback\n"
        "def where(n=1):\n"
        "    return [(f.name, f.lineno, f.colno) for f in traceback.extract_stack()\n"
        "            if f.filename == '<snippet>']\n"
        "def f(a):\n"
        "    for i in range(2):\n"
        "        a.append(where(\n"
        "            i))\n"
        "    try:\n"
        "        1 / 0\n"
        "    except ZeroDivisionError:\n"
        "        a.append(sys.exc_info()[2].tb_lineno)\n"
        "        a.append(where())\n"
        "    return a\n"
        "a = f([])\n"
    )
    plain, probed = both(source)
    assert plain["a"] == probed["a"]


def test_iterators_on_the_stack_end_in_the_same_order(both: Any) -> None:
    source = (
        "out = []\n"
        "def g(n):\n"
        "    try:\n"
        "        while True: yield n\n"
        "    finally: out.append(n)\n"
        "def f():\n"
        "    local = g('local'); next(local)\n"
        "    for i in g('outer'):\n"
        "        for j in g('inner'):\n"
        "            raise KeyError\n"
        "try: f()\n"
        "except KeyError: out.append('caught')\n"
        "def h():\n"
        "    for i in g('returned'):\n"
        "        return 1\n"
        "h()\n"
    )
    plain, probed = both(source)
    assert plain["out"] == probed["out"]


def test_the_current_exception_is_the_same_everywhere(both: Any) -> None:
    source = (
        "import sys\n"
        "out = []\n"
        "def now(): out.append(sys.exc_info()[0])\n"
        "class D:\n"
        "    def __del__(self): now()\n"
        "def f():\n"
        "    d = D()\n"
        "    try:\n"
        "        1 / 0\n"
        "    except ZeroDivisionError:\n"
        "        now()\n"
        "        raise\n"
        "    finally:\n"
        "        now()\n"
        "now()\n"
        "try: f()\n"
        "except ZeroDivisionError: now()\n"
        "now()\n"
        "def g():\n"
        "    try: yield now()\n"
        "    except KeyError: yield now()\n"
        "    now()\n"
        "i = g(); next(i); i.throw(KeyError); list(i)\n"
    )
    plain, probed = both(source)
    assert plain["out"] == probed["out"]
    assert len(plain["out"]) > 6


def test_generators_keep_what_can_be_asked_of_them(both: Any) -> None:
    source = (
        "def inner():\n"
        "    x = yield 1\n"
        "    yield x\n"
        "def outer():\n"
        "    y = yield from inner()\n"
        "async def sleeper(): pass\n"
    )
    for names in both(source):
        g = names["outer"]()
        assert g.gi_yieldfrom is None
        assert inspect.getgeneratorstate(g) == inspect.GEN_CREATED
        next(g)
        assert g.gi_yieldfrom.gi_code.co_name == "inner"
        assert g.gi_frame.f_lineno == 5
        assert inspect.getgeneratorlocals(g.gi_yieldfrom) == {}
        assert g.send(3) == 3
        assert inspect.getgeneratorlocals(g.gi_yieldfrom) == {"x": 3}
        g.close()
        assert inspect.getgeneratorstate(g) == inspect.GEN_CLOSED
        c = names["sleeper"]()
        assert c.cr_await is None
        with pytest.raises(StopIteration):
            c.send(None)


def test_throwing_into_a_delegation_goes_on_behind_it(both: Any) -> None:
    source = (
        "def inner():\n"
        "    try: yield 1\n"
        "    except ValueError: return 'caught'\n"
        "def outer():\n"
        "    a = yield from inner()\n"
        "    b = yield from inner()\n"
        "    yield a, b\n"
    )
    for names in both(source):
        g = names["outer"]()
        next(g)
        assert g.throw(ValueError) == 1
        assert g.throw(ValueError) == ("caught", "caught")


def test_a_string_that_grows_in_place_still_does() -> None:
    source = "def f(n):\n    s = ''\n    for i in range(n): s += 'x' * 1000\n    return len(s)\n"
    log = Log()
    names = namespace_of(instrumented(compile(source, FILE, "exec"), log))
    log.on = False
    names["f"](3)
    # 100 MB: copied at every step this would move 5 TB.
    assert names["f"](100_000) == 100_000_000


def test_pickled_code_runs_where_escope_is_not() -> None:
    source = (
        "class C: pass\n"
        "def f(a):\n"
        "    c = C(); c.x = a; c.y = [1]; c.y[0] = c.x; c.y[0] += 1\n"
        "    try: 1 / 0\n"
        "    except ZeroDivisionError: pass\n"
        "    def g(): return a\n"
        "    return [c.y[0] + g() for i in range(2)]\n"
    )
    names = namespace_of(instrumented(compile(source, FILE, "exec"), Log()))
    code = names["f"].__code__
    assert copy.deepcopy(code) is code
    parts = pickle.dumps(code.co_consts[:0] + tuple(_plain(code)))
    script = (
        "import pickle, sys, types\n"
        "def build(parts):\n"
        "    fields = list(parts)\n"
        "    fields[-1] = tuple(build(c[1]) if type(c) is tuple and c[:1] == ('code',) else c"
        " for c in fields[-1])\n"
        "    return types.CodeType(*fields[:7], fields[-1], *fields[7:-1])\n"
        "code = build(pickle.loads(sys.stdin.buffer.read()))\n"
        "f = types.FunctionType(code, {'C': type('C', (), {}), '__builtins__': __builtins__})\n"
        "assert 'escope' not in sys.modules\n"
        "print(f(3))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], input=parts, capture_output=True, timeout=60
    )
    assert done.stderr == b""
    assert done.stdout.strip() == b"[7, 7]"


def _plain(code: types.CodeType) -> list[Any]:
    constants = tuple(
        ("code", _plain(one)) if isinstance(one, types.CodeType) else one for one in code.co_consts
    )
    return [
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_nlocals,
        code.co_stacksize,
        code.co_flags,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_filename,
        code.co_name,
        code.co_qualname,
        code.co_firstlineno,
        code.co_linetable,
        code.co_exceptiontable,
        code.co_freevars,
        code.co_cellvars,
        constants,
    ]


def test_every_frame_that_began_ends() -> None:
    for name in ("loops", "conditions", "exceptions", "definitions", "matching", "long"):
        log = Log()
        namespace_of(instrumented(compile(ALL[name], FILE, "exec"), log))
        stack: list[object] = []
        for firing in log.of(Role.CALL, Role.RESUME, Role.RETURN, Role.YIELD, Role.UNWIND):
            if firing.role in (Role.CALL, Role.RESUME):
                stack.append(firing.code)
            else:
                assert stack.pop() is firing.code
        assert stack == []
        assert log.firings[-1].role is Role.RETURN
