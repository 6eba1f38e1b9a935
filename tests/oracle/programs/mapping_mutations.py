"""Dicts, sets and their relatives, changed in every way there is."""

import collections
import types


def dicts():
    d = {"a": 1}
    d["b"] = 2
    d.update(c=3, a=10)
    d.update([("d", 4)])
    d |= {"e": 5}
    popped = d.pop("a")
    last = d.popitem()
    missing = d.setdefault("x", [])
    missing.append("via setdefault")
    d.setdefault("x", "ignored")
    del d["b"]
    d["c"] += 100
    keys = d.keys()
    d["late"] = None
    d[1.0] = "float"
    d[True] = "same key"
    d[(1, "t")] = "tuple key"
    copied = {**d, "c": "overridden"}
    d.clear()
    return popped, last, list(keys), copied


def order():
    d = dict.fromkeys("abc", 0)
    d["a"] = 1
    del d["b"]
    d["b"] = 2
    o = collections.OrderedDict(d)
    o.move_to_end("a")
    o.move_to_end("b", last=False)
    first = o.popitem(last=False)
    o["new"] = 1
    o["c"] = "kept place"
    return list(d), list(o.items()), first


def beneath():
    o = collections.OrderedDict(a=1, b=2, c=3)
    dict.__delitem__(o, "b")
    try:
        text = repr(o)
    except KeyError as error:
        text = error.args
    dict.clear(o)
    return text, len(o)


def defaults():
    groups = collections.defaultdict(list)
    for word in "one two three four".split():
        groups[len(word)].append(word)
    groups["touched"]
    counts = collections.defaultdict(int)
    for letter in "banana":
        counts[letter] += 1
    tree = lambda: collections.defaultdict(tree)
    root = tree()
    root["x"]["y"]["z"] = 1
    return dict(groups), dict(counts), list(root["x"])


def counters():
    c = collections.Counter("mississippi")
    c["s"] -= 2
    c.update({"z": 3})
    c += collections.Counter("pp")
    c -= collections.Counter("i" * 10)
    del c["m"]
    return sorted(c.items()), c.most_common(1), c["nothing"], c.total()


def sets():
    s = {1, 2, 3}
    t = s
    s.add(4)
    s.discard(99)
    s.remove(1)
    s |= {5, 6}
    s &= {2, 3, 4, 5}
    s -= {2}
    s ^= {3, 7}
    s.update([8], (9,))
    s.difference_update({8})
    s.intersection_update({4, 5, 7, 9})
    s.symmetric_difference_update({4, 100})
    f = frozenset(s)
    popped = min(s)
    s.remove(popped)
    s.clear()
    mixed = {1, "a", (2, 3), None, frozenset({4})}
    mixed.discard(None)
    return t is s, sorted(f), popped, len(mixed)


def chains():
    base = {"colour": "red", "size": 1}
    over = {"size": 2}
    chain = collections.ChainMap(over, base)
    chain["size"] = 3
    chain["new"] = 4
    child = chain.new_child({"deep": 5})
    child["colour"] = "blue"
    view = types.MappingProxyType(base)
    base["added"] = True
    return base, over, child["colour"], chain["colour"], view["added"]


class Tree(dict):
    def __missing__(self, key):
        value = self[key] = type(self)()
        return value


class Logged(dict):
    def __init__(self, *args, **kwargs):
        self.log = []
        super().__init__(*args, **kwargs)

    def __setitem__(self, key, value):
        self.log.append(("set", key))
        super().__setitem__(key, value)

    def __delitem__(self, key):
        self.log.append(("del", key))
        super().__delitem__(key)


def subclasses():
    tree = Tree()
    tree["a"]["b"]["c"] = 1
    logged = Logged(start=0)
    logged["x"] = 1
    logged.update(y=2)
    del logged["x"]
    logged |= {"z": 3}
    return tree, logged, logged.log


def many():
    d = {}
    for n in range(40):
        d[n] = n * n
    for n in range(0, 40, 3):
        del d[n]
    for n in range(5):
        d[n] = str(n)
    return sum(k for k in d), len(d), d[0]


print(dicts())
print(order())
print(beneath())
print(defaults())
print(counters())
print(sets())
print(chains())
print(subclasses())
print(many())
