"""The emulated terminal, and what keys send to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escope.tui.console import Console
from escope.tui.widgets.terminal import sent


def text_of(console: Console) -> list[str]:
    return ["".join(text for text, _ in row).rstrip() for row in console.look().rows]


def test_output_is_placed_and_coloured() -> None:
    console = Console(3, 20, lambda data: None)
    console.feed(b"one\r\n\x1b[31mtwo\x1b[0m \x1b[3;5Hthree")
    assert text_of(console) == ["one", "two", "    three"]
    red = next(style for text, style in console.look().rows[1] if text.startswith("two"))
    assert red.color is not None
    assert console.look().cursor == (2, 9)


def test_wide_characters_take_two_cells() -> None:
    console = Console(1, 10, lambda data: None)
    console.feed("漢字x".encode())
    assert text_of(console) == ["漢字x"]


def test_the_program_learns_where_the_cursor_is() -> None:
    answers: list[bytes] = []
    console = Console(5, 20, answers.append)
    console.feed(b"ab\x1b[6n")
    assert answers == [b"\x1b[1;3R"]


def test_characters_that_turn_the_line_around_are_replaced() -> None:
    console = Console(1, 20, lambda data: None)
    console.feed("a\u202eb".encode())
    assert "\u202e" not in text_of(console)[0]


def test_the_size_is_the_one_that_was_given() -> None:
    console = Console(4, 20, lambda data: None)
    console.feed(b"hello")
    console.resize(2, 4)
    assert text_of(console) == ["hell", "o"]
    assert all(sum(len(text) for text, _ in row) == 4 for row in console.look().rows)


def test_lines_that_left_a_small_screen_come_back_in_a_larger_one() -> None:
    console = Console(24, 80, lambda data: None)
    console.resize(2, 70)
    console.feed(b"".join(b"line %d\r\n" % number for number in range(12)))
    assert text_of(console) == ["line 11", ""]
    console.resize(11, 70)
    assert text_of(console) == [*(f"line {number}" for number in range(2, 12)), ""]
    console.feed(b"> ")
    assert text_of(console)[-1] == ">"


def test_a_smaller_screen_gives_up_the_empty_lines_first() -> None:
    console = Console(10, 20, lambda data: None)
    console.feed(b"one\r\ntwo\r\n")
    console.resize(3, 20)
    assert text_of(console) == ["one", "two", ""]
    assert console.look().cursor == (2, 0)


def test_a_full_line_is_broken_anew() -> None:
    console = Console(4, 6, lambda data: None)
    console.feed("abcdef漢g\r\nxy".encode())
    assert text_of(console) == ["abcdef", "漢g", "xy", ""]
    console.resize(4, 20)
    assert text_of(console) == ["abcdef漢g", "xy", "", ""]
    assert console.look().cursor == (1, 2)
    console.resize(4, 7)
    assert text_of(console) == ["abcdef", "漢g", "xy", ""]


def test_what_was_cleared_does_not_come_back() -> None:
    console = Console(2, 20, lambda data: None)
    console.feed(b"one\r\ntwo\r\nthree\x1b[H\x1b[Jmenu")
    console.resize(5, 20)
    assert text_of(console) == ["menu", "", "", "", ""]


def test_tabs_reach_into_a_wider_screen() -> None:
    console = Console(1, 20, lambda data: None)
    console.resize(1, 60)
    console.feed(b"a\tb\tc\td\te")
    assert text_of(console) == ["a       b       c       d       e"]


SIZES = st.tuples(st.integers(1, 12), st.integers(1, 30))


@given(
    st.lists(st.text("ab 漢", max_size=40).map(str.rstrip), max_size=30),
    st.lists(SIZES, max_size=5),
    st.integers(0, 30),
)
def test_no_output_is_lost_by_any_sizes(
    lines: list[str], sizes: list[tuple[int, int]], early: int
) -> None:
    console = Console(5, 30, lambda data: None)
    for line in lines[:early]:
        console.feed(f"{line}\r\n".encode())
    for rows, columns in sizes:
        console.resize(rows, columns)
        screen = console.look()
        assert len(screen.rows) == rows
        assert screen.cursor is not None
        assert 0 <= screen.cursor[0] < rows
        assert 0 <= screen.cursor[1] <= columns
    for line in lines[early:]:
        console.feed(f"{line}\r\n".encode())
    console.resize(200, 90)
    if all(columns > 1 for _, columns in sizes):
        assert text_of(console)[: len(lines)] == lines
    assert console.look().cursor == (len(lines), 0)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_emulator(data: bytes) -> None:
    console = Console(4, 10, lambda data: None)
    console.feed(data)
    console.feed(b"\x1b[>4;1m\x1b[?1049h\x1b[999;999H\x1b]52;c;aGk=\x07")
    console.look()
    console.feed(b"\x1bc" + b"\x18ok")
    assert len(console.look().rows) == 4


@pytest.mark.parametrize(
    ("key", "character", "application", "expected"),
    [
        ("a", "a", False, "a"), ("upper_a", "A", False, "A"), ("enter", "\r", False, "\r"),
        ("tab", "\t", False, "\t"), ("ctrl+c", "\x03", False, "\x03"), ("up", None, False, "\x1b[A"),
        ("up", None, True, "\x1bOA"), ("ctrl+d", None, False, "\x04"), ("f5", None, False, "\x1b[15~"),
        ("alt+x", None, False, "\x1bx"), ("f13", None, False, ""), ("backspace", "\x7f", False, "\x7f"),
    ],
)  # fmt: skip
def test_keys_send_what_terminals_send(
    key: str, character: str | None, application: bool, expected: str
) -> None:
    assert sent(key, character, application) == expected
