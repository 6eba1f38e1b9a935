from . import loaded

loaded.append("first")
table = {"first": 1}

from . import second


def combined():
    return second.bump() + table["first"], loaded
