"""Counts of control flow are the transitions in the recording, on the oracle's programs."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

import pytest

from escope.engine.graphs.cfg import ENTRY, EXIT, node_of_line
from escope.engine.replay.overlay import overlay
from escope.engine.replay.recording import Recording
from escope.errors import RecordingError
from escope.events import Kind
from tests.oracle import harness
from tests.replay.conftest import Recorded

# They are about processes and signals; the control flow in them is nothing new.
OTHERS = {
    "forks", "keyboard_interrupt", "killed", "processes", "recursion_limit", "signals", "subprocesses",
}  # fmt: skip
NAMES = [path.stem for path in harness.programs() if path.stem not in OTHERS]
ENDS = (Kind.RETURN, Kind.UNWIND)


def type_scopes(source: bytes | None) -> set[tuple[str, int]]:
    """Name and line of the code of type parameters, aliases, bounds and defaults.

    Each is one expression and has no graph.
    """
    assert source is not None
    found = set()
    for node in ast.walk(ast.parse(source)):
        parameters: list[Any] = getattr(node, "type_params", [])
        if not parameters and type(node).__name__ != "TypeAlias":
            continue
        named: Any = node
        name = getattr(named.name, "id", named.name)
        line = min(one.lineno for one in (named, *getattr(node, "decorator_list", ())))
        if type(node).__name__ == "TypeAlias":
            found.add((name, line))
        if parameters:
            found.add((f"<generic parameters of {name}>", line))
        for one in parameters:
            if getattr(one, "bound", None) or getattr(one, "default_value", None):
                found.add((one.name, one.lineno))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_counts_of_control_flow_are_the_transitions_of_the_recording(
    name: str, recorded: Recorded
) -> None:
    moves: dict[int, Counter[tuple[int, int]]] = {}
    missing: set[tuple[str, str, int]] = set()
    scopes: set[tuple[str, str, int]] = set()
    with Recording.open(recorded(name)) as recording:
        graphs = {}
        for code, info in recording.store.codes.items():
            try:
                graphs[code] = overlay(recording, code)
            except RecordingError:
                missing.add((info.source, info.qualname.rpartition(".")[2], info.first_line))
                continue
            moves[code] = Counter()
        last: dict[int, int] = {}
        for event in recording.events(kinds={Kind.LINE, *ENDS}):
            code_info, line = event.code, event.line
            if code_info is None or code_info.id not in graphs:
                continue
            assert line is not None
            here = EXIT if event.kind_id in ENDS else node_of_line(graphs[code_info.id], line)
            moves[code_info.id][last.get(event.frame, ENTRY), here] += 1
            last[event.frame] = here
        for source in {source for source, _, _ in missing}:
            scopes |= {(source, *scope) for scope in type_scopes(recording.store.source(source))}
    assert missing == scopes
    assert sum(map(Counter.total, moves.values())) > 5
    for code, graph in graphs.items():
        expected = moves[code]
        assert graph.graph["transitions"] == expected.total()
        found = Counter({(node, node): data["inside"] for node, data in graph.nodes(data=True)})
        for source, target, data in graph.edges(data=True):
            found[source, target] += data["count"]
        assert found - Counter() == expected
