"""Values that are larger than what is kept, or grow step by step."""

import sys


def growing_string():
    text = ""
    for n in range(30):
        text += str(n) * 50
    return len(text)


def long_strings():
    short = "x" * 16_384
    long = "y" * 16_385
    longer = "z" * 100_000 + "end"
    unicode = "äö€😀" * 5_000
    data = b"\x00\xff" * 10_000
    array = bytearray(20_000)
    array[0] = 255
    array[19_999] = 1
    return len(short), len(long), longer[-3:], len(unicode), len(data), sum(array)


def large_lists():
    limit = list(range(10_000))
    large = list(range(10_001))
    large[5] = "five"
    large.append("unseen")
    large[9_999] = "last seen"
    del large[0]
    limit.append("over")
    limit.pop()
    large.sort(key=str)
    return len(limit), len(large), large[0]


def large_tables():
    table = dict.fromkeys(range(10_050), "v")
    table["more"] = 1
    del table[0]
    group = set(range(10_050))
    group.discard(3)
    return len(table), len(group)


def big_ints():
    n = 1
    values = []
    for shift in (31, 32, 62, 63, 64, 65, 200, 20_000):
        values.append((1 << shift) - 1)
        n = -(1 << shift)
        values.append(n)
    factorial = 1
    for k in range(1, 30):
        factorial *= k
    huge = 7**6_000
    return [v.bit_length() for v in values], factorial, huge % 1_000


def many_objects():
    class Small:
        def __init__(self, n):
            self.n = n

    objects = [Small(n) for n in range(300)]
    objects[150].n = "changed"
    del objects[:100]
    return len(objects), objects[50].n


def wide_instance():
    class Wide:
        pass

    wide = Wide()
    for n in range(60):
        setattr(wide, f"attribute_{n}", n)
    wide.attribute_30 = None
    return len(vars(wide))


print(growing_string())
print(long_strings())
print(large_lists())
print(large_tables())
print(big_ints())
print(many_objects())
print(wide_instance())
