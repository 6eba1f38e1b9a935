"""itertools and generators that pull from each other: laziness, tee, groupby, chains, an iterator that is its own iterable."""

import itertools


def numbers(limit, log):
    for number in range(limit):
        log.append(number)
        yield number
    log.append("end")


class Countdown:
    def __init__(self, start):
        self.left = start

    def __iter__(self):
        return self

    def __next__(self):
        if self.left <= 0:
            raise StopIteration(self.left)
        self.left -= 1
        return self.left


def pipeline():
    log = []
    source = numbers(10, log)
    odd = filter(lambda n: n % 2, source)
    pairs = zip(odd, itertools.count(100, 5))
    first = next(pairs)
    rest = list(itertools.islice(pairs, 2))
    return first, rest, list(log), next(source)


def teed():
    one, other = itertools.tee(Countdown(4))
    ahead = [next(one), next(one)]
    behind = next(other)
    return ahead, behind, list(zip(one, other))


def grouped():
    words = ["apple", "avocado", "bean", "blueberry", "cherry", "almond"]
    groups = {}
    for letter, found in itertools.groupby(words, key=lambda word: word[0]):
        groups.setdefault(letter, []).append(list(found))
    sums = list(itertools.accumulate([1, 2, 3], lambda total, n: total * n, initial=1))
    product = [a + b for a, b in itertools.product("ab", repeat=2) if a != b]
    return groups, sums, product


def broken():
    def failing():
        yield [1]
        raise ValueError("in the middle")

    chain = itertools.chain(failing(), [[2]])
    got = []
    try:
        for part in chain:
            got += part
    except ValueError as error:
        got.append(str(error))
    got.extend(next(chain, "nothing"))
    return got


def recursive():
    def walk(tree):
        for item in tree:
            if isinstance(item, list):
                yield from walk(item)
            else:
                received = yield item
                if received:
                    seen.append(received)

    seen = []
    walker = walk([1, [2, [3, []], 4], 5])
    out = [next(walker)]
    for reply in ("a", None, "b", None):
        out.append(walker.send(reply))
    walker.close()
    return out, seen


for function in (pipeline, teed, grouped, broken, recursive):
    print(function.__name__, function())
