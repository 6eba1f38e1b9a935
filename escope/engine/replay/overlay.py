"""A function's control-flow graph with how often a recording took each block and edge.

A transition is from one line moment of a frame to its next, from the call to the first, or from the last to
the return or unwind.  Within one node it is counted in `inside`; between nodes on their edge, which is added
with the kind `exception` or `observed` where the static graph has none.  So all counts add up to the
transitions of the recording.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from escope.engine.graphs.ast_repository import AstRepository
from escope.engine.graphs.cfg import ENTRY, EXIT, control_flow, node_of_line
from escope.errors import RecordingError
from escope.events import Kind

if TYPE_CHECKING:
    from escope.engine.replay.recording import Recording

_REPOSITORY = AstRepository()
_ENDS = (int(Kind.RETURN), int(Kind.UNWIND))


def overlay(
    recording: Recording, code: int, cancelled: Callable[[], bool] | None = None
) -> nx.DiGraph:
    """The graph of a code object, counted.

    Nodes have `count` (times entered), `moments` (line moments in it) and `inside`; edges have `count`;
    `graph["transitions"]` is their sum.  Counts stop where `cancelled` says so.  Raises RecordingError where
    the source is not kept or does not hold the code.
    """
    info = recording.code(code)
    source = recording.store.source(info.source) if info.source else None
    if source is None:
        raise RecordingError(f"the source of {info.file} is not in the recording")
    node = _REPOSITORY.node(info.source, source, info.qualname, info.first_line)
    if node is None:
        raise RecordingError(f"{info.qualname} was not found at line {info.first_line}")
    graph = control_flow(node)
    _count(recording, code, graph, cancelled)
    return graph


def _count(
    recording: Recording,
    code: int,
    graph: nx.DiGraph,
    cancelled: Callable[[], bool] | None,
) -> None:
    store = recording.store
    kinds = store.site_kind
    mine = store.site_code == code
    lines = np.nonzero(mine & (kinds == Kind.LINE))[0]
    ends = np.nonzero(mine & np.isin(kinds, _ENDS))[0]
    node_of = np.full(len(kinds), -1, dtype=np.int64)
    for site in lines.tolist():
        node_of[site] = node_of_line(graph, int(store.site_line[site]))
    node_of[ends] = EXIT
    first_of = np.zeros(len(kinds), dtype=bool)
    for site in lines.tolist():
        first_of[site] = int(store.site_line[site]) == graph.nodes[int(node_of[site])]["first"]
    sites = np.concatenate([lines, ends])
    size = graph.number_of_nodes()
    pairs: dict[tuple[int, int], int] = {}
    unwound = np.zeros(size, dtype=np.int64)
    moments = np.zeros(size, dtype=np.int64)
    inside = np.zeros(size, dtype=np.int64)
    looped = np.array([graph.has_edge(one, one) for one in range(size)])
    last: dict[int, int] = {}
    for number in _blocks(recording, sites):
        if cancelled is not None and cancelled():
            break
        block = store.block(number)
        rows = np.nonzero(node_of[block.site] >= 0)[0]
        at = block.site[rows]
        order = np.argsort(block.frame[rows], kind="stable")
        frames, at = block.frame[rows][order].astype(np.int64), at[order]
        nodes, site_kinds = node_of[at], kinds[at]
        moments += np.bincount(nodes[site_kinds == Kind.LINE], minlength=size)
        before = np.r_[ENTRY, nodes[:-1]]
        begins = np.r_[True, frames[1:] != frames[:-1]]
        for place in np.nonzero(begins)[0].tolist():
            before[place] = last.get(int(frames[place]), ENTRY)
        stays = (before == nodes) & ~(looped[nodes] & first_of[at])
        inside += np.bincount(nodes[stays], minlength=size)
        moved = ~stays
        keys, counts = np.unique(before[moved] * size + nodes[moved], return_counts=True)
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            edge = divmod(key, size)
            pairs[edge] = pairs.get(edge, 0) + count
        left = moved & (site_kinds == Kind.UNWIND)
        unwound += np.bincount(before[left], minlength=size)
        finished = np.r_[begins[1:], True]
        last.update(zip(frames[finished].tolist(), nodes[finished].tolist(), strict=True))
        for frame in frames[finished & (nodes == EXIT)].tolist():
            last.pop(frame, None)
    _write(graph, pairs, unwound, moments, inside)


def _blocks(recording: Recording, sites: NDArray[np.int64]) -> list[int]:
    parts = [recording.store.site_blocks(site) for site in sites.tolist()]
    return np.unique(np.concatenate(parts)).tolist() if parts else []


def _write(
    graph: nx.DiGraph,
    pairs: dict[tuple[int, int], int],
    unwound: NDArray[np.int64],
    moments: NDArray[np.int64],
    inside: NDArray[np.int64],
) -> None:
    entered = [0] * graph.number_of_nodes()
    calls = int(inside[ENTRY])
    for (source, target), count in pairs.items():
        entered[target] += count
        calls += count if source == ENTRY else 0
    entered[ENTRY] = calls
    for number, data in graph.nodes(data=True):
        data["count"] = entered[number]
        data["moments"] = int(moments[number])
        data["inside"] = int(inside[number])
    for _, _, data in graph.edges(data=True):
        data["count"] = 0
    for edge, count in pairs.items():
        if not graph.has_edge(*edge):
            handled = graph.nodes[edge[1]]["kind"] in ("handler", "with")
            failed = edge[1] == EXIT and unwound[edge[0]] > 0
            graph.add_edge(*edge, kinds=("exception" if handled or failed else "observed",))
        graph.edges[edge]["count"] = count
    graph.graph["transitions"] = sum(pairs.values()) + int(inside.sum())
