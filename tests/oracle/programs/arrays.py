"""Arrays, ranges, slices and numpy: content that lies in C, beside the program's own containers."""

import array
import collections
import struct

import numpy


def plain_arrays():
    numbers = array.array("i", [3, 1, 2])
    numbers.append(5)
    numbers[0] = 7
    numbers.extend(range(2))
    held = {"numbers": numbers, "part": numbers[1:3]}
    held["part"].reverse()
    packed = struct.pack("<hI", 1, 2)
    fields = struct.unpack("<hI", packed)
    return list(numbers), held["part"].tolist(), fields


def numpy_arrays():
    grid = numpy.arange(6).reshape(2, 3)
    row = grid[0]
    row[1] = 40
    grid += 1
    mask = grid > 3
    total = int(grid[mask].sum())
    names = [str(grid.dtype), grid.shape]
    view = grid.T
    view[0, 0] = -1
    return total, names, grid.tolist(), row.tolist()


def slices():
    items = list(range(10))
    part = slice(1, 8, 3)
    items[part] = "abc"
    del items[::4]
    steps = range(0, 20, 5)
    table = collections.defaultdict(list)
    for step in steps:
        table[step % 3].append(step)
    items[len(items) :] = table.pop(2)
    return items, part.indices(5), steps[-1], dict(table)


for function in (plain_arrays, numpy_arrays, slices):
    print(function.__name__, function())
