"""Functional tools on small data: iterators, dictionaries, curried functions."""

from toolz import dicttoolz, functoolz, itertoolz

words = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "the", "end"]
print(itertoolz.frequencies(words))
print(itertoolz.groupby(len, words))
print(list(itertoolz.sliding_window(3, range(6))), list(itertoolz.partition_all(4, words)))
print(itertoolz.reduceby(len, lambda total, word: total + word, words, ""))
print(
    list(itertoolz.join(len, ["a", "bb"], itertoolz.first, [(1, "one"), (2, "two"), (2, "zwei")]))
)
nested = {"a": {"b": [1, 2]}, "c": 3}
print(dicttoolz.assoc_in(nested, ["a", "x"], 4), dicttoolz.update_in(nested, ["a", "b"], len))
print(dicttoolz.merge_with(sum, {"k": 1}, {"k": 2, "m": 3}), nested)
add = functoolz.curry(lambda a, b, c: [a, b, c])
print(add(1)(2)(3), functoolz.pipe(3, lambda n: n + 1, str), functoolz.compose(len, str)(1234))
seen = functoolz.memoize(lambda n: n * 2)
print(seen(2), seen(2), functoolz.juxt(min, max)([3, 1, 2]))
