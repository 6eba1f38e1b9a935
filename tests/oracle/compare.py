"""Compares one snapshot's frames with the recording's, value by value."""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.recorded import flatten

Value = dict[str, Any]

SHOWN = 12

# Attributes of `threading.Thread` that differ from one run of a program to the next.
VOLATILE = frozenset({"_ident", "_native_id"})


@dataclass(slots=True)
class Difference:
    """One thing that is not as it was; `path` is the variable and the way into it."""

    place: str
    path: str
    expected: str
    got: str
    times: int = 1
    """How often the same place in the same variable differed in the same way."""

    def __str__(self) -> str:
        more = f" ({self.times} times)" if self.times > 1 else ""
        return (
            f"{self.place}: {self.path}{more}\n"
            f"      expected {self.expected}\n      got      {self.got}"
        )


@dataclass(slots=True)
class Tally:
    """What one program's comparison found."""

    moments: int = 0
    values: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    labelled_objects: dict[str, set[int]] = field(default_factory=dict)
    labelled_places: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    total: int = 0
    _alike: dict[str, Difference] = field(default_factory=dict)

    def differ(self, place: str, path: str, expected: object, got: object) -> None:
        """Count a difference; the first few are kept."""
        self.total += 1
        found = Difference(place, path, brief(expected), brief(got))
        key = re.sub(r"\d+", "", f"{path} {found.got}")
        known = self._alike.get(key)
        if known is not None:
            known.times += 1
            return
        self._alike[key] = found
        if len(self.differences) < SHOWN:
            self.differences.append(found)


