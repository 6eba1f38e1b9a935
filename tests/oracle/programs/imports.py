"""A program of several modules: packages, circular and star imports, relative ones, reloads, failures."""

import importlib
import sys

import imports_parts.first
from imports_parts import second as renamed
from imports_parts.stars import *
from imports_parts.deep.inside import describe, state


def inside_function():
    from imports_parts.late import LATE

    LATE.append("imported")
    return LATE


def failing():
    try:
        import imports_parts.broken
    except ZeroDivisionError as error:
        found = type(error).__name__
    return found, "imports_parts.broken" in sys.modules


def changing_globals():
    renamed.counter += 5
    renamed.bump()
    imports_parts.first.table["from main"] = True
    renamed.added = [1]
    setattr(renamed, "other", "set")
    return renamed.counter, renamed.added


print(imports_parts.first.combined(), star_value, star_function(2))
print(inside_function(), inside_function())
print(failing())
print(changing_globals())
print(describe(), state)
reloaded = importlib.reload(renamed)
print(reloaded is renamed, renamed.counter, hasattr(renamed, "added"))
print([name for name in ("imports_parts.deep", "imports_parts.broken") if name in sys.modules])
print(imports_parts.first.__name__, imports_parts.deep.__package__, __name__, __package__)
