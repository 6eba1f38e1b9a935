"""The view state's transitions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from escope.tui.view import JUMPS_KEPT, SPEEDS, Compare, Pane, View


def test_a_step_remembers_where_it_came_from() -> None:
    view = View(seq=5, events=10, up=2, cursor=7).moved(6)
    assert (view.seq, view.previous, view.up, view.cursor) == (6, 5, 0, None)


def test_a_step_is_not_a_jump() -> None:
    assert View(seq=5).moved(6).jumps == ()
    assert View(seq=5).moved(600, jump=True).jumps == (5,)


def test_moving_nowhere_keeps_what_the_last_step_changed() -> None:
    view = View(seq=5).moved(6).moved(6)
    assert view.previous == 5


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_jumping_back_undoes_jumps_in_order(targets: list[int]) -> None:
    view = View(seq=500)
    path = [500]
    for target in targets:
        view = view.moved(target, jump=True)
        if target != path[-1]:
            path.append(target)
    for expected in reversed(path[:-1]):
        jumped = view.jumped_back()
        assert jumped is not None
        view, seq = jumped[0].moved(jumped[1]), jumped[1]
        assert seq == expected
    assert view.jumped_back() is None
    for expected in path[1:]:
        jumped = view.jumped_forward()
        assert jumped is not None
        view, seq = jumped[0].moved(jumped[1]), jumped[1]
        assert seq == expected


def test_the_jump_list_is_bounded() -> None:
    view = View()
    for seq in range(3 * JUMPS_KEPT):
        view = view.moved(seq * 2 + 1, jump=True)
    assert len(view.jumps) == JUMPS_KEPT


def test_speed_stays_in_its_range() -> None:
    assert View().faster(100).speed == len(SPEEDS) - 1
    assert View().faster(-100).speed == 0


def test_closing_a_row_forgets_its_pages() -> None:
    path = ("", "rows")
    view = View().toggled(path).grow(path).grow(path)
    assert view.grown[path] == 2
    assert view.toggled(path).grown == {}


def test_breakpoints_and_conditions_toggle() -> None:
    view = View().toggled_breakpoint("a.py", 3).toggled_predicate("x > 1")
    assert view.breakpoints == {("a.py", 3)}
    assert view.predicates == ("x > 1",)
    view = view.toggled_breakpoint("a.py", 3).toggled_predicate("x > 1")
    assert not view.breakpoints
    assert not view.predicates


def test_comparing_skips_marks_while_there_are_none() -> None:
    view = View()
    seen = []
    for _ in Compare:
        view = view.next_compare()
        seen.append(view.compare)
    assert Compare.MARK not in seen
    assert Compare.MARK in {View().mark("a").next_compare().compare}


def test_fronting_a_pane_in_a_zoom_zooms_it() -> None:
    view = View().zoom(Pane.SOURCE).fronted(Pane.OUTPUT)
    assert (view.zoomed, view.drawer, view.stage) == (Pane.OUTPUT, Pane.OUTPUT, Pane.SOURCE)
