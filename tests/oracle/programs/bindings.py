"""Everything that binds a name: assignments of all forms, del, walrus, star, imports, loops, with."""

import collections as c
import os.path
from math import floor, pi as circle


def unpacking():
    a, b = 1, 2
    a, b = b, a
    (d, e), f = [3, 4], 5
    first, *middle, last = range(6)
    *init, end = "xyz"
    [g, [h, *i]] = [6, [7, 8, 9]]
    j = k = []
    j.append(1)
    x = y, z = 10, 20
    return a, b, d, e, f, first, middle, last, init, end, g, h, i, j, k, x, y, z


def augmented():
    n = 5
    n += 2
    n *= 3
    n //= 2
    n **= 2
    n %= 7
    n <<= 3
    n |= 1
    n ^= 2
    text = "a"
    text += "b"
    text *= 3
    items = [1]
    alias = items
    items += [2]
    items *= 2
    pair = (1, 2)
    pair += (3,)
    d = {"a": 1}
    d |= {"b": 2}
    s = {1, 2, 3}
    s &= {2, 3, 4}
    s -= {3}
    s ^= {9}
    box = [[0]]
    box[0][0] += 5
    box[0] += [6]
    return n, text, items, alias is items, pair, d, s, box


def deleting():
    a = b = d = 1
    del a
    del (b, d)
    items = list(range(6))
    del items[0], items[-1]
    del items[1:3]
    table = {"x": 1, "y": 2}
    del table["x"]
    try:
        return a
    except UnboundLocalError:
        return items, table


def walrus():
    if (n := len("hello")) > 3:
        n += 1
    while (n := n - 2) > 0:
        pass
    values = [y := 1, y**2, y + 5]
    return n, values, y


def loops():
    out = []
    for i, (j, k) in enumerate([(1, 2), (3, 4)]):
        out.append((i, j, k))
    for box in [[0, 0]]:
        for box[1] in range(3):
            out.append(list(box))
    else:
        out.append("done")
    while out:
        last = out.pop()
        if last == "done":
            continue
        break
    return i, j, k, box, last, len(out)


def arguments(a, b=2, /, d=3, *args, e, f=6, **kwargs):
    a += 1
    args += (0,)
    kwargs["new"] = e
    return a, b, d, args, e, f, kwargs


def annotated():
    x: int = 5
    y: "unused"
    z: list[int] = [x]
    return z


def importing():
    import string
    from os import path as p, sep
    from collections import OrderedDict as Ordered

    return string.digits, p is os.path, sep, Ordered([("k", 1)])["k"]


class Target:
    pass


def targets():
    t = Target()
    t.a, t.b = 1, [2]
    t.b[0], t.c = "x", {}
    t.c["k"], *t.rest = 1, 2, 3
    del t.a
    return vars(t)


top: int = 1
top += 1
print(unpacking())
print(augmented())
print(deleting())
print(walrus())
print(loops())
print(arguments(1, d=4, e=5, g=7))
print(arguments(1, 2, 3, 4, 5, e=6))
print(annotated(), importing())
print(targets())
print(c.Counter("aab")["a"], floor(circle), os.path.basename("/x/y"))
for index in range(2):
    pass
del index
with open(os.devnull) as handle:
    closed_inside = handle.closed
print(closed_inside, handle.closed)
handle = None
