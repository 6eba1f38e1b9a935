"""Containers changed by functions written in C: heapq, sort, bisect, shuffle, operator, deque, bytearray."""

import bisect
import collections
import heapq
import itertools
import operator
import random
import struct


class Holder:
    pass


def heaps():
    heap = [5, 3, 8]
    heapq.heapify(heap)
    heapq.heappush(heap, 1)
    smallest = heapq.heappop(heap)
    heapq.heapreplace(heap, 9)
    pushed = heapq.heappushpop(heap, 0)
    tasks = []
    for priority, name in [(2, "b"), (1, "a"), (3, "c")]:
        heapq.heappush(tasks, (priority, [name]))
    tasks[0][1].append("first")
    return heap, smallest, pushed, tasks


def lists():
    items = [3, 1, 2]
    items.sort()
    items.reverse()
    items.insert(1, "x")
    items.remove("x")
    items.extend((7, 8))
    items.extend(n * 10 for n in range(2))
    last = items.pop()
    first = items.pop(0)
    items[1:3] = ["a", "b", "c"]
    items[::2] = [0] * len(items[::2])
    del items[1::3]
    items *= 2
    items += "z"
    items.sort(key=str, reverse=True)
    bisect.insort(items, "m", key=str)
    copy = items.copy()
    items.clear()
    return copy, items, last, first


def shuffled():
    generator = random.Random(7)
    deck = list(range(8))
    generator.shuffle(deck)
    before = list(deck)
    random.seed(3)
    random.shuffle(deck)
    sample = generator.sample(deck, 3)
    return before, deck, sample


def operators():
    items = [1, 2, 3]
    operator.setitem(items, 0, "first")
    operator.delitem(items, 1)
    operator.iadd(items, [4])
    operator.iconcat(items, [5])
    table = {}
    operator.setitem(table, "k", items)
    holder = Holder()
    setattr(holder, "value", items)
    setattr(holder, "other", 2)
    delattr(holder, "other")
    operator.attrgetter("value")(holder).append("through attrgetter")
    operator.methodcaller("append", 6)(items)
    append = items.append
    append("bound method")
    list(map(items.append, [7, 8]))
    list.append(items, "unbound")
    return items, vars(holder)


def deques():
    queue = collections.deque([1, 2, 3], maxlen=4)
    queue.append(4)
    queue.append(5)
    queue.appendleft(0)
    queue.rotate(1)
    queue.extend("ab")
    queue.extendleft("c")
    right, left = queue.pop(), queue.popleft()
    queue[0] = "changed"
    queue.insert(1, "in")
    queue.remove("in")
    queue.reverse()
    del queue[0]
    return list(queue), right, left


def byte_arrays():
    data = bytearray(b"abc")
    data.append(100)
    data[0] = 65
    data.extend(b"xyz")
    data[1:3] = b"--"
    del data[-1]
    struct.pack_into("<H", data, 0, 0x4241)
    view = memoryview(data)
    view[2] = 33
    view.release()
    data += b"!"
    data.reverse()
    return bytes(data)


def iterators():
    items = [1, 2, 3]
    it = iter(items)
    next(it)
    items.append(4)
    rest = list(it)
    chained = list(itertools.chain(items, (items.append(5) or 6,)))
    counted = collections.Counter()
    counted.update("hello")
    counted.subtract("l")
    total = sum(map(operator.mul, items, items))
    return rest, chained, sorted(counted.items()), total


def nested():
    grid = [[0] * 3 for _ in range(2)]
    grid[1][2] = 5
    grid[0], grid[1] = grid[1], grid[0]
    for row in grid:
        row.sort(reverse=True)
    groups = {}
    for word in ["apple", "avocado", "bean"]:
        groups.setdefault(word[0], []).append(word)
    heapq.heapify(groups["a"])
    flat = sorted(itertools.chain.from_iterable(groups.values()))
    return grid, groups, flat


print(heaps())
print(lists())
print(shuffled())
print(operators())
print(deques())
print(byte_arrays())
print(iterators())
print(nested())
