"""States and values of hand-made recordings."""

from __future__ import annotations

from typing import Any

import pytest

from escope.errors import PositionError, RecordingError
from escope.events import Kind, Label
from escope.storage.rows import Detail, Shape
from tests.replay.tape import Ref, Tape


def variables(recording: Any, seq: int) -> dict[str, Any]:
    frame = recording.at(seq).thread(1).frames[-1]
    return {name: value.to_json() for name, value in frame.variables.items()}


def scalar(value: Any) -> dict[str, str]:
    return {"type": type(value).__name__, "repr": repr(value)}


@pytest.mark.parametrize("block_rows", [1, 3, 100])
def test_a_list_shows_what_it_held_at_that_moment(block_rows: int) -> None:
    tape = Tape()
    code = tape.code("f", ["xs"])
    tape.call(code, 1)
    stored = tape.store(code, 2, "xs", [1, 2])
    moments = []
    for number in range(10):
        tape.change(Detail.ITEM, 1, number)
        moments.append(tape.mutate(1, "append"))
    tape.change(Detail.SPLICE, 1, (1, 3))
    tape.change(Detail.INSERT, 1, 77)
    tape.change(Detail.INSERT, 1, 78)
    spliced = tape.mutate(1, "sort")
    recording = tape.recording(block_rows)
    for order in (list(enumerate(moments)), list(enumerate(moments))[::-1]):
        for index, seq in order:
            items = [1, 2, *range(index + 1)]
            assert variables(recording, seq)["xs"] == {
                "type": "list",
                "id": 1,
                "length": len(items),
                "items": [scalar(item) for item in items],
            }
    assert variables(recording, stored)["xs"]["length"] == 2
    items = [1, 77, 78, 2, 3, 4, 5, 6, 7, 8, 9]
    assert variables(recording, spliced)["xs"]["items"] == [scalar(item) for item in items]
    assert variables(recording, 0) == {}


@pytest.mark.parametrize("value", [
    None, True, False, 5, -3, 2**62, 2**70, -(2**64), 1.5, float("inf"), -0.0, 1 + 2j,
    "text\x1b[31m", "\udc80", b"\x00a", pytest.param(10**4300, id="long"), ...,
])  # fmt: skip
def test_a_scalar_is_shown_by_its_repr(value: Any) -> None:
    tape = Tape()
    code = tape.code("f", ["x"])
    tape.call(code, 1)
    seq = tape.store(code, 2, "x", value)
    text = hex(value) if value == 10**4300 else repr(value)
    expected = {"type": type(value).__name__, "repr": text}
    assert variables(tape.recording(), seq)["x"] == expected


def test_a_deleted_variable_is_absent() -> None:
    tape = Tape()
    code = tape.code("f", ["x", "y"], parameters=2)
    tape.call(code, 1, x=1, y="two")
    seq = tape.delete(code, 2, "x")
    recording = tape.recording(1)
    assert list(variables(recording, 0)) == ["x", "y"]
    assert list(variables(recording, seq)) == ["y"]


@pytest.mark.parametrize("block_rows", [1, 100])
def test_a_cell_is_read_through_by_every_frame_that_holds_it(block_rows: int) -> None:
    tape = Tape()
    outer = tape.code("outer", ["n"], cells=[0])
    inner = tape.code("outer.inner", ["n", "k"], cells=[0])
    cell = tape.cell()
    tape.call(outer, 1, n=Ref(cell))
    empty = tape.line(outer, 2)
    stored = tape.store(outer, 2, "n", 5, owner=cell)
    tape.call(inner, 3, n=Ref(cell))
    changed = tape.store(inner, 4, "n", 6, owner=cell)
    tape.leave(Kind.RETURN, inner, 5)
    deleted = tape.delete(outer, 6, "n", owner=cell)
    recording = tape.recording(block_rows)
    assert variables(recording, empty) == {}
    assert variables(recording, stored) == {"n": scalar(5)}
    assert variables(recording, changed) == {"n": scalar(6)}
    below = recording.at(changed).thread(1).frames[0]
    assert below.variables["n"].to_json() == scalar(6)
    assert variables(recording, deleted) == {}


