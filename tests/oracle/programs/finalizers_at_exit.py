"""A __del__ that runs when the interpreter ends, and one that fails."""

import sys


class Late:
    def __init__(self, name):
        self.name = name
        self.out = sys.stdout

    def __del__(self):
        self.out.write("late " + self.name + "\n")


class Failing:
    def __del__(self):
        raise ValueError("ignored")


def use():
    box = [Failing()]
    box.clear()
    return "used"


sys.unraisablehook = lambda unraisable: print("unraisable", unraisable.exc_value)
kept = Late("global")
print(use())
print("end")
