"""The table of keys."""

from __future__ import annotations

import pytest

from escope.tui.keys import LETTER, TABLE, TIME, Keymap, shown, token
from escope.tui.view import Pane


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("pane", list(Pane))
def test_no_key_has_two_meanings_in_one_pane(pane: Pane, live: bool) -> None:
    keymap = Keymap(live)
    for special in (True, False):
        seen: dict[str, str] = {}
        for key in keymap.reachable(pane):
            if (key.where is not None) is not special:
                continue
            for sequence in key.keys:
                assert sequence not in seen, f"{sequence}: {seen.get(sequence)} and {key.action}"
                seen[sequence] = key.action


@pytest.mark.parametrize("pane", list(Pane))
def test_no_key_hides_a_longer_sequence(pane: Pane) -> None:
    sequences = {
        tuple(sequence.split(" ")) for key in Keymap(True).reachable(pane) for sequence in key.keys
    }
    for sequence in sequences:
        for length in range(1, len(sequence)):
            assert sequence[:length] not in sequences


def test_a_letter_after_a_prefix_is_handed_over() -> None:
    match = Keymap(False).match(("m", "a"), Pane.SOURCE)
    assert match.key is not None
    assert (match.key.action, match.letter) == ("mark", "a")


def test_a_prefix_alone_tells_what_may_follow() -> None:
    match = Keymap(False).match(("[",), Pane.STATE)
    assert match.key is None
    assert {name for name, _ in match.continues} == {"e", "c", "o", "b"}


def test_arrows_step_in_the_source_and_move_in_lists() -> None:
    keymap = Keymap(False)
    for pane in TIME:
        key = keymap.match(("left",), pane).key
        assert key is not None
        assert key.action == "event_back"
    key = keymap.match(("left",), Pane.STATE).key
    assert key is not None
    assert key.action == "close_row"


def test_what_needs_a_program_is_absent_without_one() -> None:
    keymap = Keymap(live=False)
    assert all(not key.live for key in keymap.keys)
    assert not keymap.match(("9",), Pane.SOURCE).key
    assert Keymap(live=True).match(("9",), Pane.SOURCE).key


def test_unknown_keys_mean_nothing() -> None:
    match = Keymap(True).match(("z",), Pane.SOURCE)
    assert match.key is None
    assert not match.continues


@pytest.mark.parametrize(
    ("sequence", "text"),
    [
        ("s", "s"), ("S", "S"), ("g g", "gg"), ("[ e", "[e"), ("shift+left", "Shift+←"),
        ("ctrl+o", "Ctrl+o"), ("f10", "F10"), (f"m {LETTER}", "m+letter"), ("+", "+"),
        ("ctrl+]", "Ctrl+]"), ("space", "Space"),
    ],
)  # fmt: skip
def test_sequences_are_shown_as_people_write_them(sequence: str, text: str) -> None:
    assert shown(sequence) == text


def test_key_events_have_the_names_of_the_table() -> None:
    assert token("left_square_bracket", "[") == "["
    assert token("space", " ") == "space"
    assert token("ctrl+right_square_bracket", "\x1d") == "ctrl+]"
    assert token("upper_s", "S") == "S"
    assert token("escape", "\x1b") == "escape"


def test_titles_are_distinct_for_distinct_actions() -> None:
    titles: dict[str, str] = {}
    for key in TABLE:
        if key.title in titles:
            assert titles[key.title].split("_")[0] == key.action.split("_")[0]
        titles[key.title] = key.action
