"""Methods that change a dict, deque, set or list by one item, where that is what they do and where it is not."""

import collections
import random


class Key:
    """Equal to a scalar, and found in its place."""

    def __init__(self, value):
        self.value = value

    def __hash__(self):
        return hash(self.value)

    def __eq__(self, other):
        return self.value == getattr(other, "value", other)


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, left):
        self.left = left


class Both(Slotted):
    """Slots, and a dict beside them."""


class Text(str):
    __slots__ = ("place",)


class Problem(ValueError):
    pass


def dicts():
    held = {}
    held.setdefault("a", []).append(1)
    held.setdefault("a", []).append(2)
    held.setdefault(1, "one")
    held.setdefault(True, "not stored")
    held.setdefault(1.0, "nor this")
    held.setdefault(Key(2), "key")
    held.setdefault(2, "found by a key of the program's")
    held.pop(1.0)
    held.pop("missing", None)
    held.setdefault(float("nan"), 1)
    held.setdefault(float("nan"), 2)
    held.pop(2)
    held.popitem()
    held.popitem()
    held.popitem()
    held.update(x=1, y=2, z=3)
    held.pop("y")
    held.setdefault("y", 4)
    held.pop("x")
    held |= {"y": 5, "w": 6}
    held.pop("w")
    held.setdefault("w", held)
    moved = held.pop("z")
    held["z"] = moved
    held.clear()
    held.setdefault(None)
    return held


def many():
    held = {number: str(number) for number in range(40)}
    for number in range(0, 40, 3):
        held.pop(number)
    for number in range(0, 40, 4):
        held.setdefault(number, number)
    while len(held) > 3:
        held.popitem()
    counted = collections.Counter("mississippi")
    counted.update("imp")
    counted.pop("m")
    grouped = collections.defaultdict(list)
    for number in range(6):
        grouped[number % 2].append(number)
    grouped.setdefault(7, []).append(1)
    ordered = collections.OrderedDict.fromkeys("abc")
    ordered.move_to_end("a")
    ordered.pop("b")
    ordered.setdefault("d", 1)
    ordered.popitem(last=False)
    return held, counted, grouped, ordered


def deques():
    line = collections.deque([1, 2, 3])
    line.append(4)
    line.appendleft(0)
    line.popleft()
    line.pop()
    line.rotate(1)
    line.extend([5, 6])
    line.extendleft([7, 8])
    line.remove(5)
    line.insert(1, "in")
    line.reverse()
    short = collections.deque(maxlen=2)
    for number in range(4):
        short.append(number)
    short.appendleft("left")
    short.clear()
    short.append([])
    short[0].append(1)
    return line, short


def sets():
    some = {1, "a"}
    some.add(2)
    some.add(True)
    some.add(Key(2))
    some.discard("a")
    some.update([3, (4, 5)])
    some.pop()
    some ^= {3, 9}
    return some


def lists():
    items = [1, 1, 1]
    items.pop(0)
    items.insert(0, 2)
    items.pop()
    items.extend(items)
    items.remove(2)
    items.sort(reverse=True)
    return items


def instances():
    one, other, text = Slotted(1), Both([1]), Text("x")
    setattr(one, "right", 2)
    object.__setattr__(other, "left", other)
    setattr(other, "more", one)
    setattr(text, "place", (1, 2))
    del one.left
    delattr(other, "left")
    vars(other)["further"] = text
    vars(other).pop("more")
    error = Problem("a", 1)
    error.note = []
    error.note.append(error.args)
    error.args = ("b",)
    setattr(error, "note", None)
    return one, other, text, error


def shuffled():
    random.seed(4)
    held = {"b": 1, "a": 2}
    for _ in range(60):
        key = random.choice("abcdef")
        random.choice([held.setdefault, held.pop])(key, random.random())
    return held


dicts(), many(), deques(), sets(), lists(), instances(), shuffled()
