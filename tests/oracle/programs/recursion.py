"""Recursion: deep, mutual, through generators, and beyond the limit."""

import sys


def depth(n):
    if n == 0:
        return 0
    return 1 + depth(n - 1)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def hanoi(n, a, b, c, moves):
    if n:
        hanoi(n - 1, a, c, b, moves)
        moves.append((a, b))
        hanoi(n - 1, c, b, a, moves)
    return moves


def permutations(items):
    if len(items) < 2:
        yield list(items)
        return
    for index, item in enumerate(items):
        for rest in permutations(items[:index] + items[index + 1 :]):
            yield [item] + rest


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def forever(n):
    return forever(n + 1)


def too_deep():
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(160)
    try:
        forever(0)
    except RecursionError as error:
        return "limit reached"
    finally:
        sys.setrecursionlimit(old)


def flatten(tree):
    out = []
    for item in tree:
        if isinstance(item, list):
            out.extend(flatten(item))
        else:
            out.append(item)
    return out


print(depth(40), even(9))
print(hanoi(3, "a", "b", "c", []))
print(list(permutations([1, 2, 3])))
print(ackermann(1, 3))
print(flatten([1, [2, [3, [4]], 5]]))
