"""Laws of diff: empty exactly for equal states, turns one into the other, small for small changes."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escope.engine.replay.alignment import align
from escope.events import Kind
from escope.storage.rows import Detail
from tests.replay.tape import Code, Ref, Tape

Value = Any


def mutating_tape(seed: int, events: int) -> Tape:
    """Objects of all kinds that refer to each other, changed at random; frames that come and go."""
    random = Random(seed)
    tape = Tape()
    codes = [tape.code(f"f{n}", ["x", "y", "z"], parameters=1, cells=[2]) for n in range(2)]
    lists: list[int] = []
    dicts: list[int] = []
    instances: list[int] = []
    sets: list[int] = []
    lengths: dict[int, int] = {}
    stack: list[Code] = []

    def value() -> Any:
        known = [*lists, *dicts, *instances, *sets]
        kind = random.randrange(10)
        if kind < 4 and known:
            return Ref(random.choice(known))
        if kind == 4:
            lists.append(tape.object([random.randint(0, 3) for _ in range(random.randint(0, 4))]))
            lengths[lists[-1]] = sum(
                1 for row in tape.rows if row[0] >> 8 == Detail.ITEM and row[1] == lists[-1]
            )
            return Ref(lists[-1])
        if kind == 5:
            dicts.append(tape.object({key: random.randint(0, 3) for key in "ab"}))
            return Ref(dicts[-1])
        if kind == 6:
            instances.append(tape.instance("m.Node", n=random.randint(0, 3)))
            return Ref(instances[-1])
        if kind == 7:
            sets.append(tape.object({random.randint(0, 3)}))
            return Ref(sets[-1])
        return random.choice([0, 1, True, None, 0.0, -0.0, 1.5, "a", "b", b"a", 2**70, (1, 2)])

    def change() -> None:
        kind = random.randrange(6)
        if kind == 0 and lists:
            number = random.choice(lists)
            start = random.randint(0, lengths[number])
            count = random.randint(0, min(2, lengths[number] - start))
            fresh = [value() for _ in range(random.randint(0, 2))]
            tape.change(Detail.SPLICE, number, (start, count))
            for one in fresh:
                tape.change(Detail.INSERT, number, one)
            lengths[number] += len(fresh) - count
            tape.mutate(number, "change")
        elif kind == 1 and dicts:
            number = random.choice(dicts)
            if random.random() < 0.4:
                tape.change(Detail.REMOVE, number, random.choice("abcd"))
                tape.mutate(number, "pop")
            else:
                tape.set_item(stack[-1], 3, number, random.choice("abcd"), value())
        elif kind == 2 and instances:
            number = random.choice(instances)
            tape.set_attribute(stack[-1], 3, number, random.choice("nlr"), value())
        elif kind == 3 and sets:
            number = random.choice(sets)
            which = Detail.ITEM if random.random() < 0.6 else Detail.REMOVE
            tape.change(which, number, random.randint(0, 5))
            tape.mutate(number, "change")
        else:
            tape.store(stack[-1], 4, random.choice("xy"), value())

    while tape.seq < events:
        kind = random.random()
        if not stack or (kind < 0.1 and len(stack) < 5):
            stack.append(random.choice(codes))
            cell = tape.cell(random.randint(0, 2))
            tape.call(stack[-1], 1, x=value(), z=Ref(cell))
        elif kind < 0.17 and len(stack) > 1:
            tape.leave(Kind.RETURN, stack.pop(), 9)
        elif kind < 0.4:
            tape.line(stack[-1], random.randint(2, 5))
        else:
            change()
    return tape


class Graph:
    """A state as its objects by id and what the variables refer to; written from the documentation alone."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.objects: dict[int, dict[str, Any]] = {}
        self.threads: dict[int, list[dict[str, Any]]] = {
            thread["id"]: [self.frame(frame) for frame in thread["frames"]]
            for thread in state["threads"]
        }

    def frame(self, frame: dict[str, Any]) -> dict[str, Any]:
        named = {name: self.take(value) for name, value in frame["variables"].items()}
        return {**frame, "variables": named}

    def take(self, value: Value) -> Value:
        """A scalar as it is; an object is put into the table and referred to."""
        if "ref" in value:
            return ("ref", value["ref"])
        if "id" not in value:
            return tuple(sorted(value.items()))
        kept = {key: one for key, one in value.items() if key not in ("items", "length")}
        self.objects[value["id"]] = kept
        if "items" in value:
            kept["items"] = [
                [self.take(one) for one in item] if isinstance(item, list) else self.take(item)
                for item in value["items"]
            ]
        if "attributes" in value:
            kept["attributes"] = {name: self.take(one) for name, one in value["attributes"].items()}
        return ("ref", value["id"])

    def apply(self, changes: list[dict[str, Any]]) -> None:
        self.original = copy.deepcopy(self.objects)
        for change in changes:
            self._apply(change)

    def _apply(self, change: dict[str, Any]) -> None:
        op, path, after = change["op"], change["path"], change.get("after")
        thread = path[1]
        if len(path) == 2:
            if op == "add":
                self.threads[thread] = [self.frame(frame) for frame in after["frames"]]
            else:
                del self.threads[thread]
            return
        frames = self.threads[thread]
        if len(path) == 4:
            if op == "add":
                frames.insert(change["at"], self.frame(after))
            else:
                frames[:] = [frame for frame in frames if frame["id"] != path[3]]
            return
        frame = next(frame for frame in frames if frame["id"] == path[3])
        if path[4:] == ["line"]:
            frame["line"] = int(after["repr"])
            return
        owner: Any = frame["variables"]
        key: Any = path[5]
        rest = path[6:]
        while len(rest) > 1:
            holder = self.objects[owner[key][1]]
            owner, key = self._place(holder, rest[0], rest[1], op if len(rest) == 2 else "change")
            rest = rest[2:]
        if rest == ["id"]:
            old, new = owner[key][1], int(after["repr"])
            self.objects[new] = {**copy.deepcopy(self.original[old]), "id": new}
            owner[key] = ("ref", new)
        elif rest:
            raise AssertionError(rest)
        elif op == "remove":
            del owner[key]
        elif isinstance(owner, list) and op == "add":
            owner.insert(key, self._entry(path, self.take(after)))
        else:
            owner[key] = self.take(after)

    def _entry(self, path: list[Any], taken: Value) -> Value:
        return [self.take(path[-1]), taken] if path[-2] == "key" else taken

    def _place(self, holder: dict[str, Any], word: str, operand: Any, op: str) -> tuple[Any, Any]:
        if word == "attribute":
            return holder["attributes"], operand
        items = holder["items"]
        if word == "item":
            return items, operand
        wanted = self.take(operand)
        for index, item in enumerate(items):
            if word == "element" and item == wanted:
                return items, index
            if word == "key" and item[0] == wanted:
                return (items, index) if op == "remove" else (item, 1)
        assert op == "add"
        return items, len(items)

    def shown(self) -> str:
        """Everything that can be reached, in a form of its own."""
        seen: dict[int, Any] = {}

        def follow(value: Value) -> None:
            pending = [value]
            while pending:
                one = pending.pop()
                if isinstance(one, (list, dict)):
                    pending += one.values() if isinstance(one, dict) else one
                elif one[0] == "ref" and one[1] not in seen:
                    node = dict(self.objects[one[1]])
                    if not node.get("attributes"):
                        node.pop("attributes", None)
                    if node["type"] == "set":
                        node["items"] = sorted(node["items"], key=repr)
                    seen[one[1]] = node
                    pending += [node.get("items", []), node.get("attributes", {})]

        for frames in self.threads.values():
            for frame in frames:
                follow(frame["variables"])
        return json.dumps([self.threads, sorted(seen.items())], sort_keys=True, indent=1)


