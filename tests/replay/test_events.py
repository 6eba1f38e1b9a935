"""Events of hand-made recordings and their JSON."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from escope.errors import PositionError, UsageError
from escope.events import Kind
from escope.storage.rows import Detail
from tests.replay.tape import Ref, Tape


def parts(document: dict[str, Any]) -> dict[str, Any]:
    wanted = ("kind", "line", "function", "depth", "name", "value", "target")
    return {key: document[key] for key in wanted if key in document}


def test_events_follow_the_contract() -> None:
    tape = Tape()
    main = tape.code("<module>", ["d"])
    function = tape.code("f", ["a", "b"], parameters=2, cells=[1], first_line=7)
    tape.call(main, 1)
    tape.line(main, 2)
    tape.store(main, 2, "d", {})
    cell = tape.cell("y")
    tape.call(function, 7, a=1, b=Ref(cell))
    tape.line(function, 8)
    tape.set_item(function, 8, 1, "k", 5)
    tape.row(Detail.KEY, *[int(tape.raw("z")[0]), 0, tape.raw("z")[1]])
    tape.row(Detail.ENTRY, tape.raw(1)[0], 1, 1)
    tape.change(Detail.REMOVE, 1, "k")
    tape.mutate(1, "update")
    tape.siteless(Kind.OUTPUT, 2, b"x")
    error = tape.instance("ValueError", args=1)
    tape.siteless(Kind.RAISE, 9, Ref(error))
    tape.leave(Kind.UNWIND, function, 9, Ref(error))
    tape.leave(Kind.RETURN, main, 3, None)
    one = {"type": "int", "repr": "1"}
    target = {"type": "dict", "id": 1, "length": 1}
    raised = {"type": "ValueError", "id": error, "attributes": {"args": one}}
    for block_rows in (1, 100):
        documents = [parts(e.to_json()) for e in tape.recording(block_rows).events()]
        assert documents == [
            {"kind": "call", "line": 1, "function": "<module>", "depth": 1, "value": {}},
            {"kind": "line", "line": 2, "function": "<module>", "depth": 1},
            {"kind": "store", "line": 2, "function": "<module>", "depth": 1, "name": "d",
             "value": {"type": "dict", "id": 1, "length": 0, "items": []}},
            {"kind": "call", "line": 7, "function": "f", "depth": 2,
             "value": {"a": one, "b": {"type": "str", "repr": "'y'"}}},
            {"kind": "line", "line": 8, "function": "f", "depth": 2},
            {"kind": "setitem", "line": 8, "function": "f", "depth": 2,
             "name": {"type": "str", "repr": "'k'"}, "value": {"type": "int", "repr": "5"},
             "target": target | {"items": [
                 [{"type": "str", "repr": "'k'"}, {"type": "int", "repr": "5"}]]}},
            {"kind": "mutate", "line": 8, "function": "f", "depth": 2, "name": "update",
             "target": target | {"items": [[{"type": "str", "repr": "'z'"}, one]]},
             "value": {"type": "change", "operations": [
                 {"op": "set", "key": {"type": "str", "repr": "'z'"}, "value": one},
                 {"op": "delete", "key": {"type": "str", "repr": "'k'"}}]}},
            {"kind": "output", "line": 8, "function": "f", "depth": 2, "name": "stderr",
             "value": {"type": "bytes", "repr": "b'x'"}},
            {"kind": "raise", "line": 9, "function": "f", "depth": 2, "value": raised},
            {"kind": "unwind", "line": 8, "function": "f", "depth": 2, "value": raised},
            {"kind": "return", "line": 3, "function": "<module>", "depth": 1,
             "value": {"type": "NoneType", "repr": "None"}},
        ]  # fmt: skip


def long_tape() -> Tape:
    tape = Tape()
    code = tape.code("f", ["x"])
    tape.call(code, 1)
    for number in range(50):
        tape.line(code, 2 + number % 3)
        tape.store(code, 2, "x", number)
    return tape


def test_events_are_filtered_by_kind_and_range_in_both_directions() -> None:
    recording = long_tape().recording(7)
    everything = [(event.seq, event.kind) for event in recording.events()]
    assert [seq for seq, _ in everything] == list(range(101))
    lines = [seq for seq, kind in everything if kind == "line" and 10 <= seq < 60]
    assert [e.seq for e in recording.events(10, 60, {Kind.LINE})] == lines
    assert [e.seq for e in recording.events(10, 60, {Kind.LINE}, backward=True)] == lines[::-1]
    assert [e.seq for e in recording.events(10, 60, kind="line")] == lines
    assert list(recording.events(60, 10)) == []
    with pytest.raises(UsageError):
        list(recording.events(kind="nonsense"))


def test_line_counts_and_density_are_exact() -> None:
    recording = long_tape().recording(7)
    assert recording.line_counts("/p.py") == {2: 17, 3: 17, 4: 16}
    assert recording.density(10).sum() == 101
    lines = recording.density(9, {Kind.LINE})
    edges = [101 * step // 9 for step in range(10)]
    for index, (low, high) in enumerate(itertools.pairwise(edges)):
        assert lines[index] == sum(1 for _ in recording.events(low, high, {Kind.LINE}))


def test_positions_are_read_as_a_person_writes_them() -> None:
    recording = long_tape().recording(7)
    for text, seq in [("start", 0), ("end", 100), ("50%", 50), ("12", 12), ("0:12", 12)]:
        assert recording.position(text) == seq
    for text in ("101", "-1", "1:5", "120%", "exception", "x", "9" * 30, "\u0663"):
        with pytest.raises(UsageError):
            recording.position(text)
    assert issubclass(PositionError, UsageError)


def test_exception_is_the_last_raise_that_left_the_outermost_frame() -> None:
    tape = Tape()
    main = tape.code("<module>")
    function = tape.code("f")
    tape.call(main, 1)
    tape.call(function, 2)
    lost = tape.instance("KeyError")
    caught = tape.instance("OSError")
    wanted = tape.siteless(Kind.RAISE, 3, Ref(lost))
    tape.leave(Kind.UNWIND, function, 3, Ref(lost))
    last = tape.siteless(Kind.RAISE, 4, Ref(caught))
    tape.siteless(Kind.HANDLE, 4, Ref(caught))
    assert tape.recording(3).position("exception") == last
    tape.leave(Kind.UNWIND, main, 5, Ref(lost))
    assert tape.recording(3).position("exception") == wanted
