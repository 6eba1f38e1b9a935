"""Runs in a process of its own: records work that comes back to where it began, and prints what stays behind.

    python leaking.py within FOLDER ROUNDS TURNS
    python leaking.py between FOLDER RECORDINGS TURNS

`within` one recording, for each round one line: the blocks that are allocated, and the references to objects
that all turns use.  `between` recordings, for each one line: the blocks that are allocated after it.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
from pathlib import Path

import escope
from escope.engine.launch.inprocess import ProcessRecording

WORK = """
import heapq

SHARED = [object(), ("a", 1.5), "text".upper(), [1], {"k": 2}, 3.25, 10 ** 40]

class Node:
    def __init__(self, value):
        self.value = value
        self.next = None

    def double(self):
        self.value *= 2
        return self

class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, shared):
        self.a = 1.5
        self.b = [self.a, shared]

def numbers(count):
    total = 0
    for i in range(count):
        total += i * 1.5
        big = 10 ** 30 + i
    return total

def containers(shared):
    items = [1, 2, shared]
    items.append("four")
    items.extend((5, shared))
    items[0] = {"a": shared}
    del items[1]
    items.sort(key=id)
    heap = [3, 1, 2]
    heapq.heappush(heap, 0)
    table = {str(k): shared for k in range(5)}
    table["0"] = items
    table.pop("1")
    table.update(x=shared)
    some = {1, 2}
    some.add(3)
    some.discard(1)
    first, *rest = items
    return [x for x in rest], (items, table, frozenset(some)), bytearray(b"abc")

def instances(shared):
    node = Node(3)
    node.next = Node(shared)
    node.next.next = node
    node.double()
    del node.next.value
    setattr(node, "extra", Slotted(shared))
    node.next.next = None
    return vars(node)

def generator(shared):
    try:
        while True:
            got = yield shared
    finally:
        got = None

def generators(shared):
    running = generator(shared)
    next(running)
    running.send(shared)
    running.close()
    return list(map(lambda each: (each, shared), range(3)))

def raising(depth, shared):
    if depth:
        return raising(depth - 1, shared)
    raise ValueError(shared)

def exceptions(shared):
    try:
        raising(4, shared)
    except ValueError as error:
        kept = error.args
    try:
        {}["missing"]
    except KeyError:
        pass
    return kept

def closures(shared):
    count = 0

    def add(by=1, *more, **named):
        nonlocal count
        count += by
        return count, shared

    for _ in range(3):
        add(2, shared, k=shared)
    return add

def text():
    s = ""
    for _ in range(6):
        s += "ab"
    return s.upper(), f"{s!r:>20}", s.encode()

def flush():
    for i in range(1000):
        newest = [i]

def turn():
    for shared in SHARED:
        containers(shared)
        instances(shared)
        generators(shared)
        exceptions(shared)
        closures(shared)
    text()
    numbers(10)
"""


def recording(folder: Path) -> ProcessRecording:
    """A recording of `work` that begins."""
    return escope.record(
        str(folder / "run.esr"), force=True, include=("work",), exclude=("__main__",)
    )


def within(folder: Path, rounds: int, turns: int) -> None:
    """Record `rounds` times `turns` turns, and print the counts between them."""
    with recording(folder):
        work = importlib.import_module("work")
        shared = [*work.SHARED, *(one for one in vars(work).values() if hasattr(one, "__module__"))]
        for _ in range(rounds):
            for _ in range(turns):
                work.turn()
            # The core lets go of what has died when new objects come: now it holds some of these.
            work.flush()
            gc.collect()
            counts = [sys.getrefcount(one) for one in shared]
            print(json.dumps([sys.getallocatedblocks(), counts]), flush=True)


def between(folder: Path, recordings: int, turns: int) -> None:
    """Make `recordings` of `turns` turns each, and print the count after each."""
    for _ in range(recordings):
        with recording(folder):
            work = importlib.import_module("work")
            for _ in range(turns):
                work.turn()
        del sys.modules["work"], work
        gc.collect()
        print(sys.getallocatedblocks(), flush=True)


if __name__ == "__main__":
    (Path(sys.argv[2]) / "work.py").write_text(WORK)
    sys.path.insert(0, sys.argv[2])
    {"within": within, "between": between}[sys.argv[1]](
        Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    )