def graph(document: dict[str, Any]) -> Graph:
    return Graph(json.loads(json.dumps(document)))


@settings(max_examples=150)
@given(st.integers(0, 100_000), st.integers(0, 119), st.integers(0, 119))
def test_diff_turns_one_state_into_the_other(seed: int, first: int, second: int) -> None:
    recording = mutating_tape(seed, 120).recording(16)
    a, b = recording.at(first), recording.at(second)
    changes = json.loads(json.dumps([change.to_json() for change in a.diff(b)]))
    turned, expected = graph(a.to_json()), graph(b.to_json())
    equal = turned.shown() == expected.shown()
    assert (changes == []) == equal
    turned.apply(changes)
    assert turned.shown() == expected.shown(), changes
    assert a.diff(a) == []


@given(st.lists(st.integers(0, 3), max_size=30), st.lists(st.integers(0, 3), max_size=30))
def test_alignment_keeps_order_and_leaves_nothing_out(first: list[int], second: list[int]) -> None:
    pairs = list(align(first, second))
    assert [i for i, _ in pairs if i is not None] == list(range(len(first)))
    assert [j for _, j in pairs if j is not None] == list(range(len(second)))


def list_states(before: list[Any], splice: tuple[int, int], inserted: list[Any]) -> Any:
    tape = Tape()
    code = tape.code("f", ["x"])
    tape.call(code, 1)
    first = tape.store(code, 2, "x", before)
    number = tape.objects if not before or not isinstance(before[0], list) else 1
    tape.change(Detail.SPLICE, number, splice)
    for one in inserted:
        tape.change(Detail.INSERT, number, one)
    second = tape.mutate(number, "insert")
    recording = tape.recording(4096)
    return recording.at(first), recording.at(second)


