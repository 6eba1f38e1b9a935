"""Comprehensions: nested, shadowing, in classes and modules, with closures, walrus and exceptions."""

x = "module x"
matrix = [[row * 3 + column for column in range(3)] for row in range(2)]
print(matrix, x)
flat = [item for row in matrix for item in row if item % 2]
print(flat)
table = {x: y for x, y in zip("abc", range(3))}
print(table, x)
letters = {c for c in "hello"}
print(sorted(letters))


def shadowing(x):
    before = x
    doubled = [x * 2 for x in range(3)]
    y = [y for y in (y for y in doubled)]
    return before, x, doubled, y


def unbound_before():
    values = [later for later in range(2)]
    later = "bound afterwards"
    return values, later


def closures():
    adders = [lambda n: n + i for i in range(3)]
    fixed = [lambda n, i=i: n + i for i in range(3)]
    return [f(10) for f in adders], [f(10) for f in fixed]


def capturing(factor):
    return [[factor * cell for cell in row] for row in matrix]


def walrus():
    seen = [last := n * n for n in range(4) if (half := n // 2) or n == 0]
    return seen, last, half


def failing():
    try:
        return [10 // n for n in (2, 1, 0)]
    except ZeroDivisionError:
        n = "still unbound before"
    return n


def nested_functions():
    def scale(values, by):
        return [v * by for v in values]

    return {name: scale(values, 2) for name, values in {"a": [1], "b": [2, 3]}.items()}


def multi_line(numbers):
    return [
        (
            n,
            n * n,
        )
        for n in numbers
        if n > 1
        if n < 5
    ]


def in_loop():
    collected = []
    for i in range(3):
        collected.append([i * j for j in range(i + 1)])
        collected[-1].extend(j for j in "z" * i)
    return collected


def deleted():
    t = [1, 2]
    total = sum([t for t in t])
    del t
    rebound = [t for t in range(total)]
    return rebound


class Config:
    base = 10
    names = ["p", "q"]
    upper = [name.upper() for name in names]
    pairs = {name: len(name) for name in names}
    total = sum(n for n in range(3))
    locals_inside = [n for n in range(2)]
    get = lambda self: [self.base + n for n in range(2)]


print(shadowing("argument"))
print(unbound_before())
print(closures())
print(capturing(2))
print(walrus())
print(failing())
print(nested_functions())
print(multi_line(range(7)))
print(in_loop())
print(deleted())
print(Config.upper, Config.pairs, Config.total, Config().get())
print([(a, b) for a in range(2) for b in [a * 10] if [c for c in range(b + 1)]])