@pytest.mark.parametrize("block_rows", [1, 100])
def test_a_module_shows_its_globals_without_builtins(block_rows: int) -> None:
    tape = Tape()
    module = tape.code("<module>")
    function = tape.code("f", ["a"], parameters=1)
    space = tape.namespace("__main__", __name__="__main__", __builtins__=1)
    tape.call(module, 1, namespace=space)
    tape.store(module, 1, "x", 1, owner=space)
    seq = tape.store(module, 2, "y", 2, owner=space)
    tape.call(function, 3, a=9)
    deep = tape.line(function, 4)
    recording = tape.recording(block_rows)
    assert variables(recording, seq) == {
        "__name__": scalar("__main__"), "x": scalar(1), "y": scalar(2),
    }  # fmt: skip
    frame = recording.at(deep).thread(1).frames[-1]
    assert list(frame.variables) == ["a"]
    assert frame.globals()["y"].to_json() == scalar(2)


@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_a_generator_keeps_its_variables_while_it_is_suspended(block_rows: int) -> None:
    tape = Tape()
    module = tape.code("main", ["g"])
    generator = tape.code("gen", ["i"], parameters=1, first_line=10)
    tape.call(module, 1)
    frame = tape.call(generator, 10, i=1)
    tape.line(generator, 11)
    tape.store(generator, 11, "i", 2)
    tape.line(generator, 12)
    tape.leave(Kind.YIELD, generator, 12, 2)
    outside = tape.line(module, 2)
    resumed = tape.resume(generator, 12, frame)
    recording = tape.recording(block_rows)
    assert [f.id for f in recording.at(outside).thread(1).frames] == [1]
    frames = recording.at(resumed).thread(1).frames
    assert [f.id for f in frames] == [1, frame]
    assert frames[-1].variables["i"].to_json() == scalar(2)
    assert frames[-1].line == 12


def test_threads_have_stacks_of_their_own() -> None:
    tape = Tape()
    code = tape.code("f", ["x"])
    tape.call(code, 1, x=1)
    tape.start_thread(2, "worker")
    tape.call(code, 1, x=2)
    tape.thread(1)
    seq = tape.line(code, 3)
    tape.thread(2)
    tape.leave(Kind.RETURN, code, 4)
    end = tape.siteless(Kind.THREAD_END, 2)
    recording = tape.recording(2)
    document = recording.at(seq).to_json()
    assert [
        (thread["name"], [frame["variables"]["x"]["repr"] for frame in thread["frames"]])
        for thread in document["threads"]
    ] == [("MainThread", ["1"]), ("worker", ["2"])]
    assert [thread.id for thread in recording.at(end).threads] == [1]


def test_an_object_is_printed_once_and_cycles_end() -> None:
    tape = Tape()
    code = tape.code("f", ["a", "b"])
    tape.call(code, 1)
    tape.store(code, 2, "a", [])
    tape.store(code, 2, "b", Ref(1))
    tape.change(Detail.ITEM, 1, Ref(1))
    seq = tape.mutate(1, "append")
    recording = tape.recording()
    frame = recording.at(seq).to_json()["threads"][0]["frames"][0]
    assert frame["variables"] == {
        "a": {"type": "list", "id": 1, "length": 1, "items": [{"ref": 1}]},
        "b": {"ref": 1},
    }
    assert recording.at(seq).thread(1).frames[0].variables["a"].summary() == "[…]"


def test_exponentially_shared_graphs_stay_small() -> None:
    tape = Tape()
    code = tape.code("f", ["x"])
    tape.call(code, 1)
    last: Any = []
    number = tape.object(last)
    for _ in range(60):
        number = tape.object([Ref(number), Ref(number)])
    seq = tape.store(code, 2, "x", Ref(number))
    value = tape.recording().at(seq).thread(1).frames[0].variables["x"]
    assert len(str(value.to_json())) < 10_000
    assert len(value.summary(200)) <= 200
    assert not any(value.summary(width).endswith("……") for width in range(1, 200))
    assert value.to_json(depth=2)["items"][0]["items"][0]["label"] == "truncated"