@pytest.mark.parametrize("size", [10, 20_000])
def test_an_insert_in_the_middle_is_one_add(size: int) -> None:
    a, b = list_states(list(range(size)), (size // 2, 0), ["new"])
    assert [change.to_json() for change in a.diff(b)] == [
        {
            "op": "add",
            "path": ["thread", 1, "frame", 1, "variable", "x", "item", size // 2],
            "after": {"type": "str", "repr": "'new'"},
        }
    ]
    assert [change.op for change in b.diff(a)] == ["remove"]


def test_a_change_of_everything_is_bounded_in_cost() -> None:
    a, b = list_states(list(range(20_000)), (0, 20_000), list(range(20_000, 40_000)))
    assert len(a.diff(b)) == 20_000


def test_an_argument_that_was_there_before_is_not_described_again() -> None:
    tape = Tape()
    code = tape.code("f", ["x"], parameters=1)
    tape.call(code, 1)
    first = tape.store(code, 2, "x", list(range(1000)))
    tape.call(code, 1, x=Ref(1))
    recording = tape.recording()
    changes = recording.at(first).diff(recording.at(tape.seq - 1))
    assert len(json.dumps([change.to_json() for change in changes])) < 300
    assert changes[0].document is not None
    assert changes[0].document["after"]["variables"] == {"x": {"ref": 1}}


def test_frames_of_one_function_differ_by_structure() -> None:
    tape = Tape()
    code = tape.code("f", ["x", "n"], parameters=1)
    moments = []
    for items in ([1, [2]], [1, [2]], [1, [3]]):
        tape.call(code, 1, x=items)
        moments.append(tape.line(code, 2))
        tape.leave(Kind.RETURN, code, 3)
    recording = tape.recording()
    frames = [recording.at(seq).thread(1).frames[-1] for seq in moments]
    assert frames[0].diff(frames[1]) == []
    changes = [change.to_json() for change in frames[0].diff(frames[2])]
    assert [change["path"] for change in changes] == [["variable", "x", "item", 1, "item", 0]]


def test_cycles_and_deep_nesting_end() -> None:
    tape = Tape()
    code = tape.code("f", ["x"])
    tape.call(code, 1)
    inner = tape.object([])
    for _ in range(5000):
        inner = tape.object([Ref(inner)])
    first = tape.store(code, 2, "x", Ref(inner))
    tape.change(Detail.ITEM, 1, Ref(inner))
    second = tape.mutate(1, "append")
    recording = tape.recording(4096)
    changes = recording.at(first).diff(recording.at(second))
    assert [(change.op, len(change.path)) for change in changes] == [("add", 6 + 2 * 5001)]
