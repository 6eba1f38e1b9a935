"""Control-flow graphs against what the interpreter does, and their counts against brute force."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import networkx as nx
import pytest

from escope.engine.graphs.ast_repository import AstRepository
from escope.engine.graphs.cfg import ENTRY, EXIT, control_flow, node_of_line
from escope.engine.replay.overlay import overlay
from escope.errors import RecordingError
from escope.events import Kind
from tests.graphs import constructs
from tests.replay.tape import Tape

SOURCE = Path(constructs.__file__).read_bytes()

Trace = list[tuple[str, int, CodeType, int]]


def traced(function: Any) -> Trace:
    """What `sys.settrace` says of the functions of `constructs`: event, frame, code, line."""
    events: Trace = []
    frames: dict[FrameType, int] = {}

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename != constructs.__file__:
            return None
        number = frames.setdefault(frame, len(frames) + 1)
        if event == "exception":
            event = "raise"
        events.append((event, number, frame.f_code, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(None)
    return events


def graph_of(code: CodeType) -> nx.DiGraph | None:
    node = AstRepository().node("s", SOURCE, code.co_qualname, code.co_firstlineno)
    return None if node is None else control_flow(node)


@pytest.mark.parametrize("function", constructs.ALL, ids=lambda function: function.__name__)
def test_every_transition_without_an_exception_is_an_edge(function: Any) -> None:
    last: dict[int, int] = {}
    raised: set[int] = set()
    for event, frame, code, line in traced(function):
        if event == "raise":
            raised.add(frame)
        if event != "line":
            continue
        graph = graph_of(code)
        assert graph is not None
        here = node_of_line(graph, line)
        before = last.get(frame, ENTRY)
        if frame not in raised and before != here:
            assert graph.has_edge(before, here), (code.co_qualname, before, here, line)
        raised.discard(frame)
        last[frame] = here


@pytest.mark.parametrize("function", constructs.ALL, ids=lambda function: function.__name__)
def test_every_node_can_be_reached_and_every_line_has_one_owner(function: Any) -> None:
    graph = graph_of(function.__code__)
    assert graph is not None
    reached = nx.descendants(graph, ENTRY) | {ENTRY}
    assert {n for n in graph if graph.nodes[n]["lines"]} <= reached
    owned = [line for _, data in graph.nodes(data=True) for line in data["lines"]]
    assert len(owned) == len(set(owned))
    assert EXIT in reached


@pytest.mark.parametrize("function", constructs.ALL, ids=lambda function: function.__name__)
@pytest.mark.parametrize("block_rows", [5, 1000])
def test_counts_are_those_of_the_recording(function: Any, block_rows: int) -> None:
    tape, codes, moves = Tape(), {}, Counter[tuple[str, int, int]]()
    graphs: dict[str, nx.DiGraph] = {}
    frames: dict[int, Any] = {}
    last: dict[int, int] = {}
    suspended: set[int] = set()
    rows = Counter[str]()
    trace = traced(function)
    for place, (event, frame, code, line) in enumerate(trace):
        name = code.co_qualname
        if name not in codes:
            codes[name] = tape.code(name, file="/c.py", first_line=code.co_firstlineno)
            codes[name].source = "s"
            graphs[name] = graph_of(code) or nx.DiGraph()
        if event == "call" and frame in suspended:
            suspended.discard(frame)
            tape.resume(codes[name], line, frames[frame])
        elif event == "call":
            frames[frame] = tape.call(codes[name], code.co_firstlineno)
        elif event == "raise":
            continue
        else:
            generator = code.co_flags & 0x2A0
            again = any(one[1] == frame for one in trace[place + 1 :])
            here = node_of_line(graphs[name], line) if event == "line" else EXIT
            if event == "line":
                tape.line(codes[name], line)
            elif generator and again:
                suspended.add(frame)
                tape.leave(Kind.YIELD, codes[name], line)
                continue
            else:
                tape.leave(Kind.RETURN, codes[name], line)
            rows[name] += 1
            moves[name, last.get(frame, ENTRY), here] += 1
            last[frame] = here
    recording = tape.recording(block_rows)
    recording.store.source = lambda sha: SOURCE  # type: ignore[method-assign]
    for name, code in codes.items():
        graph = overlay(recording, code.id)
        assert graph.graph["transitions"] == rows[name]
        for source, target, data in graph.edges(data=True):
            if source != target:
                assert data["count"] == moves[name, source, target]
        for number, data in graph.nodes(data=True):
            own = moves[name, number, number]
            loop = graph.edges[number, number]["count"] if graph.has_edge(number, number) else 0
            assert data["inside"] + loop == own
        for source, target in {(a, b) for one, a, b in moves if one == name and a != b}:
            assert graph.has_edge(source, target)


def test_long_chains_and_broken_sources_are_safe() -> None:
    chain = "def f(x):\n    if x == 0:\n        y = 0\n"
    chain += "".join(f"    elif x == {n}:\n        y = {n}\n" for n in range(1, 500))
    repository = AstRepository()
    node = repository.node("chain", chain, "f", 1)
    assert node is not None
    assert control_flow(node).number_of_nodes() == 2 + 1000
    for broken in ("def f(:", "\x00", "(" * 10_000):
        with pytest.raises(RecordingError):
            repository.node("broken" + broken[:3], broken, "f", 1)
    assert repository.node("chain", chain, "missing", 1) is None
