"""The flow pane's content: the shown function's blocks and edges, counted over the whole recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escope.errors import RecordingError
from escope.tui.camera import Camera
from escope.tui.event_text import short_name
from escope.tui.messages import FlowReady
from escope.tui.picture import Flow, FlowBlock, FlowEdge, Picture
from escope.tui.plain import plain
from escope.tui.reader import Token, Work

if TYPE_CHECKING:
    import networkx as nx

Line = tuple[tuple[str, str], ...]

LINES_OF_A_BLOCK = 40
"""Lines of a block that are shown; the rest is told by their number."""


def flow_of(camera: Camera, picture: Picture) -> Work:
    """The control flow of the function that `picture` shows."""

    def work(token: Token) -> FlowReady:
        from escope.engine.replay.overlay import overlay

        shown = picture.shown_frame
        frame = camera.state(picture.seq).frame(shown.id) if shown is not None else None
        if frame is None:
            return FlowReady(None)
        key = (frame.code.id, camera.recording.event_count)
        if camera.flow is None or camera.flow[0] != key:
            name = plain(short_name(frame.function))
            try:
                graph = overlay(camera.recording, frame.code.id, token.cancelled)
            except RecordingError as error:
                note = Flow(name, frame.file, frame.code.first_line, (), plain(str(error)))
                return FlowReady(note)
            token.check()
            text = camera.text(frame.file)
            camera.flow = (
                key,
                Flow(name, frame.file, frame.code.first_line, _blocks(graph, text.lines)),
            )
        return FlowReady(camera.flow[1])

    return work


def _blocks(graph: nx.DiGraph, lines: tuple[Line, ...]) -> tuple[FlowBlock, ...]:
    """The nodes from top to bottom, the exit last."""
    entry, leave = graph.graph["entry"], graph.graph["exit"]

    def place(number: int) -> tuple[bool, bool, int, int]:
        first = graph.nodes[number]["first"]
        return (number == leave, number != entry, first if first is not None else 0, number)

    order = sorted(graph.nodes, key=place)
    index = {number: position for position, number in enumerate(order)}
    blocks = []
    shown = [
        lines[n - 1] for number in order for n in graph.nodes[number]["lines"] if n <= len(lines)
    ]
    indent = min((_indent(line) for line in shown if line), default=0)
    for number in order:
        data = graph.nodes[number]
        numbers = data["lines"][:LINES_OF_A_BLOCK]
        edges = sorted(graph.out_edges(number, data=True), key=lambda edge: index[edge[1]])
        titles = {entry: "entry", leave: "exit"}
        title = titles.get(number, "" if data["kind"] == "block" else data["kind"])
        blocks.append(
            FlowBlock(
                lines=tuple(
                    (n, _cut(lines[n - 1], indent)) for n in numbers if 0 < n <= len(lines)
                ),
                count=data["count"],
                edges=tuple(
                    FlowEdge(index[target], ", ".join(data["kinds"]), data["count"])
                    for _, target, data in edges
                ),
                title=title,
            )
        )
    return tuple(blocks)


def _indent(line: Line) -> int:
    text = line[0][0]
    return len(text) - len(text.lstrip()) if text.strip() or len(line) == 1 else len(text)


def _cut(line: Line, indent: int) -> Line:
    """The line without its first `indent` blanks."""
    return ((line[0][0][indent:], line[0][1]), *line[1:]) if line else line
