"""Scalars that look alike: nan, infinities, negative zero, bools and ints, odd strings and bytes."""

import math


def floats():
    values = [0.0, -0.0, 1.5, -1.5, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308]
    values.append(0.1 + 0.2)
    zero = 0.0
    zero = -zero
    zero = 0
    zero = 0.0
    number = 1
    number = True
    number = 1.0
    number = complex(1, -0.0)
    number = complex(math.nan, math.inf)
    swapped = [0.0]
    swapped[0] = -0.0
    swapped[0] = 0
    swapped[0] = False
    swapped[0] = None
    swapped[0] = float("2.5")
    swapped[0] = None
    swapped[0] = float("3.5")
    return values, zero, number, swapped


def keys():
    table = {0.0: "zero"}
    table[-0.0] = "same key"
    table[False] = "still the same"
    nan = math.nan
    table[nan] = "nan"
    table[float("nan")] = "another nan"
    group = {1, True, 1.0}
    group.add(nan)
    return len(table), len(group)


def strings():
    texts = ["", "a", "\x00", "\n\t\r", "é", "日本", "😀", "\ud800", "\x1b[31mred", "[bold]markup[/]"]
    texts.append("quote ' and \" both")
    text = "x"
    text = text * 0
    data = [b"", b"\x00", b"\xff\xfe", bytes(range(256))]
    return [len(t) for t in texts], [len(d) for d in data]


def ints():
    values = [0, -1, 2**31, -(2**31), 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64]
    small = 256
    small += 1
    small = -small
    return values, small


def singletons():
    values = [None, ..., NotImplemented, True, False]
    value = None
    value = ...
    value = NotImplemented
    return len(values)


print(str(floats()))
print(keys())
print(strings())
print(ints())
print(singletons())
