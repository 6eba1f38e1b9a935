"""Objects die when the program lets go of them, as in a run that is not recorded."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from escope.engine.capture.core import NATIVE
from tests.oracle.harness import run

pytestmark = pytest.mark.skipif(find_spec(NATIVE) is None, reason="the C core was not built")

CYCLES = """
import functools, gc, json, re, weakref
from collections import OrderedDict, deque

class Slotted:
    __slots__ = ("held",)

class Node:
    pass

class Error(ValueError):
    __slots__ = ()

def through_slots(node):
    node.other = Slotted()
    node.other.held = node

def through_list(node):
    node.other = []
    node.other.append(node)

def through_dict(node):
    node.other = {}
    node.other["node"] = node

def through_tuple(node):
    node.other = (1, node)

def through_cell(node):
    node.other = lambda: node

def through_exception(node):
    try:
        raise Error(node)
    except Error as error:
        node.other = error

def through_iterator(node):
    node.other = enumerate(zip(iter([node, node])))
    next(node.other)

def through_deque_iterator(node):
    node.other = iter(deque([node, node]))
    next(node.other)

def through_static_method(node):
    node.other = staticmethod(classmethod(property(functools.partial(print, node).func, lambda: node)))

def through_proxy(node):
    node.other = type(type.__dict__)({"node": node})

def through_bound_slot(node):
    node.other = node.__str__

def through_views(node):
    node.other = OrderedDict(node=node).items()
    node.more = reversed({"node": node}.values())

def through_group(node):
    from itertools import groupby, tee
    node.other = tee(iter([node]))
    node.more = next(groupby([node]))

def through_match(node):
    class Text(str):
        pass
    text = Text("abc")
    text.node = node
    node.other = re.match("a", text)
    node.more = memoryview(b"1")

def through_memory_error(node):
    try:
        raise MemoryError
    except MemoryError as error:
        node.other = error
        error.node = node

gc.disable()
left = {}
ways = [name for name in globals() if name.startswith("through_")]
for make in map(globals().get, ways):
    nodes = []
    for _ in range(20):
        node = Node()
        make(node)
        nodes.append(weakref.ref(node))
    del node
    gc.collect()
    left[make.__name__] = sum(one() is not None for one in nodes)
print(json.dumps(left))
"""

DEEP = """
class Slotted:
    __slots__ = ("held",)

def nest(make, held):
    for _ in range(100_000):
        held = make(held)
    return held

def slotted(held):
    made = Slotted()
    made.held = held
    return made

def traced(held):
    made = ValueError()
    made.__cause__ = held
    return made

def enumerate_one(held):
    return zip([held])

def bound(held):
    return held.__str__

def static(held):
    return staticmethod(held)

def failed(held):
    made = MemoryError()
    made.__cause__ = held
    return made

for make in (lambda held: [held], lambda held: (held,), lambda held: {1: held}, slotted, traced, bound, static,
             failed, enumerate_one):
    nest(make, None)
print("done")
"""

CLASSES = """
class First:
    __slots__ = ("x",)

class Second:
    __slots__ = ("x",)

class Third(Second):
    __slots__ = ()

found = []
for n in range(300):
    one = First()
    one.x = n
    one.__class__ = Second
    found.append(one.x)
    one = Third()
    one.x = n
    one.__class__ = First
    found.append(one.x)
    one = None
print(sum(found))
"""

REUSED = """
from itertools import combinations, product
from json import dumps

def walk(made, every):
    last = []
    for at, one in enumerate(made):
        if at % every == 0:
            seen = one
            last.append(repr(seen))
    return last

shown = []
for every in (1, 2, 3):
    shown += walk(zip([0.5 * n for n in range(9)], [0.25 * n for n in range(9)]), every)
    shown += walk(enumerate(zip([0.5 * n for n in range(9)], "abcdefghi")), every)
    shown += walk({n * 0.5: n * 0.25 for n in range(9)}.items(), every)
    shown += walk(product([0.5, 1.5, 2.5], "xy"), every)
    shown += walk(combinations([0.5, 1.5, 2.5, 3.5], 2), every)
    shown += walk(zip(zip([1.5, 2.5, 3.5, 4.5]), zip([5.5, 6.5, 7.5, 8.5])), every)
print(dumps(shown))
"""

GLOBALS = """
import os


class Closing:
    __slots__ = ("inside",)

    def __init__(self, inside):
        self.inside = inside

    def __del__(self, write=os.write):
        write(1, b"closed with %d\\n" % len(self.inside))


class Error(Exception):
    def __del__(self, write=os.write):
        write(1, b"error ended\\n")


def fail():
    try:
        raise Error(Closing([1, 2, 3]))
    except Error as error:
        return error


class Meta(type):
    def __del__(cls, write=os.write):
        write(1, b"class ended\\n")


class Made(metaclass=Meta):
    pass


closing = Closing([1, 2])
held = [fail(), {"closing": Closing((1,))}, Made()]
print("end", flush=True)
"""


def recorded(text: str, folder: Path) -> tuple[bytes, Path]:
    script, file = folder / "program.py", folder / "program.esr"
    script.write_text(text)
    command = [sys.executable, "-m", "escope", "record", "-o", str(file), str(script)]
    ended = run(command, folder, core="c")
    assert ended.status == 0, ended.stderr
    plain = run([sys.executable, str(script)], folder)
    assert ended.stdout == plain.stdout
    assert b"partial" not in ended.stderr
    return ended.stdout, file


def test_cycles_through_what_has_no_weak_references_are_collected(tmp_path: Path) -> None:
    left = json.loads(recorded(CYCLES, tmp_path)[0])
    assert len(left) == 15
    assert set(left.values()) == {0}


def test_deep_structures_come_apart_without_depth(tmp_path: Path) -> None:
    assert recorded(DEEP, tmp_path)[0] == b"done\n"


def test_an_object_that_gets_another_class_is_followed_to_its_end(tmp_path: Path) -> None:
    assert recorded(CLASSES, tmp_path)[0] == b"%d\n" % (2 * sum(range(300)))


def test_tuples_that_iterators_use_again_show_what_they_held(tmp_path: Path) -> None:
    import escope

    expected = json.loads(recorded(REUSED, tmp_path)[0])
    with escope.open(tmp_path / "program.esr") as recording:
        stores = [
            event.value.summary(200)
            for event in recording.events(kind="store")
            if event.name == "seen"
        ]
    assert len(stores) == len(expected) > 50
    assert stores == expected


def test_what_globals_hold_ends_with_the_interpreter(tmp_path: Path) -> None:
    out = recorded(GLOBALS, tmp_path)[0]
    assert sorted(out.split(b"\n")[1:-1]) == sorted(
        [b"class ended", b"error ended", *(b"closed with %d" % count for count in (1, 2, 3))]
    )
