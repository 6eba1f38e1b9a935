"""Decorators with and without arguments, on functions, methods and classes; lambdas; partials; caches."""

import functools

calls = []


def traced(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        calls.append((function.__name__, args, kwargs))
        result = function(*args, **kwargs)
        calls.append(result)
        return result

    return wrapper


def repeat(times, *, start=0):
    def decorate(function):
        count = start

        def inner(*args):
            nonlocal count
            results = []
            for _ in range(times):
                count += 1
                results.append(function(*args))
            return results, count

        return inner

    return decorate


def register(table):
    def decorate(cls):
        table[cls.__name__] = cls
        cls.registered = True
        return cls

    return decorate


table = {}


@traced
def add(a, b=1):
    return a + b


@repeat(2, start=10)
@traced
def square(
    n,
):
    return n * n


@register(
    table
)
class Shape:
    def __init__(self, sides):
        self._sides = sides

    @property
    def sides(self):
        return self._sides

    @sides.setter
    def sides(self, value):
        self._sides = max(value, 3)

    @traced
    def area(self, scale=1):
        return self._sides * scale

    @functools.cached_property
    def expensive(self):
        calls.append("computed")
        return [self._sides] * 2


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@functools.singledispatch
def show(value):
    return "other"


@show.register
def _(value: int):
    return f"int {value}"


@show.register(list)
def show_list(value):
    return [show(v) for v in value]


class CountCalls:
    def __init__(self, function):
        self.function = function
        self.count = 0

    def __call__(self, *args):
        self.count += 1
        return self.function(*args)


@CountCalls
def counted(x):
    return -x


print(add(1), add(2, b=3), square(4))
shape = Shape(2)
shape.sides = 1
print(shape.sides, shape.area(scale=2), shape.expensive, shape.expensive)
print(table["Shape"].registered, [c[0] if isinstance(c, tuple) else c for c in calls])
print(fib(6), fib.cache_info().misses)
print(show("x"), show(3), show([1, "y", [2]]))
print(counted(1), counted(2), counted.count)
compose = lambda *fs: lambda x: functools.reduce(lambda acc, f: f(acc), fs, x)
print(compose(lambda x: x + 1, lambda x: x * 10, str)(4))
print(sorted(["bb", "a", "ccc"], key=lambda s: -len(s)))
print((lambda a, *b, c=3, **d: (a, b, c, d))(1, 2, c=4, e=5))
power = functools.partial(pow, 2)
print(power(5), list(map(lambda pair: pair[0] + pair[1], [(1, 2), (3, 4)])))
print(max([{"v": 1}, {"v": 3}], key=lambda d: d["v"]))
