"""Subclasses of builtin types, with attributes, and enum members in containers."""

import collections
import datetime
import decimal
import enum
import fractions
import pathlib


class Text(str):
    def __new__(cls, content, note=None):
        self = super().__new__(cls, content)
        self.note = note
        return self


class Metres(float):
    unit = "m"


class Flags(int):
    pass


class Row(tuple):
    def first(self):
        return self[0]


class Names(list):
    def __init__(self, *names):
        super().__init__(names)
        self.added = 0

    def append(self, name):
        self.added += 1
        super().append(name.title())


class Bag(set):
    pass


class Frozen(frozenset):
    pass


class Buffer(bytearray):
    pass


class Blob(bytes):
    pass


class Window(collections.deque):
    def push(self, item):
        self.append(item)
        self.pushes = getattr(self, "pushes", 0) + 1


class Colour(enum.Enum):
    RED = "r"
    GREEN = "g"


class Priority(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Permission(enum.Flag):
    R = 4
    W = 2


def scalars():
    text = Text("hello", note=["n"])
    text.note.append("more")
    text.extra = {"k": text}
    distance = Metres(1.5)
    distance.label = "far"
    flags = Flags(6)
    flags.names = ("a", "b")
    blob = Blob(b"raw")
    blob.origin = "file"
    for step in range(3):
        # Code that nobody sees changes an attribute of an int.
        vars(flags)["step"] = [step]
        vars(distance).update(step=step, more=[text])
    return text.upper(), distance * 2, flags | 1, blob + b"!"


def containers():
    row = Row((1, [2]))
    row[1].append(3)
    row.tag = "tagged"
    names = Names("ann")
    names.append("bob")
    names.extra = names
    bag = Bag({1})
    bag.add(2)
    bag.note = "set with attribute"
    frozen = Frozen({5})
    buffer = Buffer(b"ab")
    buffer.append(99)
    buffer.position = 1
    window = Window(maxlen=2)
    for n in range(4):
        window.push(n)
    return row.first(), list(names), names.added, len(bag), 5 in frozen, bytes(buffer), list(window)


def enums():
    colour = Colour.RED
    table = {Colour.RED: 1, Colour.GREEN: [Priority.LOW]}
    table[Colour("g")].append(Priority.HIGH)
    colour = Colour.GREEN
    access = Permission.R
    access |= Permission.W
    ordered = sorted([Priority.HIGH, Priority.LOW])
    return table, colour.value, access.value, ordered[0].name


def library_values():
    amount = decimal.Decimal("1.10") + decimal.Decimal("2.20")
    day = datetime.date(2024, 2, 28) + datetime.timedelta(days=2)
    third = fractions.Fraction(1, 3) + fractions.Fraction(1, 6)
    path = pathlib.PurePosixPath("/a/b") / "c"
    text = str(path)
    return str(amount), day.isoformat(), str(third), text


print(scalars())
print(containers())
print(enums())
print(library_values())
