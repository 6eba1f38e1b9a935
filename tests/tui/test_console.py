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


def test_resizing_keeps_what_fits() -> None:
    console = Console(4, 20, lambda data: None)
    console.feed(b"hello")
    console.resize(2, 4)
    assert len(console.look().rows) == 2
    assert sum(len(text) for text, _ in console.look().rows[0]) == 4


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