def test_values_of_every_shape_follow_the_contract() -> None:
    tape = Tape()
    code = tape.code("f", ["x"])
    tape.call(code, 1)
    point = tape.type("__main__.Point", Shape.TUPLE, ["x", "y"])
    tape.row(Detail.OBJECT, 0, point, 50)
    tape.row(Detail.ITEM, *[tape.raw(1)[0], 50, 1])
    tape.row(Detail.ITEM, *[tape.raw(2)[0], 50, 2])
    tape.row(Detail.OBJECT, 0, tape.type("function", Shape.NAMED), 51)
    tape.change(Detail.NAME, 51, "__main__.f")
    tape.row(Detail.OBJECT, 0, tape.type("bytearray", Shape.BYTEARRAY), 52)
    tape.change(Detail.SCALAR, 52, b"ab")
    tape.row(Detail.OBJECT, 0, tape.type("_io.TextIOWrapper", Shape.OPAQUE), 53)
    tape.row(Detail.OBJECT, Label.TRUNCATED, tape.type("list", Shape.LIST), 54)
    tape.row(Detail.LENGTH, 0, 54, 1000)
    tape.change(Detail.ITEM, 54, 7)
    instance = tape.instance("__main__.Node", 55, left=None, n=3)
    everything = {1: Ref(50), 2: Ref(51), 3: Ref(52), 4: Ref(53), 5: Ref(54), 6: Ref(instance)}
    seq = tape.store(code, 2, "x", everything)
    value = tape.recording().at(seq).thread(1).frames[0].variables["x"]
    items = [item for _, item in value.to_json()["items"]]
    assert items == [
        {"type": "__main__.Point", "id": 50, "length": 2, "fields": ["x", "y"],
         "items": [scalar(1), scalar(2)]},
        {"type": "function", "id": 51, "name": "__main__.f"},
        {"type": "bytearray", "id": 52, "length": 2, "repr": "bytearray(b'ab')"},
        {"type": "_io.TextIOWrapper", "id": 53, "label": "opaque"},
        {"type": "list", "id": 54, "length": 1000, "items": [scalar(7)], "label": "truncated"},
        {"type": "__main__.Node", "id": 55,
         "attributes": {"left": scalar(None), "n": scalar(3)}},
    ]  # fmt: skip
    assert value.summary(200) == (
        "{1: Point(x=1, y=2), 2: <function __main__.f>, 3: bytearray(b'ab'), "
        "4: <_io.TextIOWrapper opaque>, 5: [7, … 999 more], 6: Node(left=None, n=3)}"
    )


def test_equal_keys_meet_as_in_python() -> None:
    tape = Tape()
    code = tape.code("f", ["d"])
    tape.call(code, 1)
    tape.store(code, 2, "d", {1: "a", (1, 2): "t"})
    recording = tape.recording()
    dictionary = recording.at(1).thread(1).frames[0].variables["d"]
    number = dictionary.id
    assert number is not None
    tape.set_item(code, 3, number, 1.0, "b")
    tape.set_item(code, 3, number, (1, 2), "u")
    seq = tape.set_item(code, 3, number, "1", "c")
    pairs = variables(tape.recording(2), seq)["d"]["items"]
    assert [(key.get("repr"), value["repr"]) for key, value in pairs] == [
        ("1", "'b'"), (None, "'u'"), ("'1'", "'c'"),
    ]  # fmt: skip


def test_damaged_rows_give_one_error() -> None:
    tape = Tape()
    code = tape.code("f", ["x"])
    tape.call(code, 1)
    tape.store(code, 2, "x", [])
    tape.change(Detail.SPLICE, 1, (5, 1))
    seq = tape.mutate(1, "pop")
    state = tape.recording().at(seq)
    with pytest.raises(RecordingError, match="damaged"):
        state.to_json()


def test_a_position_outside_is_refused() -> None:
    tape = Tape()
    code = tape.code("f")
    tape.call(code, 1)
    recording = tape.recording()
    for seq in (-1, 1):
        with pytest.raises(PositionError, match="events 0 to 0"):
            recording.at(seq)
