"""The oracle finds what is wrong: every kind of difference is reported, and equal graphs are equal."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from types import SimpleNamespace as Child
from typing import Any

import pytest

from tests.oracle import snapshot
from tests.oracle.compare import Comparison, Tally
from tests.oracle.harness import EVERY, HERE, Result, compare, environment, run, snapshots

PROGRAM = """
class Node:
    def __init__(self, name):
        self.name = name
        self.links = []


def build():
    shared = [1, 2.5, "text"]
    first = Node("first")
    second = Node("second")
    first.links.append(shared)
    second.links.append(shared)
    table = {"a": first, 2: {second.name}}
    shared.append(None)
    return table


table = build()
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], Path, Path]:
    folder = tmp_path_factory.mktemp("comparison")
    root = (folder / "program").resolve()
    root.mkdir()
    script = root / "program.py"
    script.write_text(PROGRAM)
    written, recording = folder / "snapshots", folder / "run.esr"
    tracer = [sys.executable, str(HERE / "tracer.py"), str(written), str(root), str(EVERY)]
    run([*tracer, str(script)], root)
    run([sys.executable, "-m", "escope", "record", "-o", str(recording), str(script)], root)
    return list(snapshots(written)), recording, root


def found(runs: tuple[list[Any], Path, Path], change: Any = None) -> Result:
    """Compare after `change` was applied to copies of the expected snapshots."""
    expected, recording, root = runs
    expected = copy.deepcopy(expected)
    if change is not None:
        change(expected)
    result = Result("program")
    compare(result, expected, recording, root)
    return result


def last_in_build(expected: list[Any]) -> Any:
    """The snapshot at the last line of `build`."""
    return [item for item in expected if item["function"] == "build"][-1]


def variables(item: Any) -> Any:
    """The variables of its top frame."""
    return item["frames"][-1][2]


def test_unchanged_snapshots_agree(runs: Any) -> None:
    result = found(runs)
    assert result.agrees, result.report()
    assert result.tally.values > 100
    assert not result.tally.labels


def test_another_scalar_is_found(runs: Any) -> None:
    def change(expected: list[Any]) -> None:
        node = last_in_build(expected)["objects"]
        number = variables(last_in_build(expected))["shared"]["ref"]
        node[str(number)]["items"][1]["repr"] = "2.25"

    result = found(runs, change)
    assert result.tally.total == 1
    assert "shared[1]" in result.tally.differences[0].path


def test_another_identity_is_found(runs: Any) -> None:
    def change(expected: list[Any]) -> None:
        item = last_in_build(expected)
        number = variables(item)["shared"]["ref"]
        item["objects"]["99"] = item["objects"][str(number)]
        variables(item)["shared"] = {"ref": 99}

    assert found(runs, change).tally.total


def test_a_missing_and_an_additional_variable_are_found(runs: Any) -> None:
    def more(expected: list[Any]) -> None:
        variables(last_in_build(expected))["invented"] = {"type": "int", "repr": "1"}

    def less(expected: list[Any]) -> None:
        del variables(last_in_build(expected))["first"]

    assert found(runs, more).tally.differences[0].got == "not there"
    assert found(runs, less).tally.differences[0].expected == "not there"


def test_another_attribute_and_another_type_are_found(runs: Any) -> None:
    def attribute(expected: list[Any]) -> None:
        item = last_in_build(expected)
        node = item["objects"][str(variables(item)["first"]["ref"])]
        node["attributes"]["more"] = {"type": "NoneType", "repr": "None"}

    def kind(expected: list[Any]) -> None:
        item = last_in_build(expected)
        item["objects"][str(variables(item)["first"]["ref"])]["type"] = "__main__.Other"

    assert found(runs, attribute).tally.total == 1
    assert found(runs, kind).tally.total


def test_another_line_and_a_missing_line_are_found(runs: Any) -> None:
    def line(expected: list[Any]) -> None:
        last_in_build(expected)["line"] += 1

    def less(expected: list[Any]) -> None:
        expected.remove(last_in_build(expected))

    assert any("line moments" in problem for problem in found(runs, line).problems)
    assert any("line moments" in problem for problem in found(runs, less).problems)


def test_another_stack_is_found(runs: Any) -> None:
    def change(expected: list[Any]) -> None:
        last_in_build(expected)["stack"][0][1] += 1

    assert found(runs, change).tally.differences[0].path == "stack"


class _Recorded:
    """A value of a recording, from a snapshot of this process."""

    def __init__(self, objects: dict[int, Any], value: Any) -> None:
        self.objects, self.value = objects, value
        self.is_scalar = "ref" not in value
        self.id = value.get("ref")

    @property
    def node(self) -> Any:
        return self.objects[self.id]

    @property
    def child_count(self) -> int:
        return len(list(self.children()))

    @property
    def label(self) -> Any:
        return self.node.get("label")

    def to_json(self, depth: int = 0) -> Any:
        if self.is_scalar:
            return self.value
        kept = {"type", "name", "repr", "length", "label"}
        return {"id": self.id, **{key: self.node[key] for key in self.node if key in kept}}

    def children(self) -> Any:
        for item in self.node.get("items", []):
            yield Child(kind="item", name=None, value=_Recorded(self.objects, item))
        for key, item in self.node.get("pairs", []):
            name = _Recorded(self.objects, key)
            yield Child(kind="entry", name=name, value=_Recorded(self.objects, item))
        for name, item in self.node.get("attributes", {}).items():
            yield Child(kind="attribute", name=name, value=_Recorded(self.objects, item))


def differences(one: Any, other: Any) -> int:
    """How many differences the comparison finds between two live values."""
    first, second = snapshot.Snapshot(), snapshot.Snapshot()
    expected, got = first.value(one), second.value(other)
    tally = Tally()
    objects = {str(number): node for number, node in first.objects.items()}
    comparison = Comparison(tally, "here", objects)
    comparison.frame("f", "function", {"v": expected}, {"v": _Recorded(second.objects, got)})
    return tally.total


def test_values_compare_by_content_type_and_identity() -> None:
    a: list[Any] = [1]
    cycle: list[Any] = []
    cycle.append(cycle)
    other: list[Any] = []
    other.append(other)
    assert not differences([a, a], [a, a])
    assert not differences(cycle, other)
    assert not differences({1, "x", (2, 3)}, {(2, 3), "x", 1})
    assert not differences({"k": {1: a}}, {"k": {1: [1]}})
    assert differences([a, a], [[1], [1]])
    assert differences([[1], [1]], [a, a])
    assert differences(cycle, [cycle])
    assert differences(1, True)
    assert differences(0.0, -0.0)
    assert differences([1], (1,))
    assert differences({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert differences({1, 2}, {1, 3})
    assert differences({(1, "a")}, {(1, "b")})
    assert differences(len, print)


def test_runs_share_a_fixed_hash_seed() -> None:
    assert environment()["PYTHONHASHSEED"] == "0"
