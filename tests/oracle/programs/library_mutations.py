"""The program's objects changed by Python code of the standard library, which is not recorded."""

import argparse
import collections
import configparser
import copy
import functools
import json
import queue
import string
import textwrap
import types


class Stack(collections.UserList):
    def push(self, item):
        self.append(item)


class Lower(collections.UserDict):
    def __setitem__(self, key, value):
        super().__setitem__(key.lower(), value)


class Bounded(collections.abc.MutableSequence):
    def __init__(self, limit):
        self.limit = limit
        self.data = []

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.data[index]

    def __setitem__(self, index, value):
        self.data[index] = value

    def __delitem__(self, index):
        del self.data[index]

    def insert(self, index, value):
        if len(self.data) < self.limit:
            self.data.insert(index, value)


class Visitor(json.JSONEncoder):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def default(self, value):
        self.seen.append(type(value).__name__)
        return sorted(value)


def wrappers():
    stack = Stack([1, 2])
    stack.push(3)
    stack.extend([5, 4])
    stack.sort()
    stack[0] = "first"
    lower = Lower({"A": 1})
    lower["B"] = 2
    lower.update(C=3)
    lower.pop("a")
    return stack.data, lower.data


def abstract():
    bounded = Bounded(4)
    bounded.extend("abcdef")
    bounded.reverse()
    bounded.append("never")
    bounded.remove("c")
    bounded += ["z"]
    popped = bounded.pop()
    return bounded.data, popped


def parsing():
    namespace = argparse.Namespace(given=[1])
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", action="append", default=["default"])
    parser.add_argument("--count", type=int)
    parser.parse_args(["--items", "x", "--count", "3", "--items", "y"], namespace)
    parser = None
    return vars(namespace)


def in_place():
    namespace = types.SimpleNamespace(a=1)
    namespace.b = [2]
    namespace.__dict__["c"] = 3
    items = [3, 1, 2]
    items.sort(key=functools.cmp_to_key(lambda a, b: b - a))
    jobs = queue.PriorityQueue()
    for item in items:
        jobs.put((item, [item]))
    taken = jobs.get()
    taken[1].append("taken")
    jobs = None
    return vars(namespace), items, taken


def callbacks():
    seen = []
    result = string.Template("$a and ${b}").substitute(Recording(seen))
    encoder = Visitor(indent=None)
    text = encoder.encode({"s": {3, 1}, "t": frozenset("ba")})
    return seen, result, encoder.seen, text


class Recording(dict):
    def __init__(self, seen):
        super().__init__(a=1, b=2)
        self.seen = seen

    def __getitem__(self, key):
        self.seen.append(key)
        return super().__getitem__(key)


def deep_change():
    class Config:
        def __init__(self):
            self.options = {"list": [[1]]}

        def __copy__(self):
            clone = Config()
            clone.options["copied"] = True
            return clone

    config = Config()
    clones = copy.deepcopy([config, config])
    clones[0].options["list"][0].append(2)
    clones.append(copy.copy(config))
    return config.options, clones[0].options, clones[0] is clones[1]


def configuration():
    parser = configparser.ConfigParser()
    parser.read_string("[s]\na = 1\nb = %(a)s2\n")
    parser["s"]["c"] = "3"
    values = dict(parser["s"])
    parser = None
    return values


def reduced():
    table = collections.defaultdict(list)

    def add(accumulated, word):
        accumulated[word[0]].append(word)
        return accumulated

    functools.reduce(add, ["ab", "ac", "b"], table)
    lines = textwrap.wrap("some words to be wrapped", 10)
    return dict(table), lines


print(wrappers())
print(abstract())
print(parsing())
print(in_place())
print(callbacks())
print(deep_change())
print(configuration())
print(reduced())
