"""Generators: send, throw, close, return values, clean-up, generator expressions, recursion."""


def countdown(start):
    total = 0
    while start:
        received = yield start
        if received is not None:
            total += received
        start -= 1
    return total


def guarded(log):
    try:
        while True:
            try:
                item = yield len(log)
                log.append(item)
            except ValueError as error:
                log.append(str(error))
    finally:
        log.append("closed")


def tree(node):
    if node is None:
        return
    left, value, right = node
    yield from tree(left)
    yield value
    for item in tree(right):
        yield item


def endless():
    n = 0
    while True:
        n += 1
        yield n


def drive():
    generator = countdown(3)
    seen = [next(generator)]
    seen.append(generator.send(10))
    seen.append(generator.send(20))
    try:
        generator.send(5)
    except StopIteration as stop:
        seen.append(stop.value)
    return seen


def clean_up():
    log = []
    generator = guarded(log)
    next(generator)
    generator.send("one")
    generator.throw(ValueError("two"))
    generator.send("three")
    generator.close()
    try:
        next(generator)
    except StopIteration:
        log.append("stopped")
    return log


def interleave():
    first = endless()
    second = endless()
    pairs = []
    for a, b in zip(first, second):
        pairs.append((a, b))
        if a == 4:
            break
        next(second)
    return pairs


def uncaught():
    def fails():
        yield 1
        raise KeyError("inside")

    result = []
    try:
        for item in fails():
            result.append(item)
    except KeyError as error:
        result.append(error.args)
    return result


print(drive())
print(clean_up())
print(interleave())
print(uncaught())
nested = (((None, 1, None), 2, (None, 3, None)), 4, None)
print(list(tree(nested)))
squares = (x * x for x in range(5) if x % 2)
first_square = next(squares)
print(first_square, sum(squares))
shared = [1, 2, 3]
lazy = (shared.append(x) or x for x in [7, 8])
print(list(lazy), shared)


def early():
    for value in endless():
        if value > 2:
            return value


print(early())


def with_lambda():
    make = lambda: (yield "from lambda")
    return next(make())


print(with_lambda())
