"""match: literals, captures, sequences, mappings, classes, guards, alternatives."""

from dataclasses import dataclass
from enum import Enum


@dataclass
class Point:
    x: int
    y: int


class Colour(Enum):
    RED = 1
    BLUE = 2


class Pair:
    __match_args__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right


def classify(value):
    match value:
        case 0 | 1:
            result = "small"
        case int(n) if n > 100:
            result = f"large {n}"
        case int() | float() as number:
            result = ("number", number)
        case "":
            result = "empty"
        case str(text):
            result = text.upper()
        case []:
            result = "nothing"
        case [single]:
            result = ("one", single)
        case [first, *rest] if rest:
            result = ("many", first, rest)
        case {"kind": "circle", "r": r}:
            result = 3 * r * r
        case {"kind": kind, **others}:
            result = (kind, others)
        case Point(x=0, y=y):
            result = ("axis", y)
        case Point(x, y) if x == y:
            result = ("diagonal", x)
        case Point():
            result = "point"
        case Pair(Pair(a, b), right):
            result = ("nested", a, b, right)
        case Pair(left, _):
            result = ("pair", left)
        case Colour.RED:
            result = "red"
        case None:
            result = "none"
        case _:
            result = "other"
    return result


def commands(lines):
    state = {"at": 0, "log": []}
    for line in lines:
        match line.split():
            case ["go", ("north" | "south") as way]:
                state["at"] += 1 if way == "north" else -1
            case ["take", *things] if things:
                state["log"].extend(things)
            case ["quit"]:
                break
            case unknown:
                state["log"].append(unknown)
    return state


values = [
    1, 500, 50, 2.5, "", "abc", [], [7], [1, 2, 3], (4, 5),
    {"kind": "circle", "r": 2}, {"kind": "square", "side": 3, "x": 1},
    Point(0, 9), Point(4, 4), Point(1, 2), Pair(Pair(1, 2), 3), Pair(5, 6),
    Colour.RED, Colour.BLUE, None, {1, 2},
]
for value in values:
    print(classify(value))
print(commands(["go north", "take a b", "dance", "go south", "quit", "go north"]))
