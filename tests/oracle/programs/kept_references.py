"""Objects that code which is not recorded keeps, and changes later without being handed them again."""

import atexit
import functools
import threading
import types
import weakref
from concurrent.futures import ThreadPoolExecutor

# What another thread does is awaited in the line that starts it, so that every run has the same moments.

LIBRARY = """
_kept = []

def register(thing):
    _kept.append(thing)

def borrow(thing):
    return len(thing)

def tick(number):
    for thing in _kept:
        if isinstance(thing, dict):
            thing[number] = number * number
        elif isinstance(thing, list):
            thing.append(number)
        else:
            thing.ticks = number

class Holder:
    def hold(self, first, *, second=None):
        self.first, self.second = first, second

HOLDER = Holder()

def poke():
    HOLDER.first.append("poked")
    HOLDER.second["poked"] = len(HOLDER.first)
"""


class Node:
    pass


def finalizers():
    log = []
    node = Node()
    weakref.finalize(node, log.append, "finalized")
    reference = weakref.ref(node, log.append)
    alive = reference() is node
    del node
    count = len(log)
    return alive, count


def timers():
    seen = []
    timer = threading.Timer(0.001, seen.extend, ([1, 2],))
    joined = timer.start(), timer.join()
    return joined, seen


def threads():
    data = {}
    thread = threading.Thread(target=data.update, args=({"a": 1},), kwargs={"b": 2})
    done = thread.start(), thread.join()
    partial = threading.Thread(target=functools.partial(data.setdefault, "c", []))
    again = partial.start(), partial.join()
    return done, again, data


def pools():
    out = set()
    with ThreadPoolExecutor(1) as pool:
        for number in range(3):
            pool.submit(out.add, number).result()
        size = len(out)
    return size


def exits():
    at_exit = []
    atexit.register(at_exit.append, "later")
    count = len(at_exit)
    return at_exit, count


def registered(library):
    numbers, squares, node = [], {}, Node()
    library.register(numbers)
    library.register(squares)
    library.register(node)
    length = library.borrow(numbers)
    for number in range(4):
        library.tick(number)
        length = len(numbers)
    return length, squares, node


def held(library):
    words = ["a"]
    table = {"words": words}
    library.HOLDER.hold(words, second=table)
    first = len(words)
    library.poke()
    second = len(words)
    library.poke()
    third = len(table)
    return first, second, third


def main():
    library = types.ModuleType("library")
    exec(compile(LIBRARY, "<library>", "exec"), library.__dict__)
    finalizers()
    timers()
    threads()
    pools()
    kept = exits()
    registered(library)
    held(library)
    return kept


main()
