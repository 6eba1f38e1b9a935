"""Delegation with yield from: values, sends, throws, results, plain iterables."""


def inner(name, count):
    got = []
    for number in range(count):
        try:
            answer = yield f"{name}{number}"
        except RuntimeError as error:
            answer = f"caught {error}"
        got.append(answer)
    return got


def outer():
    results = {}
    results["a"] = yield from inner("a", 2)
    results["b"] = yield from inner("b", 1)
    rest = yield from [10, 20]
    results["rest"] = rest
    return results


def wrapper(collected):
    result = yield from outer()
    collected.append(result)


def chain(depth):
    if depth == 0:
        value = yield "bottom"
        return value * 2
    value = yield from chain(depth - 1)
    return value + depth


def refusing():
    try:
        yield 1
    finally:
        trace.append("refusing closed")


def delegating():
    try:
        yield from refusing()
    except GeneratorExit:
        trace.append("delegating closed")
        raise


collected = []
trace = []
steps = []
generator = wrapper(collected)
steps.append(next(generator))
steps.append(generator.send("x"))
steps.append(generator.throw(RuntimeError("boom")))
steps.append(generator.send("y"))
steps.append(next(generator))
for item in generator:
    steps.append(item)
print(steps)
print(collected)

deep = chain(4)
print(next(deep))
try:
    deep.send(5)
except StopIteration as stop:
    print(stop.value)

closing = delegating()
next(closing)
closing.close()
print(trace)


class Bag:
    def __init__(self, *items):
        self.items = list(items)

    def __iter__(self):
        yield from self.items
        yield from (item * 10 for item in self.items)


print(list(Bag(1, 2)))
