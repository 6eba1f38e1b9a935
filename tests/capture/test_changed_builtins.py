"""A program that replaces and deletes builtins: capture has its own, and calls nothing of the program's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from escope.engine.replay.recording import Recording
from tests.launch.recording import run

PROGRAM = """
import builtins
import threading


class Base:
    __slots__ = ("left",)


class Point(Base):
    def __init__(self, left, right):
        self.left = left
        self.right = right


def refuse(*arguments, **named):
    raise AssertionError("not called by the program")


def replaced():
    names = ["reversed", "isinstance", "len", "id", "type", "vars", "getattr", "dict", "list", "open", "any"]
    held = {name: getattr(builtins, name) for name in names}
    for name in names:
        setattr(builtins, name, refuse)
    point = Point([1], {"a": (2,)})
    point.right["b"] = point.left
    point.left.append(3)
    made = [number * 2 for number in point.left]
    text = str(made)
    for name in held:
        setattr(builtins, name, held[name])
    return point, text


def deleted():
    names = ["reversed", "isinstance", "id", "type", "vars", "list", "tuple", "sorted", "map", "zip", "all"]
    held = {name: getattr(builtins, name) for name in names}
    for name in names:
        delattr(builtins, name)
    try:
        point = Point({4}, None)
        point.left.add(5)
        point.other = [point]
        raise ValueError(point.right)
    except ValueError as error:
        arguments = error.args
    for name, value in held.items():
        setattr(builtins, name, value)
    return arguments, point.left


def shadowed():
    seen = []

    def tell(name, *rest):
        seen.append(name)
        return held(name, *rest)

    held = builtins.__import__
    builtins.__import__ = tell
    try:
        import colorsys
        # The first event of a thread makes what is known of it.
        other = threading.Thread(target=deleted)
        other.start()
        other.join()
    finally:
        builtins.__import__ = held
    return seen, colorsys.__name__


print(replaced()[1])
print(deleted())
print(shadowed())
"""


def test_capture_does_not_see_what_happens_to_the_builtins(tmp_path: Path) -> None:
    script, recording = tmp_path / "changed.py", tmp_path / "run.esr"
    script.write_text(PROGRAM)
    plain = run([sys.executable, str(script)], tmp_path)
    assert plain.err == ""
    escope = [sys.executable, "-m", "escope", "record", "-o", str(recording)]
    recorded = run([*escope, str(script)], tmp_path)
    assert (recorded.status, recorded.out, recorded.plain_err) == (plain.status, plain.out, "")
    with Recording.open(recording) as opened:
        assert opened.info()["partial"] is None
        returned = [
            json.dumps(event.value.to_json())
            for event in opened.events(kind="return")
            if event.value is not None and event.function in ("replaced", "deleted", "shadowed")
        ]
    assert len(returned) == 4
    assert "[2, 6]" in returned[0]
    assert "colorsys" in returned[3]