def brief(value: object) -> str:
    """A value in at most 200 characters."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 200 else text[:197] + "..."


class Comparison:
    """Two graphs walked in step; `identities` has to stay one to one."""

    def __init__(self, tally: Tally, place: str, expected: dict[str, Value]) -> None:
        self.tally = tally
        self.place = place
        self.expected = expected
        self.got: dict[int, Value] = {}
        self.pairs: dict[int, int] = {}
        self.back: dict[int, int] = {}
        self.waiting: deque[tuple[str, Value, Value]] = deque()

    def frame(self, function: str, kind: str, expected: dict[str, Value], got: Any) -> None:
        """Compare the variables of one frame; `got` maps names to values of the recording."""
        names = {name for name in got if not name.startswith(".")}
        for name in expected:
            if name not in names:
                self.tally.differ(self.place, f"{function}:{name}", expected[name], "not there")
        for name in sorted(names - set(expected)):
            # Cells of a class body, and variables of a comprehension that runs inlined in a
            # module or class, are not in that frame's f_locals; a recording may show them.
            if kind == "function":
                self.tally.differ(
                    self.place, f"{function}:{name}", "not there", got[name].to_json()
                )
        for name, value in expected.items():
            if name in names:
                document = flatten(got[name], self.got)
                self.value(f"{function}:{name}", value, document)

    def value(self, path: str, expected: Value, got: Value) -> None:
        """Compare two values and everything that can be reached from them."""
        self.waiting.append((path, expected, got))
        while self.waiting:
            self._step(*self.waiting.popleft())

    def _step(self, path: str, expected: Value, got: Value) -> None:
        self.tally.values += 1
        if "ref" not in got:
            if "label" in got:
                self._labelled(path, got["label"], None)
                return
            if "ref" in expected:
                node = self.expected[str(expected["ref"])]
                self.tally.differ(self.place, path, _shallow(node), got)
            elif got.get("type") != expected["type"] or got.get("repr") != expected["repr"]:
                self.tally.differ(self.place, path, expected, got)
            return
        number = got["ref"]
        node = self.got.get(number)
        if node is None:
            self.tally.differ(self.place, path, expected, f"a ref to {number}, which is not there")
            return
        if "ref" not in expected:
            if "label" in node:
                self._labelled(path, node["label"], number)
            else:
                self.tally.differ(self.place, path, expected, _shallow(node))
            return
        mine = expected["ref"]
        if mine in self.pairs or number in self.back:
            if self.pairs.get(mine) != number or self.back.get(number) != mine:
                if "label" in node:
                    self._labelled(path, node["label"], number)
                    return
                self.tally.differ(
                    self.place,
                    path,
                    f"object {mine}, seen before as {self.pairs.get(mine)}: "
                    + brief(_shallow(self.expected[str(mine)])),
                    f"object {number}, seen before as {self.back.get(number)}: "
                    + brief(_shallow(node)),
                )
            return
        self.pairs[mine] = number
        self.back[number] = mine
        self._nodes(path, self.expected[str(mine)], node, number)

    def _nodes(self, path: str, expected: Value, got: Value, number: int) -> None:
        label = got.get("label")
        if label is not None:
            self._labelled(path, label, number)
            if label != "truncated" or expected.get("label") != "truncated":
                return
        if expected["type"] != got.get("type"):
            self.tally.differ(self.place, path, _shallow(expected), _shallow(got))
            return
        if expected.get("label") == "opaque" and "attributes" not in got:
            self.tally.differ(self.place, path, _shallow(expected), _shallow(got))
            return
        for key in ("name", "repr", "length"):
            if key in expected and expected[key] != got.get(key):
                if key == "length" and "repr" in expected:
                    continue
                self.tally.differ(self.place, f"{path}!{key}", expected[key], got.get(key))
                return
        if "name" in expected:
            return
        self._items(path, expected, got)
        self._attributes(path, expected, got)

    def _items(self, path: str, expected: Value, got: Value) -> None:
        mine = expected.get("pairs", expected.get("items"))
        if mine is None:
            return
        theirs = got.get("items", [])
        if len(mine) != len(theirs):
            self.tally.differ(
                self.place, f"{path}!items", f"{len(mine)} items", f"{len(theirs)} items"
            )
            return
        if "pairs" in expected:
            for index, (pair, other) in enumerate(zip(mine, theirs, strict=True)):
                self.waiting.append((f"{path}.keys[{index}]", pair[0], other[0]))
                self.waiting.append((f"{path}[{_key(pair[0], index)}]", pair[1], other[1]))
            return
        if expected.get("unordered"):
            theirs = self._matched(mine, theirs)
        for index, (item, other) in enumerate(zip(mine, theirs, strict=True)):
            self.waiting.append((f"{path}[{index}]", item, other[0]))

    def _matched(self, mine: list[Value], theirs: list[list[Value]]) -> list[list[Value]]:
        """The recording's elements of a set in the order of the expected ones, by content."""
        left: dict[str, list[list[Value]]] = {}
        for slot in theirs:
            left.setdefault(self._content(slot[0], self.got, 0), []).append(slot)
        matched: list[list[Value] | None] = []
        for item in mine:
            found = left.get(self._content(item, self.expected, 0))
            matched.append(found.pop() if found else None)
        rest = [slot for slots in left.values() for slot in slots]
        return [slot if slot is not None else rest.pop() for slot in matched]

    def _content(self, value: Any, objects: dict[Any, Value], depth: int) -> str:
        while isinstance(value, list):
            value = value[0]
        if "ref" not in value:
            return f"{value.get('type')} {value.get('repr')}"
        number = value["ref"]
        node = objects.get(number) or objects.get(str(number)) or {}
        head = f"{node.get('type')} {node.get('name')} {node.get('repr')}"
        if depth > 4:
            return head
        items = node.get("items") or []
        inner = [self._content(item, objects, depth + 1) for item in items]
        attributes = node.get("attributes") or {}
        inner.extend(
            name + self._content(attributes[name], objects, depth + 1)
            for name in sorted(attributes)
        )
        if "frozenset" in head or "set" in head:
            inner.sort()
        return head + "(" + ",".join(inner) + ")"

    def _attributes(self, path: str, expected: Value, got: Value) -> None:
        mine = expected.get("attributes") or {}
        also = expected.get("also") or {}
        theirs = got.get("attributes") or {}
        for name in mine:
            if name not in theirs:
                self.tally.differ(self.place, f"{path}.{name}", mine[name], "not there")
        for name in theirs:
            if name in VOLATILE:
                continue
            wanted = mine.get(name, also.get(name))
            if wanted is None:
                shown = self._content(theirs[name], self.got, 3)
                self.tally.differ(self.place, f"{path}.{name}", "not there", shown)
            else:
                self.waiting.append((f"{path}.{name}", wanted, theirs[name][0]))

    def _labelled(self, path: str, label: str, number: int | None) -> None:
        self.tally.labels[label] += 1
        self.tally.labelled_places[f"{label}: {path}"] += 1
        if number is not None:
            self.tally.labelled_objects.setdefault(label, set()).add(number)


def _shallow(node: Value) -> Value:
    shown = {key: node[key] for key in node if key not in ("items", "pairs", "attributes", "also")}
    for key in ("items", "pairs", "attributes"):
        if key in node:
            shown[key] = f"{len(node[key])}"
    return shown


def _key(value: Value, index: int) -> str:
    return str(value.get("repr", index))
