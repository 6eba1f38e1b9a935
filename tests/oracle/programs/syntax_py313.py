"""What is new in 3.13: defaults of type parameters, locals() as snapshots, frame locals that write through."""

import sys


class Box[T = int]:
    def __init__(self, content: T):
        self.content = content


def write_through():
    value = "before"
    frame = sys._getframe()
    frame.f_locals["value"] = "after"
    seen = value
    frame = None
    return seen


def independent_snapshots():
    first = 1
    a = locals()
    second = 2
    b = locals()
    names = sorted(a), sorted(b)
    a = b = None
    return names


def comprehension_scope():
    inner = [sorted(locals()) for only in range(1)]
    return inner


print(Box(1).content, Box.__type_params__[0].__default__)
print(write_through())
print(independent_snapshots())
print(comprehension_scope())
