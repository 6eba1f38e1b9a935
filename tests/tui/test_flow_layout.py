"""The arcs of the flow pane."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from escope.tui.picture import Flow, FlowBlock, FlowEdge
from escope.tui.widgets.flow import LANES, layout

LINE = ((1, (("x", "name"),)),)


def flow(*targets: tuple[int, ...]) -> Flow:
    blocks = tuple(
        FlowBlock(((index + 1, (("x", "name"),)),), 1, tuple(FlowEdge(t, "", 1) for t in out))
        for index, out in enumerate(targets)
    )
    return Flow("f", "f.py", 1, blocks)


def test_going_on_to_the_next_block_needs_no_arc() -> None:
    assert layout(flow((1,), (2,), ()))[1] == 0


def test_a_loop_is_an_arc_back() -> None:
    rows, lanes = layout(flow((1, 2), (0,), ()))
    assert lanes == 2
    head = next(row for row in rows if row.head and row.block == 0)
    assert head.lanes


def test_leaving_the_function_has_no_arc() -> None:
    assert layout(flow((-1,)))[1] == 0


@given(st.lists(st.lists(st.integers(-1, 11), max_size=4), min_size=1, max_size=12))
def test_every_block_and_edge_has_its_row(targets: list[list[int]]) -> None:
    count = len(targets)
    wanted = [tuple(target for target in out if target < count) for out in targets]
    rows, lanes = layout(flow(*wanted))
    assert lanes <= LANES
    assert [row.block for row in rows if row.head] == list(range(count))
    assert [row.edge.target for row in rows if row.edge] == [t for out in wanted for t in out]
    for row in rows:
        assert all(0 <= lane < lanes for lane in row.lanes)
