"""functools: caches, partials, single dispatch, reductions, total ordering, cached properties."""

import functools
import operator


@functools.lru_cache(maxsize=2)
def squared(number, *, scale=1):
    computed.append(number)
    return [number * number * scale]


@functools.cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@functools.singledispatch
def shown(value):
    return f"<{type(value).__name__}>"


@shown.register
def _(value: int):
    return f"int {value}"


@shown.register(list)
def _(value):
    return [shown(item) for item in value]


@functools.total_ordering
class Version:
    def __init__(self, *parts):
        self.parts = parts

    def __eq__(self, other):
        return self.parts == other.parts

    def __lt__(self, other):
        return self.parts < other.parts

    @functools.cached_property
    def text(self):
        computed.append(self.parts)
        return ".".join(map(str, self.parts))


computed = []


def cached():
    results = [squared(n, scale=s) for n, s in ((2, 1), (3, 1), (2, 1), (4, 2), (3, 1))]
    results[0].append("shared")
    info = squared.cache_info()
    squared.cache_clear()
    return results, info.hits, info.misses, fibonacci(8)


def ordered():
    versions = [Version(1, 10), Version(1, 2), Version(2)]
    versions.sort()
    newest = max(versions)
    texts = [version.text for version in versions] + [newest.text]
    return texts, Version(1) <= Version(1, 0), "text" in vars(newest)


def composed():
    add = functools.partial(operator.add, [0])
    double = functools.partial(add, [1])
    total = functools.reduce(lambda left, right: left + [right], range(4), [])
    key = functools.cmp_to_key(lambda a, b: len(b) - len(a))
    words = sorted(["a", "bbb", "cc"], key=key)
    return double(), add([5]), total, words


print(cached())
print([shown(item) for item in (1, "x", [2, [None]])])
print(ordered())
print(composed())
print(computed)
