"""The flow pane: blocks from top to bottom, edges as arcs, how often each was taken."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.segment import Segment
from textual.message import Message

from escope.tui.picture import Flow, FlowBlock, FlowEdge
from escope.tui.styles.colours import (
    FAINT,
    FOCUS,
    MUTED,
    NOW,
    NOW_GROUND,
    RAN,
    RULE,
    SYNTAX,
    WRONG,
    ink,
)
from escope.tui.widgets.lines import Lines, Segments

LANES = 8
"""Arcs side by side; further ones are told by their line number alone."""

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_BOX = {
    0: " ",
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "╭",
    _UP | _RIGHT: "╰",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
    _DOWN | _LEFT | _RIGHT: "┬",
    _UP | _LEFT | _RIGHT: "┴",
}


@dataclass(slots=True)
class FlowRow:
    """One row: the head of a block, one of its lines, an edge out of it, or a gap."""

    block: int
    line: int = 0
    edge: FlowEdge | None = None
    head: bool = False
    tail: bool = False
    lanes: dict[int, int] = field(default_factory=dict)
    """Lane to the box-drawing directions it has here."""
    taken: bool = False
    """Whether the arc that ends or begins here was ever taken."""


def layout(flow: Flow) -> tuple[list[FlowRow], int]:
    """The rows of `flow`, and the number of lanes that its arcs need."""
    rows: list[FlowRow] = []
    heads: dict[int, int] = {}
    arcs: list[tuple[int, int, bool]] = []
    for index, block in enumerate(flow.blocks):
        heads[index] = len(rows)
        rows.append(FlowRow(index, head=True))
        rows += [FlowRow(index, line=number) for number, _ in block.lines]
        rows += [FlowRow(index, edge=edge) for edge in block.edges]
        rows.append(FlowRow(index, tail=True))
    for row, entry in enumerate(rows):
        edge = entry.edge
        if edge is not None and edge.target >= 0 and edge.target != entry.block + 1:
            arcs.append((row, heads[edge.target], edge.count > 0))
    return rows, _draw(rows, arcs)


def _draw(rows: list[FlowRow], arcs: list[tuple[int, int, bool]]) -> int:
    """Put each arc into the innermost lane that is free over its length; return the lanes used."""
    busy: list[list[tuple[int, int, int]]] = []
    for start, end, taken in sorted(arcs, key=lambda arc: abs(arc[0] - arc[1])):
        low, high = min(start, end), max(start, end)
        for lane in range(LANES):
            if lane == len(busy):
                busy.append([])
            # Arcs to the same block may share a lane: they join.
            if all(high < a or low > b or end == target for a, b, target in busy[lane]):
                break
        else:
            continue
        busy[lane].append((low, high, end))
        for row in range(low, high + 1):
            directions = _RIGHT if row in (start, end) else 0
            directions |= (_UP if row > low else 0) | (_DOWN if row < high else 0)
            rows[row].lanes[lane] = rows[row].lanes.get(lane, 0) | directions
        rows[start].taken |= taken
        rows[end].taken |= taken
    return len(busy)


class FlowView(Lines):
    """Shows a `Flow`."""

    EMPTY = "no function here"

    @dataclass
    class LinePicked(Message):
        """Put the source cursor on this line."""

        line: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.flow: Flow | None = None
        self._flow_rows: list[FlowRow] = []
        self._lanes = 0
        self._line = 0
        self._code: dict[int, Segments] = {}

    def show(self, flow: Flow | None, line: int) -> None:
        """Show `flow` with the program at `line`."""
        self.fill()
        if flow is not self.flow:
            self.flow = flow
            self._flow_rows, self._lanes = layout(flow) if flow is not None else ([], 0)
            self._code = {
                number: [Segment(text, ink(SYNTAX[kind])) for text, kind in pieces]
                for block in (flow.blocks if flow is not None else ())
                for number, pieces in block.lines
            }
            self.EMPTY = flow.note if flow is not None and flow.note else type(self).EMPTY
        self._line = line
        self.set_rows(len(self._flow_rows))
        for index, row in enumerate(self._flow_rows):
            if row.line == line and line:
                self.cursor = index
                self.reveal(index, margin=3, center=True)
        self.refresh()

    def lead(self, row: int, width: int) -> Segments:
        entry = self._flow_rows[row]
        segments = []
        horizontal = False
        colour = FOCUS if entry.taken else FAINT
        for lane in range(self._lanes - 1, -1, -1):
            directions = entry.lanes.get(lane, 0)
            ends = bool(directions & _RIGHT)
            if horizontal:
                directions |= _LEFT | _RIGHT
            box = _BOX.get(directions, "┼")
            segments.append(Segment(box, ink(colour if ends or horizontal else RULE)))
            horizontal = horizontal or ends
        if self._lanes:
            end = "▸" if horizontal and entry.head else ("─" if horizontal else " ")
            segments.append(Segment(end, ink(colour)))
        return segments

    def paint(self, row: int, width: int) -> Segments:
        assert self.flow is not None
        entry = self._flow_rows[row]
        block = self.flow.blocks[entry.block]
        ran = block.count > 0
        rule = RAN if ran else RULE
        if entry.tail:
            return [Segment("╰" + "─" * max(0, width - 2), ink(rule))]
        if entry.head:
            return self._head(block, width, rule)
        if entry.edge is not None:
            return self._edge(entry.edge, entry.block, rule)
        here = entry.line == self._line
        code = self._code.get(entry.line, [])
        if not ran:
            code = [Segment(segment.text, ink(FAINT)) for segment in code]
        return [
            Segment("│", ink(rule)),
            Segment("▶" if here else " ", ink(NOW)),
            Segment(f"{entry.line:>4} ", ink(NOW if here else (MUTED if ran else FAINT))),
            *code,
        ]

    def ground(self, row: int) -> str | None:
        entry = self._flow_rows[row]
        if entry.line and entry.line == self._line:
            return NOW_GROUND
        return super().ground(row)

    def picked(self, row: int) -> None:
        if line := self._flow_rows[row].line:
            self.post_message(self.LinePicked(line))

    def _head(self, block: FlowBlock, width: int, rule: str) -> Segments:
        count = f" ×{block.count:,} "
        title = f" {block.title} " if block.title else ""
        fill = "─" * max(0, width - len(count) - len(title) - 5)
        return [
            Segment("╭─", ink(rule)),
            Segment(title, ink(MUTED)),
            Segment(fill, ink(rule)),
            Segment(
                count, ink(NOW if block.count else FAINT, weight="bold" if block.count else "")
            ),
            Segment("──", ink(rule)),
        ]

    def _edge(self, edge: FlowEdge, block: int, rule: str) -> Segments:
        assert self.flow is not None
        if edge.target < 0:
            arrow, place = "⇥", "leaves"
        else:
            lines = self.flow.blocks[edge.target].lines
            place = f"line {lines[0][0]}" if lines else self.flow.blocks[edge.target].title
            arrow = "↓" if edge.target == block + 1 else ("↺" if edge.target <= block else "↳")
        wrong = edge.kind in ("exception", "observed", "raise")
        colour = (WRONG if wrong else FOCUS) if edge.count else FAINT
        return [
            Segment("│ ", ink(rule)),
            Segment(f"     {arrow} ", ink(colour)),
            Segment(f"×{edge.count:,}", ink(NOW if edge.count else FAINT)),
            Segment(f"  {edge.kind}", ink(MUTED if edge.count else FAINT)),
            Segment(f"  {place}", ink(FAINT)),
        ]
