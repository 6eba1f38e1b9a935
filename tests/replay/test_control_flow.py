"""Counts of control flow are the transitions in the recording, on the oracle's programs."""

from __future__ import annotations

from collections import Counter

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
TYPE_SCOPES = {"Pair", "Lazy", "K", "T"}
"""Code of aliases and bounds, as that of type parameters one expression: it has no graph."""
ENDS = (Kind.RETURN, Kind.UNWIND)


@pytest.mark.parametrize("name", NAMES)
def test_counts_of_control_flow_are_the_transitions_of_the_recording(
    name: str, recorded: Recorded
) -> None:
    moves: dict[int, Counter[tuple[int, int]]] = {}
    missing = set()
    with Recording.open(recorded(name)) as recording:
        graphs = {}
        for code, info in recording.store.codes.items():
            try:
                graphs[code] = overlay(recording, code)
            except RecordingError:
                missing.add(info.qualname.rpartition(".")[2])
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
    assert {name for name in missing if not name.startswith("<generic")} <= TYPE_SCOPES
    assert sum(map(Counter.total, moves.values())) > 5
    for code, graph in graphs.items():
        expected = moves[code]
        assert graph.graph["transitions"] == expected.total()
        found = Counter({(node, node): data["inside"] for node, data in graph.nodes(data=True)})
        for source, target, data in graph.edges(data=True):
            found[source, target] += data["count"]
        assert found - Counter() == expected
