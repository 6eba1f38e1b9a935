"""What is new in 3.12: type parameters, type aliases, f-strings with quotes and lines, inlined comprehensions."""

type Pair[T] = tuple[T, T]
type Lazy = undefined_until_asked


def first[T](items: list[T]) -> T:
    chosen = items[0]
    return chosen


class Box[T]:
    count = 0

    def __init__(self, content: T):
        self.content = content
        Box.count += 1

    def map[U](self, function) -> "Box[U]":
        return Box(function(self.content))


class Bounded[K: (int, str), *Rest, **Params]:
    names = [parameter.__name__ for parameter in ()]


def quotes(table):
    return f"{table["key"]} {", ".join(
        f"{name!r:>4}" for name in table
    )}"


def inlined():
    x = "outer"
    n = 10
    values = [x + n for x in range(3) for n in (1, 2) if x]
    nested = [[x for x in range(n)] for n in range(3)]
    captured = [lambda: (c, n) for c in range(2)]
    later = [f() for f in captured]
    try:
        [x // 0 for x in [1]]
    except ZeroDivisionError:
        after = x
    return values, nested, later, after, x, n


class Body:
    x = 5
    values = [x for x in range(3)]
    y = [(lambda: z)() for z in range(2)]
    kept = x


print(first([3, 4]), Box(2).map(lambda v: v * 10).content, Box.count)
print(Pair.__name__, Pair.__type_params__, Bounded.names)
print(quotes({"key": 1, "other": 2}))
print(inlined())
print(Body.values, Body.y, Body.kept)
